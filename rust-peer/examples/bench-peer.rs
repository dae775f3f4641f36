//! The Rust side of the benchmarks; see `scripts/bench/peer.py` for what it does.
//!
//! usage: bench-peer (echo | read | shared EVERY [keep | glance] | socket EVERY [keep | glance] | stdin EVERY)

use std::error::Error;
use std::io::{BufRead, Read, Write, stdin};
use std::iter::from_fn;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_ipc::reader::StreamReader;
use arrowlab::Decoder;
use rustix::net::sockopt::{set_socket_send_buffer_size, set_socket_send_buffer_size_force};
use rustix::time::{ClockId, clock_gettime};

type Failure = Box<dyn Error>;
type Batches = Box<dyn Iterator<Item = Result<RecordBatch, Failure>>>;

const SEND_BUFFER_BYTES: usize = 4 << 20;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let keeps = words.iter().any(|word| word == "keep");
    let batches = match words[0].as_str() {
        "echo" => return echo(inherited(3).into()),
        "read" => return read(inherited(3)),
        "shared" => Box::new(arrowlab::inherited(inherited(3))?.subscribe("bench")?.map(|batch| Ok(batch?))),
        "socket" => received(inherited(3).into(), inherited(4), keeps)?,
        _ => streamed(),
    };
    let is_glance = words.iter().any(|word| word == "glance");
    consume(batches, words[1].parse()?, keeps, is_glance)
}

fn inherited(number: i32) -> OwnedFd {
    // SAFETY: whoever starts this program leaves the descriptor open, and it is taken once.
    unsafe { OwnedFd::from_raw_fd(number) }
}

fn now_ns(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

fn echo(mut socket: UnixStream) -> Result<(), Failure> {
    let mut bytes = [0; 32];
    while socket.read_exact(&mut bytes).is_ok() {
        socket.write_all(&bytes)?;
    }
    Ok(())
}

fn read(socket: OwnedFd) -> Result<(), Failure> {
    let mut readable_ns = Vec::new();
    for batch in arrowlab::inherited(socket)?.subscribe("bench")? {
        let batch = batch?;
        std::hint::black_box(batch.column(0).to_data().buffers()[0][0]);
        readable_ns.push(now_ns(ClockId::Monotonic).to_string());
    }
    println!("{}", serde_json::to_string(&readable_ns)?);
    Ok(())
}

fn mark() {
    println!("{}", serde_json::json!({ "cpuNs": now_ns(ClockId::ProcessCPUTime) }));
}

/// Reads every value, or at a glance the first one of each batch.
fn consume(batches: Batches, every: usize, keeps: bool, is_glance: bool) -> Result<(), Failure> {
    let mut kept = Vec::new();
    mark();
    for (index, batch) in batches.enumerate() {
        let batch = batch?;
        for column in batch.columns() {
            let values = column.as_primitive::<Float64Type>().values();
            if is_glance {
                std::hint::black_box(values[0]);
                break;
            }
            std::hint::black_box(sum(values));
        }
        if keeps {
            kept.push(batch);
        } else {
            drop(batch);
        }
        if (index + 1) % every == 0 {
            mark();
        }
    }
    Ok(())
}

/// Eight sums side by side, which the compiler turns into vector instructions.
fn sum(values: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for chunk in chunks {
        (0..8).for_each(|lane| sums[lane] += chunk[lane]);
    }
    sums.iter().chain(rest).sum()
}

/// A plain IPC stream, each body received straight into one buffer again and again, or, where batches are kept, into a new one each time.
fn received(mut socket: UnixStream, sender: OwnedFd, keeps: bool) -> Result<Batches, Failure> {
    // The producer cannot set it itself.
    if set_socket_send_buffer_size_force(&sender, SEND_BUFFER_BYTES).is_err() {
        set_socket_send_buffer_size(&sender, SEND_BUFFER_BYTES)?;
    }
    drop(sender);
    let mut decoder = Decoder::new();
    let mut last = Buffer::from(MutableBuffer::new(0));
    let mut next = move || -> Result<Option<RecordBatch>, Failure> {
        loop {
            let Some(metadata) = receive_metadata(&mut socket)? else { return Ok(None) };
            let mut body = std::mem::take(&mut last).into_mutable().unwrap_or_default();
            body.resize(Decoder::body_byte_length(&metadata)?, 0);
            socket.read_exact(&mut body)?;
            let body = Buffer::from(body);
            let batch = decoder.decode_parts(&metadata, &body)?;
            if !keeps {
                last = body;
            }
            if batch.is_some() {
                return Ok(batch);
            }
        }
    };
    Ok(Box::new(from_fn(move || next().transpose())))
}

fn receive_metadata(socket: &mut UnixStream) -> Result<Option<Vec<u8>>, Failure> {
    let mut prefix = [0; 8];
    socket.read_exact(&mut prefix)?;
    let length = u32::from_le_bytes(prefix[4..].try_into()?) as usize;
    let mut metadata = vec![0; length];
    socket.read_exact(&mut metadata)?;
    Ok((length > 0).then_some(metadata))
}

/// IPC streams, one after the other, from standard input.
fn streamed() -> Batches {
    let mut reader = None;
    let mut next = move || -> Result<Option<RecordBatch>, Failure> {
        loop {
            if let Some(batch) = reader.as_mut().and_then(Iterator::next) {
                return Ok(Some(batch?));
            }
            if stdin().lock().fill_buf()?.is_empty() {
                return Ok(None);
            }
            reader = Some(StreamReader::try_new(stdin(), None)?);
        }
    };
    Box::new(from_fn(move || next().transpose()))
}
