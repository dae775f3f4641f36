"""An array as the tree of nodes that Arrow's IPC format flattens it to, whatever its type."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyarrow import types


def storage(array: pa.Array) -> pa.Array:
    """The array as it is laid out: what an extension type is stored as, everything else itself."""
    while isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array


def children(array: pa.Array) -> list[pa.Array]:
    """The child nodes of a storage array, in the order of its fields; a dictionary is none."""
    kind = array.type
    if types.is_struct(kind) or types.is_union(kind):
        found = [array.field(index) for index in range(kind.num_fields)]
    elif types.is_run_end_encoded(kind):
        found = [array.run_ends, array.values]
    elif kind.num_fields > 0:
        found = [array.values]
    else:
        found = []
    return [storage(child) for child in found]


def own_buffers(array: pa.Array) -> list[Any]:
    """The buffers of this node alone: validity first, then those of its layout; None where one is absent."""
    everything = array.buffers()
    return everything[: len(everything) - sum(len(child.buffers()) for child in children(array))]


def all_buffers(array: pa.Array) -> list[pa.Buffer]:
    """The buffers of a column that are there and not empty, without those of its dictionaries."""
    return [buffer for buffer in storage(array).buffers() if buffer is not None and buffer.size > 0]


def dictionaries(array: pa.Array) -> list[pa.Array]:
    """The dictionaries of a column, at any depth; each is an array that may hold dictionaries itself."""
    array = storage(array)
    if types.is_dictionary(array.type):
        return [array.dictionary, *dictionaries(array.dictionary)]
    return [found for child in children(array) for found in dictionaries(child)]
