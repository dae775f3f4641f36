//! Frames (section 4 of `PROTOCOL.md`). Pure: bytes in, values out.

use std::borrow::Cow;

use crate::error::Error;

/// The longest frame in bytes.
pub const MAX_FRAME_BYTES: usize = 1 << 20;
/// The longest message of an ERROR in bytes.
pub const MAX_ERROR_MESSAGE_BYTES: usize = 65_536;
/// The most leases that one RELEASE can name.
pub const MAX_RELEASED_LEASES: usize = 8_192;

pub(crate) const HEADER_BYTES: usize = 8;
pub(crate) const MAX_NAME_BYTES: usize = 255;
const MAX_INLINE_BYTES: usize = 65_536;

/// One frame. Text and bytes borrow from the buffer that the frame was decoded from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are described in section 4 of PROTOCOL.md, under the same names")]
#[rustfmt::skip]
pub enum Frame<'a> {
    /// The sender accepts the connection.
    Ready { minor: u16, features: u64 },
    /// A stream, or with stream 0 the connection, ends for a reason.
    Error { stream: u32, number: u32, message: &'a str },
    /// From here on the sender sends only RELEASE.
    Closing,
    /// Opens a stream by its name.
    Subscribe { stream: u32, credit: u32, name: &'a str },
    /// Allows that many more messages.
    Credit { stream: u32, messages: u32 },
    /// Gives leases back.
    Release { leases: Cow<'a, [u64]> },
    /// The consumer gives the stream up.
    Cancel { stream: u32 },
    /// Asks what is published.
    List { stream: u32 },
    /// Calls a function.
    Call { stream: u32, credit: u32, name: &'a str, parameters: &'a str },
    /// The producer begins the stream; reservation in bytes.
    Open { stream: u32, reservation: u64 },
    /// One message in the sender's region; offset and length in bytes.
    Descriptor { stream: u32, sequence: u64, lease: u64, offset: u64, length: u64 },
    /// One message, here.
    Inline { stream: u32, sequence: u64, bytes: &'a [u8] },
    /// The stream is complete; `sequence` messages were sent.
    End { stream: u32, sequence: u64 },
    /// The producer waits for memory; both in bytes.
    Waiting { stream: u32, needed: u64, held: u64 },
    /// Answers CANCEL.
    Cancelled { stream: u32 },
    /// Answers LIST.
    Result { stream: u32, json: &'a str },
}

/// The shortest and longest legal length of a type, and the step between.
fn legal_lengths(kind: u8) -> Option<(usize, usize, usize)> {
    Some(match kind {
        0x01 | 0x20 | 0x23 => (24, 24, 1),
        0x02 => (16, 16 + MAX_ERROR_MESSAGE_BYTES, 1),
        0x03 => (8, 8, 1),
        0x10 => (17, 16 + MAX_NAME_BYTES, 1),
        0x11 | 0x13 | 0x14 | 0x25 => (16, 16, 1),
        0x12 => (16, 8 + 8 * MAX_RELEASED_LEASES, 8),
        0x15 => (25, MAX_FRAME_BYTES, 1),
        0x21 => (48, 48, 1),
        0x22 => (32, 24 + MAX_INLINE_BYTES, 1),
        0x24 => (32, 32, 1),
        0x26 => (16, MAX_FRAME_BYTES, 1),
        _ => return None,
    })
}

/// Length of the frame that begins with `header`, in bytes: what can be known of a frame before the rest of it comes.
///
/// # Errors
/// `FrameLength`, `FrameType`.
pub fn frame_length(header: &[u8; HEADER_BYTES]) -> Result<usize, Error> {
    let length = u32::from_le_bytes(header[..4].try_into().expect("4 bytes")) as usize;
    if !(HEADER_BYTES..=MAX_FRAME_BYTES).contains(&length) {
        let message = format!("expected a frame of {HEADER_BYTES} to {MAX_FRAME_BYTES} bytes, found {length}");
        return Err(Error::FrameLength(message.into()));
    }
    let kind = header[4];
    let Some((shortest, longest, step)) = legal_lengths(kind) else {
        return Err(Error::FrameType(format!("expected a frame type of the protocol, found {kind:#04x}").into()));
    };
    if length < shortest || length > longest || !(length - shortest).is_multiple_of(step) {
        let message = format!("expected {shortest} to {longest} bytes for frame type {kind:#04x}, found {length}");
        return Err(Error::FrameLength(message.into()));
    }
    Ok(length)
}

impl<'a> Frame<'a> {
    /// The ERROR that reports `error`, its message cut to what a frame can hold.
    pub(crate) fn report(stream: u32, error: &'a Error) -> Self {
        Self::Error { stream, number: error.number(), message: cut(error.message(), MAX_ERROR_MESSAGE_BYTES) }
    }

    /// The frame's name in the specification.
    #[rustfmt::skip]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ready { .. } => "READY",
            Self::Error { .. } => "ERROR",
            Self::Closing => "CLOSING",
            Self::Subscribe { .. } => "SUBSCRIBE",
            Self::Credit { .. } => "CREDIT",
            Self::Release { .. } => "RELEASE",
            Self::Cancel { .. } => "CANCEL",
            Self::List { .. } => "LIST",
            Self::Call { .. } => "CALL",
            Self::Open { .. } => "OPEN",
            Self::Descriptor { .. } => "DESCRIPTOR",
            Self::Inline { .. } => "INLINE",
            Self::End { .. } => "END",
            Self::Waiting { .. } => "WAITING",
            Self::Cancelled { .. } => "CANCELLED",
            Self::Result { .. } => "RESULT",
        }
    }

    /// Appends the frame to `out`.
    ///
    /// # Panics
    /// When the frame would be longer than its type allows.
    #[rustfmt::skip]
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ready { minor, features } => put(out, 0x01, &[u32::from(*minor), 0], &[*features], b""),
            Self::Error { stream, number, message } => put(out, 0x02, &[*stream, *number], &[], message.as_bytes()),
            Self::Closing => put(out, 0x03, &[], &[], b""),
            Self::Subscribe { stream, credit, name } => put(out, 0x10, &[*stream, *credit], &[], name.as_bytes()),
            Self::Credit { stream, messages } => put(out, 0x11, &[*stream, *messages], &[], b""),
            Self::Release { leases } => put(out, 0x12, &[], leases, b""),
            Self::Cancel { stream } => put(out, 0x13, &[*stream, 0], &[], b""),
            Self::List { stream } => put(out, 0x14, &[*stream, 0], &[], b""),
            Self::Call { stream, credit, name, parameters } => {
                let tail = [*name, *parameters].concat();
                put(out, 0x15, &[*stream, *credit, name.len() as u32, 0], &[], tail.as_bytes());
            }
            Self::Open { stream, reservation } => put(out, 0x20, &[*stream, 0], &[*reservation], b""),
            Self::Descriptor { stream, sequence, lease, offset, length } => {
                put(out, 0x21, &[*stream, 0], &[*sequence, *lease, *offset, *length], b"");
            }
            Self::Inline { stream, sequence, bytes } => put(out, 0x22, &[*stream, 0], &[*sequence], bytes),
            Self::End { stream, sequence } => put(out, 0x23, &[*stream, 0], &[*sequence], b""),
            Self::Waiting { stream, needed, held } => put(out, 0x24, &[*stream, 0], &[*needed, *held], b""),
            Self::Cancelled { stream } => put(out, 0x25, &[*stream, 0], &[], b""),
            Self::Result { stream, json } => put(out, 0x26, &[*stream, 0], &[], json.as_bytes()),
        }
    }
}

/// The longest beginning of `text` that has at most `max_bytes` bytes and ends with a whole character.
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn put(out: &mut Vec<u8>, kind: u8, words: &[u32], longs: &[u64], tail: &[u8]) {
    let length = HEADER_BYTES + 4 * words.len() + 8 * longs.len() + tail.len();
    let (_, longest, _) = legal_lengths(kind).expect("a type of the protocol");
    assert!(length <= longest, "expected at most {longest} bytes for frame type {kind:#04x}, found {length}");
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out.extend_from_slice(&[kind, 0, 0, 0]);
    words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    longs.iter().for_each(|long| out.extend_from_slice(&long.to_le_bytes()));
    out.extend_from_slice(tail);
}
