"""The writing side of a connection: whoever has something to send says so here, and nobody is ever blocked by it."""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable

from arrowlab.errors import TooManyStreams
from arrowlab.frames import MAX_RELEASED, Closing, Frame, Release
from arrowlab.handshake import PATIENCE_S
from arrowlab.lease import LOOK_S, Ledger

MAX_UNREAD_ANSWER_BYTES = 1 << 20
_AT_ONCE = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_log = logging.getLogger("arrowlab")


class Sender:
    """Owns one descriptor of the socket and closes it at the end.

    Frames go out at once where the socket takes them, otherwise from this object's thread. Leases that are due for
    release go out before anything else does, many in one frame.
    """

    def __init__(self, peer: socket.socket, ledger: Ledger) -> None:
        self._peer = peer
        self._ledger = ledger
        self._unsent = bytearray()
        # Guards `_unsent` and the flags; `_sent` is notified when everything has been sent.
        self._turn = threading.RLock()
        self._sent = threading.Condition(self._turn)
        self._closing = False
        self._over = False
        self._thread: threading.Thread | None = None

    def start(self, look: Callable[[], None], ended: Callable[[], None]) -> None:
        """Starts the thread, which calls `look` each second, and `ended` when this object is done."""
        self._thread = threading.Thread(target=self._run, args=(look, ended), name="arrowlab sender", daemon=True)
        self._thread.start()

    def send(self, *frames: Frame) -> None:
        """Sends what is due for release, then the frames. Never blocks; that a peer is gone the reader sees."""
        if not (frames or self._ledger.due or self._unsent):
            return
        with self._turn:
            data = b""
            while self._ledger.due:
                leases = self._ledger.collect(MAX_RELEASED)
                data += Release(leases).encode()
                if _log.isEnabledFor(logging.DEBUG):
                    _log.debug("released %d leases, %d are held", len(leases), self._ledger.live)
            for frame in frames:
                data += frame.encode()
            if self._unsent:
                self._unsent += data
                taken = self._push()
            else:
                sent = self._give(data)
                self._unsent += data[sent:]
                taken = sent == len(data)
            if not taken:
                self._ledger.ring()

    def answer(self, frame: Frame) -> None:
        """Sends a frame that the peer's own asked for. Raises TooManyStreams when the peer asks and does not read."""
        if len(self._unsent) > MAX_UNREAD_ANSWER_BYTES:
            raise TooManyStreams("expected the peer to read the answers it asked for, found too many of them unread")
        self.send(frame)

    def flush(self) -> None:
        """Sends what is due for release and returns when the socket has taken everything or is gone."""
        self.send()
        with self._turn:
            self._sent.wait_for(lambda: self._over or not self._unsent)

    def later(self, job: Callable[[], None]) -> None:
        """Has the sending thread do it: for finalizers, which must not take a lock themselves."""
        self._ledger.ring(job)

    def close(self) -> None:
        """Sends CLOSING, goes on releasing behind the scenes, and closes the socket after the last lease."""
        with self._turn:
            self._closing = True
        self.send(Closing())
        self._ledger.ring()
        if self._thread is not None and not self._ledger.live and threading.current_thread() is not self._thread:
            self._thread.join(PATIENCE_S)

    def abort(self, *last_words: Frame) -> None:
        """Sends what the socket takes at once, then shuts it down; leases are not released any more."""
        with self._turn:  # all the while, or another thread would have the last word
            self.send(*last_words)
            self._give_up()
        self._ledger.ring()

    def forget(self) -> None:
        """After a fork, in the child: drops the copy of the descriptor, and leaves the connection to the parent."""
        self._turn = threading.RLock()
        self._sent = threading.Condition(self._turn)
        self._over = True
        self._unsent = bytearray()
        self._thread = None
        self._peer.close()

    def _push(self) -> bool:
        """Whether the socket has taken everything; called with `_turn` held."""
        while self._unsent:
            sent = self._give(self._unsent)
            if sent == 0:
                return False
            del self._unsent[:sent]
        self._sent.notify_all()
        return True

    def _give(self, data: bytes | bytearray) -> int:
        """How many bytes the socket takes at once; all of them where nobody takes any more. With `_turn` held."""
        if not self._over:
            try:
                return self._peer.send(data, _AT_ONCE)
            except BlockingIOError:
                return 0
            except OSError as cause:
                _log.debug("the peer takes no more frames: %s", str(cause))
                self._over = True
        return len(data)

    def _give_up(self) -> None:
        self._over = True
        self._unsent.clear()
        try:
            self._peer.shutdown(socket.SHUT_RDWR)
        except OSError as cause:
            _log.debug("the connection is gone already: %s", str(cause))
        self._sent.notify_all()

    def _run(self, look: Callable[[], None], ended: Callable[[], None]) -> None:
        poll = select.poll()
        poll.register(self._peer, select.POLLOUT)
        look_s = time.monotonic() + LOOK_S
        while not self._done():
            if self._unsent:
                poll.poll(LOOK_S * 1000)
            else:
                job = self._ledger.listen()
                if job is not None:
                    job()
            self.send()
            if time.monotonic() >= look_s:
                look()
                look_s = time.monotonic() + LOOK_S
        self._peer.close()
        ended()

    def _done(self) -> bool:
        with self._turn:
            return self._over or (self._closing and not self._unsent and not self._ledger.live)
