//! A producer that waits for memory (section 6 of the protocol), and what its consumer does about it.

mod columns;
mod producer;

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use arrow_array::{Array, RecordBatch};
use arrowlab::wire::{Frame, decode_frame};
use arrowlab::{Error, Options, Peer, Subscription};
use columns::{dictionary, every_layout, numbers, schema};
use producer::{Producer, messages};

const SECOND: Duration = Duration::from_secs(1);
const NEEDED: u64 = 4096;

/// A subscription to which as many messages have been described as `sent` has.
fn subscribed(producer: &mut Producer, peer: &Peer, sent: &[Vec<u8>]) -> (Subscription, u32) {
    thread::scope(|scope| {
        let subscribing = scope.spawn(|| peer.subscribe("s").unwrap());
        let (stream, ..) = producer.subscribed();
        producer.open(stream);
        sent.iter().for_each(|message| {
            producer.describe(stream, message);
        });
        (subscribing.join().unwrap(), stream)
    })
}

fn wait(producer: &mut Producer, stream: u32, held: u64) {
    producer.send(&Frame::Waiting { stream, needed: NEEDED, held });
}

/// Sends all messages, but never leases more than `max_bytes`: it waits, says so once, and takes what is released. Gives
/// how often it waited. Every other time others hold what it waits for as well, so that these leases alone would do (0).
fn serve_within(producer: &mut Producer, all: &[Vec<u8>], max_bytes: u64) -> usize {
    let (stream, mut credit, _) = producer.subscribed();
    let (mut leased, mut waits) = (HashMap::new(), 0);
    producer.open(stream);
    for message in all {
        let held = |leased: &HashMap<u64, u64>| leased.values().sum::<u64>();
        let mut has_said = false;
        while credit == 0 || held(&leased) + message.len() as u64 > max_bytes {
            if credit > 0 && !has_said {
                wait(producer, stream, if waits % 2 == 0 { 0 } else { held(&leased) });
                waits += 1;
                has_said = true;
            }
            match decode_frame(&producer.receive().unwrap()).unwrap() {
                Frame::Release { leases } => {
                    leases.iter().for_each(|lease| assert!(leased.remove(lease).is_some(), "{lease} twice"));
                }
                Frame::Credit { messages, .. } => credit += messages,
                other => panic!("{other:?}"),
            }
        }
        leased.insert(producer.describe(stream, message), message.len() as u64);
        credit -= 1;
    }
    producer.end(stream);
    waits
}

fn in_map(peer: &Peer, batch: &RecordBatch) -> bool {
    fn any(peer: &Peer, data: &arrow_data::ArrayData) -> bool {
        let own = data.buffers().iter().chain(data.nulls().map(|nulls| nulls.buffer()));
        own.into_iter().any(|buffer| !buffer.is_empty() && peer.maps(buffer))
            || data.child_data().iter().any(|child| any(peer, child))
    }
    batch.columns().iter().any(|column| any(peer, &column.to_data()))
}

#[test]
fn read_all_of_more_than_the_producer_has_memory_for_copies_out_and_succeeds() {
    let values: Vec<String> = (0..500).map(|n| format!("value {n}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let sent: Vec<RecordBatch> = (0..40)
        .map(|n| {
            // The dictionary is replaced on the way: it, too, must not stay leased.
            let values = if n < 20 { &values[..] } else { &values[250..] };
            dictionary(values, &vec![n % 250; 10_000])
        })
        .collect();
    let all = messages(&schema(&sent[0]), &sent);
    let (mut producer, peer) = Producer::connected(Options::new());
    let batches = thread::scope(|scope| {
        let reader = scope.spawn(|| peer.read_all("s").unwrap());
        assert!(serve_within(&mut producer, &all, 5 * 50_000) > 0);
        reader.join().unwrap()
    });
    assert_eq!(batches, sent);
    assert!(!batches.iter().any(|batch| in_map(&peer, batch)), "a batch is still leased");
    let shared = |n: usize| batches[n].column(0).to_data().child_data()[0].buffers()[1].as_ptr();
    assert_eq!(shared(30), shared(39), "one copy of a dictionary is enough");
}

#[test]
fn read_all_that_nobody_waits_for_copies_nothing() {
    let sent = [numbers(0, 5000), numbers(5000, 5000)];
    let all = messages(&schema(&sent[0]), &sent);
    let (mut producer, peer) = Producer::connected(Options::new());
    let batches = thread::scope(|scope| {
        let reader = scope.spawn(|| peer.read_all("s").unwrap());
        let (stream, ..) = producer.subscribed();
        producer.open(stream);
        wait(&mut producer, 0, 100);
        all.iter().for_each(|message| {
            producer.describe(stream, message);
        });
        producer.end(stream);
        reader.join().unwrap()
    });
    assert_eq!(batches, sent);
    assert!(batches.iter().all(|batch| in_map(&peer, batch)));
}

#[test]
fn a_copy_of_every_layout_holds_no_lease() {
    let sent = every_layout();
    let (mut producer, peer) = Producer::connected(Options::new());
    let (mut subscription, _) =
        subscribed(&mut producer, &peer, &messages(&schema(&sent), std::slice::from_ref(&sent)));
    let batch = subscription.next_batch().unwrap().unwrap();
    let copies = [peer.copy_out(&batch), peer.copy_out(&batch.slice(1, 3))];
    drop((batch, subscription));
    assert!(!copies.iter().any(|copy| in_map(&peer, copy)));
    let mut released = Vec::new();
    while released.len() < 3 {
        if let Frame::Release { leases } = decode_frame(&producer.receive().unwrap()).unwrap() {
            released.extend_from_slice(&leases);
        }
    }
    assert_eq!(copies, [sent.clone(), sent.slice(1, 3)]);
}

#[test]
fn a_reader_that_holds_what_it_waits_for_fails_and_the_connection_goes_on() {
    let sent = [numbers(0, 5000), numbers(5000, 5000), numbers(10_000, 5000)];
    let all = messages(&schema(&sent[0]), &sent);
    let (mut producer, peer) = Producer::connected(Options::new());
    let (mut subscription, stream) = subscribed(&mut producer, &peer, &all[..3]);
    let held = [subscription.next_batch().unwrap().unwrap(), subscription.next_batch().unwrap().unwrap()];
    let reader = thread::spawn(move || (subscription.next_batch().unwrap_err(), subscription));
    assert_eq!(producer.released(), [1], "the schema");
    for _ in 0..3 {
        wait(&mut producer, stream, 80_000);
        thread::sleep(SECOND);
    }
    let (error, mut subscription) = reader.join().unwrap();
    assert!(matches!(error, Error::LeasesExhausted(_)), "{error}");
    for part in ["80000 bytes", "4096 bytes", "copy_out", "read_all", "maxBytes"] {
        assert!(error.message().contains(part), "{error} does not say {part}");
    }
    assert_eq!(producer.receive().map(|frame| frame[4]), Some(0x13), "CANCEL");
    assert_eq!(subscription.next_batch().unwrap(), None, "the subscription is over");
    assert_eq!(held, sent[..2], "what was read stays readable");
    // What still comes is given back unread, though the subscription is still there.
    let late = producer.describe(stream, &all[3]);
    assert_eq!(producer.released(), [late]);
    producer.send(&Frame::Cancelled { stream });
    let again = thread::scope(|scope| {
        let reader = scope.spawn(|| peer.read_all("s").unwrap());
        producer.serve(&all);
        reader.join().unwrap()
    });
    assert_eq!(again, sent);
    assert_eq!(subscription.next_batch().unwrap(), None);
    producer.describe(stream, &all[3]);
    assert!(matches!(peer.subscribe("s"), Err(Error::StreamState(_))), "nothing comes after CANCELLED");
}

#[test]
fn a_lease_that_another_thread_gives_back_in_time_saves_the_reader() {
    let sent = [numbers(0, 5000), numbers(5000, 5000), numbers(10_000, 5000)];
    let all = messages(&schema(&sent[0]), &sent);
    let (mut producer, peer) = Producer::connected(Options::new());
    let (mut subscription, stream) = subscribed(&mut producer, &peer, &all[..3]);
    let held = [subscription.next_batch().unwrap().unwrap(), subscription.next_batch().unwrap().unwrap()];
    let reader = thread::spawn(move || (subscription.next_batch(), subscription));
    assert_eq!(producer.released(), [1], "the schema");
    for batch in held {
        wait(&mut producer, stream, 80_000);
        thread::sleep(SECOND);
        drop(batch);
        producer.released();
    }
    wait(&mut producer, stream, 80_000);
    producer.describe(stream, &all[3]);
    let (batch, _subscription) = reader.join().unwrap();
    assert_eq!(batch.unwrap(), Some(sent[2].clone()));
}

#[test]
fn waits_for_what_others_hold_or_that_end_or_find_the_reader_awake_never_fail_it() {
    let sent: Vec<RecordBatch> = (0..4).map(|n| numbers(n * 5000, 5000)).collect();
    let all = messages(&schema(&sent[0]), &sent);
    let (mut producer, peer) = Producer::connected(Options::new());
    let (mut subscription, stream) = subscribed(&mut producer, &peer, &all[..2]);
    let mut held = vec![subscription.next_batch().unwrap().unwrap()];
    thread::scope(|scope| {
        let reader = scope.spawn(|| (subscription.next_batch().unwrap().unwrap(), subscription));
        // Held by others: however long it takes.
        wait(&mut producer, stream, 0);
        thread::sleep(2 * SECOND);
        wait(&mut producer, stream, 0);
        // One wait that ends says nothing about the next.
        wait(&mut producer, stream, 40_000);
        thread::sleep(2 * SECOND);
        producer.describe(stream, &all[2]);
        let (batch, mut subscription) = reader.join().unwrap();
        held.push(batch);
        // A reader that is busy is not asleep. Somebody else has to read the connection meanwhile.
        let other = scope.spawn(|| peer.read_all("other").unwrap());
        while decode_frame(&producer.receive().unwrap()).is_ok_and(|frame| !matches!(frame, Frame::Subscribe { .. })) {}
        let other_stream = stream + 2;
        wait(&mut producer, stream, 80_000);
        thread::sleep(2 * SECOND);
        wait(&mut producer, stream, 80_000);
        producer.open(other_stream);
        all[..1].iter().for_each(|message| producer.inline(other_stream, message));
        producer.end(other_stream);
        assert!(other.join().unwrap().is_empty());
        producer.describe(stream, &all[3]);
        held.push(subscription.next_batch().unwrap().unwrap());
    });
    assert_eq!(held, sent[..3]);
}
