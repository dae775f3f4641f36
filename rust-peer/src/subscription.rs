//! A stream as record batches.

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};

use crate::decoder::Decoder;
use crate::error::Error;
use crate::messages::Messages;

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
    is_over: bool,
}

impl Subscription {
    /// Waits until the stream is published and its schema is there.
    pub(crate) fn begin(mut messages: Messages, mut decoder: Decoder) -> Result<Self, Error> {
        let Some(first) = messages.next_message()? else {
            let error = Error::IpcInvalid("expected a stream that begins with its schema, found its end".into());
            return Err(refused(&messages, error));
        };
        let outcome = decoder.decode(&first.bytes);
        match (outcome, decoder.schema().cloned()) {
            (Ok(_), Some(schema)) => Ok(Self { messages, decoder, schema, is_over: false }),
            (Err(error), _) => Err(refused(&messages, error)),
            (Ok(_), None) => unreachable!("a decoder takes nothing before the schema"),
        }
    }

    /// Waits for the next batch; `None` after the stream's end. The iterator does the same with Arrow's error type.
    ///
    /// # Errors
    /// `ProducerGone` when the end never came, the producer's own error when it failed the stream, `IpcInvalid`,
    /// `IpcUnsupported`, `TypeUnsupported` or `DataInvalid` for what cannot be read, the violation that ended the
    /// connection, or `Timeout`, after which one may go on.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, Error> {
        while !self.is_over {
            match self.messages.next_message() {
                Ok(Some(message)) => match self.decoder.decode(&message.bytes) {
                    Ok(None) => {}
                    Ok(batch) => return Ok(batch),
                    Err(error) => {
                        self.is_over = true;
                        return Err(refused(&self.messages, error));
                    }
                },
                Ok(None) => self.is_over = true,
                Err(error) => {
                    self.is_over = !matches!(error, Error::Timeout(_));
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    /// Bytes of the dictionaries and batches read so far that came on the socket, as they were too small to be worth an extent.
    pub fn inline_bytes(&self) -> u64 {
        self.messages.inline_bytes()
    }

    /// Everything up to the end. All of it is held at once, so the producer needs room for it.
    ///
    /// # Errors
    /// As [`next_batch`](Self::next_batch).
    pub fn read_all(mut self) -> Result<Vec<RecordBatch>, Error> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next_batch()? {
            batches.push(batch);
        }
        Ok(batches)
    }
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
