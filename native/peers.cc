#include "peers.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>

#include "addon.h"
#include "handshake.h"
#include "handshakes.h"
#include "region.h"
#include "script.h"

namespace {

/// Handshakes that one listener has under way at most; callers beyond them wait in the kernel's queue.
constexpr int kMostHandshakes = 1024;

Napi::Object to_peer(Napi::Env env, Greeting& greeting) {
  Napi::Object peer = Napi::Object::New(env);
  peer.Set("mapping", Mapping::create(env, std::move(greeting.region), greeting.region_bytes));
  peer.Set("fd", greeting.socket.release());
  peer.Set("pid", greeting.pid);
  peer.Set("uid", greeting.uid);
  peer.Set("pidfd", greeting.pidfd.release());
  peer.Set("name", greeting.name);
  peer.Set("minor", greeting.minor);
  peer.Set("features", Napi::BigInt::New(env, greeting.features));
  return peer;
}

/// How a finished handshake reaches JavaScript. Owned by the call on its way; closes everything when it never arrives.
using Arrival = void (*)(Napi::Env env, Greeting& greeting, void* receiver);

struct Delivery {
  Greeting greeting;
  Arrival arrival;
};

void deliver(napi_env env, napi_value, void* receiver, void* data) {
  const std::unique_ptr<Delivery> delivery(static_cast<Delivery*>(data));
  if (env == nullptr) return;
  const Napi::HandleScope scope(env);
  try {
    delivery->arrival(env, delivery->greeting, receiver);
  } catch (const Napi::Error& error) {
    napi_fatal_exception(env, error.Value());
  }
}

napi_threadsafe_function new_channel(Napi::Env env, void* receiver, napi_finalize finalize) {
  napi_threadsafe_function channel;
  if (napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "arrowlab handshake"), 0, 1, receiver, finalize, receiver, deliver, &channel) != napi_ok)
    throw Fault{"SYSTEM", "expected a channel for the handshake's thread, found none", "", 0};
  return channel;
}

/// Sends a greeting to the JavaScript thread and gives this thread's hold on the channel up.
void hand_over(napi_threadsafe_function channel, Greeting greeting, Arrival arrival) {
  auto* delivery = new Delivery{std::move(greeting), arrival};
  const napi_status status = napi_call_threadsafe_function(channel, delivery, napi_tsfn_nonblocking);
  if (status != napi_ok) delete delivery;
  // A channel that closes has taken the hold back already.
  if (status != napi_closing) napi_release_threadsafe_function(channel, napi_tsfn_release);
}

/// A promise for one handshake; `open` makes the socket, on the handshake's thread.
template <typename Open>
Napi::Value greet_once(Napi::Env env, const Introduction& self, std::chrono::milliseconds start, Open open) {
  using Deferred = Napi::Promise::Deferred;
  auto waiting = std::make_unique<Deferred>(Deferred::New(env));
  const Napi::Promise promise = waiting->Promise();
  napi_threadsafe_function channel;
  try {
    channel = new_channel(env, waiting.get(), [](napi_env, void* data, void*) { delete static_cast<Deferred*>(data); });
  } catch (const Fault& fault) {
    waiting->Reject(to_error(env, fault).Value());
    return promise;
  }
  const Deferred* deferred = waiting.release();  // the channel's from now on
  const Arrival arrival = [](Napi::Env env, Greeting& greeting, void* receiver) {
    const auto* deferred = static_cast<Deferred*>(receiver);
    if (greeting.refused) deferred->Reject(to_error(env, *greeting.refused).Value());
    else deferred->Resolve(to_peer(env, greeting));
  };
  Handshakes& handshakes = Addon::of(env).handshakes;
  try {
    handshakes.start([&handshakes, self, start, channel, arrival, open = std::move(open)](Handshakes::Handshake& handshake) mutable {
      Greeting greeting;
      try {
        greeting = handshakes.greet(handshake, open(), self, start);
      } catch (const Fault& fault) {
        greeting.refused = fault;
      }
      hand_over(channel, std::move(greeting), arrival);
    });
  } catch (const Fault& fault) {
    deferred->Reject(to_error(env, fault).Value());
    napi_release_threadsafe_function(channel, napi_tsfn_release);
  }
  return promise;
}

Introduction introduce(const Napi::Value& region, const Napi::Value& name) {
  const Region* own = Region::of(region);
  if (!name.IsString() || name.As<Napi::String>().Utf8Value().size() > 80)
    throw Fault{"INVALID_ARGUMENT", "expected a name of at most 80 bytes of UTF-8, found something else", "", 0};
  return {own->memfd(), own->bytes(), name.As<Napi::String>().Utf8Value()};
}

Napi::Value connect_peer(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    if (!info[0].IsString()) throw Fault{"INVALID_ARGUMENT", "expected a socket path, found something else", "", 0};
    const std::string path = info[0].As<Napi::String>().Utf8Value();
    return greet_once(info.Env(), introduce(info[1], info[2]), std::chrono::milliseconds(0), [path] { return connect_to(path); });
  });
}

Napi::Value adopt(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    auto socket = std::make_shared<UniqueFd>(info[0].ToNumber().Int32Value());
    const std::chrono::milliseconds start(whole_number(info[3], "startTimeoutMs"));
    return greet_once(info.Env(), introduce(info[1], info[2]), start, [socket] { return std::move(*socket); });
  });
}

Napi::Value socket_pair(const Napi::CallbackInfo& info) {
  return with_faults(info.Env(), [&] {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw Fault::of_call("socketpair", "making a pair of sockets");
    Napi::Array pair = Napi::Array::New(info.Env(), 2);
    pair.Set(uint32_t{0}, ends[0]);
    pair.Set(uint32_t{1}, ends[1]);
    return pair;
  });
}

Napi::Value is_alive(const Napi::CallbackInfo& info) {
  pollfd entry{info[0].ToNumber().Int32Value(), POLLIN, 0};
  return Napi::Boolean::New(info.Env(), ::poll(&entry, 1, 0) == 0);
}

/// Accepts callers on a thread, greets each on another.
class Listener : public Napi::ObjectWrap<Listener> {
 public:
  static Napi::Function define(Napi::Env env) { return DefineClass(env, "Listener", {InstanceMethod<&Listener::close>("close")}); }

  explicit Listener(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    with_faults(info.Env(), [&] {
      if (!info[0].IsString() || !info[3].IsFunction())
        throw Fault{"INVALID_ARGUMENT", "expected a socket path and a function, found something else", "", 0};
      const Introduction self = introduce(info[1], info[2]);
      path_ = info[0].As<Napi::String>().Utf8Value();
      wake_ = std::make_shared<UniqueFd>(::eventfd(0, EFD_CLOEXEC));
      if (!*wake_) throw Fault::of_call("eventfd", "listening on " + path_);
      socket_ = std::make_shared<UniqueFd>(listen_on(path_));
      ::lstat(path_.c_str(), &file_);
      try {
        start(info.Env(), info[3].As<Napi::Function>(), self);
      } catch (...) {
        remove_path();
        throw;
      }
    });
  }

  ~Listener() override { stop(); }

 private:
  void close(const Napi::CallbackInfo&) { stop(); }

  void start(Napi::Env env, Napi::Function function, const Introduction& self) {
    auto on_peer = std::make_unique<Napi::FunctionReference>(Napi::Persistent(function));
    const auto channel = new_channel(env, on_peer.get(), [](napi_env, void* data, void*) { delete static_cast<Napi::FunctionReference*>(data); });
    on_peer.release();  // the channel's from now on
    try {
      Handshakes& handshakes = Addon::of(env).handshakes;
      thread_ = new_thread([&handshakes, socket = socket_, wake = wake_, self, channel] { accept_callers(handshakes, socket, wake, self, channel); });
    } catch (const Fault&) {
      napi_release_threadsafe_function(channel, napi_tsfn_release);
      throw;
    }
    // The environment may end before this object is collected.
    napi_add_env_cleanup_hook(env, at_end, this);
  }

  static void at_end(void* listener) { static_cast<Listener*>(listener)->stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    napi_remove_env_cleanup_hook(Env(), at_end, this);
    ::eventfd_write(wake_->get(), 1);
    thread_.join();
    remove_path();
    *socket_ = UniqueFd();
  }

  void remove_path() const {
    struct stat now {};
    if (::lstat(path_.c_str(), &now) == 0 && now.st_ino == file_.st_ino && now.st_dev == file_.st_dev) ::unlink(path_.c_str());
  }

  static void arrive(Napi::Env env, Greeting& greeting, void* receiver) {
    auto* on_peer = static_cast<Napi::FunctionReference*>(receiver);
    if (greeting.refused) {
      Napi::Object refused = Napi::Object::New(env);
      refused.Set("arrowlabName", greeting.refused->name);
      refused.Set("message", greeting.refused->message);
      refused.Set("pid", greeting.pid);
      refused.Set("uid", greeting.uid);
      on_peer->Call({refused, env.Null()});
    } else {
      on_peer->Call({env.Null(), to_peer(env, greeting)});
    }
  }

  /// The listener's thread; ends, and gives its hold on the channel up, when `wake` is written to.
  static void accept_callers(Handshakes& handshakes, std::shared_ptr<UniqueFd> socket, std::shared_ptr<UniqueFd> wake, Introduction self, napi_threadsafe_function channel) {
    auto under_way = std::make_shared<std::atomic<int>>(0);
    for (;;) {
      const bool full = *under_way >= kMostHandshakes;
      pollfd entries[] = {{wake->get(), POLLIN, 0}, {full ? -1 : socket->get(), POLLIN, 0}};
      ::poll(entries, 2, full ? 10 : -1);
      if (entries[0].revents != 0) break;
      if (full || entries[1].revents == 0) continue;
      UniqueFd caller(::accept4(socket->get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!caller) {
        // No descriptors left: the caller stays in the queue until some come free.
        if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(std::chrono::milliseconds(50));
        continue;
      }
      if (napi_acquire_threadsafe_function(channel) != napi_ok) break;
      ++*under_way;
      try {
        handshakes.start([&handshakes, self, channel, under_way, caller = std::move(caller)](Handshakes::Handshake& handshake) mutable {
          Greeting greeting = handshakes.greet(handshake, std::move(caller), self);
          --*under_way;
          hand_over(channel, std::move(greeting), arrive);
        });
      } catch (const Fault&) {
        // No thread for this caller, whose socket is closed by now: perhaps there is one for the next.
        --*under_way;
        napi_release_threadsafe_function(channel, napi_tsfn_release);
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
    }
    napi_release_threadsafe_function(channel, napi_tsfn_release);
  }

  std::string path_;
  struct stat file_ {};
  std::shared_ptr<UniqueFd> socket_, wake_;
  std::thread thread_;
};

}  // namespace

void define_peers(Napi::Env env, Napi::Object exports) {
  exports.Set("Listener", Listener::define(env));
  exports.Set("connect", Napi::Function::New(env, connect_peer));
  exports.Set("adopt", Napi::Function::New(env, adopt));
  exports.Set("socketPair", Napi::Function::New(env, socket_pair));
  exports.Set("isAlive", Napi::Function::New(env, is_alive));
}
