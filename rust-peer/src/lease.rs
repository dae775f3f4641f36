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
