"""The handshake of PROTOCOL.md, section 3, on a connected socket: usable or refused within 2 s."""

from __future__ import annotations

import logging
import os
import select
import socket
import struct
import time
from collections.abc import Collection
from dataclasses import dataclass

from arrowlab.decoder import Decoder
from arrowlab.errors import (
    Closed,
    Error,
    HelloMalformed,
    HelloTimeout,
    NotArrowlab,
    PeerRefused,
    RegionMissing,
    StreamState,
)
from arrowlab.frames import Failure, Frame, Ready
from arrowlab.hello import HELLO_BYTES, Hello, begins_like_hello, decode_hello
from arrowlab.mapping import Mapping, verify_region

PATIENCE_S = 2.0
_log = logging.getLogger("arrowlab")
_CREDENTIALS = struct.Struct("iII")
_DESCRIPTOR = struct.Struct("i")
_MOST_DESCRIPTORS = 16


@dataclass(slots=True)
class Greeting:
    """What both sides agreed on: the peer's HELLO, its region, the lower minor version, the features of both."""

    hello: Hello
    mapping: Mapping
    minor: int
    features: int


def shake_hands(peer: socket.socket, region_fd: int, mine: Hello, allowed_uids: Collection[int]) -> Greeting:
    """Exchanges HELLO and READY. The socket and `region_fd` stay the caller's, also when the connection is refused.

    Raises an error of PROTOCOL.md, which the peer has been told, or the one that the peer told; Closed when it went.
    """
    return _Handshake(peer).run(region_fd, mine, allowed_uids)


class _Ended(Exception):
    """The peer sends nothing more."""


class _Late(Exception):
    """The 2 s are over."""


class _Told(Exception):
    """The peer refused, and said why."""

    def __init__(self, failure: Failure) -> None:
        self.error = Error.from_wire(failure.number, failure.message)


class _Handshake:
    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._deadline = time.monotonic() + PATIENCE_S
        self._poll = select.poll()
        self._poll.register(peer, select.POLLIN)
        self._descriptors: list[int] = []

    def run(self, region_fd: int, mine: Hello, allowed_uids: Collection[int]) -> Greeting:
        try:
            return self._greet(region_fd, mine, allowed_uids)
        except _Told as told:
            raise told.error from None
        except Error as error:
            self._send(Failure(0, error.number, error.message).encode())
            raise
        finally:
            for fd in self._descriptors:
                os.close(fd)

    def _greet(self, region_fd: int, mine: Hello, allowed_uids: Collection[int]) -> Greeting:
        uid = _uid_of(self._peer)
        if uid not in allowed_uids:
            self._send(mine.encode())
            raise PeerRefused(f"expected a peer of user {os.geteuid()}, found user {uid}: run both sides as one user")
        self._send(mine.encode(), region_fd)
        theirs = self._hello()
        if len(self._descriptors) != 1:
            raise self._region_missing()
        verify_region(self._descriptors[0], theirs.region_bytes)
        mapping = Mapping(self._descriptors[0], theirs.region_bytes)
        minor, features = min(mine.minor, theirs.minor), mine.features & theirs.features
        self._send(Ready(minor, features).encode())
        try:
            first = self._frame()
        except _Ended as cause:
            raise Closed("expected READY after HELLO, found the end of the connection") from cause
        except _Late as cause:
            raise HelloTimeout(f"expected HELLO and READY within {PATIENCE_S:g} s, found no READY") from cause
        if isinstance(first, Failure):
            raise _Told(first)
        if not isinstance(first, Ready):
            raise StreamState(f"expected READY or ERROR after HELLO, found {type(first).__name__}")
        return Greeting(theirs, mapping, minor, features)

    def _hello(self) -> Hello:
        received = bytearray()
        try:
            while len(received) < HELLO_BYTES:
                received += self._receive(HELLO_BYTES - len(received))
                if not begins_like_hello(received):
                    break
        except _Ended as cause:
            if not received:
                raise NotArrowlab("expected a HELLO, found a socket that says nothing and closes") from cause
            raise HelloMalformed(
                f"expected a HELLO of {HELLO_BYTES} bytes, found {len(received)} and the end"
            ) from cause
        except _Late as cause:
            found = f"found {len(received)}: is the other side an arrowlab endpoint, and is it alive?"
            raise HelloTimeout(f"expected a HELLO of {HELLO_BYTES} bytes within {PATIENCE_S:g} s, {found}") from cause
        return decode_hello(received)

    def _region_missing(self) -> Error | _Told:
        """A HELLO without a descriptor may be a refusal: then the frame after it says why."""
        if not self._descriptors:
            try:
                first = self._frame()
            except (_Ended, _Late):
                first = None
            if isinstance(first, Failure):
                return _Told(first)
        return RegionMissing(f"expected exactly one file descriptor with the HELLO, found {len(self._descriptors)}")

    def _frame(self) -> Frame:
        """One frame and not a byte more: what follows is for the connection to read."""
        decoder = Decoder()
        while (missing := decoder.missing_bytes()) > 0:
            decoder.feed(self._receive(missing))
        return next(decoder.frames())

    def _receive(self, most: int) -> bytes:
        """1 to `most` bytes; the descriptors that come along are kept for `run` to close."""
        left_s = self._deadline - time.monotonic()
        if left_s <= 0 or not self._poll.poll(left_s * 1000):
            raise _Late
        try:
            data, control, _, _ = self._peer.recvmsg(
                most, socket.CMSG_SPACE(_MOST_DESCRIPTORS * _DESCRIPTOR.size), socket.MSG_CMSG_CLOEXEC
            )
        except OSError as cause:
            raise _Ended from cause
        for level, kind, content in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                whole = len(content) // _DESCRIPTOR.size * _DESCRIPTOR.size
                self._descriptors += [fd for (fd,) in _DESCRIPTOR.iter_unpack(content[:whole])]
        if not data:
            raise _Ended
        return data

    def _send(self, data: bytes, *descriptors: int) -> None:
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, _DESCRIPTOR.pack(fd)) for fd in descriptors]
        try:
            self._peer.sendmsg([data], control, socket.MSG_DONTWAIT)
        except OSError as cause:
            # A peer that is gone may have said why: what is still to be read is read first.
            _log.debug("the peer does not take the handshake: %s", str(cause))


def _uid_of(peer: socket.socket) -> int:
    _pid, uid, _gid = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return uid
