"""What pyarrow asks of a Python object that it reads from."""

from __future__ import annotations

import pyarrow as pa


class Readable:
    """A file that can only be read, from its beginning to its end, for `pyarrow.PythonFile`."""

    closed = False

    def __init__(self) -> None:
        self._at = 0

    def read_buffer(self, count: int) -> pa.Buffer:
        """The next bytes, `count` at most; none at the end."""
        raise NotImplementedError

    def read(self, count: int) -> bytes:
        return self.read_buffer(count).to_pybytes()

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        """pyarrow closes what it reads from; what it lies on belongs to somebody else."""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False
