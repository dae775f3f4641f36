//! The two ways to receive a stream: shared, and copied for comparison.

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_buffer::Buffer;
use arrow_schema::SchemaRef;
use arrowlab::{Decoder, Error, Peer, Report};

use crate::options::{Options, Place, inherited};

pub enum Source {
    /// Batches over the producer's memory.
    Shared { peer: Peer, inline_bytes: u64 },
    /// A plain IPC stream, each body received straight into a buffer of its own.
    Copied(UnixStream),
}

impl Source {
    pub fn connect(options: &Options) -> Result<Self, Error> {
        if options.is_copied {
            return Ok(Self::Copied(match &options.place {
                Place::Inherited(fd) => inherited(*fd)?.into(),
                Place::Path(path) => UnixStream::connect(path).map_err(|cause| {
                    let message = format!("expected a listening socket at {path}, found: {cause}");
                    Error::ConnectFailed(Report::from(message).caused_by(cause))
                })?,
            }));
        }
        let how = arrowlab::Options::new();
        // SAFETY: `--validate structure` is the caller's word that the producer can be trusted with contents.
        let how = if options.validates_contents { how } else { unsafe { how.trust() } };
        let peer = match &options.place {
            Place::Inherited(fd) => how.inherited(inherited(*fd)?)?,
            Place::Path(path) => how.connect(path)?,
        };
        Ok(Self::Shared { peer, inline_bytes: 0 })
    }

    /// Reads the whole stream; gives its schema.
    pub fn read(&mut self, options: &Options, mut take: impl FnMut(RecordBatch)) -> Result<SchemaRef, Error> {
        match self {
            Self::Shared { peer, inline_bytes } => {
                let mut subscription = peer.subscribe(&options.stream)?;
                while let Some(batch) = subscription.next_batch()? {
                    take(batch);
                }
                *inline_bytes = subscription.inline_bytes();
                Ok(subscription.schema())
            }
            Self::Copied(socket) => {
                let mut decoder = Decoder::new().with_unaligned_copied();
                if !options.validates_contents {
                    // SAFETY: as for the shared way.
                    decoder = unsafe { decoder.with_trust() };
                }
                while let Some((metadata, body)) = receive_message(socket)? {
                    decoder.decode_parts(&metadata, &body)?.into_iter().for_each(&mut take);
                }
                let schema = decoder.schema().cloned();
                schema.ok_or_else(|| {
                    Error::IpcInvalid("expected a stream that begins with its schema, found its end".into())
                })
            }
        }
    }

    pub fn maps(&self, buffer: &Buffer) -> bool {
        matches!(self, Self::Shared { peer, .. } if peer.maps(buffer))
    }

    /// Whether the buffer was copied on the way, other than inside an inline message.
    pub fn copied(&self, buffer: &Buffer) -> bool {
        match self {
            // What was cut out of a message begins behind its metadata; what was unpacked or concatenated does not.
            Self::Shared { peer, .. } => !peer.maps(buffer) && buffer.ptr_offset() == 0,
            Self::Copied(_) => true,
        }
    }

    pub fn inline_bytes(&self) -> u64 {
        match self {
            Self::Shared { inline_bytes, .. } => *inline_bytes,
            Self::Copied(_) => 0,
        }
    }

    /// Returns when all that was dropped has been given back.
    pub fn release(&self) -> Result<(), Error> {
        match self {
            Self::Shared { peer, .. } => peer.flush(),
            Self::Copied(_) => Ok(()),
        }
    }
}

/// Metadata and body of the next message; `None` at the end-of-stream marker.
fn receive_message(socket: &mut UnixStream) -> Result<Option<(Buffer, Buffer)>, Error> {
    let mut prefix = [0; 8];
    receive(socket, &mut prefix)?;
    let (marker, length) = prefix.split_at(4);
    if marker != [0xff; 4] {
        return Err(Error::IpcInvalid(
            format!("expected the continuation marker FFFFFFFF, found {marker:02X?}").into(),
        ));
    }
    match u32::from_le_bytes(length.try_into().expect("4 bytes")) {
        0 => Ok(None),
        length => {
            let metadata = receive_buffer(socket, length as usize)?;
            let body = receive_buffer(socket, Decoder::body_byte_length(&metadata)?)?;
            Ok(Some((metadata, body)))
        }
    }
}

fn receive_buffer(socket: &mut UnixStream, byte_length: usize) -> Result<Buffer, Error> {
    // An allocation that fails would end the process, so it is tried first; no page of it is touched.
    Vec::<u8>::new().try_reserve_exact(byte_length).map_err(|cause| {
        let message = format!("expected a message that fits into memory, found {byte_length} bytes");
        Error::MemoryLimit(Report::from(message).caused_by(cause))
    })?;
    let mut bytes = vec![0; byte_length];
    receive(socket, &mut bytes)?;
    Ok(Buffer::from_vec(bytes))
}

fn receive(socket: &mut UnixStream, bytes: &mut [u8]) -> Result<(), Error> {
    socket.read_exact(bytes).map_err(|cause| match cause.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => {
            let message = "expected the marker of the stream's end, found the end of the connection";
            Error::ProducerGone(Report::from(message).caused_by(cause))
        }
        _ => Error::System(Report::from(format!("expected to read from the socket, found: {cause}")).caused_by(cause)),
    })
}
