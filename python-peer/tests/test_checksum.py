"""The checksum of every layout, against the bytes that PROTOCOL.md, section 9, names, written down by hand."""

from __future__ import annotations

import zlib
from decimal import Decimal
from struct import pack

import pyarrow as pa
import pytest
from producer import messages_of

from arrowlab.checksum import checksum


def n(length: int) -> bytes:
    return pack("<Q", length)


def strings(*values: bytes, width: str = "i") -> bytes:
    """Offsets, then data."""
    ends = [sum(map(len, values[:count])) for count in range(len(values) + 1)]
    return pack(f"<{len(ends)}{width}", *ends) + b"".join(values)


LONG = b"longer than twelve bytes"
VIEW = pack("<i12s", 3, b"abc") + pack("<i4sii", len(LONG), LONG[:4], 0, 0)
INT32 = pa.int32()
TWO, ONE = pa.array([1, 2], INT32), pa.array([7], INT32)
TWO_BYTES, ONE_BYTES = n(2) + pack("<2i", 1, 2), n(1) + pack("<i", 7)
TYPES = pa.array([0, 1], pa.int8())
D128, D256 = pa.decimal128(9, 2), pa.decimal256(50, 2)

LAYOUTS: dict[str, tuple[pa.Array, bytes]] = {
    "null": (pa.nulls(3), n(3)),
    "fixed width": (pa.array([1, -2, 3], pa.int16()), n(3) + pack("<3h", 1, -2, 3)),
    "fixed width, nulls": (pa.array([1, None, 3], pa.int16()), n(3) + b"\x05" + pack("<3h", 1, 0, 3)),
    "half float": (pa.array([1.5], pa.float16()), n(1) + pack("<e", 1.5)),
    "double": (pa.array([0.1], pa.float64()), n(1) + pack("<d", 0.1)),
    "boolean": (pa.array([True, False, True] * 3), n(9) + b"\x6d\x01"),
    "boolean, nulls": (pa.array([True, None]), n(2) + b"\x01\x01"),
    "eight booleans": (pa.array([True] * 8), n(8) + b"\xff"),
    "timestamp": (pa.array([5], pa.timestamp("ns", "UTC")), n(1) + pack("<q", 5)),
    "date32": (pa.array([5], pa.date32()), n(1) + pack("<i", 5)),
    "time32": (pa.array([5], pa.time32("s")), n(1) + pack("<i", 5)),
    "duration": (pa.array([5], pa.duration("s")), n(1) + pack("<q", 5)),
    "interval": (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), n(1) + pack("<iiq", 1, 2, 3)),
    "decimal128": (pa.array([Decimal("-1.25")], D128), n(1) + (-125).to_bytes(16, "little", signed=True)),
    "decimal256": (pa.array([Decimal("1.25")], D256), n(1) + (125).to_bytes(32, "little")),
    "fixed-size binary": (pa.array([b"abc", b"def"], pa.binary(3)), n(2) + b"abcdef"),
    "utf8": (pa.array(["a", "", "bcd"]), n(3) + strings(b"a", b"", b"bcd")),
    "utf8, nulls": (pa.array(["a", None]), n(2) + b"\x01" + strings(b"a", b"")),
    "utf8, empty": (pa.array([], pa.string()), n(0)),
    "large utf8": (pa.array(["a", "bc"], pa.large_string()), n(2) + strings(b"a", b"bc", width="q")),
    "binary": (pa.array([b"\0\xff"]), n(1) + strings(b"\0\xff")),
    "large binary": (pa.array([b"\0\xff"], pa.large_binary()), n(1) + strings(b"\0\xff", width="q")),
    "utf8 view": (pa.array(["abc", LONG.decode()], pa.string_view()), n(2) + VIEW + LONG),
    "binary view": (pa.array([b"abc", LONG], pa.binary_view()), n(2) + VIEW + LONG),
    "list": (pa.array([[1], [2]], pa.list_(INT32)), n(2) + pack("<3i", 0, 1, 2) + TWO_BYTES),
    "list, empty": (pa.array([], pa.list_(INT32)), n(0) + n(0)),
    "large list": (pa.array([[1], [2]], pa.large_list(INT32)), n(2) + pack("<3q", 0, 1, 2) + TWO_BYTES),
    "list view": (
        pa.ListViewArray.from_arrays(pa.array([1, 0], INT32), pa.array([1, 2], INT32), TWO),
        n(2) + pack("<2i", 1, 0) + pack("<2i", 1, 2) + TWO_BYTES,
    ),
    "large list view": (
        pa.LargeListViewArray.from_arrays(pa.array([1, 0]), pa.array([1, 2]), TWO),
        n(2) + pack("<2q", 1, 0) + pack("<2q", 1, 2) + TWO_BYTES,
    ),
    "fixed-size list": (pa.FixedSizeListArray.from_arrays(TWO, 2), n(1) + TWO_BYTES),
    "map": (
        pa.array([[("k", 7)]], pa.map_(pa.string(), INT32)),
        n(1) + pack("<2i", 0, 1) + n(1) + n(1) + strings(b"k") + ONE_BYTES,
    ),
    "struct": (
        pa.StructArray.from_arrays([TWO, pa.array(["a", "b"])], ["x", "y"]),
        n(2) + TWO_BYTES + n(2) + strings(b"a", b"b"),
    ),
    "struct, nulls": (
        pa.StructArray.from_arrays([TWO], ["x"], mask=pa.array([False, True])),
        n(2) + b"\x01" + TWO_BYTES,
    ),
    "sparse union": (pa.UnionArray.from_sparse(TYPES, [TWO, TWO]), n(2) + b"\0\1" + TWO_BYTES + TWO_BYTES),
    "dense union": (
        pa.UnionArray.from_dense(TYPES, pa.array([0, 0], INT32), [ONE, ONE]),
        n(2) + b"\0\1" + pack("<2i", 0, 0) + ONE_BYTES + ONE_BYTES,
    ),
    "run-end encoded": (
        pa.RunEndEncodedArray.from_arrays(pa.array([2, 5], INT32), pa.array([1, None], INT32)),
        n(5) + n(2) + pack("<2i", 2, 5) + n(2) + b"\x01" + pack("<2i", 1, 0),
    ),
    "dictionary": (
        pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int8()), pa.array(["a", "b"])),
        n(3) + b"\x03" + b"\1\0\0" + n(2) + strings(b"a", b"b"),
    ),
    "dictionary in a struct": (
        pa.StructArray.from_arrays([pa.DictionaryArray.from_arrays(pa.array([0], pa.int16()), ONE)], ["d"]),
        n(1) + n(1) + b"\0\0" + ONE_BYTES,
    ),
    "extension": (pa.array([b"0123456789abcdef"], pa.uuid()), n(1) + b"0123456789abcdef"),
}


def opened(array: pa.Array) -> pa.Array:
    """The array as a consumer opens it."""
    data = b"".join(messages_of([pa.RecordBatch.from_arrays([array], ["c"])]))
    (batch,) = pa.ipc.open_stream(data)
    return batch.column(0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_checksum_is_over_the_bytes_that_the_specification_names(layout: str) -> None:
    array, expected = LAYOUTS[layout]
    assert checksum([opened(array)]) == f"{zlib.crc32(expected):08x}"


def test_the_checksum_goes_on_over_all_batches() -> None:
    assert checksum([opened(TWO), opened(ONE)]) == f"{zlib.crc32(TWO_BYTES + ONE_BYTES):08x}"
    assert checksum([]) == "00000000"


def test_bits_past_the_end_do_not_count() -> None:
    arrays = [pa.Array.from_buffers(pa.bool_(), 3, [None, pa.py_buffer(bits)]) for bits in (b"\x05", b"\xfd")]
    assert checksum(arrays[:1]) == checksum(arrays[1:])


@pytest.mark.parametrize("layout", ["fixed width, nulls", "boolean", "utf8", "interval", "decimal128", "utf8 view"])
def test_every_buffer_counts(layout: str) -> None:
    array, _ = LAYOUTS[layout]
    buffers = [None if buffer is None else buffer.to_pybytes() for buffer in array.buffers()]
    for index, buffer in enumerate(buffers):
        if buffer:
            flipped = pa.py_buffer(bytes([buffer[0] ^ 1]) + buffer[1:])
            changed = [flipped if at == index else one and pa.py_buffer(one) for at, one in enumerate(buffers)]
            assert checksum([pa.Array.from_buffers(array.type, len(array), changed)]) != checksum([array])


def test_a_validity_bitmap_without_nulls_does_not_count() -> None:
    buffers = [pa.py_buffer(b"\x07"), pa.py_buffer(pack("<3h", 1, -2, 3))]
    array = pa.Array.from_buffers(pa.int16(), 3, buffers)  # with null_count=0 pyarrow drops the bitmap
    assert checksum([array]) == f"{zlib.crc32(n(3) + pack('<3h', 1, -2, 3)):08x}"
