"""A connection after its handshake: who reads the socket, and what each frame means (PROTOCOL.md, sections 4 to 6)."""

from __future__ import annotations

import logging
import math
import select
import socket
import threading
import time
from collections.abc import Callable

import pyarrow as pa

from arrowlab import frames
from arrowlab.decoder import Decoder
from arrowlab.errors import (
    Closed,
    Error,
    ExtentBounds,
    LeaseUnknown,
    NotServed,
    ProducerGone,
    Sequence,
    StreamState,
    Timeout,
    TooManyStreams,
)
from arrowlab.frames import Frame
from arrowlab.handshake import PATIENCE_S, Greeting
from arrowlab.hello import PAGE_BYTES
from arrowlab.lease import Ledger
from arrowlab.sender import Sender
from arrowlab.stream import WINDOW_MESSAGES, Stream

MAX_STREAMS = 1_024
_MIN_EXTENT_BYTES = 8
_RECEIVED_BYTES = 128 << 10
_REPORTED_CHARACTERS = 2_000
_log = logging.getLogger("arrowlab")


class Connection:
    """Safe for threads. There is no reading thread: whoever waits for a message reads the socket for all who wait.

    The thread that reads is the leader; the others sleep until it has something for them or stops reading.
    """

    def __init__(self, peer: socket.socket, greeting: Greeting) -> None:
        """Owns the socket from here on."""
        self.mapping = greeting.mapping
        self._ledger = Ledger(greeting.mapping)
        # Two descriptors of one socket: the sender closes its own after the last lease, the reader its own before.
        self._sender = Sender(peer.dup(), self._ledger)
        self._peer = peer
        self._poll = select.poll()
        self._poll.register(peer, select.POLLIN)
        self._received = memoryview(bytearray(_RECEIVED_BYTES))
        self._decoder = Decoder()
        # Guards everything below; notified when a frame has been dealt with and when the leader stops reading.
        self._turn = threading.Condition()
        self._led = False
        self._streams: dict[int, Stream] = {}
        self._next_number = 1
        self._peers_number = 0
        self._last_lease = 0
        self._peer_closing = False
        self._closed = False
        self._failure: Error | None = None

    def subscribe(self, name: str) -> Stream:
        """Asks for a stream; it opens when the peer publishes the name. Raises why the connection cannot be used."""
        with self._turn:
            if self._failure is not None:
                raise self._failure.renewed()
            if self._closed or self._peer_closing:
                raise Closed(f"expected an open connection to subscribe to {name!r}, found a closed one: connect again")
            if len(self._streams) >= MAX_STREAMS:
                raise TooManyStreams(f"expected at most {MAX_STREAMS} open streams, found one more: close some")
            stream = self._streams[self._next_number] = Stream(self._next_number, name)
            self._next_number += 2
            self._sender.send(frames.Subscribe(stream.number, WINDOW_MESSAGES, name))
        return stream

    def receive(self, stream: Stream, timeout_s: float | None) -> pa.Buffer | None:
        """The next message of the stream, or None at its end. Raises Timeout, or what the stream failed with."""
        if not self._wait(lambda: stream.ready, timeout_s):
            raise Timeout(f"expected a message of {stream} within {timeout_s:g} s, found none: is the name published?")
        with self._turn:
            message = stream.take()
            if granted := stream.grant():
                self._sender.send(frames.Credit(stream.number, granted))
        return message

    def cancel(self, stream: Stream) -> None:
        """Wants no more of the stream. What still arrives is released; nothing happens when it has ended."""
        with self._turn:
            if stream.number in self._streams and not stream.cancelling:
                stream.cancel(
                    Closed(f"expected an open subscription to read from, found that {stream} was closed here")
                )
                self._sender.send(frames.Cancel(stream.number))
                self._turn.notify_all()

    def later(self, job: Callable[[], None]) -> None:
        """Has another thread do it: for finalizers."""
        self._sender.later(job)

    def flush(self) -> None:
        """Returns when every lease that is due has been released and the socket has taken all."""
        self._sender.flush()

    def close(self) -> None:
        """Cancels what is open, waits for the peer's word on it (2 s at most), and leaves the rest to the sender."""
        with self._turn:
            if self._closed or self._failure is not None:
                self._closed = True
                return
            self._closed = True
            streams = list(self._streams.values())
        for stream in streams:
            self.cancel(stream)
        if not self._wait(lambda: not self._streams, PATIENCE_S):
            _log.warning("the peer did not answer CANCEL within %g s: closing without it", PATIENCE_S)
            self.fail(Closed("expected an open connection, found one that was closed here"))
            return
        with self._turn:
            if self._failure is None:
                self._failure = Closed("expected an open connection, found one that was closed here")
                self._sender.close()
            self._retire()

    def fail(self, error: Error, report: bool = False) -> None:
        """Ends the connection and every stream that is open; with `report`, the peer is told its violation first."""
        with self._turn:
            if self._failure is not None:
                return
            self._failure = error.with_traceback(None)
            self._end_streams(self._failure)
            if report:
                _log.warning("the peer broke the protocol (%s): %s", error.code, error)
                self._sender.abort(frames.Failure(0, error.number, error.message[:_REPORTED_CHARACTERS]))
            else:
                self._sender.abort()
            self._retire()
            self._turn.notify_all()

    def _wait(self, ready: Callable[[], bool], timeout_s: float | None) -> bool:
        """Whether `ready` came true in time. `ready` changes with `_turn` held only, and is true on a failure."""
        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        with self._turn:
            while self._led and not ready():
                left_s = None if timeout_s is None else deadline - time.monotonic()
                if not self._turn.wait(left_s):
                    return ready()
            if ready():
                return True
            self._led = True
        try:
            while not ready():
                self._sender.send()
                if not self._read(deadline):
                    return ready()
            return True
        finally:
            with self._turn:
                self._led = False
                if self._failure is not None:
                    self._retire()
                self._turn.notify_all()

    def _read(self, deadline: float) -> bool:
        """Reads what there is and deals with it; false when the deadline passed."""
        left_s = max(0.0, deadline - time.monotonic())
        if not self._poll.poll(None if math.isinf(left_s) else left_s * 1000):
            return False
        try:
            count = self._peer.recv_into(self._received, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return time.monotonic() < deadline
        except ConnectionError as cause:
            _log.debug("the socket was reset: %s", cause)
            count = 0
        try:
            if count == 0:
                self.fail(ProducerGone("expected END, found the end of the connection: the producer went away"))
                return True
            with self._turn:
                self._decoder.feed(self._received[:count])
                for frame in self._decoder.frames():
                    self._deal_with(frame)
                self._turn.notify_all()
        except _Told as told:
            self.fail(told.error)
        except Error as error:
            self.fail(error, report=True)
        except BaseException:
            self.fail(Closed("expected to read on, found that reading was interrupted in the middle of a frame"))
            raise
        return time.monotonic() < deadline

    def _deal_with(self, frame: Frame) -> None:
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
                stream.inline_bytes += len(frame.message)
                stream.put(_aligned(frame.message))
            case frames.Open():
                self._stream(frame.stream).open()
            case frames.End():
                self._stream(frame.stream).end(frame.sequence)
                self._forget(frame.stream)
            case frames.Failure(stream=0):
                raise _Told(Error.from_wire(frame.number, frame.message))
            case frames.Failure():
                self._stream(frame.stream).fail(Error.from_wire(frame.number, frame.message))
                self._forget(frame.stream)
            case frames.Cancelled():
                if not self._stream(frame.stream).cancelling:
                    raise StreamState(f"expected CANCELLED after CANCEL only, found it for stream {frame.stream}")
                del self._streams[frame.stream]
            case frames.Waiting():
                stream = self._stream(frame.stream)
                stream.expect_open("WAITING")
                _log.debug("the producer of %s waits for %d bytes, %d are held here", stream, frame.needed, frame.held)
                self._sender.send()
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
                self._end_streams(ProducerGone("expected END, found CLOSING: the producer closed the connection"))
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
        end, region_bytes = frame.offset + frame.length, self.mapping.byte_length
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

    def _end_streams(self, error: Error) -> None:
        for stream in self._streams.values():
            stream.abandon(error)
        self._streams.clear()

    def _retire(self) -> None:
        """Closes the reader's descriptor, unless somebody reads: then the last to read does it."""
        if not self._led:
            self._peer.close()


class _Told(Exception):
    """The peer ended the connection, and said why."""

    def __init__(self, error: Error) -> None:
        self.error = error


def _aligned(message: bytes) -> pa.Buffer:
    """The bytes at an address that is a multiple of 64, as Arrow wants its buffers."""
    buffer = pa.allocate_buffer(len(message))
    memoryview(buffer)[:] = message
    return buffer
