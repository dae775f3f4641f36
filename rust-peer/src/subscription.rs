//! A stream as record batches.

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_buffer::Buffer;
use arrow_schema::{ArrowError, SchemaRef};
use tracing::debug;

use crate::copier::Copier;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::mapping::Map;
use crate::messages::{Messages, Taken};

/// The record batches of one stream, in order. Synchronous: [`next`](Iterator::next) waits.
///
/// A batch lies in the producer's region; its memory goes back to the producer when the last array, slice or buffer of
/// it is dropped, on any thread, also after the subscription and the connection are gone. Dropped before its end, a
/// subscription cancels the stream.
///
/// After the end, or an error other than `Timeout`, the iterator yields nothing more.
#[derive(Debug)]
pub struct Subscription {
    messages: Messages,
    decoder: Decoder,
    schema: SchemaRef,
    /// Whether what is read is copied out of the producer's region at once.
    copies_out: bool,
    is_over: bool,
}

enum Step {
    Batch(RecordBatch),
    Waiting,
    End,
}

impl Subscription {
    /// Waits until the stream is published and its schema is there.
    pub(crate) fn begin(mut messages: Messages, mut decoder: Decoder) -> Result<Self, Error> {
        let Taken::Message(first) = messages.next(false)? else {
            let error = Error::IpcInvalid("expected a stream that begins with its schema, found its end".into());
            return Err(refused(&messages, error));
        };
        let outcome = decoder.decode(&first.bytes);
        match (outcome, decoder.schema().cloned()) {
            (Ok(_), Some(schema)) => Ok(Self { messages, decoder, schema, copies_out: false, is_over: false }),
            (Err(error), _) => Err(refused(&messages, error)),
            (Ok(_), None) => unreachable!("a decoder takes nothing before the schema"),
        }
    }

    /// Waits for the next batch; `None` after the stream's end. The iterator does the same with Arrow's error type.
    ///
    /// # Errors
    /// `LeasesExhausted` when the producer waits for the memory of batches that are held here (it then waits no longer,
    /// and the stream is over), `ProducerGone` when the end never came, the producer's own error when it failed the stream, `IpcInvalid`,
    /// `IpcUnsupported`, `TypeUnsupported` or `DataInvalid` for what cannot be read, the violation that ended the
    /// connection, or `Timeout`, after which one may go on.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        loop {
            match self.step(false)? {
                Step::Batch(batch) => return Ok(Some(batch)),
                Step::Waiting => {}
                Step::End => return Ok(None),
            }
        }
    }

    fn step(&mut self, heeds_waiting: bool) -> Result<Step, Error> {
        while !self.is_over {
            match self.messages.next(heeds_waiting) {
                Ok(Taken::Message(message)) => match self.decoder.decode(&message.bytes) {
                    Ok(None) if self.copies_out => self.decoder.copy_out(&mut copier(self.messages.map())),
                    Ok(None) => {}
                    Ok(Some(batch)) if self.copies_out => {
                        return Ok(Step::Batch(copier(self.messages.map()).batch(&batch)));
                    }
                    Ok(Some(batch)) => return Ok(Step::Batch(batch)),
                    Err(error) => {
                        self.is_over = true;
                        return Err(refused(&self.messages, error));
                    }
                },
                Ok(Taken::Waiting) => return Ok(Step::Waiting),
                Ok(Taken::End) => self.is_over = true,
                Err(error) => {
                    self.is_over = !matches!(error, Error::Timeout(_));
                    return Err(error);
                }
            }
        }
        Ok(Step::End)
    }

    /// Bytes of the dictionaries and batches read so far that came on the socket, as they were too small to be worth an extent.
    pub fn inline_bytes(&self) -> u64 {
        self.messages.inline_bytes()
    }

    /// Everything up to the end: in place as long as the producer has memory for more; once it waits for what is held
    /// here, copied out of its region.
    ///
    /// # Errors
    /// As [`next_batch`](Self::next_batch).
    pub fn read_all(mut self) -> Result<Vec<RecordBatch>, Error> {
        let mut batches = Vec::new();
        loop {
            match self.step(!self.copies_out)? {
                Step::Batch(batch) => batches.push(batch),
                Step::Waiting => self.copy_out(&mut batches),
                Step::End => return Ok(batches),
            }
        }
    }

    fn copy_out(&mut self, batches: &mut [RecordBatch]) {
        self.copies_out = true;
        debug!(batches = batches.len(), "copying out of the producer's region");
        let mut copier = copier(self.messages.map());
        self.decoder.copy_out(&mut copier);
        batches.iter_mut().for_each(|batch| *batch = copier.batch(batch));
    }
}

/// For what lies in the producer's region.
pub fn copier(map: &Map) -> Copier<impl Fn(&Buffer) -> bool> {
    Copier::new(|buffer| map.contains(buffer))
}

/// What breaks the protocol ends the connection; what only this side cannot read ends the subscription.
fn refused(messages: &Messages, error: Error) -> Error {
    if error.is_violation() {
        messages.refuse(error.clone());
    }
    error
}

impl Iterator for Subscription {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().map_err(ArrowError::from).transpose()
    }
}

impl RecordBatchReader for Subscription {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}
