#include "addon.h"

#include "peers.h"
#include "region.h"
#include "script.h"
#include "shared_ranges.h"

namespace {

void detach(const Napi::CallbackInfo& info) {
  with_faults(info.Env(), [&] {
    if (!info[0].IsArrayBuffer()) throw Fault{"INVALID_ARGUMENT", "expected an ArrayBuffer, found something else", "", 0};
    info[0].As<Napi::ArrayBuffer>().Detach();
  });
}

Napi::Value refer(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    if (!info[0].IsArrayBuffer()) throw Fault{"INVALID_ARGUMENT", "expected an ArrayBuffer, found something else", "", 0};
    return Napi::Number::New(info.Env(), Addon::of(info.Env()).weak_buffers.add(info[0].As<Napi::ArrayBuffer>()));
  });
}

Napi::Value referred(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] { return Addon::of(info.Env()).weak_buffers.get(info.Env(), whole_number(info[0], "number")); });
}

Napi::Value detach_referred(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    return Napi::Boolean::New(info.Env(), Addon::of(info.Env()).weak_buffers.detach(whole_number(info[0], "number")));
  });
}

Napi::Value take_collected(const Napi::CallbackInfo& info) {
  const std::vector<uint32_t> collected = Addon::of(info.Env()).weak_buffers.take_collected(info.Env());
  Napi::Array numbers = Napi::Array::New(info.Env(), collected.size());
  for (uint32_t i = 0; i < collected.size(); i++) numbers.Set(i, collected[i]);
  return numbers;
}

Napi::Value adjust_external_memory(const Napi::CallbackInfo& info) {
  const int64_t total = Napi::MemoryManagement::AdjustExternalMemory(info.Env(), info[0].ToNumber().Int64Value());
  return Napi::Number::New(info.Env(), static_cast<double>(total));
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  auto* addon = new Addon;
  env.SetInstanceData(addon);
  // Hooks run in reverse order: this one after every listener's. Channels live until all hooks have run, and the instance
  // data is deleted only later, when threads could no longer be let go in time.
  if (napi_add_env_cleanup_hook(env, [](void* handshakes) { static_cast<Handshakes*>(handshakes)->stop(); }, &addon->handshakes) != napi_ok)
    throw Napi::Error::New(env, "expected a cleanup hook for the addon, found none");
  addon->region = Napi::Persistent(Region::define(env));
  addon->mapping = Napi::Persistent(Mapping::define(env));
  exports.Set("Region", addon->region.Value());
  exports.Set("Mapping", addon->mapping.Value());
  exports.Set("detach", Napi::Function::New(env, detach));
  exports.Set("refer", Napi::Function::New(env, refer));
  exports.Set("referred", Napi::Function::New(env, referred));
  exports.Set("detachReferred", Napi::Function::New(env, detach_referred));
  exports.Set("takeCollected", Napi::Function::New(env, take_collected));
  exports.Set("adjustExternalMemory", Napi::Function::New(env, adjust_external_memory));
  define_peers(env, exports);
  define_shared_ranges(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(arrowlab, initialise)
