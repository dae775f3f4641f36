"""Every error of Arrowlab as a class: `src/wire/errors.json` in Python (a test holds the two equal)."""

from __future__ import annotations

import re
from typing import ClassVar


class Error(Exception):
    """The only class of exception that Arrowlab raises on purpose.

    The message says what was expected, what was found and what to do; the original exception, if there is one, is
    `__cause__`. `code` is for programs, `number` is what crosses the wire (PROTOCOL.md, section 8). An instance of this
    very class carries a number that this version does not know.
    """

    number: int = 0
    code: str = "ERR_ARROWLAB"
    by_number: ClassVar[dict[int, type[Error]]] = {}

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __init_subclass__(cls) -> None:
        cls.code = "ERR_ARROWLAB" + re.sub(r"(?=[A-Z])", "_", cls.__name__).upper()
        Error.by_number[cls.number] = cls

    @staticmethod
    def from_wire(number: int, message: str) -> Error:
        """The error that came as `number` from the other side; unknown numbers are kept as they are."""
        known = Error.by_number.get(number)
        if known is not None:
            return known(message)
        error = Error(message)
        error.number = number
        error.code = f"ERR_ARROWLAB_{number}"
        return error

    def renewed(self) -> Error:
        """The same error without cause and frames: where it is kept, they would keep the batches in their locals."""
        return Error.from_wire(self.number, self.message)


class NotArrowlab(Error):
    """The other side does not speak this protocol."""

    number = 1


class VersionUnsupported(Error):
    """The other side speaks another major version."""

    number = 2


class HelloTimeout(Error):
    """No complete HELLO came in time."""

    number = 3


class HelloMalformed(Error):
    """A field of the HELLO is wrong."""

    number = 4


class RegionMissing(Error):
    """The HELLO did not carry exactly one file descriptor."""

    number = 5


class RegionNotMemfd(Error):
    """The descriptor is not a memfd."""

    number = 6


class RegionWritable(Error):
    """The descriptor can be written through."""

    number = 7


class RegionUnsealed(Error):
    """The memfd can still shrink or grow."""

    number = 8


class RegionSize(Error):
    """The memfd does not have the announced size, or no legal one."""

    number = 9


class PeerRefused(Error):
    """The peer's user is not allowed."""

    number = 10


class FrameLength(Error):
    """A frame's length is not one its type can have."""

    number = 20


class FrameType(Error):
    """No such frame type."""

    number = 21


class FrameField(Error):
    """A field of a frame has a value outside its range."""

    number = 22


class StreamState(Error):
    """The frame is not allowed in the stream's state."""

    number = 23


class Sequence(Error):
    """A sequence or lease number is not the next one."""

    number = 24


class ExtentBounds(Error):
    """An extent lies outside the region or is not aligned."""

    number = 25


class LeaseUnknown(Error):
    """A released lease is not held."""

    number = 26


class CreditExceeded(Error):
    """More messages or credit than allowed."""

    number = 27


class TooManyStreams(Error):
    """Too many streams are open on this connection."""

    number = 28


class IpcInvalid(Error):
    """The bytes are not a well-formed Arrow IPC message."""

    number = 30


class IpcUnsupported(Error):
    """Well-formed Arrow IPC that this reader cannot take."""

    number = 31


class DataInvalid(Error):
    """The contents of a batch are not valid for its schema."""

    number = 32


class ProducerGone(Error):
    """The producer went away before the stream's end."""

    number = 40


class StreamFailed(Error):
    """The producer failed the stream."""

    number = 41


class StreamExists(Error):
    """A stream of this name is already published."""

    number = 42


class StreamUnknown(Error):
    """Nobody publishes a stream of this name."""

    number = 43


class NotServed(Error):
    """This endpoint does not serve what was asked for."""

    number = 44


class SchemaMismatch(Error):
    """A batch does not have the stream's schema."""

    number = 45


class TableUnrecognised(Error):
    """The value is not an Arrow table or batch that can be written."""

    number = 46


class TypeUnsupported(Error):
    """This library has no reader or writer for the Arrow type."""

    number = 47


class Timeout(Error):
    """The wait took too long."""

    number = 50


class Aborted(Error):
    """The caller gave up by its signal."""

    number = 51


class Closed(Error):
    """The endpoint, stream or connection is closed."""

    number = 52


class Released(Error):
    """The batch was released."""

    number = 53


class LeasesExhausted(Error):
    """The reader holds the leases it is waiting for."""

    number = 54


class MemoryLimit(Error):
    """More memory than maxBytes is needed."""

    number = 55


class AddressSpace(Error):
    """The system has no address space left for a map."""

    number = 56


class ConnectFailed(Error):
    """The socket cannot be reached."""

    number = 60


class ListenFailed(Error):
    """The socket cannot be listened on."""

    number = 61


class System(Error):
    """A system call failed."""

    number = 62


class InvalidArgument(Error):
    """An argument has the wrong type or value."""

    number = 63


class PeerFailed(Error):
    """A peer process that was started here failed."""

    number = 64


class NativeMissing(Error):
    """The native addon cannot be loaded."""

    number = 65
