"""Collecting garbage on purpose: what only a reference cycle holds would otherwise wait for Python's own next time."""

from __future__ import annotations

import gc
import logging
import threading
import time

from arrowlab import fork

_IDLE_TIMES = 4
_log = logging.getLogger("arrowlab")


class Collector:
    """Takes at most a fifth of the time. Never called where a finalizer may run, nor with a lock held."""

    def __init__(self) -> None:
        self._collecting = threading.Lock()
        self._not_before_s = 0.0
        self._began_s = 0.0

    @property
    def began_s(self) -> float:
        """When the last collection that is over began (`time.monotonic`): garbage of before is gone."""
        return self._began_s

    @property
    def not_before_s(self) -> float:
        """When the next collection may begin (`time.monotonic`)."""
        return self._not_before_s

    def collect(self) -> bool:
        """Collects, unless that was done a moment ago or is being done; whether it did."""
        if not self._collecting.acquire(blocking=False):
            return False
        try:
            began_s = time.monotonic()
            if began_s < self._not_before_s:
                return False
            found = gc.collect()
            took_s = time.monotonic() - began_s
            self._not_before_s = began_s + (1 + _IDLE_TIMES) * took_s
            self._began_s = began_s
        finally:
            self._collecting.release()
        _log.debug("collected garbage on purpose: %d objects in %.1f ms", found, took_s * 1e3)
        return True

    def after_fork(self) -> None:
        """In the child another thread's lock would stay taken."""
        self._collecting = threading.Lock()


# One for the process, as the garbage is.
COLLECTOR = Collector()
fork.watch(COLLECTOR)
