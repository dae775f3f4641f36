"""`python -m arrowlab.peer`: the program that `alab ipc transfer-recordbatch` starts (PROTOCOL.md, section 10)."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from arrowlab.errors import Error, InvalidArgument, System
from arrowlab.report import anonymous_bytes, buffers_of, checksums, count_buffers, describe
from arrowlab.source import CopiedSource, SharedSource, Source


class TransferPeer:
    """Does what the words on standard input say; what it reads stays held until the word `release`."""

    def __init__(self, source: Source, options: argparse.Namespace) -> None:
        self._source = source
        self._options = options
        self._batches: list[pa.RecordBatch] = []
        self._copies: list[bytes] = []
        self._anonymous_bytes = anonymous_bytes()

    def go(self) -> dict[str, Any]:
        allocated_bytes = pa.total_allocated_bytes()
        cpu_s = time.process_time()
        schema = self._source.open(self._options.stream)
        readable_ns: list[str] = []
        for batch in self._source.batches():
            if batch.num_rows and batch.num_columns:
                _ = batch.column(0)[0]
            readable_ns.append(str(time.monotonic_ns()))
            self._batches.append(batch)
        cpu_ms = (time.process_time() - cpu_s) * 1e3
        if self._options.copy:
            self._copies = [buffer.to_pybytes() for buffer in buffers_of(self._batches)]
        held = {
            "schema": describe(schema),
            "batches": len(self._batches),
            "rows": sum(batch.num_rows for batch in self._batches),
            **count_buffers(self._batches, self._source),
            "allocatedBytes": pa.total_allocated_bytes() - allocated_bytes,
            "anonBytes": anonymous_bytes() - self._anonymous_bytes,
            "readableNs": readable_ns,
            "cpuMs": cpu_ms,
            "checksums": checksums(schema, self._batches),
        }
        if self._options.output is not None:
            with pa.ipc.new_stream(self._options.output, schema) as writer:
                for batch in self._batches:
                    writer.write_batch(batch)
        return held

    def release(self) -> None:
        self._batches.clear()
        self._copies.clear()
        self._source.release()


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 at the word `exit` or the end of standard input, 1 after an error event."""
    options = _options(arguments)
    try:
        _run(options)
    except Error as error:
        _say("error", code=error.code, message=str(error))
        return 1
    except (OSError, pa.ArrowException) as cause:
        error = System(f"expected to receive and write the stream, found: {cause}")
        _say("error", code=error.code, message=str(error))
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    receive = SharedSource if options.mode == "shared" else CopiedSource
    source = receive(options.socket, options.fd, options.validate)
    try:
        peer = TransferPeer(source, options)
        _say("ready", language="python", pid=os.getpid())
        for line in sys.stdin:
            match line.strip():
                case "go":
                    _say("held", **peer.go())
                case "release":
                    peer.release()
                    _say("released")
                case "exit":
                    return
                case word:
                    raise InvalidArgument(f"expected the word go, release or exit, found {word!r}")
    finally:
        source.close()


def _say(event: str, **fields: Any) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)  # noqa: T201


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m arrowlab.peer", description="Receives one stream and reports on it."
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", metavar="PATH", help="connect to the endpoint that listens here")
    where.add_argument("--fd", type=int, metavar="N", help="use the socket that was inherited as this descriptor")
    parser.add_argument("--stream", required=True, metavar="NAME", help="the stream to subscribe to")
    parser.add_argument("--mode", choices=["shared", "copied"], default="shared", help="in place, or as a byte stream")
    parser.add_argument("--validate", choices=["structure", "full"], default="structure", help="what to check")
    parser.add_argument("--output", metavar="FILE", help="write what was received as an Arrow IPC stream")
    parser.add_argument("--copy", action="store_true", help="keep a copy of every buffer, as a bad example")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
