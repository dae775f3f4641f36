// The threads that handshakes run on. They belong to one JavaScript environment and end before it does.
#pragma once
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "fault.h"
#include "handshake.h"

/// A thread that runs `work`. Throws Fault SYSTEM where the system gives none; `work` is destroyed then.
template <typename Work>
std::thread new_thread(Work work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error& error) {
    throw Fault{"SYSTEM", std::string("expected a thread, found none: ") + error.what(), "pthread_create", error.code().value()};
  }
}

class Handshakes {
 public:
  /// One handshake; its thread is joined by the next start() after it has finished, or by stop().
  struct Handshake {
    std::thread thread;
    int socket = -1;
    std::atomic<bool> finished{false};
  };

  Handshakes() = default;
  Handshakes(const Handshakes&) = delete;
  Handshakes& operator=(const Handshakes&) = delete;
  ~Handshakes() { stop(); }

  /// Calls `work(Handshake&)` on a thread of its own. Throws Fault SYSTEM, CLOSED.
  template <typename Work>
  void start(Work work) {
    const std::lock_guard lock(mutex_);
    if (stopping_) throw Fault{"CLOSED", "expected a running JavaScript environment, found one that ends", "", 0};
    handshakes_.remove_if([](Handshake& handshake) {
      if (!handshake.finished) return false;
      handshake.thread.join();
      return true;
    });
    Handshake& handshake = handshakes_.emplace_back();
    try {
      handshake.thread = new_thread([&handshake, work = std::move(work)]() mutable {
        work(handshake);
        handshake.finished = true;
      });
    } catch (const Fault&) {
      handshakes_.pop_back();
      throw;
    }
  }

  /// As the function of that name, on a socket that stop() shuts down. For the handshake's thread.
  Greeting greet(Handshake& handshake, UniqueFd socket, const Introduction& self, std::chrono::milliseconds start = std::chrono::milliseconds(0)) {
    watch(handshake, socket.get());
    Greeting greeting = ::greet(std::move(socket), self, start);
    watch(handshake, -1);
    if (greeting.refused) greeting.socket = UniqueFd();
    return greeting;
  }

  /// Ends every handshake and waits for its thread. Nothing else may be about to call start().
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      for (const Handshake& handshake : handshakes_)
        if (handshake.socket >= 0) ::shutdown(handshake.socket, SHUT_RDWR);
    }
    for (Handshake& handshake : handshakes_) handshake.thread.join();
    handshakes_.clear();
  }

 private:
  void watch(Handshake& handshake, int socket) {
    const std::lock_guard lock(mutex_);
    handshake.socket = socket;
    if (stopping_ && socket >= 0) ::shutdown(socket, SHUT_RDWR);
  }

  std::mutex mutex_;  // also guards every Handshake::socket
  bool stopping_ = false;
  std::list<Handshake> handshakes_;
};
