"""The way in: connect to a peer, subscribe to what it publishes."""

from __future__ import annotations

import os
import socket
import struct
import weakref
from types import TracebackType
from typing import Any, Self, get_args

import pyarrow as pa

from arrowlab.connection import Connection
from arrowlab.errors import ConnectFailed, InvalidArgument
from arrowlab.frames import MAX_NAME_BYTES
from arrowlab.handshake import PATIENCE_S, shake_hands
from arrowlab.hello import MAX_NAME_BYTES as MAX_ENDPOINT_NAME_BYTES
from arrowlab.hello import Hello
from arrowlab.mapping import REGION_BYTES, create_region
from arrowlab.subscription import Subscription, Validate

_TIMEVAL = struct.Struct("@ll")


class Peer:
    """The other side of a connection. Safe for threads; each subscription is for one thread at a time.

    Closes itself when it and all its subscriptions are dropped, but `with` is the better way.
    """

    def __init__(self, connection: Connection, timeout_s: float | None, validate: Validate) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self._validate: Validate = validate
        self._drop = weakref.finalize(self, connection.later, connection.close)
        self._drop.atexit = False

    def subscribe(self, name: str, *, timeout: float | None = None, validate: Validate | None = None) -> Subscription:
        """The stream that the peer publishes under this name, now or later (1 to 255 bytes of UTF-8).

        `timeout`: how many seconds to wait for the name to be published and for each message; `validate="full"` checks
        the contents of every batch, too. Both default to what `connect` was given. Raises Closed, ProducerGone or why
        else the connection ended, TooManyStreams, InvalidArgument.
        """
        if not 1 <= _utf8_bytes(name) <= MAX_NAME_BYTES:
            raise InvalidArgument(f"expected a stream's name of 1 to {MAX_NAME_BYTES} bytes of UTF-8, found {name!r}")
        timeout_s = self._timeout_s if timeout is None else _timeout_s(timeout)
        checked = self._validate if validate is None else _validate(validate)
        return Subscription(self._connection, self._connection.subscribe(name), timeout_s, checked, self)

    def holds(self, buffer: pa.Buffer) -> bool:
        """Whether the buffer lies in the peer's memory, that is, was not copied."""
        return self._connection.mapping.holds(buffer)

    def flush(self) -> None:
        """Returns when every batch that was dropped has been given back to the peer."""
        self._connection.flush()

    def close(self) -> None:
        """Cancels what is read from the peer. Batches stay valid: the socket closes when the last of them is gone."""
        self._drop.detach()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def connect(
    path: str | os.PathLike[str] | None = None,
    *,
    fd: int | None = None,
    timeout: float | None = None,
    validate: Validate = "structure",
    name: str = "python",
) -> Peer:
    """Connects to an endpoint that listens at `path`, or over the inherited socket `fd`, which the peer owns then.

    `timeout` (seconds) and `validate` are what subscriptions default to, `name` (up to 80 bytes of UTF-8) is for people
    on the other side. Raises ConnectFailed, InvalidArgument, or the error of PROTOCOL.md, section 3, within 2 s.
    """
    timeout_s, checked = _timeout_s(timeout), _validate(validate)
    if not 0 <= _utf8_bytes(name) <= MAX_ENDPOINT_NAME_BYTES:
        raise InvalidArgument(f"expected a name of at most {MAX_ENDPOINT_NAME_BYTES} bytes of UTF-8, found {name!r}")
    peer = connect_socket(path, fd)
    try:
        region = create_region()
        try:
            greeting = shake_hands(peer, region, Hello(REGION_BYTES, os.getpid(), name), {os.geteuid()})
        finally:
            os.close(region)
        return Peer(Connection(peer, greeting), timeout_s, checked)
    except BaseException:
        peer.close()
        raise


def read(
    path: str | os.PathLike[str], name: str, *, timeout: float | None = None, validate: Validate = "structure"
) -> pa.Table:
    """The whole stream as a table over the producer's memory, which goes back when the table is gone.

    Raises what `connect` and `Subscription` raise.
    """
    with connect(path, timeout=timeout, validate=validate) as peer:
        return peer.subscribe(name).read_all()


def connect_socket(path: str | os.PathLike[str] | None, fd: int | None) -> socket.socket:
    """The connected socket alone, close-on-exec. Raises ConnectFailed or InvalidArgument."""
    if (path is None) == (fd is None):
        raise InvalidArgument("expected either the path of a socket or an inherited fd, found both or neither")
    return _inherit(fd) if path is None else _dial(path)


def _dial(path: str | os.PathLike[str]) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Bounds the wait for a listener whose backlog is full.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEVAL.pack(int(PATIENCE_S), 0))
        peer.connect(os.fspath(path))
    except (OSError, TypeError, ValueError) as cause:
        peer.close()
        raise ConnectFailed(f"expected a socket that listens at {str(path)!r}, found: {cause}") from cause
    return peer


def _inherit(fd: int | None) -> socket.socket:
    try:
        peer = socket.socket(fileno=fd)
    except (OSError, OverflowError, ValueError, TypeError) as cause:
        raise ConnectFailed(f"expected descriptor {fd!r} to be a connected Unix socket, found: {cause}") from cause
    if (peer.family, peer.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
        peer.close()
        raise ConnectFailed(f"expected descriptor {fd} to be a Unix stream socket, found {peer.family!r}")
    peer.set_inheritable(False)
    peer.setblocking(True)
    return peer


def _utf8_bytes(name: Any) -> int:
    """How long the name is in bytes; -1 when it is none."""
    try:
        return len(name.encode())
    except (UnicodeEncodeError, AttributeError):
        return -1


def _timeout_s(timeout: Any) -> float | None:
    if timeout is None or (isinstance(timeout, int | float) and timeout >= 0):
        return timeout
    raise InvalidArgument(f"expected a timeout of 0 or more seconds or None, found {timeout!r}")


def _validate(validate: Any) -> Validate:
    if validate in get_args(Validate):
        return validate
    raise InvalidArgument(f"expected validate to be one of {get_args(Validate)}, found {validate!r}")
