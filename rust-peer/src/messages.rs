//! A stream as raw IPC messages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::error::Error;
use crate::frames::Frame;
use crate::mapping::Map;
use crate::stream::{Message, Next};

/// The IPC messages of one stream, in order, the schema first: what a [`Subscription`](crate::Subscription) decodes.
/// Dropped before its end, it cancels the stream; what is still under way is given back unread.
#[derive(Debug)]
pub struct Messages {
    connection: Arc<Connection>,
    stream: u32,
    timeout: Option<Duration>,
    has_schema: bool,
    inline_bytes: u64,
}

/// What the reader of a stream gets.
#[derive(Debug)]
pub enum Taken {
    /// The next message.
    Message(Message),
    /// There is none yet, as the producer waits for memory.
    Waiting,
    /// There is none any more.
    End,
}

impl Messages {
    /// Queues SUBSCRIBE; does not wait.
    ///
    /// # Errors
    /// `TooManyStreams`, `Closed`, or what ended the connection.
    pub fn subscribe(
        connection: &Arc<Connection>,
        name: &str,
        window: u32,
        timeout: Option<Duration>,
    ) -> Result<Self, Error> {
        let stream = connection.lock().ledger.subscribe(name, window)?;
        Ok(Self { connection: Arc::clone(connection), stream, timeout, has_schema: false, inline_bytes: 0 })
    }

    /// Waits for the next message; `End` after END. The bytes have not been checked. Whoever heeds it is told
    /// when the producer waits for memory that this connection holds.
    ///
    /// # Errors
    /// `LeasesExhausted` when the reader holds what it waits for, `ProducerGone` when the stream's end never came, the producer's own error when it failed the stream, the
    /// violation that ended the connection, or `Timeout`, after which one may go on waiting.
    pub fn next(&mut self, heeds_waiting: bool) -> Result<Taken, Error> {
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        let next = self.connection.wait(self.stream, deadline, heeds_waiting)?;
        match next {
            Next::Message(message, granted, is_last) => {
                if is_last && !message.is_inline {
                    self.connection.outbox.expect_answer();
                }
                if granted > 0 {
                    self.connection.outbox.enqueue(&Frame::Credit { stream: self.stream, messages: granted });
                    self.connection.outbox.send();
                }
                if message.is_inline && self.has_schema {
                    self.inline_bytes += message.bytes.len() as u64;
                }
                self.has_schema = true;
                Ok(Taken::Message(message))
            }
            Next::Waiting => Ok(Taken::Waiting),
            Next::Closed(outcome) => outcome.map(|()| Taken::End),
        }
    }

    /// Bytes of the dictionaries and batches taken so far that came on the socket.
    pub fn inline_bytes(&self) -> u64 {
        self.inline_bytes
    }

    /// The producer's region.
    pub fn map(&self) -> &Map {
        &self.connection.map
    }

    /// The producer's message is no Arrow: it is told, and the connection ends.
    pub fn refuse(&self, error: Error) {
        self.connection.refuse(error);
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.connection.lock().ledger.unsubscribe(self.stream);
        self.connection.outbox.ring();
    }
}
