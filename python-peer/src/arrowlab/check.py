"""The structure of a message, before pyarrow sees it (PROTOCOL.md, section 7).

pyarrow verifies the flatbuffer as such. What it leaves open is checked here: that message, metadata and body fill the
extent, and that every buffer lies inside the body. https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache, reduce
from operator import add, or_
from struct import Struct

import pyarrow as pa

from arrowlab.errors import IpcInvalid
from arrowlab.flatbuffer import Table

_PREFIX = Struct("<II")
_U8 = Struct("<B")
_I16 = Struct("<h")
_I64 = Struct("<q")
_CONTINUATION = 0xFFFFFFFF
_PREFIX_BYTES = 8
_VERSIONS = (3, 4)  # V4 and V5
_ALIGNMENT = 8
_SMALL_BYTES = 4_096


class Kind(IntEnum):
    """What a message is, as `MessageHeader` of Message.fbs numbers it."""

    SCHEMA = 1
    DICTIONARY_BATCH = 2
    RECORD_BATCH = 3


@dataclass(slots=True)
class Message:
    """A message that has been checked.

    `header` (marker, length, metadata) is a copy, so that pyarrow's stream reader, which holds on to the last metadata
    it has seen, holds no lease by it. `body` is in place.
    """

    kind: Kind
    header: bytes
    body: pa.Buffer


def check_message(message: pa.Buffer) -> Message:
    """Takes the message apart; reads the metadata only, never the body. Raises IpcInvalid."""
    data = memoryview(message)
    marker, metadata_bytes = _PREFIX.unpack_from(data)
    if marker != _CONTINUATION or metadata_bytes > len(data) - _PREFIX_BYTES:
        found = f"found marker {marker:#x} and {metadata_bytes} bytes of metadata"
        raise IpcInvalid(f"expected an encapsulated message of {len(data)} bytes, {found}")
    header_bytes = _PREFIX_BYTES + metadata_bytes
    header = bytes(data[:header_bytes])
    try:
        check = _check_small_metadata if header_bytes <= _SMALL_BYTES else _check_metadata
        kind, body_bytes = check(header)
    except struct.error as cause:
        raise IpcInvalid(
            f"expected metadata of {metadata_bytes} bytes that stays inside them, found: {cause}"
        ) from cause
    if header_bytes + body_bytes != len(data) or metadata_bytes % _ALIGNMENT:
        found = f"found {metadata_bytes} of metadata and {body_bytes} of body"
        raise IpcInvalid(f"expected a message that fills its {len(data)} bytes, {found}")
    return Message(kind, header, message.slice(header_bytes))


def _check_metadata(header: bytes) -> tuple[Kind, int]:
    """What kind of message it is, and how many bytes its body has."""
    root = Table.root(header, _PREFIX_BYTES)
    version, kind, body_bytes = root.scalar(0, _I16), root.scalar(1, _U8), root.scalar(3, _I64)
    content = root.table(2)
    if version not in _VERSIONS:
        raise IpcInvalid(f"expected metadata version V4 or V5, found number {version}")
    if content is not None and kind == Kind.RECORD_BATCH:
        _check_batch(content, body_bytes)
        return Kind.RECORD_BATCH, body_bytes
    if content is not None and kind == Kind.DICTIONARY_BATCH:
        batch = content.table(1)
        if batch is None or content.scalar(0, _I64) < 0:
            raise IpcInvalid("expected a dictionary batch with data and an id, found one without")
        _check_batch(batch, body_bytes)
        return Kind.DICTIONARY_BATCH, body_bytes
    if content is not None and kind == Kind.SCHEMA:
        if content.scalar(0, _I16) != 0:
            raise IpcInvalid("expected a little-endian schema, found a big-endian one")
        return Kind.SCHEMA, body_bytes
    raise IpcInvalid(f"expected a schema, a dictionary batch or a record batch, found message type {kind}")


# Batches of one shape have the same metadata, byte for byte.
_check_small_metadata = lru_cache(maxsize=64)(_check_metadata)


def _check_batch(batch: Table, body_bytes: int) -> None:
    rows, nodes, buffers, variadic = batch.scalar(0, _I64), batch.longs(1, 2), batch.longs(2, 2), batch.longs(4, 1)
    if min(rows, *nodes, *buffers, *variadic, 0) < 0:
        raise IpcInvalid("expected no negative number in a batch, found one")
    offsets, lengths = buffers[0::2], buffers[1::2]
    if max(map(add, offsets, lengths), default=0) > body_bytes:
        raise IpcInvalid(f"expected every buffer inside a body of {body_bytes} bytes, found one that leaves it")
    if reduce(or_, offsets, 0) % _ALIGNMENT:
        raise IpcInvalid(f"expected every buffer at a multiple of {_ALIGNMENT} bytes, found one elsewhere")
    if sum(variadic) > len(offsets):
        raise IpcInvalid(f"expected at most {len(offsets)} variadic buffers, found {sum(variadic)} announced")
