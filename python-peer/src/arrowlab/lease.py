"""Leases: the right to read an extent, given back when the last reference to it is gone (PROTOCOL.md, section 6)."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

import pyarrow as pa

from arrowlab.mapping import Mapping

SHORTEST_NAP_S = 0.001
LONGEST_NAP_S = 0.016


class Lease:
    """Keeps the map alive under the buffers that are based on it; released when Python drops it."""

    __slots__ = ("__weakref__", "_mapping")

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping


class Ledger:
    """Counts the leases of a connection and collects those to release.

    A lease may die in any thread and in the middle of a garbage collection, so nothing that runs then takes a lock:
    it appends to a deque and rings a bell that the sending thread waits for.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._dead: deque[int] = deque()
        self._bell: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # True while the thread in `listen` looks by itself, and from a release until it does.
        self._rung = False
        self._nap_s: float | None = None
        self._leased = 0
        self._collected = 0
        self._seen = 0

    @property
    def region_bytes(self) -> int:
        return self._mapping.byte_length

    @property
    def live(self) -> int:
        """How many leases have arrived and not been collected."""
        return self._leased - self._collected

    def lease(self, number: int, offset: int, length: int) -> pa.Buffer:
        """The extent's bytes in place; when the last slice of the buffer is gone, `number` is due for release."""
        lease = Lease(self._mapping)
        weakref.finalize(lease, self._release, number).atexit = False
        self._leased += 1
        return self._mapping.slice(offset, length, lease)

    def _release(self, number: int) -> None:
        self._dead.append(number)
        if not self._rung:
            self._rung = True
            self._bell.put(None)

    def collect(self, most: int) -> tuple[int, ...]:
        """Up to `most` leases that are due for release, each of them once."""
        numbers: list[int] = []
        while self._dead and len(numbers) < most:
            numbers.append(self._dead.popleft())
        self._collected += len(numbers)
        return tuple(numbers)

    def ring(self, job: Callable[[], None] | None = None) -> None:
        """Wakes the thread in `listen`, with something to do that a finalizer must not do itself."""
        self._bell.put(job)

    def listen(self) -> Callable[[], None] | None:
        """Waits until a lease is due for release or somebody rings; returns what was rung for.

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
            busy, self._seen = self._seen != self._collected, self._collected
        if self._dead:
            self._nap_s = SHORTEST_NAP_S
        elif busy and self._nap_s is not None:
            self._nap_s = min(2 * self._nap_s, LONGEST_NAP_S)
        else:
            self._nap_s = None
            self._rung = False
        return None
