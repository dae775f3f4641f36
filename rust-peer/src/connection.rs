//! One connection, shared by its peer handle, its readers and its courier. Whoever waits for a stream reads the socket
//! for all: one of them leads and takes in what comes, the others sleep until their turn or their message comes.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::event::PollFlags;
use rustix::io::Errno;

use crate::courier;
use crate::error::{Error, Report};
use crate::frame_buffer::FrameBuffer;
use crate::ledger::{Ledger, gone};
use crate::mapping::Map;
use crate::outbox::Outbox;
use crate::socket::{Received, Socket};
use crate::stream::Next;

/// The part of a connection that its courier shares.
#[derive(Debug)]
pub struct Link {
    state: Mutex<State>,
    changed: Condvar,
    /// Sends without being asked to read.
    pub outbox: Arc<Outbox>,
    /// The peer's region.
    pub map: Arc<Map>,
}

/// What the lock of a connection guards.
#[derive(Debug)]
pub struct State {
    /// Streams and leases.
    pub ledger: Ledger,
    /// Taken out by whoever reads; gone for good with the connection.
    reader: Option<Reader>,
    /// Whether the last handle on the connection is gone.
    pub is_abandoned: bool,
}

#[derive(Debug)]
struct Reader {
    socket: Arc<Socket>,
    received: FrameBuffer,
}

impl State {
    /// Whether the courier has to read, as nobody else may.
    pub fn needs_courier(&self) -> bool {
        self.ledger.failure().is_some() || self.is_abandoned || self.ledger.is_draining()
    }

    /// Whether nobody is reading right now.
    pub fn is_readable(&self) -> bool {
        self.reader.is_some()
    }
}

impl Link {
    /// The lock on everything that changes.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until the stream has something for its reader. That the connection is over, every stream knows by then.
    ///
    /// # Errors
    /// `Timeout` at the deadline.
    pub fn wait(&self, stream: u32, deadline: Option<Instant>, heeds_waiting: bool) -> Result<Next, Error> {
        let mut state = self.lock();
        let mut is_late = false;
        loop {
            if let Some(next) = state.ledger.stream(stream).next(heeds_waiting) {
                return Ok(next);
            }
            if is_late {
                state.ledger.stream(stream).wake();
                let message =
                    "expected the producer to send within the timeout, found nothing: wait longer, or drop batches";
                return Err(Error::Timeout(message.into()));
            }
            // Even the shortest wait looks once at what has come.
            is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            // Leases go back before anything is waited for: it may be them that the producer waits for.
            self.outbox.send();
            state = match state.reader.take() {
                Some(reader) => {
                    drop(state);
                    self.read(reader, deadline)
                }
                None => self.sleep(state, deadline),
            };
        }
    }

    /// The courier's turn: takes in what has come, without waiting.
    pub fn read_now(&self) {
        let reader = self.lock().reader.take();
        if let Some(reader) = reader {
            drop(self.read(reader, Some(Instant::now())));
        }
    }

    /// The connection is over for the peer's fault, which it is told.
    pub fn refuse(&self, error: Error) {
        self.lock().ledger.refuse(error);
        self.changed.notify_all();
    }

    fn sleep<'a>(&'a self, state: MutexGuard<'a, State>, deadline: Option<Instant>) -> MutexGuard<'a, State> {
        match deadline {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn read(&self, mut reader: Reader, deadline: Option<Instant>) -> MutexGuard<'_, State> {
        let outcome = reader.fill(deadline);
        let mut state = self.lock();
        match outcome {
            Ok(Received::Bytes(count)) => {
                reader.received.filled(count);
                state.ledger.take_frames(&mut reader.received);
            }
            Ok(Received::Nothing) => {}
            Ok(Received::End) => {
                let place = if reader.received.is_mid_frame() { "in the middle of a frame" } else { "without END" };
                state
                    .ledger
                    .fail(gone(&format!("the producer's connection ended {place}: what has come stays readable")));
            }
            Err(error) => {
                let message = "the connection to the producer broke: what has come stays readable";
                state.ledger.fail(Error::ProducerGone(Report::from(message).caused_by(error)));
            }
        }
        if state.ledger.failure().is_none() {
            state.reader = Some(reader);
        }
        self.changed.notify_all();
        if state.needs_courier() {
            self.outbox.ring();
        }
        state
    }
}

impl Reader {
    /// Waits for bytes until the deadline.
    fn fill(&mut self, deadline: Option<Instant>) -> Result<Received, Error> {
        loop {
            let spare = self.received.spare();
            let outcome = match deadline {
                None => self.socket.receive_waiting(spare),
                Some(_) => self.socket.receive(spare),
            };
            match outcome {
                Ok(Received::Nothing) => {}
                Ok(received) => return Ok(received),
                Err(Errno::CONNRESET) => return Ok(Received::End),
                Err(error) => return Err(Error::system("read from the socket", error)),
            }
            if !self.socket.wait(PollFlags::IN, deadline)? {
                return Ok(Received::Nothing);
            }
        }
    }
}

/// A handle on a connection; with the last one it begins to close, behind the scenes, as leases allow.
#[derive(Debug)]
pub struct Connection(Arc<Link>);

impl Connection {
    /// Begins a connection on which READY has been sent and received.
    ///
    /// # Errors
    /// `System`.
    pub fn begin(socket: Socket, map: Map, mut received: FrameBuffer) -> Result<Self, Error> {
        let (socket, map) = (Arc::new(socket), Arc::new(map));
        let outbox = Arc::new(Outbox::new(Arc::clone(&socket))?);
        let mut ledger = Ledger::new(Arc::clone(&map), Arc::clone(&outbox));
        ledger.take_frames(&mut received);
        let reader = Some(Reader { socket: Arc::clone(&socket), received });
        let state = Mutex::new(State { ledger, reader, is_abandoned: false });
        let link = Arc::new(Link { state, changed: Condvar::new(), outbox, map });
        courier::start(Arc::clone(&link), socket)?;
        Ok(Self(link))
    }
}

impl std::ops::Deref for Connection {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.0
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.lock().is_abandoned = true;
        self.outbox.ring();
    }
}
