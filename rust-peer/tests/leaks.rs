//! Alone in its process, as it counts what the whole process has.

mod columns;
mod producer;

use std::time::{Duration, Instant};

use arrowlab::Options;
use columns::{numbers, schema};
use producer::{Producer, messages};

/// Descriptors, maps of regions, and threads of this process.
fn belongings() -> [usize; 3] {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let entries = |path| std::fs::read_dir(path).unwrap().count();
    [entries("/proc/self/fd"), maps.lines().filter(|line| line.contains("memfd:")).count(), entries("/proc/self/task")]
}

fn comes_to(expected: [usize; 3]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while belongings() != expected {
        assert!(Instant::now() < deadline, "expected {expected:?}, found {:?}", belongings());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_connection_leaves_no_descriptor_no_map_and_no_thread_behind() {
    let before = belongings();
    let sent = numbers(0, 1000);
    let all = messages(&schema(&sent), &[sent.clone(), sent.clone()]);
    for round in 0..30 {
        let (mut producer, peer) = Producer::connected(Options::new());
        let mut subscription = std::thread::scope(|scope| {
            let subscribing = scope.spawn(|| peer.subscribe("s").unwrap());
            let (stream, ..) = producer.subscribed();
            producer.open(stream);
            all.iter().for_each(|message| {
                producer.describe(stream, message);
            });
            // Every way to go: at the end, in between, against the protocol, at once.
            match round % 3 {
                0 => producer.end(stream),
                1 => {}
                _ => producer.open(stream),
            }
            subscribing.join().unwrap()
        });
        let batch = subscription.next_batch().unwrap().unwrap();
        match round % 4 {
            0 => drop((peer, producer)),
            1 => drop((producer, peer, subscription)),
            2 => drop((subscription, peer, producer)),
            _ => {
                let (ours, theirs) = producer::pair();
                drop(ours);
                assert!(Options::new().inherited(theirs).is_err());
                drop((peer, producer, subscription));
            }
        }
        assert_eq!(batch, sent);
    }
    comes_to(before);
}
