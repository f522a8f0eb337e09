"""What can be made to go wrong, and where."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

Place = Literal["graph", "script", "config", "plugin", "tr"]
"""The events endpoint; fbevents.js; ``/signals/config``; ``/signals/plugins``; the pixel's ``/tr``."""

PLACES: tuple[Place, ...] = ("graph", "script", "config", "plugin", "tr")


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail.

    ``delay``: seconds before anything else. ``drop``: close the connection without an answer. ``code``, ``subcode``:
    answer a Graph error of that kind, before the request is read. ``status``: answer that HTTP status; without
    ``code``, with a body that is no JSON (a gateway's page). ``retry_after``: seconds, sent as that header. ``lost``:
    take the events in, then drop the connection (the answer is lost, as after a time-out). ``times``: how many requests
    it hits, None for all until it is taken away.
    """

    delay: float = 0.0
    drop: bool = False
    code: int = 0
    subcode: int = 0
    status: int = 0
    transient: bool = False
    retry_after: int | None = None
    lost: bool = False
    times: int | None = None

    @property
    def answers(self) -> bool:
        """Whether the request gets an answer of the fault's own."""
        return bool(self.code or self.status)


class FaultBoard:
    """The faults now in force, by place; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[Place, tuple[Fault, int | None]] = {}

    def set(self, place: Place, fault: Fault | None) -> None:
        """Put a fault in force, or with None take it away. Raises ``ValueError`` for a place that does not exist."""
        if place not in PLACES:
            raise ValueError(f"no place {place!r}: choose one of {', '.join(PLACES)}")
        with self._lock:
            if fault is None:
                self._faults.pop(place, None)
            else:
                self._faults[place] = (fault, fault.times)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, place: Place) -> Fault | None:
        """The fault that hits this request, counted down."""
        with self._lock:
            found = self._faults.get(place)
            if found is None:
                return None
            fault, left = found
            if left is not None:
                if left <= 0:
                    del self._faults[place]
                    return None
                self._faults[place] = (fault, left - 1)
            return fault

    def now(self) -> dict[Place, Fault]:
        with self._lock:
            return {place: fault for place, (fault, left) in self._faults.items() if left is None or left > 0}
