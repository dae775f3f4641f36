//! The streams that the peer opened. This side serves none, but knows which there were.

use crate::error::Error;
use crate::frames::Frame;
use crate::ledger::unexpected;

/// The peer accepted the connection, so that its streams have even numbers.
#[derive(Debug, Default)]
pub struct PeerStreams {
    last: u32,
}

impl PeerStreams {
    /// `frame` opens a stream.
    pub fn begin(&mut self, stream: u32, frame: &Frame<'_>) -> Result<(), Error> {
        if !stream.is_multiple_of(2) || stream <= self.last {
            return Err(unexpected(&format!("an even stream number above {}", self.last), frame));
        }
        self.last = stream;
        Ok(())
    }

    /// `frame` concerns a stream that has been opened.
    pub fn check(&self, stream: u32, frame: &Frame<'_>) -> Result<(), Error> {
        if stream.is_multiple_of(2) && stream <= self.last {
            return Ok(());
        }
        Err(unexpected(&format!("stream {stream} to have been opened by the peer"), frame))
    }
}
