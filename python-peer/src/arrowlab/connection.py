"""A connection after its handshake: who reads the socket, and how it ends (PROTOCOL.md, sections 4 and 6)."""

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
    ProducerGone,
    Timeout,
)
from arrowlab.exchanges import Exchanges, Told
from arrowlab.handshake import PATIENCE_S, Greeting
from arrowlab.lease import Ledger
from arrowlab.sender import Sender
from arrowlab.stream import Stream

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
        self._exchanges = Exchanges(self._sender, self._ledger)
        self._closed = False
        self._failure: Error | None = None

    def subscribe(self, name: str) -> Stream:
        """Asks for a stream; it opens when the peer publishes the name. Raises why the connection cannot be used."""
        with self._turn:
            if self._failure is not None:
                raise self._failure.renewed()
            if self._closed:
                raise Closed(f"expected an open connection to subscribe to {name!r}, found a closed one: connect again")
            return self._exchanges.subscribe(name)

    def receive(self, stream: Stream, timeout_s: float | None) -> pa.Buffer | None:
        """The next message of the stream, or None at its end. Raises Timeout, or what the stream failed with."""
        if not self._wait(lambda: stream.ready, timeout_s):
            raise Timeout(f"expected a message of {stream} within {timeout_s:g} s, found none: is the name published?")
        with self._turn:
            message = stream.take()
            if granted := stream.grant():
                self._sender.send(frames.Credit(stream.number, granted))
        return message

    def cancel(self, stream: Stream, reason: Error) -> None:
        """Wants no more of the stream: what still arrives is released, and whoever reads on gets `reason`."""
        with self._turn:
            self._exchanges.cancel(stream, reason)
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
            self._exchanges.cancel_all()
            self._turn.notify_all()
        if not self._wait(lambda: self._exchanges.none_open, PATIENCE_S):
            _log.warning("the peer did not answer CANCEL within %g s: closing without it", PATIENCE_S)
            self.fail(Closed("expected an open connection, found one that was closed here"))
            return
        with self._turn:
            failed = self._failure is not None
            self._failure = self._failure or Closed("expected an open connection, found one that was closed here")
            self._retire()
        if not failed:
            self._sender.close()

    def fail(self, error: Error, report: bool = False) -> None:
        """Ends the connection and every stream that is open; with `report`, the peer is told its violation first."""
        with self._turn:
            if self._failure is not None:
                return
            self._failure = error.renewed()
            self._exchanges.end_all(self._failure)
            if report:
                # Text, not the error: a handler that keeps records would keep the batches in the error's frames.
                _log.warning("the peer broke the protocol (%s): %s", error.code, error.message)
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
            _log.debug("the socket was reset: %s", str(cause))
            count = 0
        try:
            if count == 0:
                self.fail(ProducerGone("expected END, found the end of the connection: the producer went away"))
                return True
            with self._turn:
                self._decoder.feed(self._received[:count])
                for frame in self._decoder.frames():
                    self._exchanges.deal_with(frame)
                self._turn.notify_all()
        except Told as told:
            self.fail(told.error)
        except Error as error:
            self.fail(error, report=True)
        except BaseException:
            self.fail(Closed("expected to read on, found that reading was interrupted in the middle of a frame"))
            raise
        return time.monotonic() < deadline

    def _retire(self) -> None:
        """Closes the reader's descriptor, unless somebody reads: then the last to read does it."""
        if not self._led:
            self._peer.close()
