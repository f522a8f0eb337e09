"""One processor core for the threads of a process that run Python.

Python lets one of them run at a time, however many cores there are. Spread over cores, each hand-over of the
interpreter first has to wake a core that sleeps, which takes longer than many an answer; on one core it is a change of
thread. Small answers gain four fifths or more, pages a third (``benchmarks/proxy.py --spread``). What needs no
interpreter (granian's own threads, the process that delivers) stays free, and so does every other process: the kernel
moves those away from a core that is busy.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger("capi_middleware.proxy")

_LOOK = 1.0
"""Seconds between two looks, and up to half as many more: several proxies must not all move at once."""
_CROWDED = 0.5
"""Share of time in which a core works, from which on it is looked at who works there."""
_GAIN = 0.25
"""What another core must have to offer beyond this one, as a share of its time: moving has a price, too."""
_LAST_RAN_ON = 36
"""Place of ``processor`` in ``/proc/*/stat`` behind the name (proc(5), field 39)."""


class Times(NamedTuple):
    """Clock ticks that a core has worked and idled since the system's start."""

    busy: int
    idle: int


class Core:
    """The core of one process. ``cores``: those to choose from; with fewer than two nothing is ever done."""

    def __init__(self, cores: Collection[int] = ()) -> None:
        self._cores = sorted(cores)
        self._on = len(self._cores) > 1
        # Workers are forked one after the other: so they begin on different cores.
        self.at = self._cores[os.getpid() % len(self._cores)] if self._on else -1
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._watched = False

    def join(self) -> None:
        """Bring the calling thread here, or after, where the core has changed. Never raises."""
        if self._on and getattr(self._thread, "at", -1) != self.at:
            self._come()

    def _come(self) -> None:
        try:
            os.sched_setaffinity(0, {self.at})
        except OSError as error:  # taken from us meanwhile (cpuset), or forbidden
            self._on = False
            log.warning("threads run on any core: %s", error.strerror)
            return
        self._thread.at = self.at
        with self._lock:
            watched, self._watched = self._watched, True
        if not watched:
            threading.Thread(target=self._watch, name="capi-core", daemon=True).start()

    def end(self) -> None:
        """Threads that are here stay; it is no longer looked whether they should go."""
        self._on = False

    def _watch(self) -> None:
        with contextlib.suppress(OSError):  # it inherits the core of the thread that started it
            os.sched_setaffinity(0, self._cores)
        before = core_times()
        own: dict[str, int] = {}
        chance = random.SystemRandom()  # the common one is the app's
        while self._on:
            time.sleep(_LOOK + chance.random() * _LOOK / 2)
            after = core_times()
            if share(before, after, self.at) > _CROWDED:
                now = thread_ticks(self.at)
                # The first crowded look has nothing to compare with: the next one decides.
                spent = sum(ticks - own.get(thread, ticks) for thread, ticks in now.items())
                self.at = better(before, after, self.at, spent, self._cores) if own else self.at
                own = now
            else:
                own = {}
            before = after


def allowed() -> frozenset[int]:
    """The cores that this process may use; none where a thread cannot be bound to one (not Linux)."""
    if not hasattr(os, "sched_setaffinity"):
        return frozenset()
    return frozenset(os.sched_getaffinity(0))


def share(before: Mapping[int, Times], after: Mapping[int, Times], core: int) -> float:
    """Of the time between two readings, how much a core has worked: 0 to 1; 0 where it is not told."""
    if core not in before or core not in after:
        return 0.0
    busy, idle = after[core].busy - before[core].busy, after[core].idle - before[core].idle
    return busy / (busy + idle) if busy + idle > 0 else 0.0


def better(before: Mapping[int, Times], after: Mapping[int, Times], core: int, own: int, cores: Collection[int]) -> int:
    """The core to be on: another one where others leave clearly more of it than of this one. ``own``: ticks of this
    one that were ours."""
    whole = after[core].busy - before[core].busy + after[core].idle - before[core].idle
    here = 1.0 - max(0.0, share(before, after, core) - own / max(whole, 1))
    offers = {other: 1.0 - share(before, after, other) for other in cores if other != core and other in after}
    best = max(offers, key=offers.__getitem__, default=core)
    return best if offers.get(best, 0.0) - here > _GAIN else core


def core_times(text: str | None = None) -> dict[int, Times]:
    """What ``/proc/stat`` says of each core (proc(5)); nothing where it cannot be read."""
    if text is None:
        try:
            text = Path("/proc/stat").read_text(encoding="ascii")
        except OSError:
            return {}
    found = {}
    for line in text.splitlines():
        name, *figures = line.split()
        if name.startswith("cpu") and name[3:].isdigit():
            user, nice, system, idle, waiting, *rest = map(int, figures[:8])
            found[int(name[3:])] = Times(user + nice + system + sum(rest), idle + waiting)
    return found


def thread_ticks(core: int) -> dict[str, int]:
    """Of this process's threads that last ran on ``core``: the clock ticks that each has run."""
    found = {}
    for folder in Path("/proc/self/task").iterdir():
        try:
            fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[_LAST_RAN_ON]) == core:
            found[folder.name] = int(fields[11]) + int(fields[12])
    return found
