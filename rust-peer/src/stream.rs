//! One stream as its consumer sees it (section 5 of `PROTOCOL.md`).

use std::collections::VecDeque;
use std::time::Instant;

use arrow_buffer::Buffer;

use crate::error::Error;
use crate::waiting::Waiting;

/// One encapsulated IPC message of a stream.
#[derive(Debug)]
pub struct Message {
    /// Marker, metadata length, metadata, body. A leased one lies in the peer's region and is given back when the
    /// buffer and all its slices are dropped.
    pub bytes: Buffer,
    /// Whether it came on the socket, and so lies in memory of this process.
    pub is_inline: bool,
}

/// From SUBSCRIBE until the stream is closed and, if it was cancelled, CANCELLED has come.
#[derive(Debug)]
pub struct Stream {
    phase: Phase,
    is_cancelled: bool,
    /// Why this side gave the stream up, where its reader did not.
    failure: Option<Error>,
    has_reader: bool,
    /// Whether the reader sleeps until something comes.
    is_awaited: bool,
    waiting: Waiting,
    messages: VecDeque<Message>,
    /// Messages that came.
    sequence: u64,
    /// Messages that may still come.
    credit: u32,
    /// Messages that were taken since credit was last granted.
    taken: u32,
    window: u32,
}

#[derive(Debug)]
enum Phase {
    Requested,
    Open,
    Closed(Result<(), Error>),
}

/// What the reader of a stream finds.
#[derive(Debug)]
pub enum Next {
    /// A message; how much credit has to be granted now, which may be 0; and whether it is the last that has come.
    Message(Message, u32, bool),
    /// Everything has been taken, and WAITING came: only for those who heed it.
    Waiting,
    /// Everything has been taken, and this is how the stream ended.
    Closed(Result<(), Error>),
}

impl Stream {
    /// A stream whose SUBSCRIBE grants `window` messages.
    pub fn requested(window: u32) -> Self {
        Self {
            phase: Phase::Requested,
            is_cancelled: false,
            failure: None,
            has_reader: true,
            is_awaited: false,
            waiting: Waiting::default(),
            messages: VecDeque::new(),
            sequence: 0,
            credit: window,
            taken: 0,
            window,
        }
    }

    /// OPEN came.
    pub fn open(&mut self) -> Result<(), Error> {
        match self.phase {
            Phase::Requested => {
                self.phase = Phase::Open;
                Ok(())
            }
            _ => Err(state("OPEN once, before any message", "OPEN", &self.phase)),
        }
    }

    /// DESCRIPTOR or INLINE came, but its bytes are not looked at yet.
    pub fn admit(&mut self, sequence: u64) -> Result<(), Error> {
        if !matches!(self.phase, Phase::Open) {
            return Err(state("messages between OPEN and END", "a message", &self.phase));
        }
        self.check_sequence(sequence)?;
        let Some(credit) = self.credit.checked_sub(1) else {
            let message = format!("expected no message beyond the credit granted, found number {sequence}");
            return Err(Error::CreditExceeded(message.into()));
        };
        self.credit = credit;
        self.sequence += 1;
        self.waiting.is_over();
        Ok(())
    }

    /// The admitted message; it is dropped at once when the stream has been cancelled.
    pub fn push(&mut self, message: Message) {
        if !self.is_cancelled {
            self.messages.push_back(message);
        }
    }

    /// END came.
    pub fn end(&mut self, sequence: u64) -> Result<(), Error> {
        if !matches!(self.phase, Phase::Open) {
            return Err(state("END once, after OPEN", "END", &self.phase));
        }
        self.check_sequence(sequence)?;
        self.phase = Phase::Closed(Ok(()));
        Ok(())
    }

    /// ERROR came for this stream.
    pub fn fail(&mut self, error: Error) -> Result<(), Error> {
        if matches!(self.phase, Phase::Closed(_)) {
            return Err(state("nothing after END or ERROR", "ERROR", &self.phase));
        }
        self.phase = Phase::Closed(Err(error));
        Ok(())
    }

    /// WAITING came. Whether the reader is asleep and would sleep for ever: it holds the leases that are waited for, and
    /// in the time there was no lease of the connection has ended.
    pub fn wait(&mut self, held: u64, ended_leases: u64) -> Result<bool, Error> {
        if !matches!(self.phase, Phase::Open) {
            return Err(state("WAITING between OPEN and END", "WAITING", &self.phase));
        }
        let is_in_vain = self.waiting.came(held, Instant::now(), ended_leases);
        Ok(is_in_vain && self.is_awaited && self.messages.is_empty() && !self.is_cancelled)
    }

    /// Fails the stream on this side only, so that it has to be cancelled.
    pub fn give_up(&mut self, failure: Error) {
        self.failure = Some(failure);
        self.is_cancelled = true;
    }

    /// The connection ends, so that nothing more can come. What came before is still there.
    pub fn cut_off(&mut self, reason: &Error) {
        if !matches!(self.phase, Phase::Closed(_)) {
            self.phase = Phase::Closed(Err(reason.clone()));
        }
    }

    /// The reader is gone; what has come is dropped. Whether the producer has to be told.
    pub fn abandon(&mut self) -> bool {
        self.has_reader = false;
        self.messages.clear();
        let is_news = !self.is_cancelled && !matches!(self.phase, Phase::Closed(_));
        self.is_cancelled |= is_news;
        is_news
    }

    /// CANCELLED came, or never will.
    pub fn cancelled(&mut self) {
        self.is_cancelled = false;
        self.phase = Phase::Closed(Ok(()));
    }

    /// Whether nobody asks for the stream any more, on neither side.
    pub fn is_over(&self) -> bool {
        !self.has_reader && !self.is_cancelled
    }

    /// Whether CANCELLED is still to come.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    /// What has come for the reader; `None` when it has to sleep.
    pub fn next(&mut self, heeds_waiting: bool) -> Option<Next> {
        let next = self.take(heeds_waiting);
        self.is_awaited = next.is_none();
        next
    }

    /// The reader wakes up with nothing.
    pub fn wake(&mut self) {
        self.is_awaited = false;
    }

    fn take(&mut self, heeds_waiting: bool) -> Option<Next> {
        if let Some(message) = self.messages.pop_front() {
            self.taken += 1;
            let is_due = self.taken >= self.window.div_ceil(2) && !matches!(self.phase, Phase::Closed(_));
            let granted = if is_due { std::mem::take(&mut self.taken) } else { 0 };
            self.credit += granted;
            return Some(Next::Message(message, granted, self.messages.is_empty()));
        }
        if let Some(failure) = &self.failure {
            return Some(Next::Closed(Err(failure.clone())));
        }
        match &self.phase {
            Phase::Closed(outcome) => Some(Next::Closed(outcome.clone())),
            _ => (heeds_waiting && self.waiting.take_news()).then_some(Next::Waiting),
        }
    }

    fn check_sequence(&self, found: u64) -> Result<(), Error> {
        if found == self.sequence {
            return Ok(());
        }
        Err(Error::Sequence(format!("expected sequence {}, found {found}", self.sequence).into()))
    }
}

fn state(expected: &str, found: &str, phase: &Phase) -> Error {
    let phase = match phase {
        Phase::Requested => "before OPEN",
        Phase::Open => "after OPEN",
        Phase::Closed(_) => "after the stream was closed",
    };
    Error::StreamState(format!("expected {expected}, found {found} {phase}").into())
}
