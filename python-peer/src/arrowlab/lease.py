"""Leases: the right to read an extent, given back when the last reference to it is gone (PROTOCOL.md, section 6)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

import pyarrow as pa

from arrowlab.mapping import Mapping

SHORTEST_NAP_S = 0.001
LONGEST_NAP_S = 0.016
LOOK_S = 1.0


class Lease:
    """Keeps the map alive under the buffers that are based on it; due for release when Python drops it."""

    __slots__ = ("_mapping", "_number", "_release")

    def __init__(self, mapping: Mapping, number: int, release: Callable[[int], None]) -> None:
        self._mapping = mapping
        self._number = number
        self._release = release

    def __del__(self) -> None:
        self._release(self._number)


class Ledger:
    """Counts the leases of a connection and collects those to release.

    A lease may die in any thread and in the middle of a garbage collection, so nothing that runs then takes a lock:
    it appends to a deque and rings a bell that the sending thread waits for.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._due: deque[int] = deque()
        self._bell: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # True while the thread in `listen` looks by itself, and from a release until it does.
        self._rung = False
        self._nap_s = LOOK_S
        self._leased = 0
        self._released = 0
        self._seen = 0

    @property
    def region_bytes(self) -> int:
        return self._mapping.byte_length

    @property
    def due(self) -> bool:
        """Whether a lease is due for release."""
        return bool(self._due)

    @property
    def live(self) -> int:
        """How many leases have arrived and not been collected."""
        return self._leased - self._released

    @property
    def released(self) -> int:
        """How many leases have been collected, ever."""
        return self._released

    def lease(self, number: int, offset: int, length: int) -> pa.Buffer:
        """The extent's bytes in place; when the last slice of the buffer is gone, `number` is due for release."""
        self._leased += 1
        return self._mapping.slice(offset, length, Lease(self._mapping, number, self._release))

    def _release(self, number: int) -> None:
        self._due.append(number)
        if not self._rung:
            self._rung = True
            self._bell.put(None)

    def collect(self, most: int) -> tuple[int, ...]:
        """Up to `most` leases that are due for release, each of them once."""
        due = self._due
        numbers = tuple([due.popleft() for _ in range(min(len(due), most))])
        self._released += len(numbers)
        return numbers

    def ring(self, job: Callable[[], None] | None = None) -> None:
        """Wakes the thread in `listen`, with something to do that a finalizer must not do itself."""
        self._bell.put(job)

    def listen(self) -> Callable[[], None] | None:
        """Waits until a lease is due for release or somebody rings, a second at most; returns what was rung for.

        Waking a thread costs a reader more than the release itself, and a reader that goes on releases by itself.
        So only the first release wakes this thread; then it looks by itself, the more seldom the less it is needed,
        until nothing is released any more.
        """
        try:
            job = self._bell.get(timeout=self._nap_s)
            if self._rung:
                self._nap_s = SHORTEST_NAP_S
            return job
        except Empty:
            busy, self._seen = self._seen != self._released, self._released
        if self._due:
            self._nap_s = SHORTEST_NAP_S
        elif busy and self._rung:
            self._nap_s = min(2 * self._nap_s, LONGEST_NAP_S)
        else:
            self._nap_s = LOOK_S
            self._rung = False
            if self._due:  # released in between, by one who saw the bell rung
                self.ring()
        return None

    def forget(self) -> None:
        """After a fork, in the child: the leases are the parent's, and nothing here is released any more."""
        self._due = deque(maxlen=0)
        self._bell = SimpleQueue()
        self._rung = True
