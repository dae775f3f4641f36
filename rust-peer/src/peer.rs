//! The way in: connect, subscribe.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use tracing::debug;

use crate::connection::Connection;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::frames::MAX_NAME_BYTES;
use crate::handshake;
use crate::messages::Messages;
use crate::socket::Socket;
use crate::subscription::{Subscription, copier};

const DEFAULT_CREDIT: u32 = 64;
const MAX_CREDIT: u32 = 65_535;

/// How to connect and to read. Those of a connection hold for its subscriptions, unless they are given their own.
#[derive(Debug, Clone)]
pub struct Options {
    name: String,
    allowed_uids: Vec<u32>,
    timeout: Option<Duration>,
    credit: u32,
    trust: bool,
}

impl Default for Options {
    fn default() -> Self {
        let name = std::env::args_os()
            .next()
            .and_then(|path| Some(Path::new(&path).file_name()?.to_string_lossy().into_owned()));
        Self {
            name: name.unwrap_or_default(),
            allowed_uids: Vec::new(),
            timeout: None,
            credit: DEFAULT_CREDIT,
            trust: false,
        }
    }
}

impl Options {
    /// Wait as long as it takes, 64 messages ahead, validate contents, this process's user only.
    pub fn new() -> Self {
        Self::default()
    }

    /// What this endpoint is called where people look at the peer; at most 80 bytes of it are sent.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Allows a peer of another user. It can read this side's whole region, and this side its.
    pub fn allow_uid(mut self, uid: u32) -> Self {
        self.allowed_uids.push(uid);
        self
    }

    /// How long each wait of a subscription may take: for the stream to be published, and for each batch.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// How many messages the producer may send ahead of the reader; 1 to 65,535.
    pub fn credit(self, messages: u32) -> Self {
        Self { credit: messages.clamp(1, MAX_CREDIT), ..self }
    }

    /// Skips the validation of contents: offsets, UTF-8, null counts, dictionary indices. Structure is always checked.
    ///
    /// # Safety
    /// The producer has to be trusted to send valid contents: reading others is undefined behaviour.
    pub unsafe fn trust(self) -> Self {
        Self { trust: true, ..self }
    }

    /// Connects to a listening endpoint.
    ///
    /// # Errors
    /// `ConnectFailed`; then those of the handshake, numbers 1 to 23; `AddressSpace`; `System`.
    pub fn connect(self, path: impl AsRef<Path>) -> Result<Peer, Error> {
        let socket = Socket::connect(path.as_ref())?;
        self.begin(socket)
    }

    /// Takes over a connected socket that the parent process has left open. It is closed with the connection.
    ///
    /// # Errors
    /// `InvalidArgument` when it is no AF_UNIX stream socket; then as [`connect`](Self::connect).
    pub fn inherited(self, fd: OwnedFd) -> Result<Peer, Error> {
        let socket = Socket::inherit(fd)?;
        self.begin(socket)
    }

    fn begin(self, socket: Socket) -> Result<Peer, Error> {
        let agreed = handshake::shake(&socket, &self.name, &self.allowed_uids)?;
        let hello = agreed.hello;
        debug!(peer = hello.name, pid = hello.pid, region_bytes = hello.region_bytes, "connected");
        let connection = Arc::new(Connection::begin(socket, agreed.map, agreed.received)?);
        Ok(Peer { connection, name: hello.name, pid: hello.pid, options: self })
    }

    fn decoder(&self) -> Decoder {
        let decoder = Decoder::new();
        // SAFETY: `trust` is only set by the unsafe function of that name, whose caller vouches for the producer.
        if self.trust { unsafe { decoder.with_trust() } } else { decoder }
    }
}

/// Connects to a listening endpoint with the default [`Options`].
///
/// # Errors
/// As [`Options::connect`].
pub fn connect(path: impl AsRef<Path>) -> Result<Peer, Error> {
    Options::new().connect(path)
}

/// Takes over a connected socket that the parent process has left open, with the default [`Options`].
///
/// # Errors
/// As [`Options::inherited`].
pub fn inherited(fd: OwnedFd) -> Result<Peer, Error> {
    Options::new().inherited(fd)
}

/// An endpoint that publishes streams. Can be shared by threads: each may read subscriptions of its own.
///
/// When it and all its subscriptions are dropped, the connection closes as soon as the last lease has ended; batches
/// stay valid for as long as they are kept.
///
/// # Processes that are started or forked
/// Every descriptor is close-on-exec, so a program that is started inherits nothing. A child of `fork` that starts none
/// shares the socket and the maps, but not the thread that releases leases. It may read the batches that its parent
/// held when it forked, for as long as the parent holds them; it may not use this handle nor a subscription, since two
/// processes that send on one socket break the protocol; and it should leave by `_exit`, dropping nothing: another
/// thread of the parent may have held a lock. As long as it lives it keeps the socket open, so the producer does not see
/// that the parent has gone. Connect in the child instead.
#[derive(Debug)]
pub struct Peer {
    connection: Arc<Connection>,
    name: String,
    pid: u32,
    options: Options,
}

impl Peer {
    /// Subscribes to a stream; waits until it is published and its schema is there.
    ///
    /// # Errors
    /// `InvalidArgument` when the name is not of 1 to 255 bytes, `TooManyStreams`, `Closed`; then as
    /// [`Subscription::next_batch`].
    pub fn subscribe(&self, name: &str) -> Result<Subscription, Error> {
        self.subscribe_with(name, &self.options)
    }

    /// As [`subscribe`](Self::subscribe), with this subscription's own timeout, credit and trust.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn subscribe_with(&self, name: &str, options: &Options) -> Result<Subscription, Error> {
        if !(1..=MAX_NAME_BYTES).contains(&name.len()) {
            let message = format!("expected a stream name of 1 to {MAX_NAME_BYTES} bytes, found {}", name.len());
            return Err(Error::InvalidArgument(message.into()));
        }
        let messages = Messages::subscribe(&self.connection, name, options.credit, options.timeout)?;
        Subscription::begin(messages, options.decoder())
    }

    /// Reads a whole stream, up to its end: in place as long as the producer has memory for more; once it waits for what
    /// is held here, copied out of its region.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn read_all(&self, name: &str) -> Result<Vec<RecordBatch>, Error> {
        self.subscribe(name)?.read_all()
    }

    /// The peer's name and pid, as it says itself.
    pub fn identity(&self) -> (&str, u32) {
        (&self.name, self.pid)
    }

    /// Whether the buffer lies in the peer's region, so that nothing of it was copied.
    pub fn maps(&self, buffer: &Buffer) -> bool {
        self.connection.map.contains(buffer)
    }

    /// The batch in memory of this process: what lies in the peer's region is copied, the rest is shared. The memory
    /// goes back to the peer when the batch itself is dropped.
    pub fn copy_out(&self, batch: &RecordBatch) -> RecordBatch {
        copier(&self.connection.map).batch(batch)
    }

    /// Waits until every release, and whatever else is queued, has been handed to the socket.
    ///
    /// # Errors
    /// `System`.
    pub fn flush(&self) -> Result<(), Error> {
        self.connection.outbox.drain()
    }
}
