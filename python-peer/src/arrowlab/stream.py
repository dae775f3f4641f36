"""What a consumer knows of one stream: its state, its messages, its credit (PROTOCOL.md, section 5)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pyarrow as pa

from arrowlab.errors import CreditExceeded, Error, Sequence, StreamState

WINDOW_MESSAGES = 64


class CopyOut(Exception):
    """Not an error: who gathers the whole stream is to copy out what it holds, and to go on."""


@dataclass(slots=True)
class Stuck:
    """The first WAITING since when nothing was released: when it came (`time.monotonic`), and what had been by then."""

    since_s: float
    released: int


class Stream:
    """Not safe for threads by itself: the connection that owns it guards it."""

    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self.name = name
        self.cancelling = False
        self.inline_bytes = 0
        # A reader is in `receive`.
        self.awaited = False
        self.copied_out = False
        self._gathered = False
        self._copy_due = False
        self.stuck: Stuck | None = None
        self._opened = False
        self._finished = False
        self._failure: Error | None = None
        self._messages: deque[pa.Buffer] = deque()
        self._sequence = 0
        self._credit = WINDOW_MESSAGES
        self._taken = 0

    def __str__(self) -> str:
        return f"stream {self.number} ({self.name!r})"

    def ready(self) -> bool:
        """Whether `take` has something to say."""
        return bool(self._messages) or self._finished or self._failure is not None or self._copy_due

    def blocked_for(self) -> int | None:
        """The sequence of the message that its reader waits for, None if it does not."""
        return self._sequence if self.awaited and not self.ready() else None

    def open(self) -> None:
        if self._opened or self._finished:
            raise StreamState(f"expected one OPEN of {self} and before its end, found another")
        self._opened = True

    def expect_open(self, what: str) -> None:
        if not self._opened or self._finished:
            raise StreamState(f"expected {what} of {self} after OPEN and before its end, found it elsewhere")

    def count(self, sequence: int) -> None:
        """A message has arrived. Raises StreamState, Sequence or CreditExceeded."""
        self.expect_open("a message")
        if sequence != self._sequence:
            raise Sequence(f"expected message {self._sequence} of {self}, found message {sequence}")
        if self._credit == 0:
            raise CreditExceeded(f"expected no message of {self} beyond its credit, found message {sequence}")
        self._credit -= 1
        self._sequence += 1

    def put(self, message: pa.Buffer) -> None:
        """Keeps a message for `take`; while a CANCEL is on its way it is dropped, and its lease with it."""
        if not self.cancelling:
            self._messages.append(message)

    def end(self, sequence: int) -> None:
        self.expect_open("END")
        if sequence != self._sequence:
            raise Sequence(f"expected END of {self} after {self._sequence} messages, found it after {sequence}")
        self._finished = True

    def fail(self, error: Error) -> None:
        """No more messages come, for this reason; those that have come can still be taken."""
        if self._finished:
            raise StreamState(f"expected nothing after the end of {self}, found an error: {error}")
        self._finished = True
        self._failure = self._failure or error

    def abandon(self, error: Error) -> None:
        """The connection is gone: the same as `fail`, but a stream that has its end keeps it."""
        if not self._finished:
            self.fail(error)

    def cancel(self, reason: Error) -> None:
        """Drops what has come; whoever reads gets `reason`."""
        self.cancelling = True
        self._failure = reason
        self._messages.clear()

    def gather(self, gathered: bool) -> None:
        """Whether its reader takes the whole stream, and copies out what it holds and what comes when it is told to."""
        self._gathered = gathered
        self.copied_out = self._copy_due = False

    def copy_out(self) -> None:
        """Its memory is waited for: who gathers the whole stream is told, once."""
        if self._gathered and not self.copied_out:
            self.copied_out = self._copy_due = True

    def take(self) -> pa.Buffer | None:
        """The next message, or None at the end; only when `ready`. Raises what the stream failed with, or CopyOut."""
        if self._copy_due:
            self._copy_due = False
            raise CopyOut
        if self._messages:
            self._taken += 1
            return self._messages.popleft()
        if self._failure is not None:
            raise self._failure.renewed()
        return None

    def grant(self) -> int:
        """How many messages to grant now: half the window once the reader has taken as many, otherwise 0."""
        if self._taken < WINDOW_MESSAGES // 2 or self._finished or self.cancelling:
            return 0
        granted, self._taken = self._taken, 0
        self._credit += granted
        return granted
