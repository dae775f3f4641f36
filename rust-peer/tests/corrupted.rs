//! Damaged messages end in an error or in a batch, never in a panic, an abort or a crash.

mod columns;
mod producer;

use arrow_array::{Array, RecordBatch};
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_data::ArrayData;
use arrowlab::{Checksum, Decoder, Error};
use columns::{dictionary, every_layout, numbers, schema};
use producer::{aligned, messages, messages_with, messages_with_deltas};
use proptest::prelude::*;
use proptest::sample::Index;

/// Where and how one message is damaged.
#[derive(Debug, Clone)]
enum Damage {
    Byte(Index, u8),
    Word(Index, u64),
    Cut(Index),
    Repeat,
}

fn damage() -> impl Strategy<Value = Damage> {
    let wild = prop_oneof![any::<u64>(), any::<u8>().prop_map(u64::from), Just(1 << 62), Just(u64::MAX), Just(1 << 31)];
    prop_oneof![
        6 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        6 => (any::<Index>(), wild).prop_map(|(at, word)| Damage::Word(at, word)),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => Just(Damage::Repeat),
    ]
}

fn damaged(messages: &[Vec<u8>], which: Index, damages: &[Damage]) -> Vec<Buffer> {
    let mut messages = messages.to_vec();
    let which = which.index(messages.len());
    for damage in damages {
        let message = &mut messages[which];
        if message.is_empty() {
            continue;
        }
        match damage {
            Damage::Byte(at, byte) => *at.get_mut(message) = *byte,
            Damage::Word(at, word) => {
                // Fields of flatbuffers and prefixes of buffers are aligned, so that is where a wild word hurts most.
                let start = at.index(message.len()) & !7;
                let end = message.len().min(start + 8);
                message[start..end].copy_from_slice(&word.to_le_bytes()[..end - start]);
            }
            Damage::Cut(at) => message.truncate(at.index(message.len())),
            Damage::Repeat => messages.insert(which, messages[which].clone()),
        }
    }
    messages.iter().map(|message| in_aligned_memory(message)).collect()
}

fn in_aligned_memory(bytes: &[u8]) -> Buffer {
    let mut aligned = MutableBuffer::new(bytes.len());
    aligned.extend_from_slice(bytes);
    aligned.into()
}

/// Decodes what can be decoded and reads all of it.
fn read(messages: &[Buffer]) -> Result<Vec<RecordBatch>, Error> {
    let mut decoder = Decoder::new();
    let mut batches = Vec::new();
    for message in messages {
        batches.extend(decoder.decode(message)?);
    }
    for column in batches.iter().flat_map(RecordBatch::columns) {
        fn validate(data: &ArrayData) {
            data.validate_full().unwrap();
            data.child_data().iter().for_each(validate);
        }
        validate(&column.to_data());
        Checksum::new().update(column);
    }
    Ok(batches)
}

fn assert_survives(messages: &[Buffer]) -> Result<(), TestCaseError> {
    match read(messages) {
        Ok(_) | Err(Error::IpcUnsupported(_) | Error::TypeUnsupported(_)) => Ok(()),
        Err(Error::IpcInvalid(report) | Error::DataInvalid(report)) => {
            let text = format!("{report:?}");
            prop_assert!(!text.contains("reader panics"), "only luck caught this: {}", text);
            Ok(())
        }
        Err(other) => Err(TestCaseError::fail(other.to_string())),
    }
}

fn samples() -> Vec<Vec<Vec<u8>>> {
    let all = every_layout();
    let one_column = (0..all.num_columns()).map(|at| all.project(&[at]).unwrap());
    let mut samples: Vec<_> = one_column.map(|batch| messages(&schema(&batch), &[batch])).collect();
    let grown = [dictionary(&["a", "b"], &[0, 1, 0]), dictionary(&["a", "b", "c"], &[2, 0])];
    samples.push(messages_with_deltas(&schema(&grown[0]), &grown));
    for codec in [arrow_ipc::CompressionType::LZ4_FRAME, arrow_ipc::CompressionType::ZSTD] {
        let options = aligned().try_with_compression(Some(codec)).unwrap();
        samples.push(messages_with(options, &schema(&numbers(0, 1)), &[numbers(0, 1000)]));
    }
    samples.push(messages(&schema(&all), &[all]));
    samples
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_streams_never_panic(
        sample in any::<Index>(),
        which in any::<Index>(),
        damages in prop::collection::vec(damage(), 1..4),
    ) {
        thread_local!(static SAMPLES: Vec<Vec<Vec<u8>>> = samples());
        SAMPLES.with(|samples| assert_survives(&damaged(&samples[sample.index(samples.len())], which, &damages)))?;
    }
}

#[test]
fn undamaged_samples_are_whole() {
    for sample in samples() {
        let sample: Vec<Buffer> = sample.iter().map(|message| in_aligned_memory(message)).collect();
        assert!(!read(&sample).unwrap().is_empty());
    }
}

#[test]
fn big_endian_is_refused_instead_of_misread() {
    let mut builder = flatbuffers::FlatBufferBuilder::new();
    let fields = Some(builder.create_vector::<flatbuffers::WIPOffset<arrow_ipc::Field<'_>>>(&[]));
    let endianness = arrow_ipc::Endianness::Big;
    let schema =
        arrow_ipc::Schema::create(&mut builder, &arrow_ipc::SchemaArgs { endianness, fields, ..Default::default() });
    let message = arrow_ipc::MessageArgs {
        version: arrow_ipc::MetadataVersion::V5,
        header_type: arrow_ipc::MessageHeader::Schema,
        header: Some(schema.as_union_value()),
        ..Default::default()
    };
    let message = arrow_ipc::Message::create(&mut builder, &message);
    builder.finish(message, None);
    let metadata = builder.finished_data();
    let schema = [&[0xff; 4], &(metadata.len() as u32).to_le_bytes()[..], metadata].concat();
    let error = Decoder::new().decode(&in_aligned_memory(&schema)).unwrap_err();
    assert!(matches!(error, Error::IpcInvalid(_)) && error.message().contains("little-endian"), "{error}");
}

#[test]
fn a_huge_uncompressed_length_is_refused_before_memory_is_asked_for_it() {
    let options = aligned().try_with_compression(Some(arrow_ipc::CompressionType::LZ4_FRAME)).unwrap();
    let mut all = messages_with(options, &schema(&numbers(0, 1)), &[numbers(0, 1000)]);
    let prefix = 8000_u64.to_le_bytes();
    let at = all[1].windows(8).position(|bytes| bytes == prefix).unwrap();
    for wild in [1 << 62, i64::MAX, -2] {
        all[1][at..at + 8].copy_from_slice(&wild.to_le_bytes());
        let error = read(&all.iter().map(|message| in_aligned_memory(message)).collect::<Vec<_>>()).unwrap_err();
        assert!(matches!(error, Error::IpcUnsupported(_) | Error::IpcInvalid(_)), "{error}");
    }
}

#[test]
fn structure_is_checked_even_where_contents_are_trusted() {
    let sent = messages(&schema(&numbers(0, 1)), &[numbers(0, 1000)]);
    let metadata_length = u32::from_le_bytes(sent[1][4..8].try_into().unwrap()) as usize;
    let mut longer = sent[1].clone();
    let counts: Vec<usize> = (8..metadata_length).filter(|at| longer[*at..*at + 8] == 1000_u64.to_le_bytes()).collect();
    assert_eq!(counts.len(), 2, "the batch's rows, the column's length");
    counts.iter().for_each(|at| longer[*at..*at + 8].copy_from_slice(&2000_u64.to_le_bytes()));
    // SAFETY: no batch is read; that none comes is what is shown.
    let mut trusting = unsafe { Decoder::new().with_trust() };
    trusting.decode(&in_aligned_memory(&sent[0])).unwrap();
    let error = trusting.decode(&in_aligned_memory(&longer)).unwrap_err();
    assert!(matches!(error, Error::IpcInvalid(_)) && error.message().contains("16000 times a byte of"), "{error}");
}

#[test]
fn sixteen_byte_types_off_their_alignment_are_refused_or_copied_never_misread() {
    let all = every_layout();
    let decimals = all.project(&[all.schema().index_of("decimal128").unwrap()]).unwrap();
    let sent = messages(&schema(&decimals), std::slice::from_ref(&decimals));
    let shifted: Vec<Buffer> =
        sent.iter().map(|message| in_aligned_memory(&[&[0; 8][..], message].concat()).slice(8)).collect();
    let error = read(&shifted).unwrap_err();
    assert!(matches!(error, Error::IpcInvalid(_)) && error.message().contains("multiple of 16"), "{error}");
    let mut copying = Decoder::new().with_unaligned_copied();
    assert!(copying.decode(&shifted[0]).unwrap().is_none());
    assert_eq!(copying.decode(&shifted[1]).unwrap(), Some(decimals));
}
