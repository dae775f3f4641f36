//! What the peer reports of the batches it holds.

use std::collections::HashSet;

use arrow_array::{Array, RecordBatch};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;
use arrow_schema::Schema;
use arrowlab::{Checksum, Error, Report};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// Every buffer that holds something; those of a dictionary once, however many batches share it.
pub fn buffers(batches: &[RecordBatch]) -> Vec<Buffer> {
    let mut found = Vec::new();
    batches.iter().flat_map(RecordBatch::columns).for_each(|column| collect(&column.to_data(), &mut found));
    let mut seen = HashSet::new();
    found.retain(|buffer: &Buffer| !buffer.is_empty() && seen.insert((buffer.as_ptr(), buffer.len())));
    found
}

fn collect(data: &ArrayData, found: &mut Vec<Buffer>) {
    found.extend(data.nulls().map(|nulls| nulls.buffer().clone()));
    found.extend_from_slice(data.buffers());
    data.child_data().iter().for_each(|child| collect(child, found));
}

pub fn schema(schema: &Schema) -> Value {
    let fields = schema.fields().iter().map(
        |field| json!({ "name": field.name(), "type": field.data_type().to_string(), "nullable": field.is_nullable() }),
    );
    fields.collect()
}

/// Column index to checksum.
pub fn checksums(schema: &Schema, batches: &[RecordBatch]) -> Value {
    let columns = (0..schema.fields().len()).map(|index| {
        let mut checksum = Checksum::new();
        batches.iter().for_each(|batch| checksum.update(batch.column(index)));
        (index.to_string(), Value::from(checksum.to_hex()))
    });
    Value::Object(columns.collect())
}

pub fn read_first_value(batch: &RecordBatch) {
    let first = batch.columns().first().filter(|column| !column.is_empty());
    let byte = first.and_then(|column| column.to_data().buffers().first()?.first().copied());
    std::hint::black_box(byte);
}

/// CPU time of this process so far.
pub fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

pub fn monotonic_ns() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// This process's share of anonymous memory: what it copied shows here, what it maps does not.
pub fn anonymous_bytes() -> Result<u64, Error> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").map_err(|cause| {
        let message = format!("expected to read /proc/self/smaps_rollup, found: {cause}");
        Error::System(Report::from(message).caused_by(cause))
    })?;
    let kib =
        rollup.lines().find_map(|line| line.strip_prefix("Pss_Anon:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let missing = || {
        Error::System("expected Pss_Anon in /proc/self/smaps_rollup, found none: the kernel is older than 5.4".into())
    };
    Ok(kib.ok_or_else(missing)? * 1024)
}
