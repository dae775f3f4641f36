"""Just enough of FlatBuffers to read an Arrow `Message`: tables, their scalars, vectors of structs.

Every position is checked against the bytes; what lies outside raises IpcInvalid. https://flatbuffers.dev/internals/
"""

from __future__ import annotations

from struct import Struct, error, unpack_from

from arrowlab.errors import IpcInvalid

_I32 = Struct("<i")
_U32 = Struct("<I")
_U16 = Struct("<H")


class Table:
    """A table of a flatbuffer, `at` its position in `data`. Fields are named by their index in the schema."""

    __slots__ = ("_at", "_data", "_fields", "_vtable")

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._vtable = at - self._unpack(_I32, at)
        self._fields = (self._unpack(_U16, self._vtable) - 4) // 2

    @staticmethod
    def root(data: bytes, at: int) -> Table:
        """The root table of the flatbuffer that begins at this byte."""
        return Table(data, at + Table._read(_U32, data, at))

    def scalar(self, field: int, layout: Struct) -> int:
        """The value of a field, 0 where it is absent: the default of every field that is read here."""
        offset = self._offset(field)
        return self._unpack(layout, self._at + offset) if offset else 0

    def table(self, field: int) -> Table | None:
        offset = self._offset(field)
        return Table(self._data, self._target(self._at + offset)) if offset else None

    def longs(self, field: int, per_element: int) -> tuple[int, ...]:
        """A vector whose elements are `per_element` i64 each, flattened."""
        offset = self._offset(field)
        if not offset:
            return ()
        vector = self._target(self._at + offset)
        count = self._unpack(_U32, vector) * per_element
        if vector + 4 + count * 8 > len(self._data):
            raise IpcInvalid(f"expected a vector inside the metadata, found {count} numbers at byte {vector}")
        return unpack_from(f"<{count}q", self._data, vector + 4)

    def _offset(self, field: int) -> int:
        return self._unpack(_U16, self._vtable + 4 + 2 * field) if field < self._fields else 0

    def _target(self, at: int) -> int:
        return at + self._unpack(_U32, at)

    def _unpack(self, layout: Struct, at: int) -> int:
        return self._read(layout, self._data, at)

    @staticmethod
    def _read(layout: Struct, data: bytes, at: int) -> int:
        if at < 0:
            raise IpcInvalid(f"expected a position inside the metadata, found byte {at}")
        try:
            return layout.unpack_from(data, at)[0]
        except error as cause:
            raise IpcInvalid(f"expected a position inside {len(data)} bytes of metadata, found byte {at}") from cause
