// HELLO, and the one frame that a handshake may have to send: ERROR (PROTOCOL.md, sections 3 and 4).
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "fault.h"

constexpr size_t kHelloBytes = 128;

struct Hello {
  uint16_t major = 1;
  uint16_t minor = 0;
  uint64_t features = 0;
  uint64_t region_bytes = 0;
  uint32_t pid = 0;
  std::string name;  // at most 80 bytes of UTF-8
};

std::array<uint8_t, kHelloBytes> encode_hello(const Hello& hello);

/// Whether the first `count` bytes can be the beginning of a HELLO.
bool begins_like_hello(const uint8_t* bytes, size_t count);

/// Throws Fault with the name of the first check that fails.
Hello decode_hello(const uint8_t* bytes);

std::vector<uint8_t> encode_error(const Fault& fault);

/// The Fault that an ERROR frame of the connection speaks of; `frame` is whole.
Fault decode_error(const std::vector<uint8_t>& frame);
