#include "memory.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "fault.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace {

// linux/fs.h of kernel 6.7; described here because older headers lack it.
struct PageRegion {
  uint64_t start, end, categories;
};
struct PageScan {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
constexpr uint64_t kPageIsFile = 1 << 2, kPageIsPresent = 1 << 3, kPageIsSwapped = 1 << 4;
const unsigned long kPagemapScan = _IOWR('f', 16, PageScan);

}  // namespace

Memfd create_memfd(uint64_t bytes) {
  // Past RLIMIT_FSIZE, ftruncate is a signal (SIGXFSZ), not an error.
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < bytes)
    throw Fault{"ADDRESS_SPACE",
                "expected room for a region of " + std::to_string(bytes) + " bytes, found a file size limit (ulimit -f) of " +
                    std::to_string(limit.rlim_cur) + ": raise it, or ask for a smaller region",
                "", 0};
  Memfd memfd;
  memfd.writable = UniqueFd(::memfd_create("arrowlab", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memfd.writable) throw Fault::of_call("memfd_create", "creating a region");
  const int fd = memfd.writable.get();
  if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) throw Fault::of_call("ftruncate", "sizing a region");
  // Not F_SEAL_FUTURE_WRITE: it forbids hole punching too.
  if (::fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) throw Fault::of_call("fcntl", "sealing a region");
  if (::fchmod(fd, 0400) != 0) throw Fault::of_call("fchmod", "making a region read-only");
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  memfd.readable = UniqueFd(::open(self.c_str(), O_RDONLY | O_CLOEXEC));
  if (!memfd.readable) throw Fault::of_call("open", "reopening a region read-only (is /proc mounted?)");
  return memfd;
}

void verify_memfd(int fd, uint64_t announced_bytes) {
  struct stat status {};
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || seals < 0)
    throw Fault{"REGION_NOT_MEMFD", "expected a memfd as the peer's region, found a descriptor that has no seals", "", 0};
  if ((::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
    throw Fault{"REGION_WRITABLE", "expected the peer's region opened read-only, found it writable", "", 0};
  if ((seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
    throw Fault{"REGION_UNSEALED", "expected the peer's region sealed against shrinking and growing, found seals " + std::to_string(seals), "", 0};
  if (static_cast<uint64_t>(status.st_size) != announced_bytes)
    throw Fault{"REGION_SIZE",
                "expected a region of " + std::to_string(announced_bytes) + " bytes as announced, found " + std::to_string(status.st_size), "", 0};
}

Map::Map(int fd, uint64_t bytes, bool shared) : base_(nullptr), bytes_(bytes) {
  const int flags = shared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE;
  void* base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (base == MAP_FAILED)
    throw Fault::of_call("mmap", "mapping a region of " + std::to_string(bytes) + " bytes", errno == ENOMEM ? "ADDRESS_SPACE" : "SYSTEM");
  base_ = static_cast<uint8_t*>(base);
  // At once: a core dump would fill the sparse region.
  ::madvise(base, bytes, MADV_DONTDUMP);
}

Map::~Map() { ::munmap(base_, bytes_); }

void Map::populate(uint64_t offset, uint64_t bytes) const {
  if (::madvise(at(offset), bytes, MADV_POPULATE_WRITE) == 0) return;
  if (errno != EINVAL) throw Fault::of_call("madvise", "populating a region");
  for (uint64_t page = 0; page < bytes; page += kPageBytes) *static_cast<volatile uint8_t*>(at(offset + page)) = 0;
}

uint64_t Map::discard_writes(uint64_t offset, uint64_t bytes) const {
  static const int pagemap = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  uint64_t discarded = 0;
  const uint64_t end = reinterpret_cast<uint64_t>(at(offset + bytes));
  PageRegion found[64];
  PageScan scan{};
  scan.size = sizeof scan;
  scan.start = reinterpret_cast<uint64_t>(at(offset));
  scan.end = end;
  scan.vec = reinterpret_cast<uint64_t>(found);
  scan.vec_len = 64;
  scan.category_inverted = kPageIsFile;
  scan.category_mask = kPageIsFile;
  scan.category_anyof_mask = kPageIsPresent | kPageIsSwapped;
  scan.return_mask = kPageIsPresent | kPageIsSwapped;
  while (scan.start < end) {
    const int count = pagemap < 0 ? -1 : ::ioctl(pagemap, kPagemapScan, &scan);
    if (count < 0) {  // before kernel 6.7: drop every page, written or not
      ::madvise(at(offset), bytes, MADV_DONTNEED);
      return bytes;
    }
    for (int i = 0; i < count; i++) {
      const uint64_t length = found[i].end - found[i].start;
      ::madvise(reinterpret_cast<void*>(found[i].start), length, MADV_DONTNEED);
      discarded += length;
    }
    scan.start = scan.walk_end;
  }
  return discarded;
}
