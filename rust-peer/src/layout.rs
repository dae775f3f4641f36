//! A batch's nodes and buffers against its schema: that each is there and long enough for its type, and none is left.
//! With this checked, contents are all that is left to validate or to trust.

use std::collections::HashMap;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::Buffer;
use arrow_data::{BufferSpec, layout};
use arrow_ipc::{FieldNode, MetadataVersion, RecordBatch};
use arrow_schema::{DataType, Field, FieldRef};

use crate::check::{invalid, unpacked_length};
use crate::error::Error;

/// Walks over the nodes and buffers of one batch in the order of its fields.
struct Walk<'a> {
    nodes: Box<dyn Iterator<Item = &'a FieldNode> + 'a>,
    buffers: Box<dyn ExactSizeIterator<Item = &'a arrow_ipc::Buffer> + 'a>,
    variadic_counts: Box<dyn Iterator<Item = i64> + 'a>,
    body: &'a Buffer,
    dictionaries: &'a HashMap<i64, ArrayRef>,
    is_compressed: bool,
    requires_alignment: bool,
    version: MetadataVersion,
}

/// Checks a batch whose counts and buffer ranges are known to be sound.
///
/// # Errors
/// `IpcInvalid`.
pub fn check<'a>(
    batch: RecordBatch<'a>,
    fields: &[FieldRef],
    body: &'a Buffer,
    dictionaries: &'a HashMap<i64, ArrayRef>,
    version: MetadataVersion,
    requires_alignment: bool,
) -> Result<(), Error> {
    let (Some(nodes), Some(buffers)) = (batch.nodes(), batch.buffers()) else {
        return Err(invalid("expected nodes and buffers in the batch, found none"));
    };
    let mut walk = Walk {
        nodes: Box::new(nodes.iter()),
        buffers: Box::new(buffers.iter()),
        variadic_counts: Box::new(batch.variadicBufferCounts().into_iter().flatten()),
        body,
        dictionaries,
        is_compressed: batch.compression().is_some(),
        requires_alignment,
        version,
    };
    for field in fields {
        let length = walk.field(field)?;
        if length != batch.length() as usize {
            return Err(invalid(format!(
                "expected {} rows in field {:?}, found {length}",
                batch.length(),
                field.name()
            )));
        }
    }
    if walk.nodes.next().is_some() || walk.buffers.next().is_some() || walk.variadic_counts.next().is_some() {
        return Err(invalid("expected no more nodes and buffers than the schema's fields have, found more"));
    }
    Ok(())
}

impl Walk<'_> {
    /// Checks a field and its children; gives its length.
    fn field(&mut self, field: &Field) -> Result<usize, Error> {
        let data_type = field.data_type();
        let node = self.nodes.next().ok_or_else(|| short("node", field, 1, 0))?;
        let (length, null_count) = (node.length() as usize, node.null_count() as usize);
        let layout = layout(data_type);
        // Until V4, unions had a validity bitmap too.
        let is_old_union = matches!(data_type, DataType::Union(..)) && self.version < MetadataVersion::V5;
        if layout.can_contain_null_mask || is_old_union {
            let bits = if null_count > 0 { length.div_ceil(8) } else { 0 };
            self.buffer("validity", field, bits, 1)?;
        }
        let is_offsets = matches!(
            data_type,
            DataType::Utf8
                | DataType::Binary
                | DataType::List(_)
                | DataType::Map(..)
                | DataType::LargeUtf8
                | DataType::LargeBinary
                | DataType::LargeList(_)
        );
        for spec in layout.buffers {
            match spec {
                BufferSpec::FixedWidth { byte_width, alignment } => {
                    let elements = if is_offsets && length > 0 { length.saturating_add(1) } else { length };
                    self.buffer("values or offsets", field, elements.saturating_mul(byte_width), alignment)?;
                }
                BufferSpec::BitMap => self.buffer("values", field, length.div_ceil(8), 1)?,
                BufferSpec::VariableWidth | BufferSpec::AlwaysNull => self.buffer("data", field, 0, 1)?,
            }
        }
        if layout.variadic {
            let count = self.variadic_counts.next().ok_or_else(|| short("variadic count", field, 1, 0))?;
            if count < 0 || count > self.buffers.len() as i64 {
                return Err(short("variadic buffer", field, count, self.buffers.len()));
            }
            for _ in 0..count {
                self.buffer("data", field, 0, 1)?;
            }
        }
        self.children(field, length, null_count)?;
        Ok(length)
    }

    fn children(&mut self, field: &Field, length: usize, null_count: usize) -> Result<(), Error> {
        match field.data_type() {
            DataType::List(child) | DataType::LargeList(child) | DataType::Map(child, _) => self.field(child).map(drop),
            DataType::ListView(child) | DataType::LargeListView(child) => self.field(child).map(drop),
            DataType::FixedSizeList(child, size) => {
                let expected = length.checked_mul(*size as usize).filter(|slots| *slots <= isize::MAX as usize);
                let found = self.field(child)?;
                // Arrow spreads the list's validity over its slots to look at the child's nulls, a bit each.
                let spread = if null_count > 0 && !child.is_nullable() { expected.unwrap_or(usize::MAX) } else { 0 };
                if expected.is_none_or(|expected| found < expected) || spread > self.body.len().saturating_mul(8) {
                    return Err(invalid(format!(
                        "expected {length} lists of {size} slots in {field}, found {found} slots"
                    )));
                }
                Ok(())
            }
            DataType::Struct(children) => children.iter().try_for_each(|child| self.child_of_length(child, length)),
            DataType::Union(children, mode) => children.iter().try_for_each(|(_, child)| match mode {
                arrow_schema::UnionMode::Sparse => self.child_of_length(child, length),
                arrow_schema::UnionMode::Dense => self.field(child).map(drop),
            }),
            DataType::RunEndEncoded(run_ends, values) => {
                let runs = self.field(run_ends)?;
                self.child_of_length(values, runs)
            }
            DataType::Dictionary(_, values) => {
                #[expect(deprecated, reason = "the only way to a field's dictionary id")]
                let dictionary = field.dict_id().and_then(|id| self.dictionaries.get(&id));
                match dictionary {
                    Some(found) if found.data_type() != &**values => Err(invalid(format!(
                        "expected a dictionary of {values} for {field}, found {}",
                        found.data_type()
                    ))),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn child_of_length(&mut self, child: &Field, expected: usize) -> Result<(), Error> {
        match self.field(child)? {
            found if found == expected => Ok(()),
            found => Err(short("value", child, expected, found)),
        }
    }

    fn buffer(&mut self, what: &str, field: &Field, expected: usize, alignment: usize) -> Result<(), Error> {
        let buffer = self.buffers.next().ok_or_else(|| short("buffer", field, 1, 0))?;
        let found = unpacked_length(buffer, self.body, self.is_compressed)?;
        if found < expected {
            return Err(short(&format!("byte of {what}"), field, expected, found));
        }
        if !found.is_multiple_of(alignment) {
            return Err(invalid(format!("expected whole elements in {what} of {field}, found {found} bytes")));
        }
        let address = (self.body.as_ptr() as usize).wrapping_add(buffer.offset() as usize);
        if self.requires_alignment && found > 0 && !address.is_multiple_of(alignment) {
            let message = format!(
                "expected {what} of {field} at a multiple of {alignment} bytes, found offset {}",
                buffer.offset()
            );
            return Err(invalid(message));
        }
        Ok(())
    }
}

fn short(what: &str, field: &Field, expected: impl std::fmt::Display, found: impl std::fmt::Display) -> Error {
    invalid(format!("expected {expected} times a {what} for {field}, found {found}"))
}
