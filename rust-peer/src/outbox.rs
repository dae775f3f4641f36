//! What waits to be sent: frames, and leases that have ended. Whoever is about to wait sends first, without blocking;
//! what the socket does not take then is left to the courier.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
use tracing::trace;

use crate::error::Error;
use crate::frames::{Frame, MAX_RELEASED_LEASES};
use crate::socket::Socket;

/// Outlives its connection: leases that end later still find it, closed.
#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    bell: OwnedFd,
}

#[derive(Debug)]
struct Queue {
    /// `None` once nothing can be sent any more.
    socket: Option<Arc<Socket>>,
    bytes: Vec<u8>,
    sent: usize,
    released: Vec<u64>,
    held: usize,
    /// Leases that have ended, ever.
    ended: u64,
    /// Whether the last frame of the connection is among `bytes`.
    is_final: bool,
    /// Whether the next lease that ends is sent at once.
    is_answer_due: bool,
    /// Whether the courier has to know of every lease that ends.
    is_closing: bool,
}

impl Queue {
    fn encode_releases(&mut self) {
        for leases in self.released.chunks(MAX_RELEASED_LEASES) {
            trace!(count = leases.len(), "RELEASE");
            Frame::Release { leases: leases.into() }.encode(&mut self.bytes);
        }
        self.released.clear();
    }

    fn flush(&mut self) -> bool {
        self.encode_releases();
        while self.sent < self.bytes.len() {
            let Some(socket) = &self.socket else { break };
            match socket.send(&self.bytes[self.sent..]) {
                Ok(Some(count)) => self.sent += count,
                Ok(None) => return false,
                Err(_) => self.close(),
            }
        }
        self.bytes.clear();
        self.sent = 0;
        true
    }

    fn takes_more(&self) -> bool {
        self.socket.is_some() && !self.is_final
    }

    fn close(&mut self) {
        self.socket = None;
        self.bytes = Vec::new();
        self.sent = 0;
        self.released = Vec::new();
    }
}

impl Outbox {
    /// # Errors
    /// `System`.
    pub fn new(socket: Arc<Socket>) -> Result<Self, Error> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let bell = bell.map_err(|error| Error::system("create an eventfd", error))?;
        let queue = Queue {
            socket: Some(socket),
            bytes: Vec::new(),
            sent: 0,
            released: Vec::new(),
            held: 0,
            ended: 0,
            is_final: false,
            is_answer_due: false,
            is_closing: false,
        };
        Ok(Self { queue: Mutex::new(queue), bell })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lease has begun.
    pub fn hold(&self) {
        self.queue().held += 1;
    }

    /// A reader took the last message that has come for it. The next lease that ends goes out at once, by the thread that
    /// ends it, because that may be all that the producer waits for; to wake the courier takes longer.
    pub fn expect_answer(&self) {
        self.queue().is_answer_due = true;
    }

    /// A lease has ended. Called from any thread that drops a buffer, so it never blocks. Others than the first are left to
    /// the courier or to whoever sends next, so that many go out as one frame.
    pub fn release(&self, lease: u64) {
        let mut queue = self.queue();
        queue.held -= 1;
        queue.ended += 1;
        let is_first = queue.released.is_empty();
        if queue.takes_more() {
            queue.released.push(lease);
        }
        let is_answer_due = std::mem::take(&mut queue.is_answer_due) && !queue.is_closing;
        let is_sent = is_answer_due && queue.flush();
        drop(queue);
        if is_first && !is_sent {
            self.ring();
        }
    }

    /// From here on only leases end, until the connection does.
    pub fn begin_closing(&self) {
        self.queue().is_closing = true;
    }

    /// How many leases have ended so far.
    pub fn ended_leases(&self) -> u64 {
        self.queue().ended
    }

    /// Queues a frame behind all leases that have ended so far.
    pub fn enqueue(&self, frame: &Frame<'_>) {
        let mut queue = self.queue();
        if queue.takes_more() {
            queue.encode_releases();
            frame.encode(&mut queue.bytes);
        }
    }

    /// Bytes of frames that wait to be sent.
    pub fn queued_byte_length(&self) -> usize {
        let queue = self.queue();
        queue.bytes.len() - queue.sent
    }

    /// Queues a frame after which nothing is sent any more.
    pub fn enqueue_last(&self, frame: &Frame<'_>) {
        self.enqueue(frame);
        self.queue().is_final = true;
    }

    /// Sends what the socket takes now; whether nothing is left. When the peer has gone, what is left is dropped.
    pub fn flush(&self) -> bool {
        self.queue().flush()
    }

    /// Sends what the socket takes now and leaves the rest to the courier.
    pub fn send(&self) {
        if !self.flush() {
            self.ring();
        }
    }

    /// Sends all that is queued now, and waits for the socket to take it.
    ///
    /// # Errors
    /// `System`.
    pub fn drain(&self) -> Result<(), Error> {
        while !self.flush() {
            let socket = self.queue().socket.clone();
            if let Some(socket) = socket {
                socket.wait(PollFlags::OUT, None)?;
            }
        }
        Ok(())
    }

    /// Whether no lease is held and nothing waits to be sent.
    pub fn is_done(&self) -> bool {
        let queue = self.queue();
        queue.held == 0 && queue.released.is_empty() && queue.bytes.is_empty()
    }

    /// Lets go of the socket. Whatever ends from here on is nobody's business.
    pub fn close(&self) {
        self.queue().close();
    }

    /// Wakes the courier.
    pub fn ring(&self) {
        // It fails only when the counter is full, and then the courier is awake already.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// The courier is awake.
    pub fn answer(&self) {
        // It fails only when nobody has rung.
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
    }

    /// What the courier waits for.
    pub fn bell(&self) -> PollFd<'_> {
        PollFd::new(&self.bell, PollFlags::IN)
    }
}
