// The handshake on a connected socket (PROTOCOL.md, section 3). Blocking: runs on a thread of its own.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "fault.h"
#include "memory.h"
#include "unique_fd.h"

/// What this side shows of itself.
struct Introduction {
  std::shared_ptr<const Memfd> region;
  uint64_t region_bytes;
  std::string name;
};

/// How a handshake ended: with a peer, or with the reason why not.
struct Greeting {
  std::optional<Fault> refused;
  UniqueFd socket, region, pidfd;
  uint64_t region_bytes = 0;
  uint64_t features = 0;
  uint16_t minor = 0;
  int32_t pid = 0;
  uint32_t uid = 0;
  std::string name;
};

/// How long a HELLO may take; a process that was just started gets its own time until its first byte comes.
constexpr std::chrono::milliseconds kPatience{2000};

/// Exchanges and checks the HELLOs, the peer's within kPatience after waiting at most `start` for its first byte.
/// Tells the peer with an ERROR frame why it is refused; the socket comes back open all the same. Throws nothing.
Greeting greet(UniqueFd socket, const Introduction& self, std::chrono::milliseconds start = std::chrono::milliseconds(0));

/// A socket connected to `path`. Throws Fault CONNECT_FAILED, INVALID_ARGUMENT.
UniqueFd connect_to(const std::string& path);

/// A socket that listens on `path`, mode 0600. Throws Fault LISTEN_FAILED, INVALID_ARGUMENT.
UniqueFd listen_on(const std::string& path);
