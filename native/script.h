// What crosses between C++ and JavaScript: errors, byte counts, ArrayBuffers.
#pragma once
#include <napi.h>

#include <functional>
#include <memory>

#include "fault.h"

/// The Fault as a JavaScript Error with `arrowlabName`, and `syscall` and `errno` where a call failed.
Napi::Error to_error(Napi::Env env, const Fault& fault);

/// Runs `body`; a Fault leaves it as a JavaScript exception.
template <typename Body>
auto with_faults(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const Fault& fault) {
    throw to_error(env, fault);
  }
}

/// A whole number from 0 to 2^53 - 1. Throws Fault INVALID_ARGUMENT.
uint64_t whole_number(const Napi::Value& value, const char* what);

/// A range of bytes that lies in `[0, limit)`. Throws Fault INVALID_ARGUMENT.
struct Range {
  uint64_t offset, bytes;
};
Range range_in(const Napi::Value& offset, const Napi::Value& bytes, uint64_t limit);

/// The memory behind a typed array or DataView.
struct View {
  uint8_t* data;
  size_t bytes;
};
View view_of(const Napi::Value& value);

/// An ArrayBuffer over memory that `owner` keeps; `owner` lives until the ArrayBuffer is detached or collected.
Napi::ArrayBuffer window_over(Napi::Env env, uint8_t* data, size_t bytes, std::shared_ptr<const void> owner);
