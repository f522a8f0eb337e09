"""Telling a wall clock that jumped from time that passed: an expiry must not be believed from the former."""

from __future__ import annotations

import time

_JUMP = 600.0
_WAIT = 900.0


def steady() -> float:
    """Seconds that also count while the machine sleeps, where the system can say so."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(boot) if boot is not None else time.monotonic()


class Clock:
    """``trusted`` is False for a while after the wall clock moved without time having passed, until Meta's own clock
    (:meth:`confirm`) agrees with it."""

    def __init__(self) -> None:
        self._offset = time.time() - steady()
        self._doubt_until = 0.0

    @property
    def trusted(self) -> bool:
        """What the last :meth:`check` found."""
        return steady() >= self._doubt_until

    def check(self) -> bool:
        """Look now; True while the wall clock may be believed."""
        now = steady()
        offset = time.time() - now
        if abs(offset - self._offset) > _JUMP:
            self._doubt_until = now + _WAIT
        self._offset = offset
        return self.trusted

    def confirm(self, server_time: float) -> None:
        """Meta's ``Date`` header."""
        if server_time and abs(server_time - time.time()) < _JUMP:
            self._doubt_until = 0.0
