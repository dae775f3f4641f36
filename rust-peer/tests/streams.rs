//! What a consumer gets from a producer that keeps to the protocol.

mod columns;
mod producer;

use std::time::Duration;

use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;
use arrowlab::wire::{Frame, decode_frame};
use arrowlab::{Error, Options, Peer};
use columns::{dictionary, every_layout, numbers, schema};
use producer::{Producer, messages, messages_with_deltas};

fn buffers(data: &ArrayData) -> Vec<Buffer> {
    let own = data.buffers().iter().cloned().chain(data.nulls().map(|nulls| nulls.buffer().clone()));
    own.chain(data.child_data().iter().flat_map(buffers)).filter(|buffer| !buffer.is_empty()).collect()
}

fn batch_buffers(batch: &RecordBatch) -> Vec<Buffer> {
    batch.columns().iter().flat_map(|column| buffers(&column.to_data())).collect()
}

/// Reads a stream whose messages the producer has sent in advance, as far as credit goes.
fn read_all(peer: &Peer, producer: &mut Producer, messages: &[Vec<u8>]) -> Vec<RecordBatch> {
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| peer.read_all("s").unwrap());
        producer.serve(messages);
        reader.join().unwrap()
    })
}

#[test]
fn every_layout_arrives_whole_and_none_of_its_buffers_is_copied() {
    let sent = every_layout();
    let (mut producer, peer) = Producer::connected(Options::new());
    let got = read_all(&peer, &mut producer, &messages(&schema(&sent), &[sent.clone(), sent.slice(1, 3)]));
    assert_eq!(got, [sent.clone(), sent.slice(1, 3)]);
    let all: Vec<Buffer> = got.iter().flat_map(batch_buffers).collect();
    assert!(all.len() > 2 * sent.num_columns());
    assert!(all.iter().all(|buffer| peer.maps(buffer)), "a buffer lies outside the map");
    assert!(batch_buffers(&sent).iter().all(|buffer| !peer.maps(buffer)), "the map holds what was never in it");
}

#[test]
fn contents_can_be_trusted_instead_of_validated() {
    let sent = every_layout();
    // SAFETY: the producer is this test and writes valid contents.
    let (mut producer, peer) = Producer::connected(unsafe { Options::new().trust() });
    assert_eq!(read_all(&peer, &mut producer, &messages(&schema(&sent), std::slice::from_ref(&sent))), [sent]);
}

#[test]
fn a_subscription_is_a_record_batch_reader() {
    fn sum(reader: impl RecordBatchReader + Send) -> usize {
        assert_eq!(reader.schema(), numbers(0, 1).schema());
        reader.map(|batch| batch.unwrap().num_rows()).sum()
    }
    let (mut producer, peer) = Producer::connected(Options::new());
    let sent = [numbers(0, 10), numbers(10, 5)];
    let serving = std::thread::spawn(move || producer.serve(&messages(&schema(&sent[0]), &sent)));
    assert_eq!(sum(peer.subscribe("s").unwrap()), 15);
    serving.join().unwrap();
}

#[test]
fn inline_messages_hold_no_lease_and_are_aligned() {
    let sent = every_layout();
    let (mut producer, peer) = Producer::connected(Options::new());
    let serving = std::thread::spawn({
        let messages = messages(&schema(&sent), std::slice::from_ref(&sent));
        move || {
            let (stream, _, name) = producer.subscribed();
            assert_eq!(name, "s");
            producer.open(stream);
            messages.iter().for_each(|message| producer.inline(stream, message));
            producer.end(stream);
            producer
        }
    });
    let got = peer.read_all("s").unwrap();
    let mut producer = serving.join().unwrap();
    assert_eq!(got, [sent]);
    assert!(batch_buffers(&got[0]).iter().all(|buffer| !peer.maps(buffer)));
    drop((got, peer));
    assert_eq!(producer.receive().map(|frame| frame[4]), Some(0x03), "CLOSING, and no RELEASE before it");
}

#[test]
fn dictionaries_grow_by_deltas_and_are_replaced() {
    let (mut producer, peer) = Producer::connected(Options::new());
    let grown = [dictionary(&["a", "b"], &[0, 1, 0]), dictionary(&["a", "b", "c"], &[2, 0])];
    let deltas = messages_with_deltas(&schema(&grown[0]), &grown);
    assert_eq!(deltas.len(), 5, "schema, dictionary, batch, delta, batch");
    let got = read_all(&peer, &mut producer, &deltas);
    assert_eq!(got, grown);

    let (mut producer, peer) = Producer::connected(Options::new());
    let replaced = [dictionary(&["a", "b"], &[0, 1]), dictionary(&["x"], &[0, 0, 0])];
    let got = read_all(&peer, &mut producer, &messages(&schema(&replaced[0]), &replaced));
    assert_eq!(got, replaced, "the first batch keeps the dictionary it came with");
    assert!(got.iter().flat_map(batch_buffers).all(|buffer| peer.maps(&buffer)));
}

#[test]
fn a_lease_ends_once_when_its_last_slice_is_dropped_on_another_thread() {
    let (mut producer, peer) = Producer::connected(Options::new());
    let sent = every_layout();
    let got = read_all(&peer, &mut producer, &messages(&schema(&sent), &[sent.clone(), sent.clone()]));
    let [first, second]: [RecordBatch; 2] = got.try_into().unwrap();
    assert_eq!(producer.released(), [1], "the schema");
    let slice = first.column_by_name("list").unwrap().slice(2, 1);
    drop(first);
    let clone = second.clone();
    std::thread::spawn(move || drop(second)).join().unwrap();
    producer.socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| producer.receive())).is_err(), "released early");
    producer.socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // Message 2 is the dictionary, which both batches hold; a dictionary that repeats is not sent again.
    std::thread::spawn(move || drop(slice)).join().unwrap();
    assert_eq!(producer.released(), [3]);
    std::thread::spawn(move || drop(clone)).join().unwrap();
    let mut rest = producer.released_in_all(2);
    rest.sort_unstable();
    assert_eq!(rest, [2, 4]);
    drop(peer);
    assert_eq!(producer.receive().map(|frame| frame[4]), Some(0x03), "CLOSING, and no lease twice");
    assert_eq!(producer.receive(), None);
}

#[test]
fn batches_outlive_their_connection_which_closes_with_the_last_lease() {
    let (mut producer, peer) = Producer::connected(Options::new());
    let sent = numbers(0, 100_000);
    let got = read_all(&peer, &mut producer, &messages(&schema(&sent), std::slice::from_ref(&sent)));
    assert_eq!(producer.released(), [1]);
    drop(peer);
    assert_eq!(producer.receive().map(|frame| frame[4]), Some(0x03), "CLOSING");
    assert_eq!(got[0], sent);
    drop(got);
    assert_eq!(producer.released(), [2]);
    assert_eq!(producer.receive(), None);
}

#[test]
fn batches_outlive_their_producer() {
    let (mut producer, peer) = Producer::connected(Options::new());
    let sent = numbers(0, 100_000);
    let got = read_all(&peer, &mut producer, &messages(&schema(&sent), std::slice::from_ref(&sent)));
    drop((producer, peer));
    assert_eq!(got, [sent]);
}

#[test]
fn a_dropped_subscription_cancels_and_gives_back_what_still_comes() {
    let (mut producer, peer) = Producer::connected(Options::new());
    let all = messages(&schema(&numbers(0, 1)), &[numbers(0, 8), numbers(8, 8), numbers(16, 8)]);
    let (subscription, stream) = std::thread::scope(|scope| {
        let subscribing = scope.spawn(|| peer.subscribe("s").unwrap());
        let (stream, _, _) = producer.subscribed();
        producer.open(stream);
        producer.describe(stream, &all[0]);
        producer.describe(stream, &all[1]);
        (subscribing.join().unwrap(), stream)
    });
    drop(subscription);
    let mut released = Vec::new();
    loop {
        match decode_frame(&producer.receive().unwrap()).unwrap() {
            Frame::Release { leases } => released.extend_from_slice(&leases),
            Frame::Cancel { stream: cancelled } => break assert_eq!(cancelled, stream),
            other => panic!("{other:?}"),
        }
    }
    producer.describe(stream, &all[2]);
    let late = producer.describe(stream, &all[3]);
    while released.last() != Some(&late) {
        released.extend(producer.released());
    }
    released.sort_unstable();
    assert_eq!(released, [1, 2, 3, 4]);
    producer.send(&Frame::Cancelled { stream });
    // The connection goes on, with a stream number of its own for what comes next.
    let got = read_all(&peer, &mut producer, &all);
    assert_eq!(got.len(), 3);
}

#[test]
fn what_comes_after_a_cancel_is_given_back_though_the_last_reader_has_left() {
    let (mut producer, peer) = Producer::connected(Options::new());
    let all = messages(&schema(&numbers(0, 1)), &[numbers(0, 8), numbers(8, 8)]);
    let mut subscribe = |name: &str| {
        std::thread::scope(|scope| {
            let subscribing = scope.spawn(|| peer.subscribe(name).unwrap());
            let (stream, ..) = producer.subscribed();
            producer.open(stream);
            producer.inline(stream, &all[0]);
            (subscribing.join().unwrap(), stream)
        })
    };
    let ((mut kept, first), (dropped, second)) = (subscribe("kept"), subscribe("dropped"));
    let reader = std::thread::spawn(move || (kept.next_batch().unwrap(), kept));
    // The reader has to be asleep on the socket when the other stream is dropped; otherwise this shows less, but holds.
    std::thread::sleep(Duration::from_millis(50));
    drop(dropped);
    assert_eq!(producer.receive().map(|frame| frame[4]), Some(0x13), "CANCEL");
    producer.inline(first, &all[1]);
    let (batch, _kept) = reader.join().unwrap();
    assert_eq!(batch, Some(numbers(0, 8)));
    let late = producer.describe(second, &all[2]);
    assert_eq!(producer.released(), [late]);
}

#[test]
fn credit_is_never_exceeded_and_always_comes_back() {
    let (mut producer, peer) = Producer::connected(Options::new().credit(6));
    let reader = std::thread::spawn(move || peer.read_all("s").unwrap());
    let batches: Vec<RecordBatch> = (0..100).map(|n| numbers(n * 10, 10)).collect();
    let all = messages(&schema(&batches[0]), &batches);
    let (stream, mut credit, _) = producer.subscribed();
    assert_eq!(credit, 6);
    producer.open(stream);
    for message in &all {
        while credit == 0 {
            match decode_frame(&producer.receive().unwrap()).unwrap() {
                Frame::Credit { messages, .. } => credit += messages,
                Frame::Release { .. } => {}
                other => panic!("{other:?}"),
            }
            assert!(credit <= 6, "more credit than the window");
        }
        producer.describe(stream, message);
        credit -= 1;
    }
    producer.end(stream);
    assert_eq!(reader.join().unwrap(), batches);
}

#[test]
fn many_threads_read_streams_of_one_connection() {
    let (mut producer, peer) = Producer::connected(Options::new());
    let readers: Vec<_> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|n| {
                scope.spawn({
                    let peer = &peer;
                    move || peer.read_all(&format!("{n}")).unwrap()
                })
            })
            .collect();
        let mut streams: Vec<(u32, u32, String)> = (0..4).map(|_| producer.subscribed()).collect();
        streams.sort_by(|one, other| one.2.cmp(&other.2));
        streams.iter().for_each(|(stream, ..)| producer.open(*stream));
        // Message by message in turn, so that whoever reads the socket mostly reads for others.
        let all: Vec<Vec<Vec<u8>>> =
            (0..4).map(|n| messages(&schema(&numbers(0, 1)), &vec![numbers(n, 1000); 50])).collect();
        for at in 0..51 {
            streams.iter().zip(&all).for_each(|((stream, ..), messages)| {
                producer.describe(*stream, &messages[at]);
            });
        }
        streams.iter().for_each(|(stream, ..)| producer.end(*stream));
        readers.into_iter().map(|reader| reader.join().unwrap()).collect()
    });
    for (n, batches) in (0..).zip(readers) {
        assert_eq!(batches, vec![numbers(n, 1000); 50]);
    }
}

#[test]
fn thousands_of_releases_pass_a_producer_that_does_not_read() {
    let (mut producer, peer) = Producer::connected(Options::new().credit(65_535));
    let all = messages(&schema(&numbers(0, 1)), &[numbers(0, 1)]);
    const BATCHES: usize = 60_000;
    let batches = std::thread::scope(|scope| {
        let reader = scope.spawn(|| peer.read_all("s").unwrap());
        let (stream, ..) = producer.subscribed();
        producer.open(stream);
        producer.describe(stream, &all[0]);
        for _ in 0..BATCHES {
            producer.describe(stream, &all[1]);
        }
        producer.end(stream);
        reader.join().unwrap()
    });
    assert_eq!(batches.len(), BATCHES);
    // Dropped from both ends, so that nothing about them comes in order.
    let (left, right) = {
        let mut batches = batches;
        let right = batches.split_off(BATCHES / 2);
        (batches, right)
    };
    let droppers = [std::thread::spawn(move || drop(left)), std::thread::spawn(move || drop(right))];
    droppers.into_iter().for_each(|dropper| dropper.join().unwrap());
    let mut released = producer.released_in_all(BATCHES + 1);
    released.sort_unstable();
    assert_eq!(released, (1..=BATCHES as u64 + 1).collect::<Vec<_>>());
}

#[test]
fn a_wait_that_times_out_can_go_on() {
    let (mut producer, peer) = Producer::connected(Options::new().timeout(Duration::from_millis(30)));
    assert!(matches!(peer.subscribe("nobody"), Err(Error::Timeout(_))));
    let (unanswered, ..) = producer.subscribed();
    assert_eq!(producer.receive().map(|frame| frame[4]), Some(0x13), "CANCEL");
    producer.send(&Frame::Cancelled { stream: unanswered });

    let all = messages(&schema(&numbers(0, 1)), &[numbers(0, 3)]);
    let options = Options::new().timeout(Duration::from_secs(2));
    let (mut subscription, stream) = std::thread::scope(|scope| {
        let subscribing = scope.spawn(|| peer.subscribe_with("s", &options).unwrap());
        let (stream, ..) = producer.subscribed();
        producer.open(stream);
        producer.describe(stream, &all[0]);
        (subscribing.join().unwrap(), stream)
    });
    assert!(matches!(subscription.next_batch(), Err(Error::Timeout(_))));
    producer.describe(stream, &all[1]);
    producer.end(stream);
    assert_eq!(subscription.next_batch().unwrap(), Some(numbers(0, 3)));
    assert_eq!(subscription.next_batch().unwrap(), None);
}

#[test]
fn streams_that_nobody_answers_are_limited_in_number() {
    let (mut producer, peer) = Producer::connected(Options::new().timeout(Duration::ZERO));
    for _ in 0..1024 {
        assert!(matches!(peer.subscribe("s"), Err(Error::Timeout(_))));
    }
    assert!(matches!(peer.subscribe("s"), Err(Error::TooManyStreams(_))));
    let (first, ..) = producer.subscribed();
    producer.send(&Frame::Cancelled { stream: first });
    // CANCELLED is taken in behind the scenes, as nobody waits for it.
    let answer = (0..10_000).find_map(|_| match peer.subscribe("s") {
        Err(Error::TooManyStreams(_)) => {
            std::thread::sleep(Duration::from_millis(1));
            None
        }
        other => Some(other),
    });
    assert!(matches!(answer, Some(Err(Error::Timeout(_)))));
}

#[test]
fn what_is_asked_of_a_consumer_is_answered() {
    let (mut producer, peer) = Producer::connected(Options::new());
    producer.send(&Frame::Subscribe { stream: 2, credit: 64, name: "s" });
    producer.send(&Frame::Credit { stream: 2, messages: 1 });
    producer.send(&Frame::Cancel { stream: 2 });
    producer.send(&Frame::Call { stream: 6, credit: 64, name: "f", parameters: "{}" });
    producer.send(&Frame::List { stream: 8 });
    let all = messages(&schema(&numbers(0, 1)), &[]);
    let reader = std::thread::spawn(move || peer.read_all("s").unwrap());
    producer.serve(&all);
    assert!(reader.join().unwrap().is_empty());
    let mut answers = Vec::new();
    while let Some(frame) = producer.receive() {
        match decode_frame(&frame).unwrap() {
            Frame::Error { stream, number: 44, .. } => answers.push(format!("{stream} not served")),
            Frame::Cancelled { stream } => answers.push(format!("{stream} cancelled")),
            Frame::Result { stream, json } => answers.push(format!("{stream} {json}")),
            Frame::Release { .. } | Frame::Closing => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answers, ["2 not served", "2 cancelled", "6 not served", "8 []"]);
}

#[test]
fn compressed_bodies_are_unpacked() {
    for codec in [arrow_ipc::CompressionType::LZ4_FRAME, arrow_ipc::CompressionType::ZSTD] {
        let options = producer::aligned().try_with_compression(Some(codec)).unwrap();
        let sent = [numbers(0, 10_000), numbers(7, 10_000)];
        let (mut producer, peer) = Producer::connected(Options::new());
        assert_eq!(read_all(&peer, &mut producer, &producer::messages_with(options, &schema(&sent[0]), &sent)), sent);
    }
}
