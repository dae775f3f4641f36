//! Batches for tests, one column of every layout that Arrow has.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::Arc;

use arrow_array::builder::*;
use arrow_array::types::*;
use arrow_array::*;
use arrow_buffer::{OffsetBuffer, ScalarBuffer, i256};
use arrow_schema::{DataType, Field, Fields, Schema, UnionFields};

/// `rows` numbers from `first`.
pub fn numbers(first: i64, rows: i64) -> RecordBatch {
    batch(vec![("n", Arc::new(Int64Array::from_iter_values(first..first + rows)))])
}

pub fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

/// A dictionary column over `values`, whose rows are `indices` into it.
pub fn dictionary(values: &[&str], indices: &[i32]) -> RecordBatch {
    let values = StringArray::from_iter_values(values);
    batch(vec![(
        "d",
        Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(indices.to_vec()), Arc::new(values))),
    )])
}

/// Five rows of every layout, with nulls wherever a type can have them.
pub fn every_layout() -> RecordBatch {
    let texts = [Some("a"), None, Some("longer than twelve bytes"), Some(""), Some("ö")];
    let numbers = [Some(1), None, Some(3), Some(-4), Some(5)];
    let int32 = Arc::new(Int32Array::from(numbers.to_vec()));
    let item = Arc::new(Field::new_list_field(DataType::Int32, true));
    let list = |lengths: [usize; 5]| OffsetBuffer::<i32>::from_lengths(lengths);
    let struct_fields =
        Fields::from(vec![Field::new("x", DataType::Int32, true), Field::new("y", DataType::Utf8, true)]);
    let struct_children: Vec<ArrayRef> = vec![int32.clone(), Arc::new(StringArray::from(texts.to_vec()))];
    let validity = Some(vec![true, false, true, true, true].into());
    let union_fields = UnionFields::try_new(
        [3, 5],
        vec![Field::new("i", DataType::Int32, true), Field::new("s", DataType::Utf8, true)],
    )
    .unwrap();
    let type_ids = ScalarBuffer::from(vec![3_i8, 5, 3, 5, 3]);
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for row in 0..5 {
        (0..row).for_each(|entry| {
            map.keys().append_value(format!("k{entry}"));
            map.values().append_option((entry != 1).then_some(entry));
        });
        map.append(row != 3).unwrap();
    }
    let dictionary: DictionaryArray<Int8Type> = texts.into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("null", Arc::new(NullArray::new(5))),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true), Some(true)]))),
        ("int32", int32.clone()),
        ("float16", Arc::new(Float16Array::from_iter_values((0..5).map(|n| (n as i8).into())))),
        ("float64", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(f64::NAN), Some(-0.0), Some(1e300)]))),
        ("date64", Arc::new(Date64Array::from(vec![Some(0), None, Some(86_400_000), Some(1), Some(-1)]))),
        ("time", Arc::new(TimestampNanosecondArray::from(vec![1, 2, 3, 4, 5]).with_timezone("UTC"))),
        ("interval", Arc::new(IntervalMonthDayNanoArray::from(vec![Some(IntervalMonthDayNano::new(1, 2, 3)); 5]))),
        ("decimal128", Arc::new(Decimal128Array::from(vec![Some(1_i128 << 100), None, Some(-7), Some(0), Some(9)]))),
        (
            "decimal256",
            Arc::new(Decimal256Array::from(vec![Some(i256::from_i128(-5)), None, None, None, Some(i256::ONE)])),
        ),
        ("fixed", Arc::new(FixedSizeBinaryArray::try_from_iter((0..5).map(|n| [n; 3])).unwrap())),
        ("utf8", Arc::new(StringArray::from(texts.to_vec()))),
        ("large_utf8", Arc::new(LargeStringArray::from(texts.to_vec()))),
        ("binary", Arc::new(BinaryArray::from(vec![Some(&b"\xff\0"[..]), None, Some(b""), Some(b"x"), Some(b"yz")]))),
        ("view", Arc::new(StringViewArray::from(texts.to_vec()))),
        ("list", Arc::new(ListArray::new(item.clone(), list([1, 0, 2, 2, 0]), int32.clone(), validity.clone()))),
        (
            "large_list",
            Arc::new(LargeListArray::new(
                item.clone(),
                OffsetBuffer::from_lengths([1, 0, 2, 2, 0]),
                int32.clone(),
                None,
            )),
        ),
        (
            "list_view",
            Arc::new(ListViewArray::new(
                item.clone(),
                vec![3, 0, 0, 2, 1].into(),
                vec![2, 0, 5, 1, 1].into(),
                int32.clone(),
                validity.clone(),
            )),
        ),
        (
            "fixed_list",
            Arc::new(FixedSizeListArray::new(item, 2, Arc::new(Int32Array::from_iter_values(0..10)), validity.clone())),
        ),
        ("struct", Arc::new(StructArray::new(struct_fields, struct_children.clone(), validity))),
        ("map", Arc::new(map.finish())),
        (
            "sparse_union",
            Arc::new(
                UnionArray::try_new(union_fields.clone(), type_ids.clone(), None, struct_children.clone()).unwrap(),
            ),
        ),
        (
            "dense_union",
            Arc::new(
                UnionArray::try_new(union_fields, type_ids, Some(vec![0, 0, 1, 3, 4].into()), struct_children).unwrap(),
            ),
        ),
        (
            "run_end",
            Arc::new(
                RunArray::<Int32Type>::try_new(
                    &Int32Array::from(vec![2, 3, 5]),
                    &StringArray::from(vec![Some("r"), None, Some("s")]),
                )
                .unwrap(),
            ),
        ),
        ("dictionary", Arc::new(dictionary)),
    ];
    batch(columns)
}

/// The schema of a batch, as its writer needs it.
pub fn schema(batch: &RecordBatch) -> Schema {
    batch.schema().as_ref().clone()
}
