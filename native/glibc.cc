// What the headers of a newer glibc would take from it, so that the addon loads wherever Node itself does (glibc 2.28).
// Hidden symbols: nothing outside of the addon sees them.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __GLIBC__

extern "C" {

/** glibc 2.33 exports it; before, it was an inline function. */
__attribute__((visibility("hidden"))) int fstat(int fd, struct stat* status) noexcept {
  return static_cast<int>(::syscall(SYS_newfstatat, fd, "", status, AT_EMPTY_PATH));
}

/** As fstat. */
__attribute__((visibility("hidden"))) int lstat(const char* path, struct stat* status) noexcept {
  return static_cast<int>(::syscall(SYS_newfstatat, AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW));
}

/** glibc 2.32 tells shared_ptr here whether it may count without atomics. There are always threads in Node. */
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
}

#endif
