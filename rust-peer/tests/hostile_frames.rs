//! Each violation after the handshake ends the connection with its number, on both sides, and nobody's process.

mod columns;
mod producer;

use std::io::Write;

use arrowlab::wire::Frame;
use arrowlab::{Error, Options};
use columns::{dictionary, numbers, schema};
use producer::{Producer, REGION_BYTES, messages};

/// Subscribes to one stream, lets `misbehave` answer, and reads to the end; gives the error on this side and the number
/// that the other side was told.
fn violation(misbehave: impl FnOnce(&mut Producer, u32)) -> (Error, u32) {
    let (mut producer, peer) = Producer::connected(Options::new().credit(4));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| peer.read_all("s").unwrap_err());
        let (stream, ..) = producer.subscribed();
        misbehave(&mut producer, stream);
        let error = reader.join().unwrap();
        let told = producer.refusal();
        assert!(peer.subscribe("t").is_err(), "the connection is over");
        (error, told)
    })
}

fn assert_violation(name: &str, misbehave: impl FnOnce(&mut Producer, u32)) {
    let (error, told) = violation(misbehave);
    assert_eq!(error.code(), format!("ERR_ARROWLAB_{name}"), "{error}");
    assert_eq!(told, error.number());
}

fn stream_of_numbers() -> Vec<Vec<u8>> {
    messages(&schema(&numbers(0, 1)), &[numbers(0, 8), numbers(8, 8)])
}

fn descriptor(stream: u32, sequence: u64, lease: u64, offset: u64, length: u64) -> Frame<'static> {
    Frame::Descriptor { stream, sequence, lease, offset, length }
}

#[test]
fn frames_that_are_none() {
    assert_violation("FRAME_LENGTH", |producer, _| producer.socket.write_all(&[0xff; 8]).unwrap());
    assert_violation("FRAME_TYPE", |producer, _| producer.socket.write_all(&[8, 0, 0, 0, 0x7f, 0, 0, 0]).unwrap());
    assert_violation("FRAME_FIELD", |producer, _| producer.socket.write_all(&[8, 0, 0, 0, 3, 1, 0, 0]).unwrap());
}

#[test]
fn frames_out_of_their_state() {
    let state = |misbehave: fn(&mut Producer, u32)| assert_violation("STREAM_STATE", misbehave);
    state(|producer, _| producer.send(&Frame::Ready { minor: 0, features: 0 }));
    state(|producer, stream| producer.open(stream + 2));
    state(|producer, stream| producer.open(stream + 1));
    state(|producer, stream| (0..2).for_each(|_| producer.open(stream)));
    state(|producer, stream| drop(producer.describe(stream, &stream_of_numbers()[0]).to_string()));
    state(|producer, stream| producer.inline(stream, &stream_of_numbers()[0]));
    state(|producer, stream| producer.end(stream));
    state(|producer, stream| producer.send(&Frame::Waiting { stream, needed: 1, held: 0 }));
    state(|producer, stream| producer.send(&Frame::Cancelled { stream }));
    state(|producer, stream| producer.send(&Frame::Result { stream, json: "[]" }));
    state(|producer, _| producer.send(&Frame::Subscribe { stream: 3, credit: 0, name: "odd" }));
    state(|producer, _| (0..2).for_each(|_| producer.send(&Frame::Subscribe { stream: 2, credit: 0, name: "again" })));
    state(|producer, _| producer.send(&Frame::Cancel { stream: 2 }));
    state(|producer, _| producer.send(&Frame::Credit { stream: 1, messages: 1 }));
}

#[test]
fn nothing_follows_the_end_of_a_stream() {
    for late in [
        (|producer, stream| producer.end(stream)) as fn(&mut Producer, u32),
        |producer, stream| producer.send(&Frame::Error { stream, number: 41, message: "" }),
        |producer, stream| producer.inline(stream, &stream_of_numbers()[1]),
    ] {
        let (mut producer, peer) = Producer::connected(Options::new());
        std::thread::scope(|scope| {
            let (told, tell) = std::sync::mpsc::channel();
            let reader = scope.spawn(move || {
                let mut subscription = peer.subscribe("s").unwrap();
                tell.recv().unwrap();
                // The first stream is complete by then; the violation is found by whoever reads next.
                let other = peer.subscribe("t").unwrap_err();
                (subscription.next_batch().unwrap(), other)
            });
            let (stream, ..) = producer.subscribed();
            producer.open(stream);
            producer.inline(stream, &stream_of_numbers()[0]);
            producer.end(stream);
            late(&mut producer, stream);
            told.send(()).unwrap();
            let (rest, other) = reader.join().unwrap();
            assert!(rest.is_none());
            assert!(matches!(other, Error::StreamState(_)), "{other}");
        });
    }
}

#[test]
fn sequences_and_leases_that_are_not_the_next() {
    assert_violation("SEQUENCE", |producer, stream| {
        producer.open(stream);
        producer.send(&descriptor(stream, 1, 1, 4096, 64));
    });
    assert_violation("SEQUENCE", |producer, stream| {
        producer.open(stream);
        producer.send(&Frame::Inline { stream, sequence: 7, bytes: &[0; 8] });
    });
    assert_violation("SEQUENCE", |producer, stream| {
        producer.open(stream);
        producer.send(&Frame::End { stream, sequence: 1 });
    });
    for lease in [9, 8] {
        assert_violation("SEQUENCE", |producer, stream| {
            let schema = stream_of_numbers().remove(0);
            let offset = producer.place(&schema);
            producer.open(stream);
            producer.send(&descriptor(stream, 0, 9, offset, schema.len() as u64));
            producer.send(&descriptor(stream, 1, lease, offset, schema.len() as u64));
        });
    }
}

#[test]
fn extents_outside_the_region_or_misaligned() {
    for (offset, length) in [
        (0, 7),
        (64, 64),
        (REGION_BYTES, 8),
        (REGION_BYTES - 4096, 4097),
        (u64::MAX - 4095, 8),
        (0, u64::MAX),
        (4096, u64::MAX),
    ] {
        assert_violation("EXTENT_BOUNDS", |producer, stream| {
            producer.open(stream);
            producer.send(&descriptor(stream, 0, 1, offset, length));
        });
    }
}

#[test]
fn more_messages_than_credit() {
    assert_violation("CREDIT_EXCEEDED", |producer, stream| {
        producer.open(stream);
        // One write, so that no reader can grant more in between.
        let mut bytes = Vec::new();
        for sequence in 0..8 {
            Frame::Inline { stream, sequence, bytes: &stream_of_numbers()[sequence.min(1) as usize] }
                .encode(&mut bytes);
        }
        producer.socket.write_all(&bytes).unwrap();
    });
}

#[test]
fn releases_of_what_was_never_leased() {
    assert_violation("LEASE_UNKNOWN", |producer, _| producer.send(&Frame::Release { leases: vec![1].into() }));
}

#[test]
fn messages_that_are_no_arrow() {
    let invalid = |message: Vec<u8>| {
        assert_violation("IPC_INVALID", move |producer, stream| {
            producer.open(stream);
            producer.describe(stream, &message);
        });
    };
    let schema = stream_of_numbers().remove(0);
    invalid(vec![0; 64]);
    invalid(stream_of_numbers().remove(1));
    invalid(schema[..schema.len() - 8].to_vec());
    invalid([&schema[..], &[0; 8]].concat());
    let mut long = schema.clone();
    long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    invalid(long);
    assert_violation("IPC_INVALID", |producer, stream| {
        producer.open(stream);
        producer.end(stream);
    });
}

#[test]
fn contents_that_are_not_valid_are_found_by_validation() {
    assert_violation("DATA_INVALID", |producer, stream| {
        let batch = dictionary(&["a", "b"], &[0, 1, 1]);
        let mut all = messages(&schema(&batch), &[batch]);
        let indices = all[2].len() - 64;
        all[2][indices..indices + 4].copy_from_slice(&7_i32.to_le_bytes());
        producer.open(stream);
        all.iter().for_each(|message| drop(producer.describe(stream, message).to_string()));
    });
}

#[test]
fn a_failed_stream_ends_alone_and_says_why() {
    let (mut producer, peer) = Producer::connected(Options::new());
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut subscription = peer.subscribe("s").unwrap();
            let first = subscription.next_batch().unwrap();
            let error = subscription.next_batch().unwrap_err();
            assert!(subscription.next().is_none(), "after an error nothing follows");
            (first, error, peer.read_all("t").unwrap().len())
        });
        let (stream, ..) = producer.subscribed();
        producer.open(stream);
        stream_of_numbers()[..2].iter().for_each(|message| producer.inline(stream, message));
        producer.send(&Frame::Error { stream, number: 41, message: "the disk is full" });
        producer.serve(&stream_of_numbers());
        let (first, error, others) = reader.join().unwrap();
        assert_eq!(first, Some(numbers(0, 8)));
        assert!(matches!(error, Error::StreamFailed(_)) && error.message() == "the disk is full", "{error}");
        assert_eq!(others, 2);
    });
}

#[test]
fn an_error_of_the_connection_reaches_every_reader_with_its_number() {
    let (mut producer, peer) = Producer::connected(Options::new());
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|_| scope.spawn(|| peer.read_all("s").unwrap_err()));
        (0..2).for_each(|_| drop(producer.subscribed()));
        producer.send(&Frame::Error { stream: 0, number: 4711, message: "from a later version" });
        for reader in readers {
            let error = reader.join().unwrap();
            assert_eq!((error.number(), error.message()), (4711, "from a later version"));
        }
        assert_eq!(producer.receive(), None, "what the peer ended is not argued about");
    });
}
