// What the addon keeps for one JavaScript environment.
#pragma once
#include <napi.h>

#include "handshakes.h"

struct Addon {
  Napi::FunctionReference region, mapping;
  Handshakes handshakes;
  static Addon& of(Napi::Env env) { return *env.GetInstanceData<Addon>(); }
};
