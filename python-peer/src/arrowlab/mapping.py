"""Shared memory: the region this endpoint announces, and a peer's region as a read-only map.

The only file that handles raw addresses. What it relies on: a mapped region can neither shrink nor grow (its seals are
checked before it is mapped), and `mmap` refuses to close while the `memoryview` of it lives.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import resource
import stat

import pyarrow as pa

from arrowlab.errors import AddressSpace, Error, RegionNotMemfd, RegionSize, RegionUnsealed, RegionWritable, System
from arrowlab.hello import PAGE_BYTES

# This side only consumes, so it owns as little as there can be: its peers have to map it.
REGION_BYTES = PAGE_BYTES
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def create_region(region_bytes: int = REGION_BYTES) -> int:
    """A sealed sparse memfd as PROTOCOL.md, section 2, has it.

    Returns a descriptor that can only be read through; the caller closes it. Raises AddressSpace where the limit of
    file sizes forbids it, and System.
    """
    # Past this limit, ftruncate is a signal (SIGXFSZ), not an error, where Python has been told to heed it.
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit != resource.RLIM_INFINITY and limit < region_bytes:
        raise AddressSpace(
            f"expected room for a region of {region_bytes} bytes, found a limit of {limit} (ulimit -f): raise it"
        )
    try:
        writable = os.memfd_create("arrowlab", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(writable, region_bytes)
            os.fchmod(writable, 0o400)
            fcntl.fcntl(writable, fcntl.F_ADD_SEALS, _SEALS)
            return os.open(f"/proc/self/fd/{writable}", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(writable)
    except OSError as cause:
        raise System(
            f"expected a memfd of {region_bytes} bytes, found {cause}: are memfd and /proc allowed here?"
        ) from cause


def verify_region(fd: int, region_bytes: int) -> None:
    """Checks a descriptor that a peer sent, in the order of PROTOCOL.md, section 2.

    Raises RegionNotMemfd, RegionWritable, RegionUnsealed or RegionSize.
    """
    status = os.fstat(fd)
    try:
        seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
    except OSError as cause:
        raise RegionNotMemfd(f"expected a memfd, found a descriptor without seals (mode {status.st_mode:o})") from cause
    if not stat.S_ISREG(status.st_mode):
        raise RegionNotMemfd(f"expected a memfd, found a descriptor of mode {status.st_mode:o}")
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
        raise RegionWritable(
            "expected a descriptor that can only be read through: send an O_RDONLY reopen of the memfd"
        )
    if seals & (fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW) != fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW:
        raise RegionUnsealed(f"expected a memfd sealed against shrinking and growing, found seals {seals:#x}")
    if status.st_size != region_bytes:
        raise RegionSize(f"expected a memfd of the announced {region_bytes} bytes, found {status.st_size}")


class Mapping:
    """A peer's region, mapped read-only for as long as this object or anything made by `slice` is alive.

    `address` is where it starts in this process, `byte_length` its size in bytes.
    """

    def __init__(self, fd: int, region_bytes: int) -> None:
        """Maps a verified region; the descriptor stays the caller's. Raises AddressSpace or System."""
        try:
            pages = mmap.mmap(fd, region_bytes, mmap.MAP_SHARED, mmap.PROT_READ)
            # A core dump would fill every hole of the region with pages.
            pages.madvise(mmap.MADV_DONTDUMP)
        except (OSError, OverflowError) as cause:
            raise _not_mapped(region_bytes, cause) from cause
        # Not held by way of pyarrow: a thread that Python ends at exit, while it unmaps inside C++, aborts the process.
        self._pages = memoryview(pages)
        self.address: int = pa.py_buffer(pages).address
        self.byte_length = region_bytes

    def slice(self, offset: int, length: int, owner: object) -> pa.Buffer:
        """The bytes `[offset, offset + length)` in place, inside the region by the caller's word.

        The buffer keeps `owner` alive, and `owner` has to keep this map alive.
        """
        return pa.foreign_buffer(self.address + offset, length, base=owner)

    def holds(self, buffer: pa.Buffer) -> bool:
        """Whether all bytes of the buffer lie in the map."""
        return self.address <= buffer.address and buffer.address + buffer.size <= self.address + self.byte_length


def _not_mapped(region_bytes: int, cause: OSError | OverflowError) -> Error:
    if isinstance(cause, OSError) and cause.errno != errno.ENOMEM:
        return System(f"expected to map a region of {region_bytes} bytes, found {cause}")
    return AddressSpace(
        f"expected {region_bytes} bytes of address space for the peer's region, found no room: "
        "raise the limit (ulimit -v) or have the peer announce a smaller region"
    )
