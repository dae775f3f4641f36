#include "handshake.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "hello.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

namespace {

constexpr size_t kMostDescriptors = 8;

using Clock = std::chrono::steady_clock;

/// Waits until the socket is ready for `events`; false when the deadline has passed.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

/// Sends the bytes, with a descriptor on the first one unless it is -1; false when the peer does not take them.
bool send_bytes(int socket, const uint8_t* bytes, size_t count, int passed_fd, Clock::time_point deadline) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  while (count > 0) {
    iovec part{const_cast<uint8_t*>(bytes), count};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (passed_fd >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(header), &passed_fd, sizeof(int));
    }
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR || (errno == EAGAIN && wait_for(socket, POLLOUT, deadline))) continue;
      return false;
    }
    bytes += sent;
    count -= static_cast<size_t>(sent);
    passed_fd = -1;
  }
  return true;
}

enum class Received { all, end, late, foreign };

/// Receives exactly `count` bytes, keeping the descriptors that come along. Stops early where `is_ours` says no.
template <typename Check>
Received receive_bytes(int socket, uint8_t* bytes, size_t count, std::vector<UniqueFd>& descriptors, Clock::time_point deadline, Check is_ours) {
  size_t have = 0;
  while (have < count) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMostDescriptors)];
    iovec part{bytes + have, count - have};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN && wait_for(socket, POLLIN, deadline)) continue;
      return errno == EAGAIN ? Received::late : Received::end;
    }
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      for (size_t at = 0; at + sizeof(int) <= header->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(header) + at, sizeof(int));
        descriptors.emplace_back(fd);
      }
    }
    if (got == 0) return have == 0 ? Received::foreign : Received::end;
    have += static_cast<size_t>(got);
    if (!is_ours(have)) return Received::foreign;
  }
  return Received::all;
}

Hello receive_hello(int socket, std::vector<UniqueFd>& descriptors, Clock::time_point deadline) {
  uint8_t bytes[kHelloBytes];
  switch (receive_bytes(socket, bytes, kHelloBytes, descriptors, deadline, [&](size_t have) { return begins_like_hello(bytes, have); })) {
    case Received::foreign:
      throw Fault{"NOT_ARROWLAB", "expected a HELLO that begins with ARROWLAB, found another protocol or a socket that closes at once", "", 0};
    case Received::late:
      throw Fault{"HELLO_TIMEOUT", "expected a HELLO of 128 bytes within 2 s, found less", "", 0};
    case Received::end:
      throw Fault{"HELLO_MALFORMED", "expected a HELLO of 128 bytes, found the end of the connection", "", 0};
    case Received::all:
      break;
  }
  return decode_hello(bytes);
}

/// A HELLO without a descriptor: the peer may be refusing us, and says why in the frame that follows.
[[noreturn]] void no_region(int socket, size_t count, Clock::time_point deadline) {
  std::vector<UniqueFd> ignored;
  std::vector<uint8_t> frame(16);
  const auto any = [](size_t) { return true; };
  if (count == 0 && receive_bytes(socket, frame.data(), 16, ignored, deadline, any) == Received::all && frame[4] == 0x02) {
    const size_t length = frame[0] | frame[1] << 8 | frame[2] << 16 | static_cast<size_t>(frame[3]) << 24;
    if (length >= 16 && length <= 16 + 65536) {
      frame.resize(length);
      if (receive_bytes(socket, frame.data() + 16, length - 16, ignored, deadline, any) == Received::all || length == 16) throw decode_error(frame);
    }
  }
  throw Fault{"REGION_MISSING", "expected exactly one file descriptor with the HELLO, found " + std::to_string(count), "", 0};
}

/// Who is on the other side, by the kernel's word.
void identify(int socket, Greeting& greeting) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    throw Fault{"NOT_ARROWLAB", "expected a connected Unix socket, found something else", "getsockopt", errno};
  greeting.pid = credentials.pid;
  greeting.uid = credentials.uid;
  int pidfd = -1;
  length = sizeof pidfd;
  // Since kernel 6.5; names the process itself, where a pid may have been reused.
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) != 0)
    pidfd = static_cast<int>(::syscall(SYS_pidfd_open, credentials.pid, 0));
  greeting.pidfd = UniqueFd(pidfd);
}

void exchange(Greeting& greeting, const Introduction& self, std::chrono::milliseconds start) {
  const int socket = greeting.socket.get();
  auto deadline = Clock::now() + kPatience;
  identify(socket, greeting);
  const bool allowed = greeting.uid == ::geteuid();
  Hello mine;
  mine.region_bytes = self.region_bytes;
  mine.pid = static_cast<uint32_t>(::getpid());
  mine.name = self.name;
  const auto hello = encode_hello(mine);
  // A peer that is gone already may have left an ERROR to read: a failed send is not the end.
  send_bytes(socket, hello.data(), hello.size(), allowed ? self.region->readable.get() : -1, deadline);
  if (!allowed)
    throw Fault{"PEER_REFUSED",
                "expected a peer of user " + std::to_string(::geteuid()) + ", found user " + std::to_string(greeting.uid) +
                    ": run both sides as the same user",
                "", 0};
  if (start.count() > 0) {
    wait_for(socket, POLLIN, Clock::now() + start);
    deadline = Clock::now() + kPatience;
  }
  std::vector<UniqueFd> descriptors;
  const Hello theirs = receive_hello(socket, descriptors, deadline);
  if (descriptors.size() != 1) no_region(socket, descriptors.size(), deadline);
  verify_memfd(descriptors[0].get(), theirs.region_bytes);
  greeting.region = std::move(descriptors[0]);
  greeting.region_bytes = theirs.region_bytes;
  greeting.features = theirs.features & mine.features;
  greeting.minor = std::min(theirs.minor, mine.minor);
  greeting.name = theirs.name;
}

}  // namespace

Greeting greet(UniqueFd socket, const Introduction& self, std::chrono::milliseconds start) {
  Greeting greeting;
  greeting.socket = std::move(socket);
  try {
    exchange(greeting, self, start);
  } catch (const Fault& fault) {
    const auto frame = encode_error(fault);
    send_bytes(greeting.socket.get(), frame.data(), frame.size(), -1, Clock::now() + kPatience);
    greeting.refused = fault;
  }
  return greeting;
}
