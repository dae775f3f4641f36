//! The checksum of each layout against bytes that are written out here by hand (section 9 of the protocol).

mod columns;

use std::sync::Arc;

use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{OffsetBuffer, i256};
use arrow_schema::{DataType, Field, Fields, UnionFields};
use arrowlab::Checksum;
use columns::every_layout;

fn checksum(arrays: &[&dyn Array]) -> String {
    let mut checksum = Checksum::new();
    arrays.iter().for_each(|array| checksum.update(*array));
    checksum.to_hex()
}

fn crc(parts: &[&[u8]]) -> String {
    format!("{:08x}", crc32fast::hash(&parts.concat()))
}

fn length(n: u64) -> [u8; 8] {
    n.to_le_bytes()
}

fn words(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn longs(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn it_is_the_crc_32_of_zlib_in_eight_digits() {
    assert_eq!(checksum(&[]), "00000000");
    // What Python's zlib.crc32(b"\3" + 7 * b"\0" + b"\1\2\3") gives.
    assert_eq!(checksum(&[&UInt8Array::from(vec![1, 2, 3])]), "58988ee2");
}

#[test]
fn validity_counts_only_where_there_are_nulls() {
    assert_eq!(checksum(&[&Int32Array::from(vec![Some(1), Some(2)])]), crc(&[&length(2), &words(&[1, 2])]));
    let nulls = Int32Array::new(vec![1, 7, 3].into(), Some(vec![true, false, true].into()));
    assert_eq!(checksum(&[&nulls]), crc(&[&length(3), &[0b101], &words(&[1, 7, 3])]));
}

#[test]
fn batches_are_carried_on_in_order() {
    let (first, second) = (Int32Array::from(vec![1, 2]), Int32Array::from(vec![3]));
    assert_eq!(checksum(&[&first, &second]), crc(&[&length(2), &words(&[1, 2]), &length(1), &words(&[3])]));
    assert_ne!(checksum(&[&first, &second]), checksum(&[&Int32Array::from(vec![1, 2, 3])]));
}

#[test]
fn bits_past_the_length_are_cleared() {
    let all = BooleanArray::from(vec![true; 16]);
    let nine = BooleanArray::new(arrow_buffer::BooleanBuffer::new(all.values().inner().clone(), 0, 9), None);
    assert_eq!(checksum(&[&nine]), crc(&[&length(9), &[0xff, 0b1]]));
}

#[test]
fn fixed_width() {
    let decimals = Decimal256Array::from(vec![i256::from_i128(-1)]);
    assert_eq!(checksum(&[&decimals]), crc(&[&length(1), &[0xff; 32]]));
    let fixed = FixedSizeBinaryArray::try_from_iter([*b"abc", *b"def"].into_iter()).unwrap();
    assert_eq!(checksum(&[&fixed]), crc(&[&length(2), b"abcdef"]));
    assert_eq!(checksum(&[&NullArray::new(4)]), crc(&[&length(4)]));
}

#[test]
fn variable_size_binary_ends_at_its_last_offset() {
    let texts = StringArray::from(vec!["ab", "", "c"]);
    assert_eq!(checksum(&[&texts]), crc(&[&length(3), &words(&[0, 2, 2, 3]), b"abc"]));
    let large = LargeBinaryArray::from(vec![&b"ab"[..]]);
    assert_eq!(checksum(&[&large]), crc(&[&length(1), &longs(&[0, 2]), b"ab"]));
    assert_eq!(checksum(&[&StringArray::new_null(0)]), crc(&[&length(0)]));
    let slack = StringArray::new(OffsetBuffer::from_lengths([1]), b"abc".into(), None);
    assert_eq!(checksum(&[&slack]), crc(&[&length(1), &words(&[0, 1]), b"a"]));
}

#[test]
fn views_count_with_each_buffer_whole() {
    let long = "longer than twelve bytes";
    let views = StringViewArray::from(vec!["ab", long]);
    let mut expected = length(2).to_vec();
    expected.extend(words(&[2]));
    expected.extend(b"ab\0\0\0\0\0\0\0\0\0\0");
    expected.extend(words(&[long.len() as i32]));
    expected.extend(b"long");
    expected.extend(words(&[0, 0]));
    expected.extend(long.as_bytes());
    assert_eq!(views.data_buffers().iter().map(|buffer| buffer.len()).collect::<Vec<_>>(), [long.len()]);
    assert_eq!(checksum(&[&views]), crc(&[&expected]));
}

#[test]
fn nested() {
    let item = Arc::new(Field::new_list_field(DataType::Int32, true));
    let values = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let child = [&length(3)[..], &words(&[1, 2, 3])].concat();
    let list = ListArray::new(item.clone(), OffsetBuffer::from_lengths([2, 1]), values.clone(), None);
    assert_eq!(checksum(&[&list]), crc(&[&length(2), &words(&[0, 2, 3]), &child]));
    let large = LargeListArray::new(item.clone(), OffsetBuffer::from_lengths([3]), values.clone(), None);
    assert_eq!(checksum(&[&large]), crc(&[&length(1), &longs(&[0, 3]), &child]));
    let view = ListViewArray::new(item.clone(), vec![1, 0].into(), vec![2, 1].into(), values.clone(), None);
    assert_eq!(checksum(&[&view]), crc(&[&length(2), &words(&[1, 0]), &words(&[2, 1]), &child]));
    let fixed = FixedSizeListArray::new(item, 3, values.clone(), None);
    assert_eq!(checksum(&[&fixed]), crc(&[&length(1), &child]));
    let fields = Fields::from(vec![Field::new("x", DataType::Int32, true)]);
    let nulls = Some(vec![true, false, true].into());
    let structs = StructArray::new(fields, vec![values], nulls);
    assert_eq!(checksum(&[&structs]), crc(&[&length(3), &[0b101], &child]));
}

#[test]
fn unions_and_run_ends_have_no_validity() {
    let fields = UnionFields::try_new([4], vec![Field::new("i", DataType::Int32, true)]).unwrap();
    let child = || Arc::new(Int32Array::from(vec![9, 8])) as ArrayRef;
    let child_bytes = [&length(2)[..], &words(&[9, 8])].concat();
    let sparse = UnionArray::try_new(fields.clone(), vec![4, 4].into(), None, vec![child()]).unwrap();
    assert_eq!(checksum(&[&sparse]), crc(&[&length(2), &[4, 4], &child_bytes]));
    let dense = UnionArray::try_new(fields, vec![4, 4].into(), Some(vec![1, 0].into()), vec![child()]).unwrap();
    assert_eq!(checksum(&[&dense]), crc(&[&length(2), &[4, 4], &words(&[1, 0]), &child_bytes]));
    let runs = RunArray::<Int16Type>::try_new(&Int16Array::from(vec![2, 5]), &Int32Array::from(vec![9, 8])).unwrap();
    assert_eq!(checksum(&[&runs]), crc(&[&length(5), &length(2), &[2, 0, 5, 0], &child_bytes]));
}

#[test]
fn dictionaries_count_with_their_values() {
    let values = Arc::new(StringArray::from(vec!["a", "b"]));
    let column = DictionaryArray::<Int8Type>::new(Int8Array::from(vec![1, 0, 1]), values);
    let dictionary = [&length(2)[..], &words(&[0, 1, 2]), b"ab"].concat();
    assert_eq!(checksum(&[&column]), crc(&[&length(3), &[1, 0, 1], &dictionary]));
}

#[test]
fn one_flipped_bit_makes_it_differ_and_a_slice_that_begins_elsewhere_does_not() {
    let (one, other) = (Int64Array::from(vec![1, 2, 3]), Int64Array::from(vec![1, 2, 2]));
    assert_ne!(checksum(&[&one]), checksum(&[&other]));
    let bits = BooleanArray::from(vec![Some(false), None, Some(true), Some(true), None, Some(true)]);
    let same = BooleanArray::from(vec![Some(true), Some(true), None, Some(true)]);
    assert_eq!(checksum(&[&bits.slice(2, 4)]), checksum(&[&same]));
    every_layout().columns().iter().for_each(|column| drop(checksum(&[&column.slice(1, 3)])));
}

#[test]
fn every_layout_has_a_checksum_of_its_own() {
    let batch = every_layout();
    let mut checksums: Vec<String> = batch.columns().iter().map(|column| checksum(&[column])).collect();
    checksums.sort_unstable();
    checksums.dedup();
    assert_eq!(checksums.len(), batch.num_columns());
}

#[test]
fn a_list_without_rows_has_no_offsets() {
    let item = Arc::new(Field::new_list_field(DataType::Int32, true));
    let values = Arc::new(Int32Array::from(Vec::<i32>::new()));
    let list = ListArray::new(item, OffsetBuffer::new_empty(), values, None);
    assert_eq!(checksum(&[&list]), crc(&[&length(0), &length(0)]));
}
