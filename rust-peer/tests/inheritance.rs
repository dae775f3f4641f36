//! What a program that is started from here gets of a connection: nothing.

mod columns;
mod producer;

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrowlab::Options;
use columns::{numbers, schema};
use producer::{Producer, messages, pair};
use rustix::io::{FdFlags, fcntl_setfd};

/// What the descriptors of a directory lead to.
fn targets(directory: &Path) -> HashSet<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok()).collect()
}

#[test]
fn every_descriptor_of_a_connection_is_closed_when_a_program_is_started() {
    let own = Path::new("/proc/self/fd");
    let before = targets(own);
    let (ours, theirs) = pair();
    // As whoever spawned this process leaves it.
    fcntl_setfd(theirs.as_fd(), FdFlags::empty()).unwrap();
    let mut producer = Producer::greeting(ours);
    let peer = Options::new().inherited(theirs).unwrap();
    producer.receive_greeting();
    let sent = numbers(0, 1000);
    let batches = std::thread::scope(|scope| {
        let reader = scope.spawn(|| peer.read_all("s").unwrap());
        producer.serve(&messages(&schema(&sent), std::slice::from_ref(&sent)));
        reader.join().unwrap()
    });
    let opened: HashSet<PathBuf> = targets(own).difference(&before).cloned().collect();
    assert!(opened.len() >= 3, "a socket, a region and an eventfd at least, found {opened:?}");
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let inherited = targets(&PathBuf::from(format!("/proc/{}/fd", child.id())));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(inherited.is_disjoint(&opened), "{inherited:?} holds some of {opened:?}");
    assert_eq!(batches, [sent]);
}
