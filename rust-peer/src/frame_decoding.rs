//! Bytes to frames: the checks on one frame alone (section 4 of `PROTOCOL.md`).

use crate::error::{Error, Report};
use crate::frames::{Frame, MAX_NAME_BYTES, frame_length};

/// Reads the fields of one frame, front to back; remembers whether a reserved one was set.
struct Fields<'a> {
    rest: &'a [u8],
    reserved_is_zero: bool,
}

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.rest.split_first_chunk().expect("the length fits the type");
        self.rest = rest;
        *field
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn reserved<const N: usize>(&mut self) {
        self.reserved_is_zero &= self.take() == [0; N];
    }

    fn stream(&mut self) -> Result<u32, Error> {
        in_range("stream", self.u32(), |stream| *stream != 0)
    }

    /// A stream and the reserved u32 that follows it in most frames.
    fn stream_alone(&mut self) -> Result<u32, Error> {
        let stream = self.stream();
        self.reserved::<4>();
        stream
    }
}

fn in_range<T: std::fmt::Debug>(field: &str, value: T, legal: impl Fn(&T) -> bool) -> Result<T, Error> {
    if legal(&value) {
        return Ok(value);
    }
    Err(Error::FrameField(format!("expected a legal value of {field}, found {value:?}").into()))
}

fn text<'a>(field: &str, bytes: &'a [u8]) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes).map_err(|error| {
        Error::FrameField(Report::from(format!("expected UTF-8 in {field}, found {error}")).caused_by(error))
    })
}

/// Decodes one whole frame, header included.
///
/// # Errors
/// `FrameLength`, `FrameType`, `FrameField`.
pub fn decode_frame(bytes: &[u8]) -> Result<Frame<'_>, Error> {
    let header = bytes.first_chunk().ok_or_else(|| Error::FrameLength("expected a header of 8 bytes".into()))?;
    let length = frame_length(header)?;
    if bytes.len() != length {
        return Err(Error::FrameLength(format!("expected {length} bytes, found {}", bytes.len()).into()));
    }
    let mut fields = Fields { rest: &bytes[5..], reserved_is_zero: true };
    fields.reserved::<3>();
    let frame = decode_fields(header[4], &mut fields);
    if !fields.reserved_is_zero {
        let message =
            format!("expected zero in flags and reserved fields of frame type {:#04x}, found others", header[4]);
        return Err(Error::FrameField(message.into()));
    }
    frame
}

fn decode_fields<'a>(kind: u8, fields: &mut Fields<'a>) -> Result<Frame<'a>, Error> {
    Ok(match kind {
        0x01 => {
            let minor = u16::from_le_bytes(fields.take());
            fields.reserved::<6>();
            Frame::Ready { minor, features: fields.u64() }
        }
        0x02 => {
            let stream = fields.u32();
            let number = in_range("number", fields.u32(), |number| *number != 0)?;
            Frame::Error { stream, number, message: text("message", fields.rest)? }
        }
        0x03 => Frame::Closing,
        0x10 => Frame::Subscribe { stream: fields.stream()?, credit: fields.u32(), name: text("name", fields.rest)? },
        0x11 => Frame::Credit {
            stream: fields.stream()?,
            messages: in_range("messages", fields.u32(), |messages| *messages != 0)?,
        },
        0x12 => {
            let leases = fields.rest.chunks_exact(8).map(|id| u64::from_le_bytes(id.try_into().expect("8 bytes")));
            Frame::Release { leases: in_range("leases", leases.collect::<Vec<_>>(), |ids| !ids.contains(&0))?.into() }
        }
        0x13 => Frame::Cancel { stream: fields.stream_alone()? },
        0x14 => Frame::List { stream: fields.stream_alone()? },
        0x15 => {
            let (stream, credit, length) = (fields.stream()?, fields.u32(), fields.u32() as usize);
            fields.reserved::<4>();
            let most = MAX_NAME_BYTES.min(fields.rest.len());
            let (name, parameters) =
                fields.rest.split_at(in_range("name's length", length, |n| (1..=most).contains(n))?);
            Frame::Call { stream, credit, name: text("name", name)?, parameters: text("parameters", parameters)? }
        }
        0x20 => Frame::Open { stream: fields.stream_alone()?, reservation: fields.u64() },
        0x21 => Frame::Descriptor {
            stream: fields.stream_alone()?,
            sequence: fields.u64(),
            lease: in_range("lease", fields.u64(), |lease| *lease != 0)?,
            offset: fields.u64(),
            length: fields.u64(),
        },
        0x22 => Frame::Inline { stream: fields.stream_alone()?, sequence: fields.u64(), bytes: fields.rest },
        0x23 => Frame::End { stream: fields.stream_alone()?, sequence: fields.u64() },
        0x24 => {
            let stream = fields.u32();
            fields.reserved::<4>();
            Frame::Waiting { stream, needed: fields.u64(), held: fields.u64() }
        }
        0x25 => Frame::Cancelled { stream: fields.stream_alone()? },
        0x26 => Frame::Result { stream: fields.stream_alone()?, json: text("json", fields.rest)? },
        _ => unreachable!("frame_length() knows no other type"),
    })
}
