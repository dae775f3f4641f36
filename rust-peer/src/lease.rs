//! A lease: the right to read an extent, from its descriptor's arrival until its last slice is dropped.

use std::sync::Arc;

use arrow_buffer::Buffer;

use crate::mapping::{Leased, Map};
use crate::outbox::Outbox;

/// Owned by every buffer over the extent; the last of them, on whatever thread it is dropped, queues the release.
#[derive(Debug)]
pub struct Lease {
    id: u64,
    map: Arc<Map>,
    outbox: Arc<Outbox>,
}

impl Lease {
    /// The extent's bytes. The caller has checked that it lies in the map.
    pub fn begin(id: u64, offset: u64, byte_length: u64, map: &Arc<Map>, outbox: &Arc<Outbox>) -> Buffer {
        outbox.hold();
        let lease = Self { id, map: Arc::clone(map), outbox: Arc::clone(outbox) };
        map.extent(offset, byte_length, Arc::new(lease))
    }
}

impl Leased for Lease {
    fn map(&self) -> &Map {
        &self.map
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.outbox.release(self.id);
    }
}

/// Over heap memory, so that Miri can watch them.
#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use arrow_array::RecordBatch;
    use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};

    use super::*;
    use crate::columns::every_layout;
    use crate::copier::Copier;
    use crate::decoder::Decoder;
    use crate::socket::Socket;

    const PAGE: usize = 4096;

    /// Nothing is sent here, but the other end has to stay open.
    fn outbox() -> (Arc<Outbox>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Arc::new(Outbox::new(Arc::new(Socket::from(theirs))).unwrap()), ours)
    }

    fn lease(id: u64, page: usize, map: &Arc<Map>, outbox: &Arc<Outbox>) -> Buffer {
        Lease::begin(id, (page * PAGE) as u64, PAGE as u64, map, outbox)
    }

    #[test]
    fn a_lease_ends_once_with_its_last_slice_on_whatever_thread() {
        let (outbox, _other) = outbox();
        let bytes: Vec<u8> = (0..4 * PAGE).map(|at| (at / PAGE) as u8).collect();
        let map = Arc::new(Map::of_heap(&bytes));
        let leases = [lease(1, 1, &map, &outbox), lease(2, 2, &map, &outbox), lease(3, 2, &map, &outbox)];
        drop(map);
        let [first, second, third] = leases;
        let slices = [first.slice_with_length(8, 100), first.slice(PAGE - 1), first.clone()];
        drop(first);
        assert_eq!(outbox.ended_leases(), 0);
        std::thread::scope(|scope| {
            for slice in slices {
                scope.spawn(move || assert!(slice.iter().all(|byte| *byte == 1)));
            }
        });
        assert_eq!(outbox.ended_leases(), 1);
        drop(second);
        assert_eq!(outbox.ended_leases(), 2);
        assert!(third.iter().all(|byte| *byte == 2), "another lease of the same extent holds the map");
        drop(third);
        assert_eq!(outbox.ended_leases(), 3);
    }

    #[test]
    fn extents_touch_without_overlap_and_outside_of_the_map_there_is_none() {
        let (outbox, _other) = outbox();
        let map = Arc::new(Map::of_heap(&[7; 2 * PAGE]));
        let (left, right) = (lease(1, 0, &map, &outbox), lease(2, 1, &map, &outbox));
        assert_eq!(left.as_ptr().wrapping_add(left.len()), right.as_ptr());
        assert!(map.contains(&left) && map.contains(&right));
        assert!(!map.contains(&Buffer::from(&[7_u8; 8])));
        let outside = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lease(3, 2, &map, &outbox)));
        assert!(outside.is_err());
    }

    /// The messages of a stream, each from a page of its own: the bytes, and where each lies.
    fn placed(batches: &[RecordBatch]) -> (Vec<u8>, Vec<(usize, usize)>) {
        let options = IpcWriteOptions::try_new(64, false, arrow_ipc::MetadataVersion::V5).unwrap();
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        let stream = writer.into_inner().unwrap();
        let (mut rest, mut bytes, mut places) = (&stream[..], Vec::new(), Vec::new());
        loop {
            let metadata_length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
            if metadata_length == 0 {
                return (bytes, places);
            }
            let body_length = Decoder::body_byte_length(&rest[8..8 + metadata_length]).unwrap();
            let (message, others) = rest.split_at(8 + metadata_length + body_length);
            places.push((bytes.len(), message.len()));
            bytes.extend_from_slice(message);
            bytes.resize(bytes.len().next_multiple_of(PAGE), 0xee);
            rest = others;
        }
    }

    #[test]
    fn batches_are_read_in_place_or_copied_out_and_their_leases_end() {
        let sent = [every_layout(), every_layout().slice(1, 3)];
        let (bytes, places) = placed(&sent);
        let (outbox, _other) = outbox();
        let map = Arc::new(Map::of_heap(&bytes));
        // SAFETY: the contents are what Arrow wrote.
        for mut decoder in [Decoder::new(), unsafe { Decoder::new().with_trust() }] {
            let before = outbox.ended_leases();
            let mut batches = Vec::new();
            for (id, (offset, length)) in (before + 1..).zip(&places) {
                let message = Lease::begin(id, *offset as u64, *length as u64, &map, &outbox);
                batches.extend(decoder.decode(&message).unwrap());
            }
            assert_eq!(batches, sent);
            assert_eq!(outbox.ended_leases(), before + 1, "the schema's");
            let mut copier = Copier::new(|buffer| map.contains(buffer));
            let copies: Vec<RecordBatch> = batches.iter().map(|batch| copier.batch(batch)).collect();
            decoder.copy_out(&mut copier);
            drop((copier, batches));
            assert_eq!(outbox.ended_leases(), before + places.len() as u64);
            assert_eq!(copies, sent);
        }
    }
}
