//! IPC messages to record batches that lie where the messages lie.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_data::UnsafeFlag;
use arrow_ipc::MessageHeader;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{RecordBatchDecoder, read_dictionary_impl};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};

use crate::check::{self, invalid};
use crate::copier::Copier;
use crate::error::{Error, Report};
use crate::layout;

/// Reads the messages of one stream, in order: the schema, then dictionaries (replacements and deltas too) and batches.
///
/// Batches are slices of the messages; only a delta copies, as it makes one dictionary out of two, and what is
/// compressed has to be unpacked. The structure of every message is checked before it is read.
#[derive(Debug, Default)]
pub struct Decoder {
    schema: Option<SchemaRef>,
    dictionaries: HashMap<i64, ArrayRef>,
    copies_unaligned: bool,
    trust: UnsafeFlag,
}

impl Decoder {
    /// A decoder that validates contents and refuses buffers that are not aligned for their type.
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies buffers that are not aligned for their type instead of refusing them.
    pub fn with_unaligned_copied(self) -> Self {
        Self { copies_unaligned: true, ..self }
    }

    /// Skips the validation of contents (offsets, UTF-8, null counts, dictionary indices) for all that follows.
    ///
    /// # Safety
    /// The producer has to be trusted to send valid contents: reading others is undefined behaviour.
    pub unsafe fn with_trust(mut self) -> Self {
        // SAFETY: the caller vouches for the producer.
        unsafe { self.trust.set(true) };
        self
    }

    /// The stream's schema, once its message has come.
    pub fn schema(&self) -> Option<&SchemaRef> {
        self.schema.as_ref()
    }

    /// How many bytes of body follow a message's metadata, for whoever reads messages from a byte stream.
    ///
    /// # Errors
    /// `IpcInvalid`, `IpcUnsupported`.
    pub fn body_byte_length(metadata: &[u8]) -> Result<usize, Error> {
        check::metadata(metadata).map(|message| message.bodyLength() as usize)
    }

    /// Takes in one encapsulated message; `None` when it was not a record batch.
    ///
    /// # Errors
    /// `IpcInvalid`, `IpcUnsupported`, `TypeUnsupported`, `DataInvalid`.
    pub fn decode(&mut self, message: &Buffer) -> Result<Option<RecordBatch>, Error> {
        let (metadata, body) = check::split(message)?;
        self.decode_parts(&metadata, &body)
    }

    /// As [`decode`](Self::decode), with the message's metadata flatbuffer and its body apart.
    ///
    /// # Errors
    /// `IpcInvalid`, `IpcUnsupported`, `TypeUnsupported`, `DataInvalid`.
    pub fn decode_parts(&mut self, metadata: &[u8], body: &Buffer) -> Result<Option<RecordBatch>, Error> {
        let message = check::metadata(metadata)?;
        if message.bodyLength() as u64 != body.len() as u64 {
            return Err(invalid(format!("expected a body of {} bytes, found {}", message.bodyLength(), body.len())));
        }
        // What is checked before leaves no panic that is known. One that is not must not end the caller's thread.
        let outcome = catch_unwind(AssertUnwindSafe(|| match message.header_type() {
            MessageHeader::Schema => self.read_schema(&message).map(|()| None),
            MessageHeader::DictionaryBatch => self.read_dictionary(&message, body).map(|()| None),
            _ => self.read_batch(&message, body).map(Some),
        }));
        outcome.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(invalid(format!(
                "expected a message that Arrow can read, found that its reader panics: {}",
                text.unwrap_or("no text")
            )))
        })
    }

    /// Copies the dictionaries that are held, where they are leased.
    pub(crate) fn copy_out<F: Fn(&Buffer) -> bool>(&mut self, copier: &mut Copier<F>) {
        self.dictionaries.values_mut().for_each(|values| *values = copier.array(values));
    }

    fn read_schema(&mut self, message: &arrow_ipc::Message<'_>) -> Result<(), Error> {
        if self.schema.is_some() {
            return Err(invalid("expected one schema, as the first message, found another"));
        }
        let schema = message.header_as_schema().ok_or_else(|| invalid("expected a schema, found an empty header"))?;
        check::schema(schema)?;
        self.schema = Some(Arc::new(try_fb_to_schema(schema).map_err(unreadable)?));
        Ok(())
    }

    fn read_dictionary(&mut self, message: &arrow_ipc::Message<'_>, body: &Buffer) -> Result<(), Error> {
        let schema = self.known_schema()?;
        let Some((dictionary, values)) =
            message.header_as_dictionary_batch().and_then(|found| Some((found, found.data()?)))
        else {
            return Err(invalid("expected a dictionary with its values, found none"));
        };
        check::batch(values, body)?;
        let fields = [Arc::new(value_field(&schema, dictionary.id())?)];
        let is_aligned = self.requires_alignment(values);
        layout::check(values, &fields, body, &self.dictionaries, message.version(), is_aligned)?;
        let (dictionaries, trust) = (&mut self.dictionaries, self.trust.clone());
        read_dictionary_impl(body, dictionary, &schema, dictionaries, &message.version(), is_aligned, trust)
            .map_err(wrong)
    }

    fn read_batch(&mut self, message: &arrow_ipc::Message<'_>, body: &Buffer) -> Result<RecordBatch, Error> {
        let schema = self.known_schema()?;
        let Some(batch) = message.header_as_record_batch() else {
            return Err(invalid("expected a record batch, found an empty header"));
        };
        check::batch(batch, body)?;
        let is_aligned = self.requires_alignment(batch);
        layout::check(batch, schema.fields(), body, &self.dictionaries, message.version(), is_aligned)?;
        RecordBatchDecoder::try_new(body, batch, schema, &self.dictionaries, &message.version())
            .and_then(|reader| {
                let reader = reader.with_require_alignment(is_aligned);
                reader.with_skip_validation(self.trust.clone()).read_record_batch()
            })
            .map_err(wrong)
    }

    fn known_schema(&self) -> Result<SchemaRef, Error> {
        self.schema.clone().ok_or_else(|| invalid("expected the schema as the first message, found another"))
    }

    /// What is stored unpacked in a compressed body begins 8 bytes into its buffer, and is copied where that matters.
    fn requires_alignment(&self, batch: arrow_ipc::RecordBatch<'_>) -> bool {
        !self.copies_unaligned && batch.compression().is_none()
    }
}

fn value_field(schema: &Schema, id: i64) -> Result<arrow_schema::Field, Error> {
    #[expect(deprecated, reason = "the only way from a dictionary's id to its field")]
    let fields = schema.fields_with_dict_id(id);
    match fields.first().map(|field| field.data_type()) {
        Some(DataType::Dictionary(_, values)) => Ok(arrow_schema::Field::new("", values.as_ref().clone(), true)),
        _ => Err(invalid(format!("expected a dictionary of one of the schema's fields, found one with id {id}"))),
    }
}

fn unreadable(cause: ArrowError) -> Error {
    Error::IpcInvalid(Report::from(format!("expected a schema that Arrow can read: {cause}")).caused_by(cause))
}

fn wrong(cause: ArrowError) -> Error {
    Error::DataInvalid(
        Report::from(format!("expected contents that are valid for the schema: {cause}")).caused_by(cause),
    )
}
