//! A connected AF_UNIX stream socket, on which no call ever blocks but [`Socket::wait`] and [`Socket::receive_waiting`].

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, Shutdown, SocketType, recv, recvmsg, send, sendmsg, shutdown, sockopt,
};

use crate::error::{Error, Report};

/// What a read came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// That many bytes, at least one.
    Bytes(usize),
    /// Nothing is there yet.
    Nothing,
    /// Nothing will come any more.
    End,
}

/// Owns the descriptor: the socket is closed with the last reference to this.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// # Errors
    /// `ConnectFailed`.
    pub fn connect(path: &Path) -> Result<Self, Error> {
        let failed = |error: std::io::Error| {
            let message =
                format!("expected a listening socket at {}, found: {error}: is the producer running?", path.display());
            Error::ConnectFailed(Report::from(message).caused_by(error))
        };
        Ok(Self(UnixStream::connect(path).map_err(failed)?.into()))
    }

    /// Takes over a connected socket and keeps it from the processes that are started here.
    ///
    /// # Errors
    /// `InvalidArgument` when it is not an AF_UNIX stream socket.
    pub fn inherit(fd: OwnedFd) -> Result<Self, Error> {
        let kind = sockopt::socket_domain(&fd).and_then(|domain| Ok((domain, sockopt::socket_type(&fd)?)));
        if kind != Ok((AddressFamily::UNIX, SocketType::STREAM)) {
            let message = format!("expected a connected AF_UNIX stream socket, found {kind:?}");
            return Err(Error::InvalidArgument(message.into()));
        }
        fcntl_setfd(&fd, FdFlags::CLOEXEC).map_err(|error| Error::system("set close-on-exec on the socket", error))?;
        Ok(Self(fd))
    }

    /// The uid of the process that made the other end, by the kernel's word.
    ///
    /// # Errors
    /// `System`.
    pub fn peer_uid(&self) -> Result<u32, Error> {
        let credentials = sockopt::socket_peercred(&self.0);
        Ok(credentials.map_err(|error| Error::system("read SO_PEERCRED", error))?.uid.as_raw())
    }

    /// Sends what fits now; `None` when nothing does.
    pub fn send(&self, bytes: &[u8]) -> Result<Option<usize>, Errno> {
        would_block_is_none(retry(|| send(&self.0, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)))
    }

    /// Sends what fits now, with `fd` on its first byte; `None` when nothing does.
    pub fn send_with_fd(&self, bytes: &[u8], fd: BorrowedFd<'_>) -> Result<Option<usize>, Errno> {
        let fds = [fd];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&fds));
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        would_block_is_none(retry(|| sendmsg(&self.0, &[IoSlice::new(bytes)], &mut control, flags)))
    }

    /// Reads what is there, `buffer.len()` bytes at most. Descriptors that come along are closed by the kernel.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Received, Errno> {
        received(retry(|| recv(&self.0, &mut *buffer, RecvFlags::DONTWAIT).map(|(_, count)| count)))
    }

    /// Reads what is there, and sleeps until something is, in one call. `Nothing` where the socket was made so that no
    /// call on it blocks.
    pub fn receive_waiting(&self, buffer: &mut [u8]) -> Result<Received, Errno> {
        received(retry(|| recv(&self.0, &mut *buffer, RecvFlags::empty()).map(|(_, count)| count)))
    }

    /// Reads what is there and keeps the descriptors that came along. Of many, the first few are enough to refuse them.
    pub fn receive_with_fds(&self, buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<Received, Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let outcome = received(retry(|| {
            recvmsg(&self.0, &mut [IoSliceMut::new(buffer)], &mut control, flags).map(|message| message.bytes)
        }));
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        outcome
    }

    /// Sleeps until one of `events` is possible (or an error is) or `deadline` has passed; whether the first came.
    ///
    /// # Errors
    /// `System`.
    pub fn wait(&self, events: PollFlags, deadline: Option<Instant>) -> Result<bool, Error> {
        wait_for(&mut [PollFd::new(&self.0, events)], deadline)
    }

    /// Ends both directions: whoever waits on the socket wakes up.
    pub fn shutdown(&self) {
        // It fails only when the other side has already done the same.
        let _ = shutdown(&self.0, Shutdown::Both);
    }
}

#[cfg(test)]
impl From<UnixStream> for Socket {
    fn from(stream: UnixStream) -> Self {
        Self(stream.into())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Sleeps until one of `fds` has an event or `deadline` has passed; whether the first came.
///
/// # Errors
/// `System`.
pub fn wait_for(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> Result<bool, Error> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match poll(fds, left.map(timespec).as_ref()) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(Error::system("wait for the socket", error)),
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs().min(i64::MAX as u64) as i64, tv_nsec: duration.subsec_nanos().into() }
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            outcome => return outcome,
        }
    }
}

fn would_block_is_none(outcome: Result<usize, Errno>) -> Result<Option<usize>, Errno> {
    match outcome {
        Ok(count) => Ok(Some(count)),
        Err(Errno::AGAIN) => Ok(None),
        Err(error) => Err(error),
    }
}

fn received(outcome: Result<usize, Errno>) -> Result<Received, Errno> {
    match outcome {
        Ok(0) => Ok(Received::End),
        Ok(count) => Ok(Received::Bytes(count)),
        Err(Errno::AGAIN) => Ok(Received::Nothing),
        Err(error) => Err(error),
    }
}
