#include "region.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "addon.h"
#include "script.h"

namespace {

/// Populates a range of a map on a worker thread.
class Populate : public Napi::AsyncWorker {
 public:
  Populate(Napi::Env env, std::shared_ptr<Map> map, Range range)
      : AsyncWorker(env), deferred(Napi::Promise::Deferred::New(env)), map_(std::move(map)), range_(range) {}
  void Execute() override {
    try {
      map_->populate(range_.offset, range_.bytes);
    } catch (const Fault& fault) {
      fault_ = fault;
      SetError(fault.message);
    }
  }
  void OnOK() override { deferred.Resolve(Env().Undefined()); }
  void OnError(const Napi::Error&) override { deferred.Reject(to_error(Env(), fault_).Value()); }

  Napi::Promise::Deferred deferred;

 private:
  std::shared_ptr<Map> map_;
  Range range_;
  Fault fault_;
};

/// The pages that lie wholly in the range.
Range whole_pages(const Range& range) {
  if (range.offset % kPageBytes != 0 || range.bytes % kPageBytes != 0)
    throw Fault{"INVALID_ARGUMENT", "expected whole pages of 4,096 bytes, found offset " + std::to_string(range.offset) + ", length " + std::to_string(range.bytes), "", 0};
  return range;
}

}  // namespace

Napi::Function Region::define(Napi::Env env) {
  return DefineClass(env, "Region",
                     {InstanceAccessor<&Region::byte_length>("byteLength"), InstanceMethod<&Region::write>("write"),
                      InstanceMethod<&Region::read_from>("readFrom"), InstanceMethod<&Region::window>("window"),
                      InstanceMethod<&Region::populate>("populate"), InstanceMethod<&Region::punch>("punch"),
                      InstanceMethod<&Region::resident_bytes>("residentBytes"), InstanceMethod<&Region::close>("close")});
}

Region* Region::of(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(Addon::of(value.Env()).region.Value()))
    throw Fault{"INVALID_ARGUMENT", "expected a Region, found something else", "", 0};
  return Unwrap(value.As<Napi::Object>());
}

Region::Region(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  with_faults(info.Env(), [&] {
    const uint64_t bytes = whole_number(info[0], "byteLength");
    if (bytes < kPageBytes || bytes > kMaxRegionBytes || bytes % kPageBytes != 0)
      throw Fault{"INVALID_ARGUMENT", "expected a region of 4,096 to 2^47 bytes, a multiple of 4,096, found " + std::to_string(bytes), "", 0};
    memfd_ = std::make_shared<Memfd>(create_memfd(bytes));
    map_ = std::make_shared<Map>(memfd_->writable.get(), bytes, true);
    bytes_ = bytes;
  });
}

const std::shared_ptr<Memfd>& Region::memfd() const {
  if (!memfd_) throw Fault{"CLOSED", "expected an open region, found a closed one", "", 0};
  return memfd_;
}

const std::shared_ptr<Map>& Region::map() const {
  if (!map_) throw Fault{"CLOSED", "expected an open region, found a closed one", "", 0};
  return map_;
}

Napi::Value Region::byte_length(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), static_cast<double>(bytes())); }

void Region::write(const Napi::CallbackInfo& info) {
  with_faults(info.Env(), [&] {
    const View source = view_of(info[1]);
    const uint64_t offset = whole_number(info[0], "offset");
    if (offset > bytes() || source.bytes > bytes() - offset)
      throw Fault{"INVALID_ARGUMENT", "expected bytes that end inside the region, found " + std::to_string(source.bytes) + " at offset " + std::to_string(offset), "", 0};
    if (source.bytes > 0) std::memcpy(map()->at(offset), source.data, source.bytes);
  });
}

Napi::Value Region::read_from(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    const int fd = info[0].ToNumber().Int32Value();
    const uint64_t position = whole_number(info[1], "position");
    const Range range = range_in(info[2], info[3], bytes());
    uint64_t done = 0;
    while (done < range.bytes) {
      const ssize_t got = ::pread(fd, map()->at(range.offset + done), range.bytes - done, static_cast<off_t>(position + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Fault::of_call("pread", "reading a file into a region");
      if (got == 0) break;
      done += static_cast<uint64_t>(got);
    }
    return Napi::Number::New(info.Env(), static_cast<double>(done));
  });
}

Napi::Value Region::window(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    const Range range = range_in(info[0], info[1], bytes());
    return window_over(info.Env(), map()->at(range.offset), range.bytes, map());
  });
}

Napi::Value Region::populate(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    auto* worker = new Populate(info.Env(), map(), whole_pages(range_in(info[0], info[1], bytes())));
    const Napi::Promise promise = worker->deferred.Promise();
    worker->Queue();
    return promise;
  });
}

void Region::punch(const Napi::CallbackInfo& info) {
  with_faults(info.Env(), [&] {
    const Range range = whole_pages(range_in(info[0], info[1], bytes()));
    if (range.bytes == 0) return;
    if (::fallocate(memfd()->writable.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(range.offset), static_cast<off_t>(range.bytes)) != 0)
      throw Fault::of_call("fallocate", "giving memory of a region back");
  });
}

Napi::Value Region::resident_bytes(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    struct stat status {};
    if (::fstat(memfd()->writable.get(), &status) != 0) throw Fault::of_call("fstat", "measuring a region");
    return Napi::Number::New(info.Env(), static_cast<double>(status.st_blocks) * 512);
  });
}

void Region::close(const Napi::CallbackInfo&) {
  memfd_.reset();
  map_.reset();
}

Napi::Function Mapping::define(Napi::Env env) {
  return DefineClass(env, "Mapping",
                     {InstanceAccessor<&Mapping::byte_length>("byteLength"), InstanceMethod<&Mapping::window>("window"),
                      InstanceMethod<&Mapping::contains>("contains"), InstanceMethod<&Mapping::discard_writes>("discardWrites"),
                      InstanceMethod<&Mapping::close>("close")});
}

Napi::Object Mapping::create(Napi::Env env, UniqueFd region, uint64_t bytes) {
  Napi::Object object = Addon::of(env).mapping.New({});
  Mapping* mapping = Unwrap(object);
  mapping->region_ = std::move(region);
  mapping->bytes_ = bytes;
  return object;
}

Mapping::Mapping(const Napi::CallbackInfo& info) : ObjectWrap(info) {}

Napi::Value Mapping::byte_length(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), static_cast<double>(bytes_)); }

Napi::Value Mapping::window(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    const Range range = range_in(info[0], info[1], bytes_);
    if (!map_) {
      if (!region_) throw Fault{"CLOSED", "expected an open map, found a closed one", "", 0};
      map_ = std::make_shared<Map>(region_.get(), bytes_, false);
      region_ = UniqueFd();  // the map keeps the memory
    }
    return window_over(info.Env(), map_->at(range.offset), range.bytes, map_);
  });
}

Napi::Value Mapping::contains(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    const View view = view_of(info[0]);
    const bool inside = map_ && view.data >= map_->at(0) && view.data + view.bytes <= map_->at(0) + bytes_;
    return Napi::Boolean::New(info.Env(), inside);
  });
}

Napi::Value Mapping::discard_writes(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    const Range range = whole_pages(range_in(info[0], info[1], bytes_));
    return Napi::Number::New(info.Env(), map_ ? static_cast<double>(map_->discard_writes(range.offset, range.bytes)) : 0);
  });
}

void Mapping::close(const Napi::CallbackInfo&) {
  region_ = UniqueFd();
  map_.reset();
}
