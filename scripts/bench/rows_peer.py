"""The Python side of the benchmarks of rows: reads one value of every column of each batch.

usage: rows_peer.py (shared | stdin) ROWS

Says after every so many rows how much CPU time it has used. `shared` reads the stream "bench" over descriptor 3, `stdin` IPC streams one after the
other from standard input.
"""

import json
import resource
import sys
from collections.abc import Iterable, Iterator

import pyarrow as pa

import arrowlab


def mark() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpuNs": round((used.ru_utime + used.ru_stime) * 1e9)}), flush=True)


def consume(batches: Iterable[pa.RecordBatch], every: int) -> None:
    mark()
    rows = 0
    for batch in batches:
        before = rows
        rows += batch.num_rows
        for column in batch.columns:
            _ = column[-1]
            del column
        del batch
        for _ in range(before // every, rows // every):
            mark()


def streamed() -> Iterator[pa.RecordBatch]:
    while sys.stdin.buffer.peek(1):
        yield from pa.ipc.open_stream(sys.stdin.buffer)


mode, every = sys.argv[1], int(sys.argv[2])
if mode == "shared":
    with arrowlab.connect(fd=3) as peer:
        consume(peer.subscribe("bench"), every)
else:
    consume(streamed(), every)
