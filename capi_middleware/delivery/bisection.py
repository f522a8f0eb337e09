"""Which event of a refused batch is the bad one; pure.

Meta rejects a batch whole. Halves are sent until the refused ones stand alone: with one bad event among n, at most
``1 + 2 * ceil(log2 n)`` requests (21 for 1000), the first included. A half whose sibling passed is known to hold the
bad event, so it is split without being sent; but only an event that was refused alone is accused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .verdict import EVENT_SUBCODES, Verdict

T = TypeVar("T")
ENOUGH = 8  # so many refused alone and none accepted: the events are not at fault


@dataclass(slots=True, eq=False)
class _Part(Generic[T]):
    rows: Sequence[T]
    other: _Part[T] | None = None
    known_bad: bool = False


class Bisection(Generic[T]):
    """Send what :meth:`next` gives, tell :meth:`passed` or :meth:`refused`; until it is empty or :attr:`hopeless`."""

    def __init__(self, rows: Sequence[T]) -> None:
        self.accused: list[tuple[T, Verdict]] = []
        self.accepted = 0
        self._stack: list[_Part[T]] = []
        self._split(_Part(rows))

    def next(self) -> Sequence[T]:
        """The rows to send now; empty when all is known."""
        while self._stack:
            part = self._stack[-1]
            if not part.known_bad or len(part.rows) == 1:
                return part.rows
            self._stack.pop()
            self._split(part)
        return ()

    def passed(self) -> None:
        """What :meth:`next` gave was accepted."""
        part = self._stack.pop()
        self.accepted += len(part.rows)
        if part.other is not None:
            part.other.known_bad = True

    def refused(self, verdict: Verdict) -> None:
        """What :meth:`next` gave was refused."""
        part = self._stack.pop()
        if len(part.rows) == 1:
            self.accused.append((part.rows[0], verdict))
        else:
            self._split(part)

    def remaining(self) -> list[T]:
        """Rows whose fate is not known yet."""
        return [row for part in self._stack for row in part.rows]

    @property
    def hopeless(self) -> bool:
        """Every event was refused alone, for the same reason, and none accepted: something else than the events is
        wrong (unless Meta's code says that it is the event)."""
        return not self.accepted and len(self.accused) >= ENOUGH and not_the_events(self.accused[0][1], self.accused)

    def _split(self, part: _Part[T]) -> None:
        middle = len(part.rows) // 2
        second = _Part(part.rows[middle:])
        self._stack.append(second)
        if middle:
            self._stack.append(_Part(part.rows[:middle], second))


def not_the_events(first: Verdict, accused: Sequence[tuple[T, Verdict]]) -> bool:
    """Whether all were refused alike, with a code that does not name the event as the cause."""
    alike = all((verdict.code, verdict.subcode) == (first.code, first.subcode) for _, verdict in accused)
    return alike and first.subcode not in EVENT_SUBCODES
