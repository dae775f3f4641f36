//! The Rust side of the handoff benchmark: over descriptor 3, echoes 32 bytes for ever, or reads the stream "bench".

use std::error::Error;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::time::{ClockId, clock_gettime};

fn main() -> Result<(), Box<dyn Error>> {
    // SAFETY: whoever starts this program leaves the socket open as descriptor 3, and nothing else here owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(3) };
    match std::env::args().nth(1).as_deref() {
        Some("echo") => echo(socket.into()),
        _ => read(socket),
    }
}

fn echo(mut socket: UnixStream) -> Result<(), Box<dyn Error>> {
    let mut bytes = [0; 32];
    while socket.read_exact(&mut bytes).is_ok() {
        socket.write_all(&bytes)?;
    }
    Ok(())
}

fn read(socket: OwnedFd) -> Result<(), Box<dyn Error>> {
    let mut readable_ns = Vec::new();
    for batch in arrowlab::inherited(socket)?.subscribe("bench")? {
        let batch = batch?;
        std::hint::black_box(batch.column(0).to_data().buffers()[0][0]);
        let now = clock_gettime(ClockId::Monotonic);
        readable_ns.push((now.tv_sec * 1_000_000_000 + now.tv_nsec).to_string());
    }
    println!("{}", serde_json::to_string(&readable_ns)?);
    Ok(())
}
