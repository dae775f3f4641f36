"""What a producer's WAITING means here (PROTOCOL.md, section 6)."""

from __future__ import annotations

import logging
import math
import time

from arrowlab.errors import Error, LeasesExhausted
from arrowlab.frames import Waiting
from arrowlab.garbage import COLLECTOR
from arrowlab.lease import Ledger
from arrowlab.sender import Sender
from arrowlab.stream import Stream, Stuck

GRACE_S = 1.5
_log = logging.getLogger("arrowlab")


class Waits:
    """Gives back what nobody can reach, and finds the readers that wait for what they hold themselves.

    Guarded by the connection that owns it, but for `relieve`, which collects garbage: with a lock it could deadlock.
    """

    def __init__(self, sender: Sender, ledger: Ledger) -> None:
        self._sender = sender
        self._ledger = ledger
        # The last WAITING for each stream, and which message its reader was blocked for, if it was.
        self._noted: dict[Stream | None, tuple[Waiting, int | None]] = {}
        # What the reader still had to take when a WAITING came may be garbage by the time he waits for more.
        self._again = False

    @property
    def noted(self) -> bool:
        """Whether `relieve` and `exhausted` have something to do."""
        return bool(self._noted)

    def note(self, stream: Stream | None, frame: Waiting) -> None:
        """A WAITING has come, for a stream that is read here or for none."""
        whose = str(stream or "another stream")
        _log.debug("the producer of %s waits for %d bytes, %d are held here", whose, frame.needed, frame.held)
        self._noted[stream] = (frame, stream and stream.blocked_for())
        self._again = True
        if stream is not None:
            stream.copy_out()

    def relieve_again(self) -> float:
        """Before a reader blocks: `relieve`, if a WAITING has come since; returns when to do so again."""
        if self._again:
            self._again = not self.relieve()
        return COLLECTOR.not_before_s if self._again else math.inf

    def relieve(self) -> bool:
        """Sends the releases that are due, collects garbage, and sends what this brought; false if it is too early."""
        self._sender.send()
        if not self._ledger.live:
            return True
        collected = COLLECTOR.collect()
        self._sender.send()
        return collected

    def exhausted(self) -> list[tuple[Stream, Error]]:
        """The streams whose readers wait for what they hold, and what to tell them.

        To be asked after `relieve`, and when all that the peer has sent is read: it may have what was waited for.
        """
        noted, self._noted = self._noted, {}
        return [
            (stream, _exhausted(stream, frame))
            for stream, (frame, blocked_for) in noted.items()
            if stream is not None and self._is_stuck(stream, frame) and self._waits_for_itself(stream, blocked_for)
        ]

    def _is_stuck(self, stream: Stream, frame: Waiting) -> bool:
        """Whether what is held here is in the way, and nothing was released since a WAITING long enough ago."""
        if frame.held == 0:
            stream.stuck = None
            return False
        now_s, released = time.monotonic(), self._ledger.released
        if stream.stuck is None or stream.stuck.released != released:
            stream.stuck = Stuck(now_s, released)
            return False
        # What was garbage then has been looked for since: collections are rate-limited.
        return now_s - stream.stuck.since_s >= GRACE_S and COLLECTOR.began_s >= stream.stuck.since_s

    def _waits_for_itself(self, stream: Stream, blocked_for: int | None) -> bool:
        """Whether the reader was blocked, still is, and holds what nobody but himself could release."""
        blocked = blocked_for is not None and stream.blocked_for() == blocked_for
        return blocked and self._ledger.live > 0 and not stream.copied_out


def _exhausted(stream: Stream, frame: Waiting) -> Error:
    return LeasesExhausted(
        f"expected the next message of {stream}, found that its producer waits for {frame.needed} bytes of memory "
        f"while this reader holds {frame.held} and waits itself: drop batches earlier, copy out those to keep "
        "(batch.copy_to(pyarrow.default_cpu_memory_manager()), or read_all, which does it by itself), "
        "or raise maxBytes at the producer"
    )
