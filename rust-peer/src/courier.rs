//! The thread behind a connection. It sends what others could not, reads where nobody waits but CANCELLED has to come,
//! and closes the connection when the last lease has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::connection::Link;
use crate::error::Error;
use crate::socket::{Socket, wait_for};

/// How long a peer that is told why the connection ends has to read it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Starts the thread. It ends with the connection, and closes the socket.
///
/// # Errors
/// `System`.
pub fn start(link: Arc<Link>, socket: Arc<Socket>) -> Result<(), Error> {
    let spawned = std::thread::Builder::new().name("arrowlab".into()).spawn(move || {
        if let Err(error) = serve(&link, &socket) {
            link.lock().ledger.fail(error);
        }
        let deadline = Some(Instant::now() + FAREWELL);
        while !link.outbox.flush() && socket.wait(PollFlags::OUT, deadline).unwrap_or(false) {}
        link.outbox.close();
        socket.shutdown();
    });
    spawned.map(drop).map_err(|error| Error::system("start the connection's thread", error))
}

fn serve(link: &Link, socket: &Socket) -> Result<(), Error> {
    loop {
        link.outbox.answer();
        let (reads, is_over) = {
            let mut state = link.lock();
            if state.is_abandoned {
                state.ledger.close();
            }
            (state.needs_courier() && state.is_readable(), state.ledger.failure().is_some())
        };
        let is_sent = link.outbox.flush();
        if is_over || link.lock().ledger.is_closed() {
            return Ok(());
        }
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, reads);
        events.set(PollFlags::OUT, !is_sent);
        let mut fds = [link.outbox.bell(), PollFd::new(socket, events)];
        // A closed socket is always ready, so it is left out where there is nothing to do with it.
        let watched = if events.is_empty() { 1 } else { 2 };
        wait_for(&mut fds[..watched], None)?;
        if reads && !fds[1].revents().is_empty() {
            link.read_now();
        }
    }
}
