//! The first two seconds of a connection (section 3 of `PROTOCOL.md`).

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::process::getuid;
use tracing::debug;

use crate::error::Error;
use crate::frame_buffer::FrameBuffer;
use crate::frames::Frame;
use crate::hello::{HELLO_BYTES, Hello, MINOR, check_magic};
use crate::mapping::{Map, Region};
use crate::socket::{Received, Socket};

const TIME_LIMIT: Duration = Duration::from_secs(2);

/// What both sides agreed on.
#[derive(Debug)]
pub struct Agreed {
    /// What the peer said about itself.
    pub hello: Hello,
    /// The peer's region.
    pub map: Map,
    /// What came after the peer's READY, if anything did.
    pub received: FrameBuffer,
}

/// Exchanges HELLO and READY. This side's region need not outlive the call: the peer holds it by its descriptor.
///
/// # Errors
/// `PeerRefused` and numbers 1 to 9, of either side; `FrameLength`, `FrameType`, `FrameField`, `StreamState`; `System`.
/// The peer has been told of what was found here, as far as it listens.
pub fn shake(socket: &Socket, name: &str, allowed_uids: &[u32]) -> Result<Agreed, Error> {
    let deadline = Instant::now() + TIME_LIMIT;
    let region = Region::create()?;
    let hello = Hello {
        minor: MINOR,
        features: 0,
        region_bytes: region.byte_length(),
        pid: std::process::id(),
        name: name.to_owned(),
    };
    if let Err(refusal) = check_uid(socket, allowed_uids) {
        send_all(socket, &hello.encode(), deadline)?;
        return Err(tell(socket, refusal, deadline));
    }
    send_hello(socket, &hello, &region, deadline)?;
    let mut agreed = receive_hello(socket, deadline).map_err(|refusal| tell(socket, refusal, deadline))?;
    let mut ready = Vec::new();
    // The lower of the two minor versions: there is none below this one.
    Frame::Ready { minor: MINOR, features: 0 }.encode(&mut ready);
    send_all(socket, &ready, deadline)?;
    // The peer's READY comes from behind its own checks, which take their time.
    let deadline = Instant::now() + TIME_LIMIT;
    match first_answer(socket, &mut agreed.received, deadline) {
        Ok(()) => Ok(agreed),
        Err(Answer::Refused(theirs)) => Err(theirs),
        Err(Answer::Wrong(ours)) => Err(tell(socket, ours, deadline)),
    }
}

fn check_uid(socket: &Socket, allowed_uids: &[u32]) -> Result<(), Error> {
    let (uid, own) = (socket.peer_uid()?, getuid().as_raw());
    if uid == own || allowed_uids.contains(&uid) {
        return Ok(());
    }
    let message =
        format!("expected a peer of uid {own}, found uid {uid}: allow it by name if it may read everything here");
    Err(Error::PeerRefused(message.into()))
}

fn receive_hello(socket: &Socket, deadline: Instant) -> Result<Agreed, Error> {
    let (mut bytes, mut length, mut fds) = ([0; HELLO_BYTES], 0, Vec::new());
    while length < HELLO_BYTES {
        match receive(socket, |socket| socket.receive_with_fds(&mut bytes[length..], &mut fds), deadline)? {
            Some(Received::Bytes(count)) => length += count,
            Some(_) if length == 0 => {
                return Err(Error::NotArrowlab("expected a HELLO, found a connection that was closed at once".into()));
            }
            Some(_) => {
                let message = format!("expected {HELLO_BYTES} bytes of HELLO, found the end after {length}");
                return Err(Error::HelloMalformed(message.into()));
            }
            None => {
                let message = format!("expected {HELLO_BYTES} bytes of HELLO within {TIME_LIMIT:?}, found {length}");
                return Err(Error::HelloTimeout(message.into()));
            }
        }
        check_magic(&bytes[..length])?;
    }
    let hello = Hello::decode(&bytes)?;
    let mut received = FrameBuffer::default();
    match <[OwnedFd; 1]>::try_from(fds) {
        Ok([fd]) => Ok(Agreed { map: Map::of_region(&fd, hello.region_bytes)?, hello, received }),
        Err(fds) => {
            let message = format!("expected exactly one descriptor with the HELLO, found {}", fds.len());
            // A peer that refuses this side sends no region, but says why.
            match first_answer(socket, &mut received, deadline) {
                Err(Answer::Refused(theirs)) if fds.is_empty() => Err(theirs),
                _ => Err(Error::RegionMissing(message.into())),
            }
        }
    }
}

/// Why the first frame is not READY.
enum Answer {
    /// The peer says what is wrong.
    Refused(Error),
    /// The peer itself is wrong.
    Wrong(Error),
}

fn first_answer(socket: &Socket, received: &mut FrameBuffer, deadline: Instant) -> Result<(), Answer> {
    loop {
        match received.next_frame().map_err(Answer::Wrong)? {
            Some(Frame::Ready { .. }) => return Ok(()),
            Some(Frame::Error { number, message, .. }) => {
                return Err(Answer::Refused(Error::from_wire(number, message)));
            }
            Some(other) => {
                let message = format!("expected READY or ERROR as the first frame, found {}", other.name());
                return Err(Answer::Wrong(Error::StreamState(message.into())));
            }
            None => {}
        }
        match receive(socket, |socket| socket.receive(received.spare()), deadline).map_err(Answer::Wrong)? {
            Some(Received::Bytes(count)) => received.filled(count),
            Some(_) => {
                let message = "expected READY or ERROR after the HELLO, found the end of the connection";
                return Err(Answer::Wrong(Error::ConnectFailed(message.into())));
            }
            None => {
                let message = format!("expected READY or ERROR within {TIME_LIMIT:?}, found nothing");
                return Err(Answer::Wrong(Error::HelloTimeout(message.into())));
            }
        }
    }
}

/// One read that waits; `None` once the deadline has passed. A reset connection reads as an ended one.
fn receive(
    socket: &Socket,
    mut read: impl FnMut(&Socket) -> Result<Received, Errno>,
    deadline: Instant,
) -> Result<Option<Received>, Error> {
    while socket.wait(PollFlags::IN, Some(deadline))? {
        match read(socket) {
            Ok(Received::Nothing) => {}
            Ok(received) => return Ok(Some(received)),
            Err(Errno::CONNRESET) => return Ok(Some(Received::End)),
            Err(error) => return Err(Error::system("read from the socket", error)),
        }
    }
    Ok(None)
}

/// The first byte carries the region; the rest follows as it fits.
fn send_hello(socket: &Socket, hello: &Hello, region: &Region, deadline: Instant) -> Result<(), Error> {
    let bytes = hello.encode();
    loop {
        match socket.send_with_fd(&bytes, region.read_only()) {
            Ok(Some(count)) => return send_all(socket, &bytes[count..], deadline),
            Ok(None) if socket.wait(PollFlags::OUT, Some(deadline))? => {}
            // Whoever does not read, or has gone, may still have said why: what is to be read decides.
            Ok(None) | Err(Errno::PIPE | Errno::CONNRESET) => return Ok(()),
            Err(error) => return Err(Error::system("send this side's HELLO", error)),
        }
    }
}

fn send_all(socket: &Socket, mut bytes: &[u8], deadline: Instant) -> Result<(), Error> {
    while !bytes.is_empty() {
        match socket.send(bytes) {
            Ok(Some(count)) => bytes = &bytes[count..],
            Ok(None) if socket.wait(PollFlags::OUT, Some(deadline))? => {}
            Ok(None) | Err(Errno::PIPE | Errno::CONNRESET) => return Ok(()),
            Err(error) => return Err(Error::system("send to the socket", error)),
        }
    }
    Ok(())
}

/// Tells the peer why this side refuses, when the reason is the peer's; gives the reason back.
fn tell(socket: &Socket, refusal: Error, deadline: Instant) -> Error {
    debug!(%refusal, "the peer is refused");
    if refusal.is_violation() {
        let mut frame = Vec::new();
        Frame::report(0, &refusal).encode(&mut frame);
        // The refusal is the news; that it could not be delivered adds nothing.
        let _ = send_all(socket, &frame, deadline);
    }
    refusal
}
