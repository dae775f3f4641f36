//! Regions (section 2 of `PROTOCOL.md`): this side's own, and the peer's as it is mapped here. All of the library's
//! `unsafe` is in this file, save for the flag that skips validation and the copier's arrays, which stay as valid as they were.

use std::ffi::c_void;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::RefUnwindSafe;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_buffer::Buffer;
use rustix::fs::{
    FileType, MemfdFlags, Mode, OFlags, SealFlags, fchmod, fcntl_add_seals, fcntl_get_seals, fcntl_getfl, fstat,
    ftruncate, memfd_create, open,
};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};
use rustix::process::{Resource, getrlimit};

use crate::error::{Error, Report};

const PAGE_BYTES: u64 = 4096;

/// This side's own region. A consumer writes nothing, so it is the smallest legal one, and no peer spends address space
/// on it.
#[derive(Debug)]
pub struct Region {
    read_only: OwnedFd,
    byte_length: u64,
}

impl Region {
    /// # Errors
    /// `System`, also when RLIMIT_FSIZE is below a page: to grow a file past that limit is a deadly signal.
    pub fn create() -> Result<Self, Error> {
        let limit = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
        if limit < PAGE_BYTES {
            let message = format!(
                "expected to be allowed files of {PAGE_BYTES} bytes, for this side's region, found a limit of {limit}: \
                 raise `ulimit -f`"
            );
            return Err(Error::System(message.into()));
        }
        let create = || {
            let own = memfd_create("arrowlab", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
            ftruncate(&own, PAGE_BYTES)?;
            fcntl_add_seals(&own, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
            fchmod(&own, Mode::RUSR)?;
            let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&own));
            open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        };
        let read_only = create().map_err(|error: Errno| Error::system("create this side's region", error))?;
        Ok(Self { read_only, byte_length: PAGE_BYTES })
    }

    /// The descriptor that a peer gets.
    pub fn read_only(&self) -> BorrowedFd<'_> {
        self.read_only.as_fd()
    }

    /// Its size in bytes.
    pub fn byte_length(&self) -> u64 {
        self.byte_length
    }
}

/// A peer's region, mapped read-only and shared. The map lives as long as a buffer over it.
#[derive(Debug)]
pub struct Map {
    start: NonNull<u8>,
    byte_length: usize,
    /// Gives the memory back.
    unmap: unsafe fn(NonNull<u8>, usize),
}

// SAFETY: the map is read-only here and its address and length never change after construction.
unsafe impl Send for Map {}
// SAFETY: as above: shared references only read.
unsafe impl Sync for Map {}
// A panic while reading cannot leave a read-only map half changed.
impl RefUnwindSafe for Map {}

impl Map {
    /// Checks a received descriptor in the order of section 2 and maps it.
    ///
    /// # Errors
    /// `RegionNotMemfd`, `RegionWritable`, `RegionUnsealed`, `RegionSize`; `AddressSpace` when the system has no room.
    pub fn of_region(fd: &OwnedFd, announced_bytes: u64) -> Result<Self, Error> {
        check_region(fd, announced_bytes)?;
        let byte_length = announced_bytes as usize;
        // SAFETY: a new map at an address of the kernel's choice aliases nothing. The seals, checked above, keep the
        // file from shrinking, so that no read inside of it can fault.
        let mapped = unsafe { mmap(std::ptr::null_mut(), byte_length, ProtFlags::READ, MapFlags::SHARED, fd, 0) };
        let start = mapped.map_err(|error| {
            let message = format!(
                "expected {byte_length} bytes of address space for the peer's region, found: {error}: raise `ulimit -v` \
                 of this process, or start the producer under a lower one, so that it makes a smaller region"
            );
            Error::AddressSpace(Report::from(message).caused_by(std::io::Error::from(error)))
        })?;
        let unmap = |start: NonNull<u8>, byte_length| {
            // SAFETY: `drop` passes a whole map that nothing points into any more; that cannot fail.
            let _ = unsafe { munmap(start.as_ptr().cast::<c_void>(), byte_length) };
        };
        let start_byte = NonNull::new(start.cast()).expect("a map is never at address 0");
        let map = Self { start: start_byte, byte_length, unmap };
        // SAFETY: exactly the map made above; the advice changes no contents. Without it a core dump would fill the
        // whole region.
        unsafe { madvise(start, byte_length, Advice::LinuxDontDump) }
            .map_err(|error| Error::system("keep the peer's region out of core dumps", error))?;
        Ok(map)
    }

    /// Its size in bytes.
    pub fn byte_length(&self) -> u64 {
        self.byte_length as u64
    }

    /// Whether the buffer's first byte lies in the map.
    pub fn contains(&self, buffer: &Buffer) -> bool {
        (buffer.as_ptr() as usize).wrapping_sub(self.start.as_ptr() as usize) < self.byte_length
    }

    /// The bytes of an extent, not copied. They and their slices keep `lease`, and by it the map, alive; when the
    /// last of them is dropped, `lease` is.
    ///
    /// # Panics
    /// When the extent is outside the map, or the lease is not one of this map.
    pub fn extent(
        &self,
        offset: u64,
        byte_length: u64,
        lease: Arc<impl Leased + Send + Sync + RefUnwindSafe + 'static>,
    ) -> Buffer {
        let end = offset.checked_add(byte_length).expect("an extent ends");
        assert!(end <= self.byte_length() && std::ptr::eq(lease.map(), self), "an extent of this map");
        // SAFETY: the extent is inside the map (asserted), which `lease` keeps mapped; by the protocol the producer
        // does not change the bytes until the lease is released, and that happens when `lease` is dropped.
        unsafe { Buffer::from_custom_allocation(self.start.add(offset as usize), byte_length as usize, lease) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: the memory is this value's own and whole, and whatever pointed into it held a reference to this value.
        unsafe { (self.unmap)(self.start, self.byte_length) };
    }
}

/// Whatever keeps a map alive.
pub trait Leased {
    /// The map that is kept alive.
    fn map(&self) -> &Map;
}

fn check_region(fd: &OwnedFd, announced_bytes: u64) -> Result<(), Error> {
    let system = |error: Errno| Error::system("examine the received region", error);
    let stat = fstat(fd).map_err(system)?;
    let seals = fcntl_get_seals(fd);
    let (FileType::RegularFile, Ok(seals)) = (FileType::from_raw_mode(stat.st_mode), seals) else {
        return Err(Error::RegionNotMemfd("expected a memfd as the peer's region, found another kind of file".into()));
    };
    if fcntl_getfl(fd).map_err(system)? & OFlags::RWMODE != OFlags::RDONLY {
        let message = "expected a descriptor that was opened read-only, found one that can be written through";
        return Err(Error::RegionWritable(message.into()));
    }
    if !seals.contains(SealFlags::SHRINK | SealFlags::GROW) {
        return Err(Error::RegionUnsealed(format!("expected the seals SHRINK and GROW, found {seals:?}").into()));
    }
    if stat.st_size as u64 != announced_bytes {
        let message = format!("expected the announced {announced_bytes} bytes, found a memfd of {}", stat.st_size);
        return Err(Error::RegionSize(message.into()));
    }
    Ok(())
}

#[cfg(test)]
impl Map {
    /// Heap memory in the place of a region, for what knows no maps, as Miri.
    pub fn of_heap(bytes: &[u8]) -> Self {
        fn layout(byte_length: usize) -> std::alloc::Layout {
            std::alloc::Layout::from_size_align(byte_length, PAGE_BYTES as usize).unwrap()
        }
        assert!(!bytes.is_empty());
        // SAFETY: the layout is not of size 0.
        let start = NonNull::new(unsafe { std::alloc::alloc(layout(bytes.len())) }).unwrap();
        // SAFETY: fresh memory of that many bytes, which overlaps nothing.
        unsafe { start.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        // SAFETY: `drop` passes what was allocated here, with the same layout.
        let unmap =
            |start: NonNull<u8>, byte_length| unsafe { std::alloc::dealloc(start.as_ptr(), layout(byte_length)) };
        Self { start, byte_length: bytes.len(), unmap }
    }
}
