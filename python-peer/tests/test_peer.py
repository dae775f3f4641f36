"""The program `python -m arrowlab.peer`, as a process, against PROTOCOL.md, section 10."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from producer import Producer, messages_of

from arrowlab import errors, frames
from arrowlab.checksum import checksum

TABLE = pa.table({"n": pa.array([1, None, 3] * 1_000), "d": pa.array(["x", "y", "z"] * 1_000).dictionary_encode()})
BATCHES = TABLE.to_batches(max_chunksize=1_500)
MESSAGES = messages_of(BATCHES)


class PeerProcess:
    """The program at one end of a socketpair, the test at the other."""

    def __init__(self, *options: str) -> None:
        self.peer, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "arrowlab.peer", "--fd", str(theirs.fileno()), "--stream", "s", *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[theirs.fileno()],
            )

    def say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def exit_code(self) -> int:
        self.process.communicate()
        return self.process.returncode


@pytest.fixture(params=["shared", "copied"])
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[PeerProcess, Producer | None, Path]]:
    output = tmp_path / "output.arrows"
    program = PeerProcess("--mode", request.param, "--output", str(output))
    producer = None
    if request.param == "shared":
        producer = Producer(program.peer)
        producer.greet()
    yield program, producer, output
    program.process.kill()
    program.process.communicate()
    program.peer.close()
    if producer is not None:
        producer.region.close()


def send(program: PeerProcess, producer: Producer | None) -> None:
    if producer is None:
        program.peer.sendall(b"".join(MESSAGES) + b"\xff\xff\xff\xff\0\0\0\0")
        return
    producer.expect_greeting()
    producer.expect_subscribe_and_open()
    producer.inline(1, MESSAGES[0])
    producer.share(1, *MESSAGES[1:])
    producer.end(1)


def test_the_peer_reads_holds_reports_releases_and_exits(
    started: tuple[PeerProcess, Producer | None, Path],
) -> None:
    program, producer, output = started
    assert program.hear() == {"event": "ready", "language": "python", "pid": program.process.pid}
    program.say("go")
    send(program, producer)
    held = program.hear()
    shared = producer is not None
    assert held["event"] == "held"
    assert held["schema"] == [
        {"name": "n", "type": "int64", "nullable": True},
        {"name": "d", "type": "dictionary<values=string, indices=int32, ordered=0>", "nullable": True},
    ]
    # Validity and values of n, indices of d in two batches; offsets and data of the one dictionary.
    assert (held["batches"], held["rows"], held["buffers"]) == (2, 3_000, 2 * 3 + 2)
    assert held["buffersInMap"] == (8 if shared else 0)
    assert held["inlineBytes"] == 0  # the schema came inline, but is no data
    assert (held["outsideBytes"] == 0, held["allocatedBytes"] == 0) == (shared, shared)
    assert isinstance(held["anonBytes"], int)
    assert len(held["readableNs"]) == 2
    assert int(held["readableNs"][0]) < int(held["readableNs"][1])
    assert held["cpuMs"] > 0
    columns = [[batch.column(index) for batch in pa.ipc.open_stream(b"".join(MESSAGES))] for index in range(2)]
    assert held["checksums"] == {str(index): checksum(chunks) for index, chunks in enumerate(columns)}
    assert pa.ipc.open_stream(output.read_bytes()).read_all() == TABLE
    program.say("release")
    assert program.hear() == {"event": "released"}
    if producer is not None:
        assert sorted(producer.expect_releases(3)) == [1, 2, 3]
    program.say("exit")
    assert program.exit_code() == 0
    if producer is not None:
        producer.expect(frames.Closing)


def test_a_peer_that_copies_is_found_out() -> None:
    program = PeerProcess("--copy")
    producer = Producer(program.peer)
    producer.greet()
    program.hear()
    program.say("go")
    producer.expect_greeting()
    producer.expect_subscribe_and_open()
    payload_bytes = 64 << 20
    column = pa.Array.from_buffers(pa.int64(), payload_bytes // 8, [None, pa.py_buffer(bytes(payload_bytes))])
    producer.share(1, *messages_of([pa.record_batch({"n": column})]))
    producer.end(1)
    held = program.hear()
    assert held["buffersInMap"] == held["buffers"] == 1
    assert held["anonBytes"] > payload_bytes * 0.9
    assert program.exit_code() == 0
    producer.close()


def test_the_end_of_standard_input_is_the_end() -> None:
    program = PeerProcess("--mode", "copied")
    assert program.hear()["event"] == "ready"
    assert program.exit_code() == 0
    program.peer.close()


def test_an_error_is_the_next_event_and_the_exit_code() -> None:
    program = PeerProcess("--mode", "copied")
    program.hear()
    program.say("go")
    program.peer.sendall(b"".join(MESSAGES))
    program.peer.close()
    event = program.hear()
    assert (event["event"], event["code"]) == ("error", errors.ProducerGone.code)
    assert program.exit_code() == 1


def test_an_error_before_ready_is_told_too(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "arrowlab.peer", "--socket", str(tmp_path / "nobody"), "--stream", "s"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["code"] == errors.ConnectFailed.code
    assert done.returncode == 1
