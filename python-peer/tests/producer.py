"""A producer for the tests: a real region, a real socket, frames as bytes, and every mistake one can ask for."""

from __future__ import annotations

import fcntl
import mmap
import os
import socket
import struct
import sys
from collections.abc import Sequence
from typing import TypeVar

import pyarrow as pa

from arrowlab import frames
from arrowlab.decoder import Decoder
from arrowlab.frames import Frame
from arrowlab.hello import Hello, decode_hello

REGION_BYTES = 1 << 30
PAGE_BYTES = 4096
PATIENCE_S = 30
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
F = TypeVar("F", bound=Frame)


class Region:
    """A memfd as PROTOCOL.md wants it, or with what a test wants wrong."""

    def __init__(self, region_bytes: int = REGION_BYTES, seals: int = SEALS) -> None:
        self.writable = os.memfd_create("producer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.writable, region_bytes)
        self.map = mmap.mmap(self.writable, region_bytes)
        fcntl.fcntl(self.writable, fcntl.F_ADD_SEALS, seals)
        self.readable = os.open(f"/proc/self/fd/{self.writable}", os.O_RDONLY | os.O_CLOEXEC)
        self._next = PAGE_BYTES

    def place(self, message: bytes) -> int:
        """Writes the message into an extent of its own and returns the offset."""
        offset = self._next
        self.map[offset : offset + len(message)] = message
        self._next += -(-len(message) // PAGE_BYTES) * PAGE_BYTES
        return offset

    def close(self) -> None:
        self.map.close()
        os.close(self.writable)
        os.close(self.readable)


class Producer:
    """One connection, seen from the producing side; `region` and the socket are its own."""

    def __init__(self, peer: socket.socket, region: Region | None = None) -> None:
        self.peer = peer
        # A consumer that says nothing is a failed test, not one that hangs.
        self.peer.settimeout(PATIENCE_S)
        self.region = region or Region()
        self.lease = 0
        self.sequences: dict[int, int] = {}
        self.released: list[int] = []
        self._decoder = Decoder()
        self._came: list[Frame] = []

    def greet(self) -> None:
        """HELLO and READY at once: the protocol does not wait."""
        hello = Hello(len(self.region.map), os.getpid(), "test producer").encode()
        socket.send_fds(self.peer, [hello], [self.region.readable])
        self.send(frames.Ready(0, 0))

    def expect_greeting(self) -> Hello:
        data, fds, _, _ = socket.recv_fds(self.peer, 128, 4)
        for fd in fds:
            os.close(fd)
        assert len(fds) == 1
        self.expect(frames.Ready)
        return decode_hello(data)

    def send(self, *several: Frame) -> None:
        self.peer.sendall(b"".join(frame.encode() for frame in several))

    def open(self, stream: int) -> None:
        self.sequences[stream] = 0
        self.send(frames.Open(stream, 0))

    def expect_subscribe_and_open(self) -> frames.Subscribe:
        subscribe = self.expect(frames.Subscribe)
        self.open(subscribe.stream)
        return subscribe

    def describe(self, stream: int, message: bytes) -> frames.Descriptor:
        """Places a message; the descriptor is right, to be sent as it is or changed."""
        self.lease += 1
        return frames.Descriptor(stream, self._count(stream), self.lease, self.region.place(message), len(message))

    def share(self, stream: int, *messages: bytes) -> None:
        self.send(*[self.describe(stream, message) for message in messages])

    def inline(self, stream: int, *messages: bytes) -> None:
        self.send(*[frames.Inline(stream, self._count(stream), message) for message in messages])

    def end(self, stream: int) -> None:
        self.send(frames.End(stream, self.sequences[stream]))

    def _count(self, stream: int) -> int:
        self.sequences[stream] += 1
        return self.sequences[stream] - 1

    def expect(self, kind: type[F]) -> F:
        """The next frame, which has to be of this kind; releases are noted on the way, credit is passed over."""
        while True:
            while self._came:
                frame = self._came.pop(0)
                if isinstance(frame, frames.Release):
                    self.released += frame.leases
                if isinstance(frame, kind):
                    return frame
                assert isinstance(frame, frames.Release | frames.Credit), f"expected {kind.__name__}, found {frame}"
            data = self.peer.recv(1 << 16)
            assert data, f"expected {kind.__name__}, found the end of the connection"
            self._decoder.feed(data)
            self._came += self._decoder.frames()

    def expect_releases(self, count: int) -> list[int]:
        while len(self.released) < count:
            self.expect(frames.Release)
        return self.released

    def expect_error(self) -> frames.Failure:
        """The consumer's last words; after them it closes."""
        failure = self.expect(frames.Failure)
        assert failure.stream == 0
        assert _received(self.peer) == b""
        return failure

    def expect_end(self) -> None:
        """The consumer closes its socket; before, it may still say CLOSING and release."""
        assert not self._came
        while data := _received(self.peer):
            self._decoder.feed(data)
            for frame in self._decoder.frames():
                assert isinstance(frame, frames.Release | frames.Closing), frame
                self.released += frame.leases if isinstance(frame, frames.Release) else ()

    def close(self) -> None:
        if self.peer.fileno() >= 0:
            self.peer.close()
            self.region.close()


def _received(peer: socket.socket) -> bytes:
    try:
        return peer.recv(1 << 16)
    except ConnectionResetError:
        return b""


def messages_of(
    batches: Sequence[pa.RecordBatch], schema: pa.Schema | None = None, options: pa.ipc.IpcWriteOptions | None = None
) -> list[bytes]:
    """The encapsulated messages of the IPC stream of these batches, without the marker of its end."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema or batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    return [_aligned(message) for message in reader]


def _aligned(message: pa.ipc.Message) -> bytes:
    metadata = message.metadata.to_pybytes()
    body = message.body.to_pybytes() if message.body is not None else b""
    metadata += bytes(-(len(metadata) + 8) % 64)
    return struct.pack("<II", 0xFFFFFFFF, len(metadata)) + metadata + body


def main(path: str) -> None:
    """Publishes 60 batches of 1,000 numbers to the first who connects, and never ends the stream."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("listening", flush=True)  # noqa: T201
        peer, _ = listener.accept()
    producer = Producer(peer)
    producer.greet()
    producer.expect_greeting()
    stream = producer.expect_subscribe_and_open().stream
    batch = pa.record_batch({"n": pa.array(range(1_000), pa.int64())})
    schema, data = messages_of([batch])
    producer.share(stream, schema, *[data] * 60)
    producer.expect(frames.Cancel)
    producer.send(frames.Cancelled(stream))
    producer.expect_end()


if __name__ == "__main__":
    main(sys.argv[1])
