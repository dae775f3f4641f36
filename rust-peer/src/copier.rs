//! Copies batches out of a peer's region, so that their leases can end.

use std::collections::HashMap;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_data::ArrayData;

/// Copies every buffer that `is_leased` finds to be, once, however many arrays share it; shares the others. Reads
/// declared buffers only, never the gaps between them.
pub struct Copier<F> {
    is_leased: F,
    /// By address and length, with the original: as long as it is there, nothing else can come to lie in its place.
    copies: HashMap<(usize, usize), (Buffer, Buffer)>,
}

impl<F: Fn(&Buffer) -> bool> Copier<F> {
    /// Holds what it copies until it is dropped.
    pub fn new(is_leased: F) -> Self {
        Self { is_leased, copies: HashMap::new() }
    }

    /// The same batch in memory of this process.
    pub fn batch(&mut self, batch: &RecordBatch) -> RecordBatch {
        let columns = batch.columns().iter().map(|column| self.array(column)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(batch.schema(), columns, &options).expect("columns as they were")
    }

    /// The same array in memory of this process.
    pub fn array(&mut self, array: &ArrayRef) -> ArrayRef {
        make_array(self.data(&array.to_data()))
    }

    fn data(&mut self, data: &ArrayData) -> ArrayData {
        let builder = data.clone().into_builder();
        let builder = builder.buffers(data.buffers().iter().map(|buffer| self.buffer(buffer)).collect());
        let builder = builder.child_data(data.child_data().iter().map(|child| self.data(child)).collect());
        let nulls = data.nulls().map(|nulls| {
            let bits = nulls.inner();
            NullBuffer::new(BooleanBuffer::new(self.buffer(bits.inner()), bits.offset(), bits.len()))
        });
        // SAFETY: the bytes are those of an array, at another place that is aligned for every type.
        unsafe { builder.nulls(nulls).build_unchecked() }
    }

    fn buffer(&mut self, buffer: &Buffer) -> Buffer {
        if !(self.is_leased)(buffer) {
            return buffer.clone();
        }
        let copy = || (buffer.clone(), Buffer::from(buffer.as_slice()));
        self.copies.entry((buffer.as_ptr() as usize, buffer.len())).or_insert_with(copy).1.clone()
    }
}
