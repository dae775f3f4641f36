// What the addon keeps for one JavaScript environment.
#pragma once
#include <napi.h>

struct Addon {
  Napi::FunctionReference region, mapping;
  static Addon& of(Napi::Env env) { return *env.GetInstanceData<Addon>(); }
};
