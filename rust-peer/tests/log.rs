//! What the transfer peer says on standard error: nothing, unless the environment asks.

mod columns;
mod producer;

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, Stdio};

use columns::{numbers, schema};
use producer::{Producer, messages, pair};
use rustix::io::{FdFlags, fcntl_setfd};

/// Standard output and standard error of a peer that reads one batch.
fn said(variables: &[(&str, &str)]) -> (String, String) {
    let (ours, theirs) = pair();
    fcntl_setfd(theirs.as_fd(), FdFlags::empty()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_arrowlab-peer"))
        .args(["--fd", &theirs.as_raw_fd().to_string(), "--stream", "s"])
        .env_remove("ARROWLAB_LOG")
        .env_remove("RUST_LOG")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(theirs);
    child.stdin.take().unwrap().write_all(b"go\nrelease\nexit\n").unwrap();
    let mut producer = Producer::greeting(ours);
    producer.receive_greeting();
    let sent = numbers(0, 1000);
    producer.serve(&messages(&schema(&sent), std::slice::from_ref(&sent)));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn nothing_is_said_unless_it_is_asked_for() {
    let (events, lines) = said(&[]);
    assert_eq!(events.lines().count(), 3, "ready, held, released");
    assert_eq!(lines, "");
}

#[test]
fn either_variable_turns_it_on_and_the_events_stay_as_they_are() {
    let (events, lines) = said(&[("ARROWLAB_LOG", "arrowlab=trace"), ("RUST_LOG", "off")]);
    assert!(events.lines().all(|line| line.starts_with("{\"")), "{events}");
    for part in ["connected", "SUBSCRIBE", "leased", "offset=4096", "RELEASE"] {
        assert!(lines.contains(part), "{part} is missing in {lines}");
    }
    let (_, lines) = said(&[("RUST_LOG", "debug")]);
    assert!(lines.contains("SUBSCRIBE") && !lines.contains("leased"), "{lines}");
}

#[test]
fn what_cannot_be_understood_is_said_and_hinders_nothing() {
    let (events, lines) = said(&[("RUST_LOG", "arrowlab=loud")]);
    assert_eq!(events.lines().count(), 3);
    assert!(lines.lines().count() == 1 && lines.contains("RUST_LOG") && lines.contains("arrowlab=loud"), "{lines}");
}
