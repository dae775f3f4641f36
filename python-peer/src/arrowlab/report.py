"""What the transfer peer reports of the batches it holds (PROTOCOL.md, section 10)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from arrowlab.checksum import checksum
from arrowlab.errors import System
from arrowlab.node import all_buffers, dictionaries
from arrowlab.source import Source


def buffers_of(batches: Iterable[pa.RecordBatch]) -> list[pa.Buffer]:
    """Every buffer that holds something; those of a dictionary once, however many batches share it."""
    found: list[pa.Buffer] = []
    shared: dict[tuple[int, int], pa.Buffer] = {}
    for batch in batches:
        for column in batch.columns:
            found += all_buffers(column)
            for dictionary in dictionaries(column):
                for buffer in all_buffers(dictionary):
                    shared[buffer.address, buffer.size] = buffer
    return found + list(shared.values())


def describe(schema: pa.Schema) -> list[dict[str, Any]]:
    return [{"name": field.name, "type": str(field.type), "nullable": field.nullable} for field in schema]


def count_buffers(batches: list[pa.RecordBatch], source: Source) -> dict[str, int]:
    """Where the buffers lie: in the producer's memory, in inline messages, or in copies, in bytes."""
    buffers = buffers_of(batches)
    return {
        "buffers": len(buffers),
        "buffersInMap": sum(source.is_shared(buffer) for buffer in buffers),
        "inlineBytes": source.inline_bytes,
        "outsideBytes": sum(buffer.size for buffer in buffers if source.is_copied(buffer)),
    }


def checksums(schema: pa.Schema, batches: list[pa.RecordBatch]) -> dict[str, str]:
    return {str(index): checksum([batch.column(index) for batch in batches]) for index in range(len(schema))}


def anonymous_bytes() -> int:
    """This process's share of anonymous memory: what it copied shows here, what it maps does not."""
    try:
        for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024
    except OSError as cause:
        raise System(f"expected to read /proc/self/smaps_rollup, found: {cause}") from cause
    raise System("expected Pss_Anon in /proc/self/smaps_rollup, found none: the kernel is older than 5.4")
