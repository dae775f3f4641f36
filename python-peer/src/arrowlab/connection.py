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

from arrowlab import fork, frames
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
from arrowlab.waiting import Waits

_RECEIVED_BYTES = 128 << 10
_REPORTED_CHARACTERS = 2_000
_MAX_READS = 64
_BLOCKING = 0
_log = logging.getLogger("arrowlab")


class Connection:
    """Safe for threads. There is no reading thread: whoever waits for a message reads the socket for all who wait.

    The thread that reads is the leader; the others sleep until it has something for them or stops reading. Where nobody
    reads, the sender's thread looks at the socket each second: a producer may wait for memory that only garbage holds.
    """

    def __init__(self, peer: socket.socket, greeting: Greeting) -> None:
        """Owns the socket from here on."""
        self.mapping = greeting.mapping
        self._ledger = Ledger(greeting.mapping)
        # Two descriptors of one socket: each of the threads that use them closes its own.
        self._sender = Sender(peer.dup(), self._ledger)
        self._waits = Waits(self._sender, self._ledger)
        self._peer = peer
        self._poll = select.poll()
        self._poll.register(peer, select.POLLIN)
        self._received = memoryview(bytearray(_RECEIVED_BYTES))
        self._decoder = Decoder()
        # Guards everything below; `_turn` is notified when a frame has been dealt with and when the leader stops.
        self._lock = threading.RLock()
        self._turn = threading.Condition(self._lock)
        self._sleepers = 0
        self._led = False
        self._exchanges = Exchanges(self._sender, self._ledger, self._waits)
        self._closed = False
        # Nothing is read any more; the sender's thread has ended.
        self._over = False
        self._ended = False
        self._forked = False
        self._failure: Error | None = None
        fork.watch(self)
        self._sender.start(self._look, self._end)
        hello = greeting.hello
        _log.debug(
            "connected to %r (pid %d), which has a region of %d bytes", hello.name, hello.pid, hello.region_bytes
        )

    def subscribe(self, name: str) -> Stream:
        """Asks for a stream; it opens when the peer publishes the name. Raises why the connection cannot be used."""
        with self._lock:
            if self._failure is not None:
                raise self._failure.renewed()
            if self._closed:
                raise Closed(f"expected an open connection to subscribe to {name!r}, found a closed one: connect again")
            stream = self._exchanges.subscribe(name)
        _log.debug("subscribed to %s", str(stream))
        return stream

    def receive(self, stream: Stream, timeout_s: float | None) -> pa.Buffer | None:
        """The next message of the stream, or None at its end. Raises Timeout, or what the stream failed with."""
        with self._lock:
            granted = stream.grant()
            if not granted and stream.ready():
                return stream.take()
        # What is due for release goes along.
        self._sender.send(*([frames.Credit(stream.number, granted)] if granted else []))
        stream.awaited = True
        try:
            if not self._wait(stream.ready, timeout_s):
                raise Timeout(
                    f"expected a message of {stream} within {timeout_s:g} s, found none: is the name published?"
                )
        finally:
            stream.awaited = False
        with self._lock:
            return stream.take()

    def cancel(self, stream: Stream, reason: Error) -> None:
        """Wants no more of the stream: what still arrives is released, and whoever reads on gets `reason`."""
        with self._lock:
            self._exchanges.cancel(stream, reason)
            self._wake()

    def later(self, job: Callable[[], None]) -> None:
        """Has another thread do it: for finalizers."""
        self._sender.later(job)

    def flush(self) -> None:
        """Returns when every lease that is due has been released and the socket has taken all."""
        if self._forked:
            raise fork.closed_by_fork()
        self._sender.flush()

    def close(self) -> None:
        """Cancels what is open, waits for the peer's word on it (2 s at most), and leaves the rest to the sender."""
        with self._lock:
            if self._closed or self._failure is not None:
                self._closed = True
                return
            self._closed = True
            self._exchanges.cancel_all()
            self._wake()
        if not self._wait(self._exchanges.none_open, PATIENCE_S):
            _log.warning("the peer did not answer CANCEL within %g s: closing without it", PATIENCE_S)
            self.fail(Closed("expected an open connection, found one that was closed here"))
            return
        with self._lock:
            if self._failure is not None:
                return
            self._failure = Closed("expected an open connection, found one that was closed here")
            self._exchanges.close()
            self._over = self._ended
            self._retire()
        _log.debug("closed: %d leases are held", self._ledger.live)
        self._sender.close()

    def fail(self, error: Error, report: bool = False) -> None:
        """Ends the connection and every stream that is open; with `report`, the peer is told its violation first."""
        with self._lock:
            if self._over:
                return
            self._over = True
            closed, self._failure = self._failure is not None, self._failure or error.renewed()
            self._exchanges.end_all(self._failure)
            if report and not closed:
                # Text, not the error: a handler that keeps records would keep the batches in the error's frames.
                _log.warning("the peer broke the protocol (%s): %s", error.code, error.message)
                self._sender.abort(frames.Failure(0, error.number, error.message[:_REPORTED_CHARACTERS]))
            else:
                _log.debug("the connection is over (%s): %s", error.code, error.message)
                self._sender.abort()
            self._retire()
            self._wake()

    def after_fork(self) -> None:
        """In the child: drops the copies of the socket's descriptors. What is leased is the parent's to release."""
        self._lock = threading.RLock()
        self._turn = threading.Condition(self._lock)
        self._sleepers = 0
        self._forked = self._closed = self._over = True
        self._failure = fork.closed_by_fork()
        self._ledger.forget()
        self._sender.forget()
        self._peer.close()

    def _wait(self, ready: Callable[[], bool], timeout_s: float | None) -> bool:
        """Whether `ready` came true in time. `ready` changes with `_lock` held only, and is true on a failure."""
        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        with self._lock:
            while self._led and not ready():
                self._sleepers += 1
                try:
                    in_time = self._turn.wait(None if timeout_s is None else deadline - time.monotonic())
                finally:
                    self._sleepers -= 1
                if not in_time:
                    return ready()
            if ready():
                return True
            self._led = True
        try:
            while not ready():
                self._sender.send()
                until = min(deadline, self._waits.relieve_again())
                if until == math.inf:
                    self._read(_BLOCKING)
                elif self._poll_until(until):
                    self._read(socket.MSG_DONTWAIT)
                elif time.monotonic() >= deadline:
                    return ready()
            return True
        finally:
            self._stop_leading()

    def _look(self) -> None:
        """Deals with what has come, if nobody reads."""
        with self._lock:
            if self._led or self._over:
                return
            self._led = True
        try:
            for _ in range(_MAX_READS):
                if self._over or not self._poll_until(0):
                    break
                self._read(socket.MSG_DONTWAIT)
        finally:
            self._stop_leading()

    def _poll_until(self, deadline: float) -> bool:
        """Whether there was something to read before the deadline."""
        left_s = max(0.0, deadline - time.monotonic())
        return bool(self._poll.poll(None if math.isinf(left_s) else left_s * 1000))

    def _read(self, flags: int) -> None:
        """Reads what there is and deals with it."""
        try:
            count = self._peer.recv_into(self._received, 0, flags)
        except BlockingIOError:
            return
        except ConnectionError as cause:
            _log.debug("the socket was reset: %s", str(cause))
            count = 0
        try:
            if count == 0:
                self.fail(ProducerGone("expected END, found the end of the connection: the producer went away"))
                return
            with self._lock:
                for frame in self._decoder.frames(self._received[:count]):
                    self._exchanges.deal_with(frame)
                self._wake()
        except Told as told:
            self.fail(told.error)
        except Error as error:
            self.fail(error, report=True)
        except BaseException:
            self.fail(Closed("expected to read on, found that reading was interrupted in the middle of a frame"))
            raise
        if self._waits.noted and not self._over:
            self._relieve()

    def _relieve(self) -> None:
        """A producer waits for memory: gives back what it can, without the lock, and ends who waits for himself.

        Nobody is ended while there is more to read: that may be what the producer has waited for.
        """
        self._waits.relieve()
        if self._poll_until(0):
            return
        with self._lock:
            for stream, error in self._waits.exhausted():
                self._exchanges.cancel(stream, error)
            self._wake()

    def _stop_leading(self) -> None:
        with self._lock:
            self._led = False
            self._retire()
            self._wake()

    def _wake(self) -> None:
        """Has those look again who wait for the leader; called with `_lock` held."""
        if self._sleepers:
            self._turn.notify_all()

    def _end(self) -> None:
        """The sender's thread is at its end; what the peer said last may be still to be read."""
        with self._lock:
            self._ended = True
            if self._failure is not None:
                self._over = True
                self._retire()

    def _retire(self) -> None:
        """Closes the reader's descriptor when all is over, unless somebody reads: then the last to read does it."""
        if self._over and not self._led:
            self._peer.close()
