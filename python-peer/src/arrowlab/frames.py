"""The frames of PROTOCOL.md, section 4, as bytes: a class for each type.

Stream numbers, credits and error numbers are u32; leases, sequences, offsets and counts of bytes are u64. What `decode`
is given is the frame without its header, of a length that the type can have.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from struct import Struct, pack
from typing import ClassVar, Self

from arrowlab.errors import FrameField

HEADER_BYTES = 8
MAX_FRAME_BYTES = 1 << 20
MAX_MESSAGE_BYTES = 65_536
MAX_NAME_BYTES = 255
MAX_RELEASED = 8_192

HEADER = Struct("<IBBH")
_TWO = Struct("<II")
_TWO_AND_LONG = Struct("<IIQ")
_READY = Struct("<HHIQ")
_CALL = Struct("<IIII")
_DESCRIPTOR = Struct("<IIQQQQ")
_WAITING = Struct("<IIQQ")


def _positive(value: int, what: str) -> int:
    if value == 0:
        raise FrameField(f"expected a {what} that is not 0, found 0")
    return value


def _zero(value: int) -> None:
    if value != 0:
        raise FrameField(f"expected zeros in reserved fields, found {value}")


def _utf8(text: bytes, what: str) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as cause:
        raise FrameField(f"expected a {what} in UTF-8, found {text[:40]!r}") from cause


@dataclass(slots=True)
class Frame(ABC):
    """What all frames have: a type and the lengths in bytes, header included, that a frame of the type can have."""

    TYPE: ClassVar[int]
    LENGTHS: ClassVar[range]

    @classmethod
    @abstractmethod
    def decode(cls, content: bytes) -> Self: ...

    @abstractmethod
    def content(self) -> bytes: ...

    def encode(self) -> bytes:
        content = self.content()
        return HEADER.pack(HEADER_BYTES + len(content), self.TYPE, 0, 0) + content


@dataclass(slots=True)
class StreamFrame(Frame):
    """A frame that says nothing but which stream it is about."""

    LENGTHS = range(16, 17)

    stream: int

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, reserved = _TWO.unpack(content)
        _zero(reserved)
        return cls(_positive(stream, "stream"))

    def content(self) -> bytes:
        return _TWO.pack(self.stream, 0)


@dataclass(slots=True)
class Ready(Frame):
    TYPE = 0x01
    LENGTHS = range(24, 25)

    minor: int
    features: int

    @classmethod
    def decode(cls, content: bytes) -> Self:
        minor, reserved, reserved_too, features = _READY.unpack(content)
        _zero(reserved | reserved_too)
        return cls(minor, features)

    def content(self) -> bytes:
        return _READY.pack(self.minor, 0, 0, self.features)


@dataclass(slots=True)
class Failure(Frame):
    """ERROR: of a stream, or of the connection where the stream is 0."""

    TYPE = 0x02
    LENGTHS = range(16, 16 + 65_536 + 1)

    stream: int
    number: int
    message: str

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, number = _TWO.unpack_from(content)
        return cls(stream, _positive(number, "number"), _utf8(content[8:], "message"))

    def content(self) -> bytes:
        return _TWO.pack(self.stream, self.number) + self.message.encode()


@dataclass(slots=True)
class Closing(Frame):
    TYPE = 0x03
    LENGTHS = range(8, 9)

    @classmethod
    def decode(cls, content: bytes) -> Self:
        return cls()

    def content(self) -> bytes:
        return b""


@dataclass(slots=True)
class Subscribe(Frame):
    TYPE = 0x10
    LENGTHS = range(17, 16 + MAX_NAME_BYTES + 1)

    stream: int
    credit: int
    name: str

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, credit = _TWO.unpack_from(content)
        return cls(_positive(stream, "stream"), credit, _utf8(content[8:], "name"))

    def content(self) -> bytes:
        return _TWO.pack(self.stream, self.credit) + self.name.encode()


@dataclass(slots=True)
class Credit(Frame):
    TYPE = 0x11
    LENGTHS = range(16, 17)

    stream: int
    messages: int

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, messages = _TWO.unpack(content)
        return cls(_positive(stream, "stream"), _positive(messages, "credit"))

    def content(self) -> bytes:
        return _TWO.pack(self.stream, self.messages)


@dataclass(slots=True)
class Release(Frame):
    TYPE = 0x12
    LENGTHS = range(16, 8 + 8 * MAX_RELEASED + 1, 8)

    leases: tuple[int, ...]

    @classmethod
    def decode(cls, content: bytes) -> Self:
        leases = Struct(f"<{len(content) // 8}Q").unpack(content)
        _positive(min(leases), "lease")
        return cls(leases)

    def content(self) -> bytes:
        return pack(f"<{len(self.leases)}Q", *self.leases)

    def encode(self) -> bytes:
        # The frame that is sent the most, in one go.
        count = len(self.leases)
        return pack(f"<IBBH{count}Q", HEADER_BYTES + 8 * count, self.TYPE, 0, 0, *self.leases)


@dataclass(slots=True)
class Cancel(StreamFrame):
    TYPE = 0x13


@dataclass(slots=True)
class List(StreamFrame):
    TYPE = 0x14


@dataclass(slots=True)
class Call(Frame):
    TYPE = 0x15
    LENGTHS = range(25, MAX_FRAME_BYTES + 1)

    stream: int
    credit: int
    name: str
    parameters: str

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, credit, name_bytes, reserved = _CALL.unpack_from(content)
        _zero(reserved)
        names, longest = content[16:], min(MAX_NAME_BYTES, len(content) - 16)
        if not 1 <= name_bytes <= longest:
            raise FrameField(f"expected a name of 1 to {longest} bytes, found one that says {name_bytes}")
        name, parameters = _utf8(names[:name_bytes], "name"), _utf8(names[name_bytes:], "JSON text")
        return cls(_positive(stream, "stream"), credit, name, parameters)

    def content(self) -> bytes:
        name = self.name.encode()
        return _CALL.pack(self.stream, self.credit, len(name), 0) + name + self.parameters.encode()


@dataclass(slots=True)
class Open(Frame):
    TYPE = 0x20
    LENGTHS = range(24, 25)

    stream: int
    reservation: int

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, reserved, reservation = _TWO_AND_LONG.unpack(content)
        _zero(reserved)
        return cls(_positive(stream, "stream"), reservation)

    def content(self) -> bytes:
        return _TWO_AND_LONG.pack(self.stream, 0, self.reservation)


@dataclass(slots=True)
class Descriptor(Frame):
    TYPE = 0x21
    LENGTHS = range(48, 49)

    stream: int
    sequence: int
    lease: int
    offset: int
    length: int

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, reserved, sequence, lease, offset, length = _DESCRIPTOR.unpack(content)
        if reserved or not stream or not lease:
            _zero(reserved)
            _positive(stream, "stream")
            _positive(lease, "lease")
        return cls(stream, sequence, lease, offset, length)

    def content(self) -> bytes:
        return _DESCRIPTOR.pack(self.stream, 0, self.sequence, self.lease, self.offset, self.length)


@dataclass(slots=True)
class Inline(Frame):
    TYPE = 0x22
    LENGTHS = range(32, 24 + MAX_MESSAGE_BYTES + 1)

    stream: int
    sequence: int
    message: bytes

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, reserved, sequence = _TWO_AND_LONG.unpack_from(content)
        _zero(reserved)
        return cls(_positive(stream, "stream"), sequence, content[16:])

    def content(self) -> bytes:
        return _TWO_AND_LONG.pack(self.stream, 0, self.sequence) + self.message


@dataclass(slots=True)
class End(Frame):
    TYPE = 0x23
    LENGTHS = range(24, 25)

    stream: int
    sequence: int

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, reserved, sequence = _TWO_AND_LONG.unpack(content)
        _zero(reserved)
        return cls(_positive(stream, "stream"), sequence)

    def content(self) -> bytes:
        return _TWO_AND_LONG.pack(self.stream, 0, self.sequence)


@dataclass(slots=True)
class Waiting(Frame):
    """WAITING: for a stream, or for one that is not read here where the stream is 0."""

    TYPE = 0x24
    LENGTHS = range(32, 33)

    stream: int
    needed: int
    held: int

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, reserved, needed, held = _WAITING.unpack(content)
        _zero(reserved)
        return cls(stream, needed, held)

    def content(self) -> bytes:
        return _WAITING.pack(self.stream, 0, self.needed, self.held)


@dataclass(slots=True)
class Cancelled(StreamFrame):
    TYPE = 0x25


@dataclass(slots=True)
class Result(Frame):
    TYPE = 0x26
    LENGTHS = range(16, MAX_FRAME_BYTES + 1)

    stream: int
    json: str

    @classmethod
    def decode(cls, content: bytes) -> Self:
        stream, reserved = _TWO.unpack_from(content)
        _zero(reserved)
        return cls(_positive(stream, "stream"), _utf8(content[8:], "JSON text"))

    def content(self) -> bytes:
        return _TWO.pack(self.stream, 0) + self.json.encode()
