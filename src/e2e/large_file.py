"""Writes an Arrow IPC stream of one record batch: five float64 columns, 4.5 GiB in all.

usage: large_file.py FILE
"""

import sys

import pyarrow as pa

ROWS = 4_500 * 2**20 // 5 // 8

pattern = bytes(range(256)) * 4096
columns = []
for shift in range(5):
    buffer = pa.allocate_buffer(ROWS * 8)
    view = memoryview(buffer).cast("B")
    piece = pattern[shift:] + pattern[:shift]
    for at in range(0, len(view), len(piece)):
        view[at : at + len(piece)] = piece[: len(view) - at]
    columns.append(pa.Array.from_buffers(pa.float64(), ROWS, [None, buffer]))
batch = pa.record_batch(columns, names=["a", "b", "c", "d", "e"])
with pa.ipc.new_stream(sys.argv[1], batch.schema) as writer:
    writer.write_batch(batch)
