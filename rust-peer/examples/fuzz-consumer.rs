//! The consumer under test in Rust; see `src/e2e/fuzzing/consumer.ts` for what it does.
//!
//! usage: fuzz-consumer HOSTILE HONEST

use std::io::BufRead;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use arrow_array::Int64Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrowlab::{Checksum, Error, Peer};
use serde_json::json;

const MAX_SUBSCRIPTIONS: usize = 50;
const HONEST_SUM: i64 = 499_999_500_000;
static ROUNDS: AtomicU64 = AtomicU64::new(0);

fn main() {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [hostile, honest] = &paths[..] else { panic!("expected the paths of two sockets, found {paths:?}") };
    let honest = honest.clone();
    thread::spawn(move || {
        if let Err(error) = read_honest(&honest) {
            eprintln!("the honest stream failed: {error}");
            std::process::abort();
        }
    });
    println!("{}", json!({ "ready": true }));
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("standard input in UTF-8");
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["attack", count, readers] => {
                let [count, readers] = [count, readers].map(|word| word.parse::<usize>().expect("a number"));
                let ends: Vec<Vec<String>> = thread::scope(|scope| {
                    let attacks: Vec<_> = (0..count).map(|_| scope.spawn(|| attack(hostile, readers))).collect();
                    attacks.into_iter().map(|attack| attack.join().expect("no panic")).collect()
                });
                println!("{}", json!(ends));
            }
            _ => println!("{}", ROUNDS.load(Ordering::Relaxed)),
        }
    }
}

fn attack(path: &str, readers: usize) -> Vec<String> {
    match arrowlab::connect(path) {
        Err(error) => vec![error.code()],
        Ok(peer) => thread::scope(|scope| {
            let readers: Vec<_> = (0..readers).map(|_| scope.spawn(|| read_again(&peer))).collect();
            readers.into_iter().map(|reader| reader.join().expect("no panic")).collect()
        }),
    }
}

fn read_again(peer: &Peer) -> String {
    let first = read_stream(peer);
    for _ in 1..MAX_SUBSCRIPTIONS {
        read_stream(peer);
    }
    first
}

fn read_stream(peer: &Peer) -> String {
    let read = || -> Result<(), Error> {
        let mut subscription = peer.subscribe("s")?;
        while let Some(batch) = subscription.next_batch()? {
            batch.columns().iter().for_each(|column| Checksum::new().update(column));
        }
        Ok(())
    };
    read().map_or_else(|error| error.code(), |()| "END".into())
}

fn read_honest(path: &str) -> Result<(), Error> {
    let peer = arrowlab::connect(path)?;
    loop {
        let mut sum = 0;
        for batch in peer.read_all("honest")? {
            let column: &Int64Array = batch.column(0).as_primitive::<Int64Type>();
            sum += column.values().iter().sum::<i64>();
        }
        assert_eq!(sum, HONEST_SUM);
        ROUNDS.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(5));
    }
}
