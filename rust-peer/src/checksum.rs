//! The checksum of a column (section 9 of `PROTOCOL.md`): what two languages compare to know that they see the same.

use std::borrow::Cow;

use arrow_array::Array;
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer};
use arrow_data::ArrayData;
use arrow_data::transform::MutableArrayData;
use arrow_schema::DataType;
use crc32fast::Hasher;

/// CRC-32 over one column's arrays, batch after batch. Reads declared buffers only.
#[derive(Debug, Clone, Default)]
pub struct Checksum(Hasher);

impl Checksum {
    /// Nothing so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries on over the column's array of the next batch.
    ///
    /// Offsets that are not valid for their values give a checksum of what there is, never a panic.
    pub fn update(&mut self, column: &dyn Array) {
        self.node(&column.to_data());
    }

    /// Eight lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        format!("{:08x}", self.0.clone().finalize())
    }

    fn node(&mut self, data: &ArrayData) {
        let data = &*from_offset_zero(data);
        let length = data.len();
        self.0.update(&(length as u64).to_le_bytes());
        let has_validity =
            !matches!(data.data_type(), DataType::Null | DataType::Union(..) | DataType::RunEndEncoded(..));
        if let Some(nulls) = data.nulls().filter(|nulls| has_validity && nulls.null_count() > 0) {
            self.bits(nulls.inner());
        }
        self.buffers(data, length);
        data.child_data().iter().for_each(|child| self.node(child));
    }

    fn buffers(&mut self, data: &ArrayData, length: usize) {
        let buffers = data.buffers();
        match data.data_type() {
            DataType::Null | DataType::Struct(_) | DataType::FixedSizeList(..) | DataType::RunEndEncoded(..) => {}
            DataType::Boolean => self.bits(&BooleanBuffer::new(buffers[0].clone(), 0, length)),
            DataType::Utf8 | DataType::Binary => self.values::<i32>(buffers, length),
            DataType::LargeUtf8 | DataType::LargeBinary => self.values::<i64>(buffers, length),
            DataType::Utf8View | DataType::BinaryView => {
                self.fixed(&buffers[0], length, 16);
                buffers[1..].iter().for_each(|buffer| self.0.update(buffer));
            }
            DataType::List(_) | DataType::Map(..) => self.offsets(&buffers[0], length, 4),
            DataType::LargeList(_) => self.offsets(&buffers[0], length, 8),
            DataType::ListView(_) => buffers.iter().for_each(|buffer| self.fixed(buffer, length, 4)),
            DataType::LargeListView(_) => buffers.iter().for_each(|buffer| self.fixed(buffer, length, 8)),
            DataType::Union(..) => {
                self.fixed(&buffers[0], length, 1);
                buffers[1..].iter().for_each(|offsets| self.fixed(offsets, length, 4));
            }
            DataType::FixedSizeBinary(byte_width) => self.fixed(&buffers[0], length, *byte_width as usize),
            DataType::Dictionary(indices, _) => self.fixed(&buffers[0], length, indices.primitive_width().unwrap_or(0)),
            primitive => self.fixed(&buffers[0], length, primitive.primitive_width().unwrap_or(0)),
        }
    }

    /// The bits past the length are cleared.
    fn bits(&mut self, bits: &BooleanBuffer) {
        let (bytes, length) = (bits.sliced(), bits.len());
        let (whole, rest) = (length / 8, length % 8);
        self.0.update(&bytes[..whole]);
        if rest > 0 {
            self.0.update(&[bytes[whole] & ((1 << rest) - 1)]);
        }
    }

    fn fixed(&mut self, buffer: &Buffer, length: usize, byte_width: usize) {
        self.0.update(&buffer[..(length * byte_width).min(buffer.len())]);
    }

    fn offsets(&mut self, buffer: &Buffer, length: usize, byte_width: usize) {
        if length > 0 {
            self.fixed(buffer, length + 1, byte_width);
        }
    }

    fn values<O: ArrowNativeType>(&mut self, buffers: &[Buffer], length: usize) {
        if length > 0 {
            self.offsets(&buffers[0], length, size_of::<O>());
            let end = buffers[0].typed_data::<O>()[length].to_usize().unwrap_or(0);
            self.0.update(&buffers[1][..end.min(buffers[1].len())]);
        }
    }
}

/// What comes out of a subscription begins at 0 already; a slice is copied to begin there.
fn from_offset_zero(data: &ArrayData) -> Cow<'_, ArrayData> {
    if data.offset() == 0 {
        return Cow::Borrowed(data);
    }
    let mut copy = MutableArrayData::new(vec![data], false, data.len());
    copy.try_extend(0, 0, data.len()).map_or(Cow::Borrowed(data), |()| Cow::Owned(copy.freeze()))
}
