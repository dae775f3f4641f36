//! Endpoints that greet wrongly are refused with a number, on both sides.

mod producer;

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};

use arrowlab::wire::{Frame, HELLO_BYTES, Hello, decode_frame};
use arrowlab::{Error, Options};
use producer::{hello, memfd, pair, read_only, sealed, send_with_fds};
use rustix::fs::SealFlags;

const PAGE: u64 = 4096;

/// Greets as `greet` does; gives the error on this side and the number that the other side was told.
fn refusal(greet: impl FnOnce(&mut UnixStream)) -> (Error, Option<u32>) {
    let (mut ours, theirs) = pair();
    greet(&mut ours);
    let error = Options::new().inherited(theirs).unwrap_err();
    (error, told(&mut ours))
}

/// The number in the ERROR that follows the other side's HELLO, if it says one before it closes.
fn told(socket: &mut UnixStream) -> Option<u32> {
    let mut answer = Vec::new();
    // A connection that is closed before everything was read ends with a reset, after what was sent.
    let _ = socket.read_to_end(&mut answer);
    let (hello, mut frames) = answer.split_at(HELLO_BYTES);
    Hello::decode(hello.try_into().unwrap()).unwrap();
    loop {
        let length = u32::from_le_bytes(frames.get(..4)?.try_into().unwrap()) as usize;
        let (frame, rest) = frames.split_at(length);
        match decode_frame(frame).unwrap() {
            Frame::Ready { .. } => frames = rest,
            Frame::Error { stream: 0, number, message } => {
                assert!(message.contains("expected") && message.contains("found"), "{message}");
                assert!(rest.is_empty());
                return Some(number);
            }
            other => panic!("{other:?}"),
        }
    }
}

fn assert_refused(name: &str, greet: impl FnOnce(&mut UnixStream)) {
    let (error, told) = refusal(greet);
    assert_eq!(error.code(), format!("ERR_ARROWLAB_{name}"), "{error}");
    assert_eq!(told, Some(error.number()), "{name}");
}

fn with_region(socket: &UnixStream, fds: &[&OwnedFd]) {
    send_with_fds(socket, &hello(PAGE).encode(), fds);
}

#[test]
fn another_protocol_is_refused_at_its_first_wrong_byte() {
    assert_refused("NOT_ARROWLAB", |socket| socket.write_all(b"G").unwrap());
    assert_refused("NOT_ARROWLAB", |socket| socket.write_all(b"ARROWFLIGHT").unwrap());
    assert_refused("NOT_ARROWLAB", |socket| socket.shutdown(std::net::Shutdown::Write).unwrap());
}

#[test]
fn another_major_version_is_refused() {
    assert_refused("VERSION_UNSUPPORTED", |socket| {
        let mut bytes = hello(PAGE).encode();
        bytes[8] = 2;
        send_with_fds(socket, &bytes, &[&read_only(&sealed(PAGE))]);
    });
}

#[test]
fn half_a_hello_is_malformed_and_silence_times_out() {
    assert_refused("HELLO_MALFORMED", |socket| {
        socket.write_all(&hello(PAGE).encode()[..100]).unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
    });
    assert_refused("HELLO_TIMEOUT", |_| {});
    assert_refused("HELLO_TIMEOUT", |socket| socket.write_all(&hello(PAGE).encode()[..127]).unwrap());
}

#[test]
fn a_hello_needs_exactly_one_descriptor() {
    let region = read_only(&sealed(PAGE));
    assert_refused("REGION_MISSING", |socket| {
        with_region(socket, &[]);
        socket.shutdown(std::net::Shutdown::Write).unwrap();
    });
    assert_refused("REGION_MISSING", |socket| {
        with_region(socket, &[&region, &region]);
        socket.shutdown(std::net::Shutdown::Write).unwrap();
    });
    assert_refused("REGION_MISSING", |socket| {
        with_region(socket, &[&region; 8]);
        socket.shutdown(std::net::Shutdown::Write).unwrap();
    });
}

#[test]
fn a_peer_that_refuses_this_side_is_believed() {
    let (error, told) = refusal(|socket| {
        with_region(socket, &[]);
        let mut frame = Vec::new();
        Frame::Error { stream: 0, number: 10, message: "expected uid 1, found uid 2" }.encode(&mut frame);
        socket.write_all(&frame).unwrap();
    });
    assert!(matches!(error, Error::PeerRefused(_)), "{error}");
    assert_eq!(error.message(), "expected uid 1, found uid 2");
    assert_eq!(told, Some(10));
}

#[test]
fn only_a_sealed_read_only_memfd_of_the_announced_size_is_a_region() {
    let (reader, _writer) = std::io::pipe().unwrap();
    assert_refused("REGION_NOT_MEMFD", |socket| with_region(socket, &[&reader.into()]));
    let file: OwnedFd = std::fs::File::open(std::env::current_exe().unwrap()).unwrap().into();
    assert_refused("REGION_NOT_MEMFD", |socket| with_region(socket, &[&file]));
    assert_refused("REGION_WRITABLE", |socket| with_region(socket, &[&sealed(PAGE)]));
    for seals in [SealFlags::empty(), SealFlags::GROW, SealFlags::SHRINK] {
        let unsealed = read_only(&memfd(PAGE, seals));
        assert_refused("REGION_UNSEALED", |socket| with_region(socket, &[&unsealed]));
    }
    assert_refused("REGION_SIZE", |socket| with_region(socket, &[&read_only(&sealed(2 * PAGE))]));
    assert_refused("REGION_SIZE", |socket| {
        send_with_fds(socket, &hello(PAGE + 1).encode(), &[&read_only(&sealed(PAGE + 1))]);
    });
}

#[test]
fn the_first_frame_is_ready_or_error() {
    let region = read_only(&sealed(PAGE));
    assert_refused("STREAM_STATE", |socket| {
        with_region(socket, &[&region]);
        let mut frame = Vec::new();
        Frame::Closing.encode(&mut frame);
        socket.write_all(&frame).unwrap();
    });
    let (error, _) = refusal(|socket| {
        with_region(socket, &[&region]);
        socket.shutdown(std::net::Shutdown::Write).unwrap();
    });
    assert!(matches!(error, Error::ConnectFailed(_)), "{error}");
}

#[test]
fn a_peer_that_closed_before_it_listened_is_still_read() {
    let (error, _) = {
        let (ours, theirs) = pair();
        let mut frame = hello(PAGE).encode().to_vec();
        Frame::Error { stream: 0, number: 10, message: "expected another, found you" }.encode(&mut frame);
        (&ours).write_all(&frame).unwrap();
        drop(ours);
        (Options::new().inherited(theirs).unwrap_err(), ())
    };
    assert!(matches!(error, Error::PeerRefused(_)), "{error}");
}

#[test]
fn what_this_side_sends_is_a_region_as_the_specification_wants_it() {
    let (ours, theirs) = pair();
    let mut producer = producer::Producer::greeting(ours);
    let _peer = Options::new().name("test peer").inherited(theirs).unwrap();
    let (hello, region) = producer.receive_greeting();
    assert_eq!((hello.name.as_str(), hello.pid), ("test peer", std::process::id()));
    assert_eq!(hello.region_bytes, 4096, "what is never written need not be large");
    let stat = rustix::fs::fstat(&region).unwrap();
    assert_eq!((stat.st_size as u64, stat.st_blocks), (hello.region_bytes, 0));
    assert_eq!(stat.st_mode & 0o777, 0o400);
    let seals = rustix::fs::fcntl_get_seals(&region).unwrap();
    assert!(seals.contains(SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL));
    assert!((&std::fs::File::from(region)).write_all(b"x").is_err());
}

#[test]
fn what_is_not_a_socket_is_not_taken_over_and_a_missing_listener_is_named() {
    let file: OwnedFd = std::fs::File::open("/proc/self/maps").unwrap().into();
    assert!(matches!(Options::new().inherited(file), Err(Error::InvalidArgument(_))));
    let error = arrowlab::connect("/nonexistent/arrowlab.sock").unwrap_err();
    assert!(matches!(error, Error::ConnectFailed(_)) && error.message().contains("/nonexistent/arrowlab.sock"));
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_listening_endpoint_is_reached_by_its_path() {
    let directory = std::env::temp_dir().join(format!("arrowlab-test-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let accepting = std::thread::spawn(move || {
        let mut producer = producer::Producer::greeting(listener.accept().unwrap().0);
        producer.receive_greeting();
    });
    let peer = arrowlab::connect(&path).unwrap();
    assert_eq!(peer.identity(), ("test", std::process::id()));
    accepting.join().unwrap();
    std::fs::remove_dir_all(directory).unwrap();
}
