// Shared memory: the memfd of a region, and maps of one.
#pragma once
#include <cstddef>
#include <cstdint>

#include "unique_fd.h"

/// Pages as the protocol counts them (PROTOCOL.md, section 2).
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kMaxRegionBytes = uint64_t{1} << 47;

/// The two descriptors of a region's memfd: the owner's, and the read-only reopen that peers get.
struct Memfd {
  UniqueFd writable;
  UniqueFd readable;
};

/// Creates a sealed sparse memfd. Throws Fault (ADDRESS_SPACE where RLIMIT_FSIZE forbids the size).
Memfd create_memfd(uint64_t bytes);

/// Checks what a peer sent as its region (PROTOCOL.md, section 2). Throws Fault.
void verify_memfd(int fd, uint64_t announced_bytes);

/// A map of a whole memfd, left out of core dumps, unmapped with this object.
class Map {
 public:
  /// `shared` maps it for its owner; otherwise private, with no swap reserved. Throws Fault ADDRESS_SPACE.
  Map(int fd, uint64_t bytes, bool shared);
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;
  ~Map();
  uint8_t* at(uint64_t offset) const { return base_ + offset; }
  uint64_t bytes() const { return bytes_; }

  /// Makes the pages resident and writable. May zero a byte of each page where the kernel is older than 5.14.
  void populate(uint64_t offset, uint64_t bytes) const;
  /// Drops the private copies of pages in the range; returns their bytes.
  uint64_t discard_writes(uint64_t offset, uint64_t bytes) const;

 private:
  uint8_t* base_;
  uint64_t bytes_;
};
