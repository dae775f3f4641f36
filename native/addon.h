// What the addon keeps for one JavaScript environment.
#pragma once
#include <napi.h>

#include "handshakes.h"
#include "weak_buffers.h"

struct Addon {
  Napi::FunctionReference region, mapping;
  WeakBuffers weak_buffers;
  Handshakes handshakes;
  static Addon& of(Napi::Env env) { return *env.GetInstanceData<Addon>(); }
};
