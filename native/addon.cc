#include "addon.h"

#include "peers.h"
#include "region.h"
#include "script.h"

namespace {

void detach(const Napi::CallbackInfo& info) {
  with_faults(info.Env(), [&] {
    if (!info[0].IsArrayBuffer()) throw Fault{"INVALID_ARGUMENT", "expected an ArrayBuffer, found something else", "", 0};
    info[0].As<Napi::ArrayBuffer>().Detach();
  });
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  auto* addon = new Addon;
  env.SetInstanceData(addon);
  addon->region = Napi::Persistent(Region::define(env));
  addon->mapping = Napi::Persistent(Mapping::define(env));
  exports.Set("Region", addon->region.Value());
  exports.Set("Mapping", addon->mapping.Value());
  exports.Set("detach", Napi::Function::New(env, detach));
  define_peers(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(arrowlab, initialise)
