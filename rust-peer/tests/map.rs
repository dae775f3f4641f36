//! Alone in its process, as it looks at the maps that the whole process has.

mod columns;
mod producer;

use std::time::{Duration, Instant};

use arrowlab::Options;
use columns::{numbers, schema};
use producer::{Producer, messages};

#[test]
fn a_map_is_kept_out_of_core_dumps_and_lives_as_long_as_its_last_buffer() {
    let (mut producer, peer) = Producer::connected(Options::new());
    let sent = numbers(0, 1000);
    let all = messages(&schema(&sent), std::slice::from_ref(&sent));
    let mut batches = std::thread::scope(|scope| {
        let reader = scope.spawn(|| peer.read_all("s").unwrap());
        producer.serve(&all);
        reader.join().unwrap()
    });
    let smaps = || std::fs::read_to_string("/proc/self/smaps").unwrap();
    let flags = |smaps: &str| {
        let map = smaps.split("memfd:test").nth(1)?;
        Some(map.lines().find(|line| line.starts_with("VmFlags:"))?.to_owned())
    };
    let found = flags(&smaps()).unwrap();
    assert!(found.contains(" dd") && !found.contains(" wr"), "{found}");
    drop((peer, producer));
    assert!(flags(&smaps()).is_some());
    batches.clear();
    let deadline = Instant::now() + Duration::from_secs(20);
    while flags(&smaps()).is_some() {
        assert!(Instant::now() < deadline, "the map is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}
