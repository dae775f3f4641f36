//! The transfer peer as a real process (section 10 of the protocol).

mod columns;
mod producer;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrowlab::Checksum;
use columns::{every_layout, numbers, schema};
use producer::{Producer, aligned, messages, pair};
use rustix::io::{FdFlags, fcntl_setfd};
use serde_json::{Value, json};

struct PeerProcess {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl PeerProcess {
    /// Starts the peer on an inherited socket.
    fn start(socket: OwnedFd, flags: &[&str]) -> Self {
        fcntl_setfd(socket.as_fd(), FdFlags::empty()).unwrap();
        let number = socket.as_raw_fd().to_string();
        Self::spawn(&[&["--fd", &number, "--stream", "s"], flags].concat())
    }

    fn spawn(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_arrowlab-peer"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    fn say(&mut self, word: &str) {
        writeln!(self.input.as_mut().unwrap(), "{word}").unwrap();
    }

    fn event(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Says nothing any more, and waits for the end.
    fn exit_code(mut self) -> Option<i32> {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        self.child.wait().unwrap().code()
    }
}

fn checksums(batches: &[RecordBatch]) -> Value {
    let columns = (0..batches[0].num_columns()).map(|index| {
        let mut checksum = Checksum::new();
        batches.iter().for_each(|batch| checksum.update(batch.column(index)));
        (index.to_string(), Value::from(checksum.to_hex()))
    });
    Value::Object(columns.collect())
}

fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("arrowlab-{name}-{}", std::process::id()))
}

#[test]
fn shared_mode_holds_everything_in_the_map_until_it_is_told_to_release() {
    let sent = [every_layout(), every_layout()];
    let output = temporary("output");
    let (ours, theirs) = pair();
    let flags = ["--validate", "full", "--output", output.to_str().unwrap()];
    let mut peer = PeerProcess::start(theirs, &flags);
    let mut producer = Producer::greeting(ours);
    producer.receive_greeting();
    assert_eq!(peer.event(), json!({ "event": "ready", "language": "rust", "pid": peer.child.id() }));
    peer.say("go");
    let all = messages(&schema(&sent[0]), &sent);
    producer.serve(&all);
    let held = peer.event();
    assert_eq!(held["event"], "held");
    assert_eq!((&held["batches"], &held["rows"]), (&json!(2), &json!(10)));
    assert!(held["buffers"].as_u64().unwrap() > 60);
    assert_eq!(held["buffersInMap"], held["buffers"]);
    assert_eq!((&held["inlineBytes"], &held["outsideBytes"]), (&json!(0), &json!(0)));
    assert_eq!(held["schema"][2], json!({ "name": "int32", "type": "Int32", "nullable": true }));
    assert_eq!(held["readableNs"].as_array().unwrap().len(), 2);
    assert_eq!(held["checksums"], checksums(&sent));
    let written: Vec<RecordBatch> =
        StreamReader::try_new(std::fs::File::open(&output).unwrap(), None).unwrap().map(Result::unwrap).collect();
    assert_eq!(written, sent);
    std::fs::remove_file(output).unwrap();

    peer.say("release");
    assert_eq!(peer.event(), json!({ "event": "released" }));
    let mut released = producer.released_in_all(all.len());
    released.sort_unstable();
    assert_eq!(released, (1..=all.len() as u64).collect::<Vec<_>>());
    peer.say("exit");
    assert_eq!(peer.exit_code(), Some(0));
}

#[test]
fn inline_bytes_and_copies_are_reported() {
    let sent = numbers(0, 1000);
    let (ours, theirs) = pair();
    let mut peer = PeerProcess::start(theirs, &["--copy"]);
    let mut producer = Producer::greeting(ours);
    producer.receive_greeting();
    peer.event();
    peer.say("go");
    let all = messages(&schema(&sent), std::slice::from_ref(&sent));
    let (stream, ..) = producer.subscribed();
    producer.open(stream);
    all.iter().for_each(|message| producer.inline(stream, message));
    producer.end(stream);
    let held = peer.event();
    assert_eq!((&held["buffers"], &held["buffersInMap"], &held["outsideBytes"]), (&json!(1), &json!(0), &json!(0)));
    assert_eq!(held["inlineBytes"], all.iter().skip(1).map(Vec::len).sum::<usize>(), "all but the schema");
    assert_eq!(peer.exit_code(), Some(0), "the end of standard input is enough");
}

#[test]
fn a_peer_that_copies_shows_it_in_its_anonymous_memory() {
    let sent = numbers(0, 4 << 20);
    let byte_length = 32 << 20;
    let grown = [false, true].map(|copies| {
        let (ours, theirs) = pair();
        let mut peer = PeerProcess::start(theirs, if copies { &["--copy"] } else { &[] });
        let mut producer = Producer::greeting(ours);
        producer.receive_greeting();
        peer.event();
        peer.say("go");
        producer.serve(&messages(&schema(&sent), std::slice::from_ref(&sent)));
        peer.event()["anonBytes"].as_i64().unwrap()
    });
    assert!(grown[0] < byte_length / 8 && grown[1] > byte_length * 7 / 8, "{grown:?}");
}

#[test]
fn copied_mode_reads_a_plain_ipc_stream() {
    let sent = [every_layout(), every_layout()];
    let (mut ours, theirs) = pair();
    let mut peer = PeerProcess::start(theirs, &["--mode", "copied", "--validate", "full"]);
    peer.event();
    peer.say("go");
    let mut writer =
        arrow_ipc::writer::StreamWriter::try_new_with_options(&mut ours, &schema(&sent[0]), aligned()).unwrap();
    sent.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.finish().unwrap();
    drop(writer);
    let held = peer.event();
    assert_eq!(held["checksums"], checksums(&sent));
    assert_eq!((&held["rows"], &held["buffersInMap"]), (&json!(10), &json!(0)));
    assert!(held["outsideBytes"].as_u64().unwrap() > 0);
    peer.say("release");
    assert_eq!(peer.event()["event"], "released");
    assert_eq!(peer.exit_code(), Some(0));
}

#[test]
fn what_goes_wrong_is_an_event_and_exit_code_1() {
    let error = |mut peer: PeerProcess, code: &str| {
        let event = peer.event();
        assert_eq!(
            (&event["event"], &event["code"]),
            (&json!("error"), &json!(format!("ERR_ARROWLAB_{code}"))),
            "{event}"
        );
        assert_eq!(peer.exit_code(), Some(1));
    };
    error(PeerProcess::spawn(&["--socket", "/nonexistent", "--stream", "s"]), "CONNECT_FAILED");
    error(PeerProcess::spawn(&["--fd", "77", "--stream", "s"]), "INVALID_ARGUMENT");
    error(PeerProcess::spawn(&["--mode", "magic"]), "INVALID_ARGUMENT");
    error(PeerProcess::spawn(&["--socket", "/nonexistent"]), "INVALID_ARGUMENT");

    let (ours, theirs) = pair();
    let mut peer = PeerProcess::start(theirs, &[]);
    let mut producer = Producer::greeting(ours);
    producer.receive_greeting();
    peer.event();
    peer.say("go");
    let (stream, ..) = producer.subscribed();
    producer.open(stream);
    drop(producer);
    error(peer, "PRODUCER_GONE");

    let (mut ours, theirs) = pair();
    let mut peer = PeerProcess::start(theirs, &["--mode", "copied"]);
    peer.event();
    peer.say("go");
    ours.write_all(&messages(&schema(&numbers(0, 1)), &[])[0]).unwrap();
    drop(ours);
    error(peer, "PRODUCER_GONE");
}
