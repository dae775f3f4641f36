"""The exchanges of a connection: what each frame means for its stream (PROTOCOL.md, sections 5 and 6)."""

from __future__ import annotations

import pyarrow as pa

from arrowlab import frames
from arrowlab.errors import (
    Closed,
    Error,
    ExtentBounds,
    LeaseUnknown,
    NotServed,
    ProducerGone,
    Sequence,
    StreamState,
    TooManyStreams,
)
from arrowlab.frames import Frame
from arrowlab.hello import PAGE_BYTES
from arrowlab.lease import Ledger
from arrowlab.sender import Sender
from arrowlab.stream import WINDOW_MESSAGES, Stream
from arrowlab.waiting import Waits

MAX_STREAMS = 1_024
_MIN_EXTENT_BYTES = 8
_ALIGNMENT = 64


class Told(Exception):
    """The peer ended the connection, and said why."""

    def __init__(self, error: Error) -> None:
        self.error = error


class Exchanges:
    """Those that this side opened as a consumer, and answers to those that the peer opens.

    Not safe for threads by itself: the connection that owns it guards it.
    """

    def __init__(self, sender: Sender, ledger: Ledger, waits: Waits) -> None:
        self._sender = sender
        self._ledger = ledger
        self._waits = waits
        self._streams: dict[int, Stream] = {}
        self._next_number = 1
        self._peers_number = 0
        self._last_lease = 0
        self._peer_closing = False
        self._closed = False

    def none_open(self) -> bool:
        return not self._streams

    def subscribe(self, name: str) -> Stream:
        if self._peer_closing:
            raise Closed(f"expected a peer that still publishes {name!r}, found one that is closing: connect again")
        if len(self._streams) >= MAX_STREAMS:
            raise TooManyStreams(f"expected at most {MAX_STREAMS} open streams, found one more: close some")
        stream = self._streams[self._next_number] = Stream(self._next_number, name)
        self._next_number += 2
        self._sender.send(frames.Subscribe(stream.number, WINDOW_MESSAGES, name))
        return stream

    def cancel(self, stream: Stream, reason: Error) -> None:
        """Wants no more of the stream, for this reason; the peer is told unless the stream has ended."""
        if stream.cancelling:
            return
        stream.cancel(reason)
        if stream.number in self._streams:
            self._sender.send(frames.Cancel(stream.number))

    def cancel_all(self) -> None:
        for stream in self._streams.values():
            self.cancel(stream, Closed(f"expected an open connection, found that {stream} was closed with it"))

    def close(self) -> None:
        """From here on this side says CLOSING and RELEASE only."""
        self._closed = True

    def deal_with(self, frame: Frame) -> None:
        """Raises Told when the peer ended the connection, and the error to report on a violation."""
        if self._closed:
            # CLOSING has been said; all that still matters is that the peer waits for what is held.
            if isinstance(frame, frames.Waiting):
                self._waits.note(None, frame)
            return
        if self._peer_closing and not isinstance(frame, frames.Release):
            raise StreamState(f"expected nothing but RELEASE after CLOSING, found {type(frame).__name__}")
        match frame:
            case frames.Descriptor():
                stream = self._stream(frame.stream)
                stream.count(frame.sequence)
                stream.put(self._lease(frame))
            case frames.Inline():
                stream = self._stream(frame.stream)
                stream.count(frame.sequence)
                if frame.sequence > 0:  # a schema is no data that anybody copied
                    stream.inline_bytes += len(frame.message)
                stream.put(_aligned(frame.message))
            case frames.Open():
                self._stream(frame.stream).open()
            case frames.End():
                self._stream(frame.stream).end(frame.sequence)
                self._forget(frame.stream)
            case frames.Failure(stream=0):
                raise Told(Error.from_wire(frame.number, frame.message))
            case frames.Failure():
                self._stream(frame.stream).fail(Error.from_wire(frame.number, frame.message))
                self._forget(frame.stream)
            case frames.Cancelled():
                if not self._stream(frame.stream).cancelling:
                    raise StreamState(f"expected CANCELLED after CANCEL only, found it for stream {frame.stream}")
                del self._streams[frame.stream]
            case frames.Waiting(stream=0):
                self._waits.note(None, frame)
            case frames.Waiting():
                stream = self._stream(frame.stream)
                stream.expect_open("WAITING")
                self._waits.note(stream, frame)
            case frames.Subscribe() | frames.Call():
                self._open_for_peer(frame.stream)
                message = f"expected an endpoint that serves {frame.name!r}, found one that only consumes"
                self._sender.answer(frames.Failure(frame.stream, NotServed.number, message))
            case frames.List():
                self._open_for_peer(frame.stream)
                self._sender.answer(frames.Result(frame.stream, "[]"))
            case frames.Credit():
                self._expect_opened_by_peer(frame.stream)
            case frames.Cancel():
                self._expect_opened_by_peer(frame.stream)
                self._sender.answer(frames.Cancelled(frame.stream))
            case frames.Release():
                raise LeaseUnknown(f"expected no RELEASE where nothing was leased, found lease {frame.leases[0]}")
            case frames.Closing():
                self._peer_closing = True
                self.end_all(ProducerGone("expected END, found CLOSING: the producer closed the connection"))
            case _:
                raise StreamState(f"expected a frame that the state of the connection allows, found {frame}")

    def _stream(self, number: int) -> Stream:
        stream = self._streams.get(number)
        if stream is None:
            raise StreamState(f"expected a stream that is open, found stream {number}")
        return stream

    def _lease(self, frame: frames.Descriptor) -> pa.Buffer:
        if frame.lease <= self._last_lease:
            raise Sequence(f"expected a lease above {self._last_lease}, found {frame.lease}")
        end, region_bytes = frame.offset + frame.length, self._ledger.region_bytes
        if frame.offset % PAGE_BYTES or frame.length < _MIN_EXTENT_BYTES or end > region_bytes:
            found = f"found {frame.length} bytes at {frame.offset}"
            raise ExtentBounds(f"expected an extent on a page of a region of {region_bytes} bytes, {found}")
        self._last_lease = frame.lease
        return self._ledger.lease(frame.lease, frame.offset, frame.length)

    def _forget(self, number: int) -> None:
        """A stream is over; one that was cancelled still waits for its CANCELLED."""
        if not self._streams[number].cancelling:
            del self._streams[number]

    def _open_for_peer(self, number: int) -> None:
        if number % 2 or number <= self._peers_number:
            raise StreamState(f"expected an even stream above {self._peers_number} from this side, found {number}")
        self._peers_number = number

    def _expect_opened_by_peer(self, number: int) -> None:
        if number % 2 or number > self._peers_number:
            raise StreamState(f"expected a stream that this side opened, found {number}")

    def end_all(self, error: Error) -> None:
        """The connection is over for every stream, for this reason."""
        for stream in self._streams.values():
            stream.abandon(error)
        self._streams.clear()


def _aligned(message: bytes) -> pa.Buffer:
    """The bytes at an address that is a multiple of 64, as Arrow wants its buffers."""
    memory = bytearray(len(message) + _ALIGNMENT - 1)
    buffer = pa.py_buffer(memory)
    padding = -buffer.address % _ALIGNMENT
    memory[padding : padding + len(message)] = message
    return buffer.slice(padding, len(message))
