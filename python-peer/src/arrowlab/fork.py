"""A process that forks: the child drops its copies, and the parent goes on as if nothing had happened.

Batches stay readable in the child for as long as the parent, or the parent's process, keeps their leases.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol

from arrowlab.errors import Closed


class Forked(Protocol):
    def after_fork(self) -> None:
        """In the child, where no other thread runs: renews locks, which another thread may have held, and lets go."""
        ...


_known: weakref.WeakSet[Forked] = weakref.WeakSet()


def watch(one: Forked) -> None:
    """Has it told in the child of every fork to come, for as long as it lives."""
    _known.add(one)


def closed_by_fork() -> Closed:
    return Closed(
        "expected the process that opened the connection, found one that it forked: connect again in the child, or "
        "start it without forking (multiprocessing's 'spawn')"
    )


def _after_fork() -> None:
    for one in list(_known):
        one.after_fork()


os.register_at_fork(after_in_child=_after_fork)
