"""The Python side of the benchmarks.

usage: peer.py (echo | read | (shared | socket | stdin) EVERY [keep | glance])

`echo` sends back what comes over descriptor 3; `read` notes when each batch of the stream "bench" was readable. The others read every column of
each batch once, or at a `glance` its first value alone, and say after every so many batches how much CPU time they have used: over descriptor 3
through shared memory or as plain bytes, or IPC streams one after the other from standard input.
"""

import json
import resource
import socket
import sys
import time
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

import arrowlab
from arrowlab.readable import Readable

SEND_BUFFER_BYTES = 4 * 2**20
SO_SNDBUFFORCE = 32
METADATA_BYTES = 64 * 2**10


def echo() -> None:
    sock = socket.socket(fileno=3)
    while data := sock.recv(32, socket.MSG_WAITALL):
        sock.sendall(data)


def read() -> None:
    readable_ns: list[str] = []
    with arrowlab.connect(fd=3) as peer:
        for batch in peer.subscribe("bench"):
            _ = batch.column(0)[0]
            readable_ns.append(str(time.monotonic_ns()))
            del batch
    print(json.dumps(readable_ns))


def mark() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpuNs": round((used.ru_utime + used.ru_stime) * 1e9)}), flush=True)


def consume(batches: Iterable[pa.RecordBatch], every: int, read: str) -> None:
    kept: list[pa.RecordBatch] = []
    mark()
    count = 0
    for batch in batches:
        if read == "glance":
            _ = batch.column(0)[0]
        else:
            for column in batch.columns:
                pc.sum(column)
                del column
        if read == "keep":
            kept.append(batch)
        del batch
        count += 1
        if count % every == 0:
            mark()


def shared(every: int, read: str) -> None:
    with arrowlab.connect(fd=3) as peer:
        consume(peer.subscribe("bench"), every, read)


class Received(Readable):
    """A socket that is read straight into one buffer again and again, or, where batches are kept, into a new one each time."""

    def __init__(self, sock: socket.socket, keeps: bool) -> None:
        super().__init__()
        self._socket = sock
        self._keeps = keeps
        self._body = pa.allocate_buffer(0)

    def read_buffer(self, count: int) -> pa.Buffer:
        self._at += count
        if count < METADATA_BYTES or self._keeps:
            return self._fill(pa.allocate_buffer(count), count)
        if self._body.size < count:
            self._body = pa.allocate_buffer(count)
        return self._fill(self._body, count)

    def _fill(self, buffer: pa.Buffer, count: int) -> pa.Buffer:
        left = memoryview(buffer).cast("B")[:count] if count else memoryview(b"")
        while left:
            left = left[self._socket.recv_into(left, 0, socket.MSG_WAITALL) :]
        return buffer.slice(0, count)


def received(keeps: bool) -> Iterator[pa.RecordBatch]:
    sender = socket.socket(fileno=4)  # the producer cannot set it itself
    try:
        sender.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER_BYTES)
    except PermissionError:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    sender.close()
    return opened(pa.PythonFile(Received(socket.socket(fileno=3), keeps), mode="r"))


def opened(source: pa.PythonFile) -> Iterator[pa.RecordBatch]:
    """Opens the stream when the first batch is asked for: the peer says before that it is ready."""
    yield from pa.ipc.open_stream(source)


def streamed() -> Iterator[pa.RecordBatch]:
    while sys.stdin.buffer.peek(1):
        yield from pa.ipc.open_stream(sys.stdin.buffer)


mode, every, how = sys.argv[1], int("".join(sys.argv[2:3]) or 0), "".join(sys.argv[3:4])
if mode == "echo":
    echo()
elif mode == "read":
    read()
elif mode == "shared":
    shared(every, how)
else:
    consume(received(how == "keep") if mode == "socket" else streamed(), every, how)
