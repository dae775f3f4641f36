"""Copies record batches out of the producer's memory, so that their leases end."""

from __future__ import annotations

import pyarrow as pa

from arrowlab.node import dictionaries


class Copier:
    """Copies the batches of one stream; a dictionary that several batches share is copied once.

    Only declared buffers are read, never the gaps between them.
    """

    def __init__(self) -> None:
        self._memory = pa.default_cpu_memory_manager()
        # By column: the last dictionary, which stays referenced so that nothing else comes to lie there, and its copy.
        self._dictionaries: dict[int, tuple[pa.Array, pa.Array]] = {}

    def copy(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The same batch in memory of this process. Raises pyarrow's MemoryError where there is none."""
        if batch.num_columns == 0:  # nothing but a count of rows, which no list of columns could carry
            return batch
        columns = [self._column(index, column) for index, column in enumerate(batch.columns)]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def _column(self, index: int, column: pa.Array) -> pa.Array:
        if not isinstance(column, pa.DictionaryArray):
            return column.copy_to(self._memory)
        indices = column.indices.copy_to(self._memory)
        return pa.DictionaryArray.from_arrays(
            indices, self._dictionary(index, column.dictionary), ordered=column.type.ordered, safe=False
        )

    def _dictionary(self, index: int, dictionary: pa.Array) -> pa.Array:
        last = self._dictionaries.get(index)
        if last is None or _place(last[0]) != _place(dictionary):
            last = self._dictionaries[index] = (dictionary, dictionary.copy_to(self._memory))
        return last[1]


def _place(dictionary: pa.Array) -> list[object]:
    """What two dictionaries that are the same memory have in common, at every depth."""
    found: list[object] = []
    for array in (dictionary, *dictionaries(dictionary)):
        found += [array.offset, len(array), *[buffer and (buffer.address, buffer.size) for buffer in array.buffers()]]
    return found
