#include "fault.h"

#include <cerrno>
#include <cstring>

Fault Fault::of_call(const char* syscall, const std::string& doing, const char* name) {
  const int error = errno;
  return {name, doing + ": " + syscall + " failed: " + std::strerror(error), syscall, error};
}
