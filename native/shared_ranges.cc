#include "shared_ranges.h"

#include <atomic>
#include <iterator>
#include <map>
#include <mutex>
#include <string>

#include "region.h"
#include "script.h"

namespace {

struct SharedRange {
  napi_env owner;
  std::shared_ptr<Map> map;
  Range range;
  std::atomic<uint64_t> windows{0};
};

/// Keeps the range for one window, and counts it.
struct CountedWindow {
  explicit CountedWindow(std::shared_ptr<SharedRange> shared) : shared(std::move(shared)) { this->shared->windows++; }
  ~CountedWindow() { shared->windows--; }
  std::shared_ptr<SharedRange> shared;
};

/// Those that can be opened, and those that cannot any more but still have windows. Of the process, not of an environment.
struct Registry {
  std::mutex mutex;
  uint64_t last = 0;
  std::map<uint64_t, std::shared_ptr<SharedRange>> open, closed;
};

Registry& registry() {
  static auto* registry = new Registry;  // outlives every thread
  return *registry;
}

std::shared_ptr<SharedRange> find(std::map<uint64_t, std::shared_ptr<SharedRange>>& ranges, uint64_t id) {
  const auto found = ranges.find(id);
  return found == ranges.end() ? nullptr : found->second;
}

Napi::Value share_range(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    const Region* region = Region::of(info[0]);
    auto shared = std::make_shared<SharedRange>();
    shared->owner = info.Env();
    shared->range = range_in(info[1], info[2], region->bytes());
    shared->map = region->map();
    Registry& all = registry();
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.open[++all.last] = std::move(shared);
    return Napi::Number::New(info.Env(), static_cast<double>(all.last));
  });
}

Napi::Value open_shared(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    const uint64_t id = whole_number(info[0], "id");
    std::shared_ptr<CountedWindow> window;
    {
      Registry& all = registry();
      const std::lock_guard<std::mutex> lock(all.mutex);
      const auto shared = find(all.open, id);
      if (!shared)
        throw Fault{"RELEASED", "expected a batch of this process that is still being filled, found it committed or given up, or a token of another process", "", 0};
      window = std::make_shared<CountedWindow>(shared);
    }
    const Range range = range_in(info[1], info[2], window->shared->range.bytes);
    uint8_t* data = window->shared->map->at(window->shared->range.offset + range.offset);
    return window_over(info.Env(), data, range.bytes, window);
  });
}

Napi::Value shared_windows(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    const uint64_t id = whole_number(info[0], "id");
    Registry& all = registry();
    const std::lock_guard<std::mutex> lock(all.mutex);
    const auto open = find(all.open, id);
    const auto shared = open ? open : find(all.closed, id);
    const uint64_t windows = shared ? shared->windows.load() : 0;
    if (!open && windows == 0) all.closed.erase(id);
    return Napi::Number::New(info.Env(), static_cast<double>(windows));
  });
}

void end_sharing(const Napi::CallbackInfo& info) {
  with_faults(info.Env(), [&] {
    const uint64_t id = whole_number(info[0], "id");
    Registry& all = registry();
    const std::lock_guard<std::mutex> lock(all.mutex);
    const auto shared = find(all.open, id);
    if (!shared) return;
    all.open.erase(id);
    all.closed[id] = shared;
  });
}

/// A thread that is terminated ends no sharing itself, and what it shared would keep its region's map for ever.
void end_sharing_of(void* owner) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  for (auto* ranges : {&all.open, &all.closed})
    for (auto next = ranges->begin(); next != ranges->end();) next = next->second->owner == owner ? ranges->erase(next) : std::next(next);
}

}  // namespace

void define_shared_ranges(Napi::Env env, Napi::Object exports) {
  if (napi_add_env_cleanup_hook(env, end_sharing_of, static_cast<napi_env>(env)) != napi_ok)
    throw Napi::Error::New(env, "expected a cleanup hook for shared ranges, found none");
  exports.Set("shareRange", Napi::Function::New(env, share_range));
  exports.Set("openShared", Napi::Function::New(env, open_shared));
  exports.Set("sharedWindows", Napi::Function::New(env, shared_windows));
  exports.Set("endSharing", Napi::Function::New(env, end_sharing));
}
