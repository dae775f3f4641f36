//! Cuts what a socket delivers into frames, however it was split on the way.

use crate::error::Error;
use crate::frame_decoding::decode_frame;
use crate::frames::{Frame, frame_length};

const READ_BYTES: usize = 1 << 16;

/// Bytes received and not yet taken as frames. Holds at most one frame and one read.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl FrameBuffer {
    /// Where the next bytes of the socket belong; never empty.
    pub fn spare(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() < self.end + READ_BYTES {
            self.bytes.resize(self.end + READ_BYTES, 0);
        }
        &mut self.bytes[self.end..]
    }

    /// The first `count` bytes of [`spare`](Self::spare) have been filled.
    pub fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// The next frame, or `None` until more bytes come. A header is checked before the rest of its frame is there.
    ///
    /// # Errors
    /// `FrameLength`, `FrameType`, `FrameField`. Nothing that follows a bad frame can be read.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Error> {
        let pending = &self.bytes[self.start..self.end];
        let Some(header) = pending.first_chunk() else { return Ok(None) };
        let length = frame_length(header)?;
        if pending.len() < length {
            return Ok(None);
        }
        self.start += length;
        decode_frame(&pending[..length]).map(Some)
    }

    /// Whether part of a frame waits for the rest of it.
    pub fn is_mid_frame(&self) -> bool {
        self.start < self.end
    }
}
