#![doc = include_str!("../README.md")]
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

mod check;
mod checksum;
#[cfg(test)]
#[path = "../tests/columns/mod.rs"]
mod columns;
mod connection;
mod copier;
mod courier;
mod decoder;
mod error;
mod frame_buffer;
mod frame_decoding;
mod frames;
mod handshake;
mod hello;
mod layout;
mod lease;
mod ledger;
mod mapping;
mod messages;
mod outbox;
mod peer;
mod peer_streams;
mod socket;
mod stream;
mod subscription;
mod waiting;

pub use checksum::Checksum;
pub use decoder::Decoder;
pub use error::{Error, Report};
pub use peer::{Options, Peer, connect, inherited};
pub use subscription::Subscription;

/// Frames and HELLO as bytes (sections 3 and 4 of the protocol): for whoever writes another peer, and for tests.
pub mod wire {
    pub use crate::frame_buffer::FrameBuffer;
    pub use crate::frame_decoding::decode_frame;
    pub use crate::frames::{Frame, MAX_ERROR_MESSAGE_BYTES, MAX_FRAME_BYTES, MAX_RELEASED_LEASES, frame_length};
    pub use crate::hello::{HELLO_BYTES, Hello, MAGIC, MAJOR, MINOR, check_magic};
}
