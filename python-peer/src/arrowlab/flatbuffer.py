"""Just enough of FlatBuffers to read an Arrow `Message`: tables, their scalars, vectors of 64-bit numbers.

What lies outside the bytes raises `struct.error` or IpcInvalid. https://flatbuffers.dev/internals/
"""

from __future__ import annotations

from struct import Struct, unpack_from

from arrowlab.errors import IpcInvalid

_I32 = Struct("<i")
_U32 = Struct("<I")
_VTABLE = Struct("<HH")


class Table:
    """A table of a flatbuffer, `at` its position in `data`. Fields are named by their index in the schema."""

    __slots__ = ("_at", "_data", "_offsets")

    def __init__(self, data: bytes, at: int) -> None:
        vtable = at - _I32.unpack_from(data, at)[0]
        # `struct` would count a negative position from the end.
        if vtable < 0:
            raise IpcInvalid(f"expected a vtable inside the metadata, found it at byte {vtable}")
        vtable_bytes, _ = _VTABLE.unpack_from(data, vtable)
        self._data = data
        self._at = at
        self._offsets: tuple[int, ...] = unpack_from(f"<{max(0, vtable_bytes - 4) // 2}H", data, vtable + 4)

    @staticmethod
    def root(data: bytes, at: int) -> Table:
        """The root table of the flatbuffer that begins at this byte."""
        return Table(data, at + _U32.unpack_from(data, at)[0])

    def scalar(self, field: int, layout: Struct) -> int:
        """The value of a field, 0 where it is absent: the default of every field that is read here."""
        at = self._position(field)
        return layout.unpack_from(self._data, at)[0] if at else 0

    def table(self, field: int) -> Table | None:
        at = self._position(field)
        return Table(self._data, at + _U32.unpack_from(self._data, at)[0]) if at else None

    def longs(self, field: int, per_element: int) -> tuple[int, ...]:
        """A vector whose elements are `per_element` i64 each, flattened."""
        at = self._position(field)
        if not at:
            return ()
        vector = at + _U32.unpack_from(self._data, at)[0]
        count = _U32.unpack_from(self._data, vector)[0] * per_element
        if vector + 4 + count * 8 > len(self._data):
            raise IpcInvalid(f"expected a vector inside the metadata, found {count} numbers at byte {vector}")
        return unpack_from(f"<{count}q", self._data, vector + 4)

    def _position(self, field: int) -> int:
        """Where the field is, 0 where it is absent."""
        offset = self._offsets[field] if field < len(self._offsets) else 0
        return self._at + offset if offset else 0
