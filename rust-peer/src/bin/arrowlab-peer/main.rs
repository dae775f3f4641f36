//! The program that `alab ipc transfer-recordbatch` starts (section 10 of `PROTOCOL.md`).

mod log;
mod options;
mod report;
mod source;

use std::io::{BufRead, BufWriter, Write};
use std::process::ExitCode;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, SchemaRef};
use arrowlab::Error;
use serde_json::{Value, json};

use crate::options::Options;
use crate::source::Source;

fn main() -> ExitCode {
    log::begin();
    let outcome = Options::parse(std::env::args().skip(1)).and_then(|options| match options {
        Some(options) => serve(&options),
        None => {
            println!("{}", options::USAGE);
            Ok(())
        }
    });
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    // Whoever started this may have gone, and with it the pipe; the exit code is all that is left to say then.
    let _ = say(&json!({ "event": "error", "code": error.code(), "message": error.message() }));
    ExitCode::FAILURE
}

/// Does what the words on standard input say; what was read stays held until the word `release`.
fn serve(options: &Options) -> Result<(), Error> {
    let mut source = Source::connect(options)?;
    let mut held = Held::default();
    let before_bytes = report::anonymous_bytes()?;
    say(&json!({ "event": "ready", "language": "rust", "pid": std::process::id() }))?;
    for line in std::io::stdin().lock().lines() {
        match line.map_err(|cause| system("read standard input", cause))?.trim() {
            "go" => {
                let event = held.fill(&mut source, options, before_bytes)?;
                say(&event)?;
            }
            "release" => {
                held = Held::default();
                source.release()?;
                say(&json!({ "event": "released" }))?;
            }
            "exit" => break,
            word => {
                let message = format!("expected the word go, release or exit, found {word:?}");
                return Err(Error::InvalidArgument(message.into()));
            }
        }
    }
    Ok(())
}

/// What has been read, and the copies that `--copy` makes of it.
#[derive(Default)]
struct Held {
    batches: Vec<RecordBatch>,
    copies: Vec<Vec<u8>>,
}

impl Held {
    fn fill(&mut self, source: &mut Source, options: &Options, before_bytes: u64) -> Result<Value, Error> {
        let mut readable_ns = Vec::new();
        let begin_ms = report::cpu_ms();
        let schema = source.read(options, |batch| {
            report::read_first_value(&batch);
            readable_ns.push(report::monotonic_ns().to_string());
            self.batches.push(batch);
        })?;
        let cpu_ms = report::cpu_ms() - begin_ms;
        let buffers = report::buffers(&self.batches);
        if options.copy {
            self.copies = buffers.iter().map(|buffer| buffer.to_vec()).collect();
        }
        let in_map = buffers.iter().filter(|buffer| source.maps(buffer)).count();
        let outside_bytes: usize =
            buffers.iter().filter(|buffer| source.copied(buffer)).map(|buffer| buffer.len()).sum();
        let event = json!({
            "event": "held",
            "schema": report::schema(&schema),
            "batches": self.batches.len(),
            "rows": self.batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
            "buffers": buffers.len(),
            "buffersInMap": in_map,
            "inlineBytes": source.inline_bytes(),
            "outsideBytes": outside_bytes,
            "allocatedBytes": null,
            "anonBytes": report::anonymous_bytes()? as i64 - before_bytes as i64,
            "readableNs": readable_ns,
            "cpuMs": cpu_ms,
            "checksums": report::checksums(&schema, &self.batches),
        });
        if let Some(path) = &options.output {
            write(path, &schema, &self.batches).map_err(|cause| system(&format!("write {path}"), cause))?;
        }
        Ok(event)
    }
}

fn write(path: &str, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), std::io::Error> {
    let arrow = |cause: ArrowError| std::io::Error::other(cause);
    let mut writer = StreamWriter::try_new(BufWriter::new(std::fs::File::create(path)?), schema).map_err(arrow)?;
    batches.iter().try_for_each(|batch| writer.write(batch)).map_err(arrow)?;
    writer.into_inner().map_err(arrow)?.flush()
}

fn say(event: &Value) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{event}").and_then(|()| out.flush()).map_err(|cause| system("write standard output", cause))
}

fn system(what: &str, cause: std::io::Error) -> Error {
    Error::System(arrowlab::Report::from(format!("expected to {what}, found: {cause}")).caused_by(cause))
}
