//! What is checked before Arrow's reader sees a message (section 7 of `PROTOCOL.md`). The reader panics when a buffer
//! leaves the body, aborts on a huge uncompressed length, and misreads big-endian data without a word.

use arrow_buffer::Buffer;
use arrow_ipc::{
    BodyCompressionMethod, CompressionType, Endianness, Field, MessageHeader, MetadataVersion, RecordBatch, Schema,
    Type, root_as_message,
};

use crate::error::{Error, Report};

const PREFIX_BYTES: usize = 8;
const UNCOMPRESSED: i64 = -1;
const MAX_UNION_CHILDREN: usize = 128;

/// A refusal of bytes that are no well-formed message.
pub fn invalid(message: impl Into<String>) -> Error {
    Error::IpcInvalid(Report::from(message))
}

/// Splits an encapsulated message into its metadata and what follows it.
///
/// # Errors
/// `IpcInvalid`.
pub fn split(message: &Buffer) -> Result<(Buffer, Buffer), Error> {
    let Some((marker, length)) = message.first_chunk::<8>().map(|prefix| prefix.split_at(4)) else {
        return Err(invalid(format!("expected a message of at least 8 bytes, found {}", message.len())));
    };
    if marker != [0xff; 4] {
        return Err(invalid(format!("expected the continuation marker FFFFFFFF, found {marker:02X?}")));
    }
    let length = u32::from_le_bytes(length.try_into().expect("4 bytes")) as usize;
    let rest = message.slice(PREFIX_BYTES);
    if length > rest.len() {
        return Err(invalid(format!("expected at most {} bytes of metadata, found a length of {length}", rest.len())));
    }
    Ok((rest.slice_with_length(0, length), rest.slice(length)))
}

/// The metadata of a message, its own bounds verified.
///
/// # Errors
/// `IpcInvalid`; `IpcUnsupported` for tensors.
pub fn metadata(bytes: &[u8]) -> Result<arrow_ipc::Message<'_>, Error> {
    let message = root_as_message(bytes)
        .map_err(|cause| invalid(format!("expected a Message flatbuffer, found other bytes: {cause}")))?;
    if !matches!(message.version(), MetadataVersion::V4 | MetadataVersion::V5) {
        return Err(invalid(format!("expected metadata version V5 or V4, found {:?}", message.version())));
    }
    if message.bodyLength() < 0 {
        return Err(invalid(format!("expected a body length of 0 or more, found {}", message.bodyLength())));
    }
    match message.header_type() {
        MessageHeader::Schema | MessageHeader::DictionaryBatch | MessageHeader::RecordBatch => Ok(message),
        other @ (MessageHeader::Tensor | MessageHeader::SparseTensor) => {
            Err(Error::IpcUnsupported(format!("expected schema, dictionary or record batch, found {other:?}").into()))
        }
        other => Err(invalid(format!("expected schema, dictionary or record batch, found {other:?}"))),
    }
}

/// Byte order and sizes in a schema.
///
/// # Errors
/// `IpcInvalid`; `TypeUnsupported` for types of a later format.
pub fn schema(schema: Schema<'_>) -> Result<(), Error> {
    if schema.endianness() != Endianness::Little {
        return Err(invalid(format!("expected little-endian data, found {:?}", schema.endianness())));
    }
    schema.fields().into_iter().flatten().try_for_each(field)
}

fn field(field: Field<'_>) -> Result<(), Error> {
    let name = field.name().unwrap_or_default();
    let children = field.children();
    let type_ = field.type_type();
    if type_.variant_name().is_none() {
        return Err(Error::TypeUnsupported(
            format!("expected a known type for field {name:?}, found number {}", type_.0).into(),
        ));
    }
    let size = match type_ {
        Type::FixedSizeBinary => field.type_as_fixed_size_binary().map(|binary| binary.byteWidth()),
        Type::FixedSizeList => field.type_as_fixed_size_list().map(|list| list.listSize()),
        _ => None,
    };
    if size.is_some_and(|size| size < 0) {
        return Err(invalid(format!("expected a size of 0 or more for field {name:?}, found {size:?}")));
    }
    if type_ == Type::Union && children.is_some_and(|children| children.len() > MAX_UNION_CHILDREN) {
        return Err(invalid(format!("expected at most {MAX_UNION_CHILDREN} children of union field {name:?}")));
    }
    children.into_iter().flatten().try_for_each(self::field)
}

/// Counts and buffers of a record batch, a dictionary's included, against its body.
///
/// # Errors
/// `IpcInvalid`; `IpcUnsupported` for unknown compression and for buffers too large to be unpacked here.
pub fn batch(batch: RecordBatch<'_>, body: &[u8]) -> Result<(), Error> {
    if batch.length() < 0 {
        return Err(invalid(format!("expected a batch of 0 rows or more, found {}", batch.length())));
    }
    for node in batch.nodes().into_iter().flatten() {
        if node.null_count() < 0 || node.null_count() > node.length() {
            let found = format!("{} of {}", node.null_count(), node.length());
            return Err(invalid(format!("expected no more nulls than values and no negative count, found {found}")));
        }
    }
    for buffer in batch.buffers().into_iter().flatten() {
        range(buffer, body.len())?;
    }
    match batch.compression() {
        None => Ok(()),
        Some(compression) => {
            let (codec, method) = (compression.codec(), compression.method());
            if !matches!(codec, CompressionType::LZ4_FRAME | CompressionType::ZSTD)
                || method != BodyCompressionMethod::BUFFER
            {
                let message = format!("expected buffers compressed by LZ4_FRAME or ZSTD, found {codec:?}, {method:?}");
                return Err(Error::IpcUnsupported(message.into()));
            }
            uncompressed(batch, body)
        }
    }
}

fn range(buffer: &arrow_ipc::Buffer, body_length: usize) -> Result<std::ops::Range<usize>, Error> {
    let (offset, length) = (buffer.offset(), buffer.length());
    let start = usize::try_from(offset).ok();
    let end = usize::try_from(length).ok().and_then(|length| length.checked_add(start?));
    match (start, end) {
        (Some(start), Some(end)) if end <= body_length => Ok(start..end),
        _ => {
            let message = format!(
                "expected a buffer within a body of {body_length} bytes, found offset {offset}, length {length}"
            );
            Err(invalid(message))
        }
    }
}

/// Bytes that a buffer holds once it is unpacked. Its range has been checked.
pub fn unpacked_length(buffer: &arrow_ipc::Buffer, body: &[u8], is_compressed: bool) -> Result<usize, Error> {
    let bytes = &body[range(buffer, body.len())?];
    if !is_compressed || bytes.is_empty() {
        return Ok(bytes.len());
    }
    let Some((prefix, packed)) = bytes.split_first_chunk() else {
        return Err(invalid(format!("expected the uncompressed length in 8 bytes, found {}", bytes.len())));
    };
    match i64::from_le_bytes(*prefix) {
        UNCOMPRESSED => Ok(packed.len()),
        length => usize::try_from(length)
            .map_err(|_| invalid(format!("expected an uncompressed length of -1, 0 or more, found {length}"))),
    }
}

fn uncompressed(batch: RecordBatch<'_>, body: &[u8]) -> Result<(), Error> {
    let mut total = 0_usize;
    for buffer in batch.buffers().into_iter().flatten() {
        total = total.saturating_add(unpacked_length(buffer, body, true)?);
    }
    // An allocation that fails aborts the process from inside Arrow's reader, so it is tried here first; no page of it
    // is touched.
    Vec::<u8>::new().try_reserve_exact(total).map_err(|cause| {
        let message = format!("expected buffers that fit into memory once unpacked, found {total} bytes");
        Error::IpcUnsupported(Report::from(message).caused_by(cause))
    })
}
