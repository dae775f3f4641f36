//! What this side knows about a connection, and what each frame of the peer changes in it. The order of the checks is
//! that of sections 5 and 6 of `PROTOCOL.md`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_buffer::{Buffer, MutableBuffer};
use tracing::{debug, trace};

use crate::error::{Error, Report};
use crate::frame_buffer::FrameBuffer;
use crate::frames::Frame;
use crate::lease::Lease;
use crate::mapping::Map;
use crate::outbox::Outbox;
use crate::peer_streams::PeerStreams;
use crate::stream::{Message, Stream};
use crate::waiting;

/// Answers that a peer may leave unread and still ask for more.
const MAX_UNREAD_ANSWER_BYTES: usize = 1 << 20;
const MAX_STREAMS: usize = 1024;
const PAGE_BYTES: u64 = 4096;
const MIN_MESSAGE_BYTES: u64 = 8;

/// Streams, leases and state of one connection. This side is the one that connected: its streams have odd numbers.
#[derive(Debug)]
pub struct Ledger {
    streams: BTreeMap<u32, Stream>,
    next_stream: u32,
    peer_streams: PeerStreams,
    last_lease: u64,
    is_peer_closing: bool,
    is_closing: bool,
    failure: Option<Error>,
    map: Arc<Map>,
    outbox: Arc<Outbox>,
}

impl Ledger {
    /// A connection on which nothing has happened yet.
    pub fn new(map: Arc<Map>, outbox: Arc<Outbox>) -> Self {
        Self {
            streams: BTreeMap::new(),
            next_stream: 1,
            peer_streams: PeerStreams::default(),
            last_lease: 0,
            is_peer_closing: false,
            is_closing: false,
            failure: None,
            map,
            outbox,
        }
    }

    /// Queues SUBSCRIBE; gives the stream's number.
    pub fn subscribe(&mut self, name: &str, window: u32) -> Result<u32, Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.is_peer_closing {
            return Err(Error::Closed("expected an open connection, found that the peer is closing it".into()));
        }
        let Some(next_stream) = self.next_stream.checked_add(2) else {
            return Err(Error::TooManyStreams("expected a stream number that is left: connect again".into()));
        };
        if self.streams.len() >= MAX_STREAMS {
            let message = format!("expected at most {MAX_STREAMS} open streams: drop some, or connect again");
            return Err(Error::TooManyStreams(message.into()));
        }
        let stream = std::mem::replace(&mut self.next_stream, next_stream);
        self.streams.insert(stream, Stream::requested(window));
        debug!(stream, name, credit = window, "SUBSCRIBE");
        self.outbox.enqueue(&Frame::Subscribe { stream, credit: window, name });
        Ok(stream)
    }

    /// A stream that is known to be there: its reader has not dropped it, or CANCELLED is still to come.
    pub fn stream(&mut self, stream: u32) -> &mut Stream {
        self.streams.get_mut(&stream).expect("a stream lives until its reader drops it")
    }

    /// The reader of a stream is gone: queues CANCEL where the producer does not know that the stream is over.
    pub fn unsubscribe(&mut self, stream: u32) {
        if self.stream(stream).abandon() {
            self.outbox.enqueue(&Frame::Cancel { stream });
        }
        self.forget(stream);
    }

    /// Whether a CANCELLED is still to come, so that somebody has to go on reading.
    pub fn is_draining(&self) -> bool {
        self.streams.values().any(Stream::is_cancelled)
    }

    /// Why the connection is over, if it is.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Nobody will subscribe any more: queues CLOSING once, when no stream is left.
    pub fn close(&mut self) {
        if !self.is_closing && self.streams.is_empty() {
            self.is_closing = true;
            debug!("CLOSING");
            self.outbox.enqueue(&Frame::Closing);
            self.outbox.begin_closing();
        }
    }

    /// Whether CLOSING has been sent, the last lease released, and the peer told.
    pub fn is_closed(&self) -> bool {
        self.is_closing && self.outbox.is_done()
    }

    /// The connection is over. Only the first reason counts.
    pub fn fail(&mut self, error: Error) {
        if self.failure.is_none() {
            debug!(%error, "the connection is over");
            self.cut_off_streams(&error);
            self.failure = Some(error);
            self.outbox.ring();
        }
    }

    /// The peer broke the protocol: tells it, and ends the connection.
    pub fn refuse(&mut self, error: Error) {
        if self.failure.is_none() {
            if !self.is_closing {
                self.outbox.enqueue_last(&Frame::report(0, &error));
            }
            self.fail(error);
        }
    }

    /// Takes in every whole frame that has arrived.
    pub fn take_frames(&mut self, received: &mut FrameBuffer) {
        while self.failure.is_none() {
            let taken = received.next_frame().and_then(|frame| match frame {
                Some(frame) => self.take_frame(&frame).map(|()| true),
                None => Ok(false),
            });
            match taken {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => self.refuse(error),
            }
        }
    }

    fn take_frame(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        if self.is_peer_closing && !matches!(frame, Frame::Release { .. }) {
            return Err(unexpected("only RELEASE after CLOSING", frame));
        }
        trace!(frame = frame.name(), "received");
        match *frame {
            Frame::Error { stream: 0, number, message } => self.fail(Error::from_wire(number, message)),
            Frame::Closing => {
                self.is_peer_closing = true;
                self.cut_off_streams(&gone("the producer closed the connection before the stream's END"));
                self.streams.values_mut().filter(|stream| stream.is_cancelled()).for_each(Stream::cancelled);
                self.streams.retain(|_, stream| !stream.is_over());
            }
            Frame::Error { stream, number, message } => {
                self.known(stream, frame)?.fail(Error::from_wire(number, message))?;
            }
            Frame::Open { stream, .. } => self.known(stream, frame)?.open()?,
            Frame::Descriptor { stream, sequence, lease, offset, length } => {
                self.known(stream, frame)?.admit(sequence)?;
                self.check_lease(lease)?;
                self.check_extent(offset, length)?;
                trace!(stream, sequence, lease, offset, length, "leased");
                let bytes = Lease::begin(lease, offset, length, &self.map, &self.outbox);
                self.stream(stream).push(Message { bytes, is_inline: false });
            }
            Frame::Inline { stream, sequence, bytes } => {
                self.known(stream, frame)?.admit(sequence)?;
                // Arrow's own buffers begin at multiples of 64, as extents do.
                let mut copy = MutableBuffer::new(bytes.len());
                copy.extend_from_slice(bytes);
                self.stream(stream).push(Message { bytes: Buffer::from(copy), is_inline: true });
            }
            Frame::End { stream, sequence } => self.known(stream, frame)?.end(sequence)?,
            Frame::Waiting { stream: 0, .. } => self.outbox.send(),
            Frame::Waiting { stream, needed, held } => {
                debug!(stream, needed, held, "the producer waits for memory");
                let ended_leases = self.outbox.ended_leases();
                if self.known(stream, frame)?.wait(held, ended_leases)? {
                    self.stream(stream).give_up(waiting::exhausted(needed, held));
                    self.outbox.enqueue(&Frame::Cancel { stream });
                }
                self.outbox.send();
            }
            Frame::Cancelled { stream } => {
                if !self.known(stream, frame)?.is_cancelled() {
                    return Err(unexpected("CANCELLED only as an answer to CANCEL", frame));
                }
                self.stream(stream).cancelled();
                self.forget(stream);
            }
            Frame::Subscribe { stream, .. } | Frame::Call { stream, .. } => {
                self.peer_streams.begin(stream, frame)?;
                let refusal =
                    Error::NotServed("expected a consumer's connection, found that something is asked of it".into());
                self.answer(&Frame::report(stream, &refusal))?;
            }
            Frame::List { stream } => {
                self.peer_streams.begin(stream, frame)?;
                self.answer(&Frame::Result { stream, json: "[]" })?;
            }
            Frame::Credit { stream, .. } => self.peer_streams.check(stream, frame)?,
            Frame::Cancel { stream } => {
                self.peer_streams.check(stream, frame)?;
                self.answer(&Frame::Cancelled { stream })?;
            }
            Frame::Release { ref leases } => {
                let message = format!("expected no RELEASE, as nothing was leased, found one of lease {}", leases[0]);
                return Err(Error::LeaseUnknown(message.into()));
            }
            Frame::Ready { .. } | Frame::Result { .. } => {
                return Err(unexpected("an answer only to what was asked", frame));
            }
        }
        Ok(())
    }

    fn known(&mut self, stream: u32, frame: &Frame<'_>) -> Result<&mut Stream, Error> {
        self.streams.get_mut(&stream).ok_or_else(|| unexpected(&format!("stream {stream} to be open"), frame))
    }

    fn forget(&mut self, stream: u32) {
        if self.stream(stream).is_over() {
            self.streams.remove(&stream);
        }
    }

    fn check_lease(&mut self, lease: u64) -> Result<(), Error> {
        if lease <= self.last_lease {
            let message = format!("expected a lease greater than {}, found {lease}", self.last_lease);
            return Err(Error::Sequence(message.into()));
        }
        self.last_lease = lease;
        Ok(())
    }

    fn check_extent(&self, offset: u64, length: u64) -> Result<(), Error> {
        let region = self.map.byte_length();
        let is_inside = offset.checked_add(length).is_some_and(|end| end <= region);
        if is_inside && offset.is_multiple_of(PAGE_BYTES) && length >= MIN_MESSAGE_BYTES {
            return Ok(());
        }
        let expected =
            format!("{MIN_MESSAGE_BYTES} bytes or more, from a multiple of {PAGE_BYTES}, within {region} bytes");
        Err(Error::ExtentBounds(format!("expected {expected}, found offset {offset}, length {length}").into()))
    }

    /// Queues what the peer asked for, unless it asks and does not read.
    fn answer(&self, frame: &Frame<'_>) -> Result<(), Error> {
        if self.is_closing {
            return Ok(());
        }
        self.outbox.enqueue(frame);
        let is_too_much = || self.outbox.queued_byte_length() > MAX_UNREAD_ANSWER_BYTES;
        // What was queued since the last wait may not have been offered to the socket yet.
        if is_too_much() && !self.outbox.flush() && is_too_much() {
            let message = "expected the peer to read the answers it asked for, found too many of them unread";
            return Err(Error::TooManyStreams(message.into()));
        }
        Ok(())
    }

    fn cut_off_streams(&mut self, reason: &Error) {
        self.streams.values_mut().for_each(|stream| stream.cut_off(reason));
    }
}

/// A frame that the state of its stream, or of the connection, does not allow.
pub fn unexpected(expected: &str, frame: &Frame<'_>) -> Error {
    Error::StreamState(format!("expected {expected}, found {}", frame.name()).into())
}

/// The producer went without END.
pub fn gone(message: &str) -> Error {
    Error::ProducerGone(Report::from(message))
}
