// ArrayBuffers that are referred to without being kept.
#pragma once
#include <napi.h>

#include <cstdint>
#include <vector>

/// Refers to ArrayBuffers by number. Unlike JavaScript's WeakRef it lets them go in V8's minor collections, too.
class WeakBuffers {
 public:
  /// A number for the buffer until `detach` or `take_collected` gives it back; numbers are small and are used again.
  uint32_t add(const Napi::ArrayBuffer& buffer);
  /// The buffer, or undefined once it was collected. Throws Fault INVALID_ARGUMENT, as `detach` does.
  Napi::Value get(Napi::Env env, uint64_t number) const;
  /// Detaches the buffer and gives the number back; false where it was collected.
  bool detach(uint64_t number);
  /// Gives back the numbers of all buffers that were collected, and returns them.
  std::vector<uint32_t> take_collected(Napi::Env env);

 private:
  using Reference = Napi::Reference<Napi::ArrayBuffer>;
  const Reference& at(uint64_t number) const;
  void free(uint32_t number);

  std::vector<Reference> references_;  // empty where the number is free
  std::vector<uint32_t> free_;
};
