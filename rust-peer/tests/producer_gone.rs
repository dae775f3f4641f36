//! Only END ends a stream: a producer that goes without it is never mistaken for a short stream.

mod columns;
mod producer;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use arrowlab::wire::Frame;
use arrowlab::{Error, Options};
use columns::{numbers, schema};
use producer::{Producer, messages};

fn two_batches() -> Vec<Vec<u8>> {
    messages(&schema(&numbers(0, 1)), &[numbers(0, 5000), numbers(5000, 5000)])
}

/// Sends the schema and two batches, then goes as `go` does; gives what the reader got, and its error.
fn cut_short(go: impl FnOnce(&mut Producer)) -> (Vec<arrow_array::RecordBatch>, Error) {
    let (mut producer, peer) = Producer::connected(Options::new());
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut subscription = peer.subscribe("s").unwrap();
            let mut batches = Vec::new();
            loop {
                match subscription.next_batch() {
                    Ok(Some(batch)) => batches.push(batch),
                    Ok(None) => panic!("a short stream"),
                    Err(error) => break (batches, error),
                }
            }
        });
        let (stream, ..) = producer.subscribed();
        producer.open(stream);
        two_batches().iter().for_each(|message| {
            producer.describe(stream, message);
        });
        go(&mut producer);
        reader.join().unwrap()
    })
}

#[test]
fn an_end_of_the_socket_is_no_end_of_the_stream() {
    for go in [
        (|producer| producer.socket.shutdown(std::net::Shutdown::Both).unwrap()) as fn(&mut Producer),
        |producer| {
            producer.socket.write_all(&[48, 0, 0, 0, 0x21]).unwrap();
            producer.socket.shutdown(std::net::Shutdown::Both).unwrap();
        },
        |producer| producer.send(&Frame::Closing),
    ] {
        let (batches, error) = cut_short(go);
        assert_eq!(batches, [numbers(0, 5000), numbers(5000, 5000)], "what came before stays readable");
        assert!(matches!(error, Error::ProducerGone(_)), "{error}");
    }
}

#[test]
fn a_stream_that_was_never_opened_is_gone_too() {
    let (producer, peer) = Producer::connected(Options::new());
    drop(producer);
    assert!(matches!(peer.subscribe("s"), Err(Error::ProducerGone(_))));
    assert!(matches!(peer.subscribe("t"), Err(Error::ProducerGone(_))));
}

#[test]
fn after_closing_nothing_new_begins_but_leases_still_go_back() {
    let (mut producer, peer) = Producer::connected(Options::new());
    let sent = two_batches();
    let batches = std::thread::scope(|scope| {
        let reader = scope.spawn(|| peer.read_all("s").unwrap());
        producer.serve(&sent);
        reader.join().unwrap()
    });
    producer.send(&Frame::Closing);
    assert!(matches!(peer.subscribe("t"), Err(Error::ProducerGone(_) | Error::Closed(_))));
    drop(batches);
    let mut released = producer.released_in_all(1);
    while released.len() < 3 {
        match producer.receive() {
            Some(frame) if frame[4] == 0x12 => {
                released.extend(frame[8..].chunks_exact(8).map(|id| u64::from_le_bytes(id.try_into().unwrap())));
            }
            Some(_) => {}
            None => panic!("the connection ended before its leases"),
        }
    }
    released.sort_unstable();
    assert_eq!(released, [1, 2, 3]);
}

/// The same program is started again as the producer, and killed.
#[test]
fn a_killed_producer_leaves_what_was_read_and_no_clean_end() {
    const SOCKET: &str = "ARROWLAB_TEST_PRODUCER_SOCKET";
    if let Some(path) = std::env::var_os(SOCKET) {
        let listener = UnixListener::bind(path).unwrap();
        println!("\nlistening");
        let mut producer = Producer::greeting(listener.accept().unwrap().0);
        producer.receive_greeting();
        let (stream, ..) = producer.subscribed();
        producer.open(stream);
        two_batches().iter().for_each(|message| {
            producer.describe(stream, message);
        });
        loop {
            std::thread::park();
        }
    }
    let directory = std::env::temp_dir().join(format!("arrowlab-gone-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("socket");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_producer_leaves_what_was_read_and_no_clean_end", "--nocapture"])
        .env(SOCKET, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "listening"));

    let peer = arrowlab::connect(&path).unwrap();
    let mut subscription = peer.subscribe("s").unwrap();
    let held = [subscription.next_batch().unwrap().unwrap(), subscription.next_batch().unwrap().unwrap()];
    child.kill().unwrap();
    child.wait().unwrap();
    let error = subscription.next_batch().unwrap_err();
    assert!(matches!(error, Error::ProducerGone(_)), "{error}");
    drop((subscription, peer));
    assert_eq!(held, [numbers(0, 5000), numbers(5000, 5000)]);
    std::fs::remove_dir_all(directory).unwrap();
}
