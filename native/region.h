// The two sides of shared memory as JavaScript objects: one's own region, and the map of a peer's.
#pragma once
#include <napi.h>

#include <memory>

#include "memory.h"

class Region : public Napi::ObjectWrap<Region> {
 public:
  static Napi::Function define(Napi::Env env);
  /// The Region behind a JavaScript value. Throws Fault INVALID_ARGUMENT.
  static Region* of(const Napi::Value& value);
  explicit Region(const Napi::CallbackInfo& info);
  /// Throw Fault CLOSED after close().
  const std::shared_ptr<Memfd>& memfd() const;
  const std::shared_ptr<Map>& map() const;
  uint64_t bytes() const { return bytes_; }

 private:
  Napi::Value byte_length(const Napi::CallbackInfo& info);
  void write(const Napi::CallbackInfo& info);
  Napi::Value read_from(const Napi::CallbackInfo& info);
  Napi::Value window(const Napi::CallbackInfo& info);
  Napi::Value populate(const Napi::CallbackInfo& info);
  void punch(const Napi::CallbackInfo& info);
  Napi::Value resident_bytes(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  uint64_t bytes_ = 0;
  std::shared_ptr<Memfd> memfd_;  // handshakes under way keep it too
  std::shared_ptr<Map> map_;      // windows keep it too
};

class Mapping : public Napi::ObjectWrap<Mapping> {
 public:
  static Napi::Function define(Napi::Env env);
  /// Takes over the descriptor of a peer's region, which has been verified.
  static Napi::Object create(Napi::Env env, UniqueFd region, uint64_t bytes);
  explicit Mapping(const Napi::CallbackInfo& info);

 private:
  Napi::Value byte_length(const Napi::CallbackInfo& info);
  Napi::Value window(const Napi::CallbackInfo& info);
  Napi::Value contains(const Napi::CallbackInfo& info);
  Napi::Value discard_writes(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  UniqueFd region_;
  uint64_t bytes_ = 0;
  std::shared_ptr<Map> map_;
};
