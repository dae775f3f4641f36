//! The golden frames of the specification: decoding gives their fields, encoding gives their bytes.

use arrowlab::wire::{Frame, FrameBuffer, Hello, MAJOR, decode_frame};
use serde_json::{Value, json};

const FRAMES: &str = include_str!("../../src/wire/vectors/frames.json");
const HELLO: &str = include_str!("../../src/wire/vectors/hello.json");

struct Vector {
    name: String,
    bytes: Vec<u8>,
    row: Value,
}

fn vectors(file: &str, list: &str) -> Vec<Vector> {
    let file: Value = serde_json::from_str(file).unwrap();
    let rows = file[list].as_array().unwrap().iter();
    let vectors: Vec<Vector> = rows
        .map(|row| {
            let hex = row["hex"].as_str().unwrap();
            let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
            Vector { name: row["name"].as_str().unwrap().to_owned(), bytes, row: row.clone() }
        })
        .collect();
    assert!(!vectors.is_empty());
    vectors
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A frame as the vectors write it: u64 as text, so that no reader of JSON rounds it.
fn described(frame: &Frame<'_>) -> (&'static str, Value) {
    let long = |value: &u64| value.to_string();
    match frame {
        Frame::Ready { minor, features } => ("READY", json!({"minor": minor, "features": long(features)})),
        Frame::Error { stream, number, message } => {
            ("ERROR", json!({"stream": stream, "number": number, "message": message}))
        }
        Frame::Closing => ("CLOSING", json!({})),
        Frame::Subscribe { stream, credit, name } => {
            ("SUBSCRIBE", json!({"stream": stream, "credit": credit, "name": name}))
        }
        Frame::Credit { stream, messages } => ("CREDIT", json!({"stream": stream, "messages": messages})),
        Frame::Release { leases } => ("RELEASE", json!({"leases": leases.iter().map(long).collect::<Vec<_>>()})),
        Frame::Cancel { stream } => ("CANCEL", json!({"stream": stream})),
        Frame::List { stream } => ("LIST", json!({"stream": stream})),
        Frame::Call { stream, credit, name, parameters } => {
            ("CALL", json!({"stream": stream, "credit": credit, "name": name, "parameters": parameters}))
        }
        Frame::Open { stream, reservation } => ("OPEN", json!({"stream": stream, "reservation": long(reservation)})),
        Frame::Descriptor { stream, sequence, lease, offset, length } => (
            "DESCRIPTOR",
            json!({
                "stream": stream, "sequence": long(sequence), "lease": long(lease),
                "offset": long(offset), "length": long(length),
            }),
        ),
        Frame::Inline { stream, sequence, bytes } => {
            ("INLINE", json!({"stream": stream, "sequence": long(sequence), "bytes": hex(bytes)}))
        }
        Frame::End { stream, sequence } => ("END", json!({"stream": stream, "sequence": long(sequence)})),
        Frame::Waiting { stream, needed, held } => {
            ("WAITING", json!({"stream": stream, "needed": long(needed), "held": long(held)}))
        }
        Frame::Cancelled { stream } => ("CANCELLED", json!({"stream": stream})),
        Frame::Result { stream, json } => ("RESULT", json!({"stream": stream, "json": json})),
    }
}

#[test]
fn vectors_are_whole() {
    for (file, list) in [(FRAMES, "valid"), (FRAMES, "invalid"), (HELLO, "valid"), (HELLO, "invalid")] {
        for Vector { name, bytes, row } in vectors(file, list) {
            assert_eq!(format!("{:08x}", crc32fast::hash(&bytes)), row["crc32"].as_str().unwrap(), "{name}");
        }
    }
}

#[test]
fn every_frame_decodes_to_its_fields_and_encodes_to_its_bytes() {
    for Vector { name, bytes, row } in vectors(FRAMES, "valid") {
        let frame = decode_frame(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (kind, fields) = described(&frame);
        assert_eq!((kind, &fields), (row["type"].as_str().unwrap(), &row["fields"]), "{name}");
        let mut encoded = Vec::new();
        frame.encode(&mut encoded);
        assert_eq!(hex(&encoded), hex(&bytes), "{name}");
    }
}

#[test]
fn every_frame_survives_any_split_on_the_way() {
    let all: Vec<Vector> = vectors(FRAMES, "valid");
    for step in [1, 3, 7, 4096] {
        let stream: Vec<u8> = all.iter().flat_map(|vector| vector.bytes.clone()).collect();
        let (mut buffer, mut found) = (FrameBuffer::default(), Vec::new());
        for part in stream.chunks(step) {
            buffer.spare()[..part.len()].copy_from_slice(part);
            buffer.filled(part.len());
            while let Some(frame) = buffer.next_frame().unwrap() {
                found.push(described(&frame).1);
            }
        }
        assert_eq!(found, all.iter().map(|vector| vector.row["fields"].clone()).collect::<Vec<_>>());
        assert!(!buffer.is_mid_frame());
    }
}

#[test]
fn every_bad_frame_is_refused_by_its_error_also_byte_by_byte() {
    for Vector { name, bytes, row } in vectors(FRAMES, "invalid") {
        let expected = format!("ERR_ARROWLAB_{}", row["error"].as_str().unwrap());
        let mut buffer = FrameBuffer::default();
        let refusal = bytes.iter().find_map(|byte| {
            buffer.spare()[0] = *byte;
            buffer.filled(1);
            buffer.next_frame().err()
        });
        assert_eq!(refusal.map(|error| error.code()), Some(expected), "{name}");
    }
}

#[test]
fn every_hello_decodes_to_its_fields_and_encodes_to_its_bytes() {
    for Vector { name, bytes, row } in vectors(HELLO, "valid") {
        let hello = Hello::decode(bytes.first_chunk().unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let fields = json!({
            "major": MAJOR, "minor": hello.minor, "features": hello.features.to_string(),
            "regionSize": hello.region_bytes.to_string(), "pid": hello.pid, "name": hello.name,
        });
        assert_eq!(fields, row["fields"], "{name}");
        assert_eq!(hex(&hello.encode()), hex(&bytes), "{name}");
    }
}

#[test]
fn every_bad_hello_is_refused_by_its_error() {
    for Vector { name, bytes, row } in vectors(HELLO, "invalid") {
        let error = Hello::decode(bytes.first_chunk().unwrap()).expect_err(&name);
        assert_eq!(error.code(), format!("ERR_ARROWLAB_{}", row["error"].as_str().unwrap()), "{name}");
    }
}

#[test]
fn a_long_name_is_cut_at_a_character() {
    let hello = Hello { minor: 0, features: 0, region_bytes: 4096, pid: 1, name: format!("a{}", "é".repeat(60)) };
    let name = Hello::decode(&hello.encode()).unwrap().name;
    assert_eq!(name.len(), 79);
    assert!(hello.name.starts_with(&name));
}
