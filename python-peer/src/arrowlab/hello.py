"""The HELLO of PROTOCOL.md, section 3, as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import ClassVar

from arrowlab.errors import HelloMalformed, NotArrowlab, RegionSize, VersionUnsupported

MAGIC = b"ARROWLAB"
HELLO_BYTES = 128
PAGE_BYTES = 4096
MAX_REGION_BYTES = 1 << 47
MAX_NAME_BYTES = 80

_LAYOUT = Struct("<8sHHIQQII80s8s")


@dataclass(slots=True)
class Hello:
    """What one side says of itself. `name` is for people: 0 to 80 bytes of UTF-8."""

    MAJOR: ClassVar[int] = 1
    MINOR: ClassVar[int] = 0

    region_bytes: int
    pid: int
    name: str
    major: int = MAJOR
    minor: int = MINOR
    features: int = 0

    def encode(self) -> bytes:
        name = self.name.encode()
        return _LAYOUT.pack(
            MAGIC,
            self.major,
            self.minor,
            HELLO_BYTES,
            self.features,
            self.region_bytes,
            self.pid,
            len(name),
            name,
            b"",
        )


def begins_like_hello(data: bytes | bytearray) -> bool:
    """Whether what has come so far, however little, can become a HELLO."""
    return MAGIC.startswith(bytes(data[: len(MAGIC)]))


def decode_hello(data: bytes | bytearray) -> Hello:
    """Reads 128 bytes.

    Raises NotArrowlab, VersionUnsupported, HelloMalformed or RegionSize, checked in this order.
    """
    if not begins_like_hello(data):
        raise NotArrowlab(
            f"expected a HELLO that begins with {MAGIC!r}, found {bytes(data[:8])!r}: is it another socket?"
        )
    _, major, minor, length, features, region_bytes, pid, name_bytes, name, reserved = _LAYOUT.unpack(data)
    if major != Hello.MAJOR:
        raise VersionUnsupported(
            f"expected protocol {Hello.MAJOR}, found {major}: use the same major version of arrowlab on both sides"
        )
    if length != HELLO_BYTES:
        raise HelloMalformed(f"expected a HELLO of {HELLO_BYTES} bytes, found one that says {length}")
    if name_bytes > MAX_NAME_BYTES:
        raise HelloMalformed(f"expected a name of at most {MAX_NAME_BYTES} bytes, found {name_bytes}")
    try:
        text = name[:name_bytes].decode()
    except UnicodeDecodeError as cause:
        raise HelloMalformed(f"expected a name in UTF-8, found {name[:name_bytes]!r}") from cause
    if any(name[name_bytes:]) or any(reserved):
        raise HelloMalformed("expected zeros after the name, found other bytes")
    if not PAGE_BYTES <= region_bytes <= MAX_REGION_BYTES or region_bytes % PAGE_BYTES:
        raise RegionSize(f"expected a region of 4,096 to 2^47 bytes, a multiple of 4,096, found {region_bytes}")
    return Hello(region_bytes, pid, text, major, minor, features)
