// Sockets with a path: connecting to one, and listening on one.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "handshake.h"

namespace {

constexpr int kBacklog = 128;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos)
    throw Fault{"INVALID_ARGUMENT",
                "expected a socket path of 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes, found " + std::to_string(path.size()), "", 0};
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd new_socket(int flags = 0) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!socket) throw Fault::of_call("socket", "creating a Unix socket");
  return socket;
}

/// Removes a socket that a process left behind; anything else that is in the way stays.
void clear_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode))
    throw Fault{"LISTEN_FAILED", "expected " + path + " to be free or a socket, found another kind of file: choose another path", "", 0};
  const UniqueFd probe = new_socket(SOCK_NONBLOCK);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno != ECONNREFUSED)
    throw Fault{"LISTEN_FAILED", "expected " + path + " to be free, found a process that listens there: end it or choose another path", "", 0};
  ::unlink(path.c_str());
}

}  // namespace

UniqueFd connect_to(const std::string& path) {
  const sockaddr_un address = address_of(path);
  UniqueFd socket = new_socket();
  // A listener whose queue is full would hold connect() up for ever.
  const timeval patience{2, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  int status;
  do status = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  while (status != 0 && errno == EINTR);
  if (status != 0) throw Fault::of_call("connect", "connecting to " + path + " (does a server listen there?)", "CONNECT_FAILED");
  return socket;
}

UniqueFd listen_on(const std::string& path) {
  const sockaddr_un address = address_of(path);
  clear_stale(path, address);
  UniqueFd socket = new_socket();
  // Before bind: the file is never there with any other mode.
  if (::fchmod(socket.get(), 0600) != 0) throw Fault::of_call("fchmod", "listening on " + path, "LISTEN_FAILED");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw Fault::of_call("bind", "listening on " + path, "LISTEN_FAILED");
  if (::listen(socket.get(), kBacklog) != 0) {
    const Fault fault = Fault::of_call("listen", "listening on " + path, "LISTEN_FAILED");
    ::unlink(path.c_str());
    throw fault;
  }
  return socket;
}
