#include "weak_buffers.h"

#include <string>

#include "fault.h"

uint32_t WeakBuffers::add(const Napi::ArrayBuffer& buffer) {
  Reference reference = Reference::New(buffer, 0);
  if (free_.empty()) {
    references_.push_back(std::move(reference));
    return static_cast<uint32_t>(references_.size() - 1);
  }
  const uint32_t number = free_.back();
  free_.pop_back();
  references_[number] = std::move(reference);
  return number;
}

Napi::Value WeakBuffers::get(Napi::Env env, uint64_t number) const {
  const Napi::ArrayBuffer buffer = at(number).Value();
  return buffer.IsEmpty() ? env.Undefined() : Napi::Value(buffer);
}

bool WeakBuffers::detach(uint64_t number) {
  Napi::ArrayBuffer buffer = at(number).Value();
  free(static_cast<uint32_t>(number));
  if (buffer.IsEmpty()) return false;
  buffer.Detach();
  return true;
}

std::vector<uint32_t> WeakBuffers::take_collected(Napi::Env env) {
  std::vector<uint32_t> collected;
  for (uint32_t number = 0; number < references_.size(); number++) {
    if (references_[number].IsEmpty()) continue;
    const Napi::HandleScope scope(env);  // or all that are alive would have a handle at once
    if (references_[number].Value().IsEmpty()) collected.push_back(number);
  }
  for (const uint32_t number : collected) free(number);
  return collected;
}

const WeakBuffers::Reference& WeakBuffers::at(uint64_t number) const {
  if (number >= references_.size() || references_[number].IsEmpty())
    throw Fault{"INVALID_ARGUMENT", "expected the number of a weakly held ArrayBuffer, found " + std::to_string(number), "", 0};
  return references_[number];
}

void WeakBuffers::free(uint32_t number) {
  references_[number].Reset();
  free_.push_back(number);
}
