"""Whoever knocks with a wrong HELLO is refused by number, on both sides, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from producer import REGION_BYTES, SEALS, Producer, Region, messages_of

import arrowlab
from arrowlab import errors, frames
from arrowlab.decoder import Decoder
from arrowlab.handshake import shake_hands
from arrowlab.hello import Hello

HELLO = Hello(REGION_BYTES, 1, "test").encode()


def everything(peer: socket.socket) -> bytes:
    """What comes until the end; the descriptors that come along are closed by the kernel."""
    data = b""
    while True:
        try:
            piece = peer.recv(1 << 16)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


def knock(say: Callable[[socket.socket], object]) -> tuple[arrowlab.Error, list[frames.Frame]]:
    """Connects to an endpoint that says this; returns what was raised and the frames that came after the HELLO."""
    ours, theirs = socket.socketpair()
    with ours:
        say(ours)
        with pytest.raises(arrowlab.Error) as raised:
            arrowlab.connect(fd=theirs.detach())
        decoder = Decoder()
        try:
            decoder.feed(everything(ours)[len(HELLO) :])
        except OSError:
            return raised.value, []
        return raised.value, list(decoder.frames())


def assert_refused(say: Callable[[socket.socket], object], error: type[arrowlab.Error]) -> None:
    raised, told = knock(say)
    assert type(raised) is error, raised
    assert [(frame.stream, frame.number) for frame in told if isinstance(frame, frames.Failure)] == [(0, error.number)]


def with_fds(*fds: int, hello: bytes = HELLO) -> Callable[[socket.socket], object]:
    return lambda peer: socket.send_fds(peer, [hello], fds)


def test_a_hello_with_its_region_is_accepted_and_answered() -> None:
    ours, theirs = socket.socketpair()
    producer = Producer(ours)
    producer.greet()
    with arrowlab.connect(fd=theirs.detach(), name="näme") as peer:
        hello = producer.expect_greeting()
        assert (hello.name, hello.pid, hello.region_bytes) == ("näme", os.getpid(), 4096)
        assert not peer.holds(pa.py_buffer(b"elsewhere"))
        closing = threading.Thread(target=producer.expect, args=(frames.Closing,))
        closing.start()
    closing.join()
    producer.close()


def test_the_region_that_is_announced_is_sealed_sparse_and_read_only() -> None:
    ours, theirs = socket.socketpair()
    producer = Producer(ours)
    producer.greet()
    peer = arrowlab.connect(fd=theirs.detach())
    _, fds, _, _ = socket.recv_fds(ours, 128, 4)
    (fd,) = fds
    assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) == SEALS
    assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    status = os.fstat(fd)
    assert (status.st_size, status.st_blocks, status.st_mode & 0o777) == (4096, 0, 0o400)
    os.close(fd)
    producer.close()
    peer.close()


def test_no_descriptor_is_refused() -> None:
    def say(peer: socket.socket) -> None:
        peer.sendall(HELLO)
        peer.shutdown(socket.SHUT_WR)

    assert_refused(say, errors.RegionMissing)


def test_two_descriptors_are_refused() -> None:
    region = Region()
    assert_refused(with_fds(region.readable, region.readable), errors.RegionMissing)
    region.close()


def test_a_pipe_is_refused() -> None:
    reading, writing = os.pipe()
    assert_refused(with_fds(reading), errors.RegionNotMemfd)
    os.close(reading)
    os.close(writing)


def test_a_file_is_refused(tmp_path: Path) -> None:
    file = os.open(tmp_path / "file", os.O_CREAT | os.O_RDONLY)
    assert_refused(with_fds(file), errors.RegionNotMemfd)
    os.close(file)


def test_a_region_that_can_be_written_is_refused() -> None:
    region = Region()
    assert_refused(with_fds(region.writable), errors.RegionWritable)
    region.close()


@pytest.mark.parametrize("seals", [0, 2, 4])
def test_a_region_that_can_shrink_or_grow_is_refused(seals: int) -> None:
    region = Region(seals=seals)
    assert_refused(with_fds(region.readable), errors.RegionUnsealed)
    region.close()


@pytest.mark.parametrize("region_bytes", [REGION_BYTES - 4096, REGION_BYTES + 4096])
def test_a_region_of_another_size_is_refused(region_bytes: int) -> None:
    region = Region(region_bytes)
    assert_refused(with_fds(region.readable), errors.RegionSize)
    region.close()


def test_another_protocol_is_refused_at_its_first_byte() -> None:
    assert_refused(lambda peer: peer.sendall(b"G"), errors.NotArrowlab)
    assert_refused(lambda peer: peer.sendall(b"ARROWLAX"), errors.NotArrowlab)
    assert_refused(lambda peer: peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10), errors.NotArrowlab)


def test_a_socket_that_only_closes_is_refused() -> None:
    assert_refused(lambda peer: peer.shutdown(socket.SHUT_WR), errors.NotArrowlab)


def test_a_newer_major_version_is_refused() -> None:
    region = Region()
    newer = HELLO[:8] + struct.pack("<H", 2) + HELLO[10:]
    assert_refused(with_fds(region.readable, hello=newer), errors.VersionUnsupported)
    region.close()


def test_half_a_hello_and_the_end_is_refused() -> None:
    def say(peer: socket.socket) -> None:
        peer.sendall(HELLO[:64])
        peer.shutdown(socket.SHUT_WR)

    assert_refused(say, errors.HelloMalformed)


def test_half_a_hello_and_silence_is_refused() -> None:
    assert_refused(lambda peer: peer.sendall(HELLO[:64]), errors.HelloTimeout)


def test_silence_is_refused() -> None:
    assert_refused(lambda _: None, errors.HelloTimeout)


def test_a_hello_without_ready_is_refused() -> None:
    region = Region()
    assert_refused(with_fds(region.readable), errors.HelloTimeout)
    region.close()


def test_another_frame_than_ready_is_refused() -> None:
    region = Region()
    assert_refused(with_fds(region.readable, hello=HELLO + frames.Closing().encode()), errors.StreamState)
    assert_refused(with_fds(region.readable, hello=HELLO + b"\xff" * 8), errors.FrameLength)
    region.close()


def test_the_reason_that_the_other_side_gives_is_the_one_that_is_raised() -> None:
    region = Region()
    refusal = frames.Failure(0, errors.RegionUnsealed.number, "yours is not sealed").encode()
    raised, told = knock(with_fds(region.readable, hello=HELLO + refusal))
    assert (type(raised), str(raised)) == (errors.RegionUnsealed, "yours is not sealed")
    assert not any(isinstance(frame, frames.Failure) for frame in told)
    region.close()


def test_a_hello_without_descriptor_may_be_a_refusal() -> None:
    refusal = frames.Failure(0, errors.PeerRefused.number, "not you").encode()
    raised, _ = knock(lambda peer: peer.sendall(HELLO + refusal))
    assert (type(raised), str(raised)) == (errors.PeerRefused, "not you")


def test_the_end_after_hello_is_told_apart() -> None:
    def say(peer: socket.socket) -> None:
        region = Region()
        socket.send_fds(peer, [HELLO], [region.readable])
        peer.shutdown(socket.SHUT_WR)
        region.close()

    raised, _ = knock(say)
    assert type(raised) is errors.Closed


def test_another_user_gets_no_region() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(errors.PeerRefused):
            shake_hands(theirs, -1, Hello(4096, 1, ""), {os.geteuid() + 1})
        data, fds, _, _ = socket.recv_fds(ours, 1 << 16, 4)
    assert fds == []
    decoder = Decoder()
    decoder.feed(data[len(HELLO) :])
    (failure,) = decoder.frames()
    assert isinstance(failure, frames.Failure)
    assert failure.number == errors.PeerRefused.number


def test_a_path_where_nobody_listens_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.ConnectFailed, match="nobody") as raised:
        arrowlab.connect(tmp_path / "nobody")
    assert isinstance(raised.value.__cause__, FileNotFoundError)
    with pytest.raises(errors.ConnectFailed):
        arrowlab.connect("x" * 200)


def test_a_listener_that_accepts_nobody_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = str(tmp_path / "full")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        with pytest.raises(arrowlab.Error):
            arrowlab.connect(path)


def test_descriptors_that_are_no_unix_sockets_are_refused() -> None:
    reading, writing = os.pipe()
    with pytest.raises(errors.ConnectFailed):
        arrowlab.connect(fd=reading)
    os.close(reading)
    os.close(writing)
    with pytest.raises(errors.ConnectFailed):
        arrowlab.connect(fd=socket.socket(socket.AF_INET).detach())
    with pytest.raises(errors.ConnectFailed):
        arrowlab.connect(fd=1_000_000)


def test_an_inherited_socket_is_closed_on_exec() -> None:
    ours, theirs = socket.socketpair()
    producer = Producer(ours)
    producer.greet()
    fd = theirs.detach()
    os.set_inheritable(fd, True)
    peer = arrowlab.connect(fd=fd)
    assert not os.get_inheritable(fd)
    producer.close()
    peer.close()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"path": "p", "fd": 3},
        *[{"path": "p", **one} for one in ({"validate": 1}, {"timeout": -1}, {"name": "n" * 81})],
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(errors.InvalidArgument):
        arrowlab.connect(**arguments)  # type: ignore[arg-type]


def test_messages_are_aligned_as_the_protocol_wants() -> None:
    for message in messages_of([pa.record_batch({"a": [1]})]):
        assert (8 + struct.unpack_from("<I", message, 4)[0]) % 64 == 0
