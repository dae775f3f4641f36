"""The checksum of a column (PROTOCOL.md, section 9): CRC-32 over what its nodes hold, the same in every language."""

from __future__ import annotations

import zlib
from struct import pack
from typing import Any

import pyarrow as pa
from pyarrow import types

from arrowlab.node import children, own_buffers, storage


def checksum(chunks: list[pa.Array]) -> str:
    """Of a column's arrays in order, as they were opened (offset 0); eight lower-case hexadecimal digits."""
    crc = 0
    for chunk in chunks:
        crc = _node(storage(chunk), crc)
    return f"{crc:08x}"


def _node(array: pa.Array, crc: int) -> int:
    length, kind = len(array), array.type
    validity, *buffers = own_buffers(array)
    crc = zlib.crc32(pack("<Q", length), crc)
    if array.null_count and not (types.is_union(kind) or types.is_null(kind) or types.is_run_end_encoded(kind)):
        crc = _bits(validity, length, crc)
    if types.is_boolean(kind):
        crc = _bits(buffers[0], length, crc)
    elif types.is_dictionary(kind):
        crc = _bytes(buffers[0], length * kind.index_type.bit_width // 8, crc)
        crc = _node(storage(array.dictionary), crc)
    elif (offset_bytes := _offset_bytes(kind)) > 0:
        crc = _offsets_and_data(buffers, length, offset_bytes, crc)
    elif types.is_string_view(kind) or types.is_binary_view(kind):
        crc = _bytes(buffers[0], 16 * length, crc)
        for data in buffers[1:]:
            crc = _bytes(data, data.size, crc)
    elif types.is_list_view(kind) or types.is_large_list_view(kind):
        size_bytes = 8 if types.is_large_list_view(kind) else 4
        for buffer in buffers:
            crc = _bytes(buffer, size_bytes * length, crc)
    elif types.is_union(kind):
        crc = _bytes(buffers[0], length, crc)
        if kind.mode == "dense":
            crc = _bytes(buffers[1], 4 * length, crc)
    elif types.is_primitive(kind) or types.is_fixed_size_binary(kind) or types.is_decimal(kind):
        crc = _bytes(buffers[0], length * (kind.bit_width // 8), crc)
    for child in children(array):
        crc = _node(child, crc)
    return crc


def _offset_bytes(kind: pa.DataType) -> int:
    """The width of an offset in the layouts that have n + 1 of them, 0 in all others."""
    if types.is_large_string(kind) or types.is_large_binary(kind) or types.is_large_list(kind):
        return 8
    if types.is_string(kind) or types.is_binary(kind) or types.is_list(kind) or types.is_map(kind):
        return 4
    return 0


def _offsets_and_data(buffers: list[Any], length: int, offset_bytes: int, crc: int) -> int:
    if length == 0:
        return crc
    offsets = memoryview(buffers[0])[: (length + 1) * offset_bytes]
    crc = zlib.crc32(offsets, crc)
    if len(buffers) == 1:
        return crc
    return _bytes(buffers[1], int.from_bytes(offsets[-offset_bytes:], "little"), crc)


def _bits(buffer: Any, length: int, crc: int) -> int:
    whole, rest = divmod(length, 8)
    crc = _bytes(buffer, whole, crc)
    if rest == 0:
        return crc
    return zlib.crc32(bytes([memoryview(buffer).cast("B")[whole] & (1 << rest) - 1]), crc)


def _bytes(buffer: Any, count: int, crc: int) -> int:
    return zlib.crc32(memoryview(buffer)[:count], crc) if count else crc
