"""A message that is not what it says is refused before anything reads its body, and contents on request."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa
import pytest
from conftest import Link
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from producer import messages_of

import arrowlab
from arrowlab import errors
from arrowlab.check import Kind, check_message

BATCH = pa.record_batch(
    {
        "n": pa.array([1, None, 3]),
        "s": pa.array(["a", "bcd", None]),
        "v": pa.array(["short", "a string of more than twelve bytes", None], pa.string_view()),
        "d": pa.array(["x", "y", "x"]).dictionary_encode(),
        "l": pa.array([[1], [], [2, 3]]),
    }
)
SCHEMA, DICTIONARY, MESSAGE = messages_of([BATCH])
ALL = [SCHEMA, DICTIONARY, MESSAGE]


def first_buffers(message: bytes) -> int:
    """Where the vector of buffers begins: the second column's offset follows that of the first two buffers."""
    metadata = pa.ipc.read_message(pa.py_buffer(message)).metadata
    return 8 + metadata.to_pybytes().index(struct.pack("<qqqq", 0, 1, 8, 24))


def with_long(message: bytes, at: int, value: int) -> bytes:
    return message[:at] + struct.pack("<q", value) + message[at + 8 :]


def test_good_messages_are_taken_apart() -> None:
    messages = [check_message(pa.py_buffer(message)) for message in ALL]
    assert [message.kind for message in messages] == list(Kind)
    assert [message.header + message.body.to_pybytes() for message in messages] == ALL


BAD: dict[str, bytes] = {
    "no marker": b"\0\0\0\0" + MESSAGE[4:],
    "the marker of the end": struct.pack("<II", 0xFFFFFFFF, 0),
    "metadata longer than the message": MESSAGE[:4] + struct.pack("<I", len(MESSAGE)) + MESSAGE[8:],
    "metadata of 4 GiB": MESSAGE[:4] + b"\xff\xff\xff\xff" + MESSAGE[8:],
    "a body that is cut": MESSAGE[:-8],
    "a body that goes on": MESSAGE + bytes(8),
    "metadata of zeros": MESSAGE[:8] + bytes(len(MESSAGE) - 8),
    "metadata of ones": MESSAGE[:8] + b"\xff" * (len(MESSAGE) - 8),
    "a buffer of a negative offset": with_long(MESSAGE, first_buffers(MESSAGE) + 16, -8),
    "a buffer of a negative length": with_long(MESSAGE, first_buffers(MESSAGE) + 24, -8),
    "a buffer past the body": with_long(MESSAGE, first_buffers(MESSAGE) + 16, 1 << 20),
    "a buffer over the body's end": with_long(MESSAGE, first_buffers(MESSAGE) + 24, 1 << 20),
    "a buffer that wraps around": with_long(MESSAGE, first_buffers(MESSAGE) + 24, (1 << 63) - 1),
    "a buffer at an odd place": with_long(MESSAGE, first_buffers(MESSAGE) + 16, 9),
}


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_message_is_refused(name: str) -> None:
    with pytest.raises(errors.IpcInvalid, match=r"expected .*found"):
        check_message(pa.py_buffer(BAD[name]))


def test_a_big_endian_schema_is_refused() -> None:
    """Little-endian is the default and not written, so an entry of the vtable has to be made to point somewhere."""

    def is_big_endian(at: int) -> bool:
        try:
            check_message(pa.py_buffer(SCHEMA[:at] + struct.pack("<H", 4) + SCHEMA[at + 2 :]))
        except errors.IpcInvalid as error:
            return "big-endian" in str(error)
        return False

    assert sum(is_big_endian(at) for at in range(8, len(SCHEMA) - 1)) == 1


def read(link: Link, *messages: bytes, validate: str = "structure") -> pa.Table:
    producer, peer = link(validate=validate)
    subscription = peer.subscribe("numbers")
    producer.expect_subscribe_and_open()
    producer.share(1, *messages)
    producer.end(1)
    return subscription.read_all()


@pytest.mark.parametrize("name", BAD)
def test_a_malformed_message_ends_the_connection_by_number(link: Link, name: str) -> None:
    producer, peer = link()
    subscription = peer.subscribe("numbers")
    producer.expect_subscribe_and_open()
    producer.share(1, SCHEMA, DICTIONARY, BAD[name], MESSAGE)
    with pytest.raises(errors.IpcInvalid):
        next(subscription)
    assert producer.expect_error().number == errors.IpcInvalid.number
    with pytest.raises(errors.IpcInvalid):
        next(subscription)


def test_what_does_not_belong_together_is_refused(link: Link) -> None:
    other_schema, other = messages_of([pa.record_batch({"b": pa.array([True])})])
    for messages in ([MESSAGE], [SCHEMA, MESSAGE], [SCHEMA, DICTIONARY, other], [other_schema, DICTIONARY, other], []):
        with pytest.raises(errors.IpcInvalid):
            read(link, *messages)


def test_rows_that_the_buffers_do_not_hold_are_refused(link: Link) -> None:
    schema, message = messages_of([pa.record_batch({"n": pa.array([1, 2, 3], pa.int64())})])
    lengths = struct.pack("<qq", 3, 0)
    at = message.index(lengths)
    with pytest.raises(errors.IpcInvalid):
        read(link, schema, with_long(message, at, 1 << 40))


INVALID_CONTENTS = [
    pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(struct.pack("<3i", 0, 9, 2)), pa.py_buffer(b"ab")]),
    pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(struct.pack("<2i", 0, 2)), pa.py_buffer(b"\xff\xfe")]),
    pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int8()), pa.array(["a"]), safe=False),
]


@pytest.mark.parametrize("column", INVALID_CONTENTS, ids=["offsets", "utf8", "indices"])
def test_invalid_contents_are_found_on_request(link: Link, column: pa.Array) -> None:
    messages = messages_of([pa.RecordBatch.from_arrays([column], ["c"])])
    assert read(link, *messages).num_rows == len(column)
    with pytest.raises(errors.DataInvalid):
        read(link, *messages, validate="full")


def test_compressed_bodies_are_read_and_the_copy_shows(link: Link) -> None:
    batch = pa.record_batch({"n": pa.array([7] * 10_000)})
    assert read(link, *messages_of([batch], options=pa.ipc.IpcWriteOptions(compression="zstd"))).to_batches() == [batch]


def mutations(message: bytes) -> st.SearchStrategy[bytes]:
    """Some bytes of the message changed, the metadata more often than the rest."""
    place = st.one_of(st.integers(8, min(len(message), 600) - 1), st.integers(0, len(message) - 1))
    value = st.one_of(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]), st.integers(0, 255))

    def change(changes: list[tuple[int, int]]) -> bytes:
        data = bytearray(message)
        for at, byte in changes:
            data[at] = byte
        return bytes(data)

    return st.lists(st.tuples(place, value), min_size=1, max_size=6).map(change)


@given(st.one_of(*[mutations(message) for message in ALL], st.binary(min_size=8, max_size=200)))
@settings(max_examples=3_000, deadline=None)
def test_whatever_the_bytes_are_the_check_only_raises_its_error(data: bytes) -> None:
    try:
        check_message(pa.py_buffer(data))
    except errors.IpcInvalid:
        return


def streams() -> Iterator[st.SearchStrategy[list[bytes]]]:
    for index, message in enumerate(ALL):
        before, after = ALL[:index], ALL[index + 1 :]
        yield mutations(message).map(lambda wrong, before=before, after=after: [*before, wrong, *after])


@given(messages=st.one_of(*streams()))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mutated_stream_is_read_or_refused_and_nothing_else(link: Link, messages: list[bytes]) -> None:
    try:
        for batch in read(link, *messages, validate="full").to_batches():
            batch.to_pydict()
    except arrowlab.Error:
        return
