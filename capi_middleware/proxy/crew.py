"""The threads of a server: many, of which few work at a time.

Python runs one thread at a time, so threads that all have something to do mostly hand the interpreter to each other:
with 32 of them at work a request costs half as much again as with 4. But a thread also waits, for a shop that thinks or
a visitor who reads slowly, and then another must take its place.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from .core import Core

log = logging.getLogger("capi_middleware.proxy")

Job = TypeVar("Job")
FEW = 4
_TICK = 0.001
_LONGEST_TICK = 0.008


class _Hand:
    """One thread. ``begun``: how many jobs it has begun; ``seen``: the same a tick ago. ``stuck``: it stands still, and
    does not count among the few."""

    __slots__ = ("begun", "busy", "seen", "stuck", "wake")

    def __init__(self) -> None:
        self.wake = threading.Lock()
        self.wake.acquire()
        self.busy = False
        self.begun = 0
        self.seen = -1
        self.stuck = False


class Crew(Generic[Job]):
    """Calls ``work(job)`` for each job that is :meth:`put`, on one of up to ``most`` threads.

    ``few`` of them work as long as each job ends within a millisecond or so. As soon as those that work all stand still
    and jobs wait, twice as many set to, and so on. Threads are started when they are first needed,
    and those beyond the few end after ``rest`` seconds without work. What ``work``
    raises is logged. All of them, and whoever puts jobs, run on ``core``.
    """

    def __init__(
        self, work: Callable[[Job], None], most: int, few: int = FEW, rest: float = 60.0, core: Core | None = None
    ) -> None:
        self._work = work
        self._core = core or Core()
        self._rest = rest
        self._most = most
        self._few = min(few, most)
        self._jobs: deque[Job] = deque()
        self._lock = threading.Lock()
        self._hands: list[_Hand] = []
        self._idle: list[_Hand] = []
        self._active = 0
        self._watched = threading.Lock()
        self._watched.acquire()
        self._watching = False
        self._ended = False
        threading.Thread(target=self._watch, name="capi-crew", daemon=True).start()

    def put(self, job: Job) -> None:
        """Never waits for a job."""
        self._core.join()
        with self._lock:
            self._jobs.append(job)
            if self._active < self._few:
                self._rouse()
            elif not self._watching:
                self._watching = True
                self._watched.release()

    def end(self, timeout: float) -> list[Job]:
        """Begin nothing more, wait for what is under way; returns the jobs that were never begun."""
        with self._lock:
            left = list(self._jobs)
            self._jobs.clear()
            self._ended = True
            self._core.end()
            idle, self._idle = self._idle, []
            for hand in idle:
                hand.wake.release()
            if not self._watching:
                self._watching = True
                self._watched.release()
        deadline = time.monotonic() + timeout
        while any(hand.busy for hand in self._hands) and time.monotonic() < deadline:
            time.sleep(0.01)
        return left

    def _rouse(self) -> None:
        """One more hand, if there is one; the lock is held."""
        if self._idle:
            self._active += 1
            self._idle.pop().wake.release()
        elif len(self._hands) < self._most:
            hand = _Hand()
            try:
                threading.Thread(target=self._serve, args=(hand,), name="capi-hand", daemon=True).start()
            except RuntimeError as error:  # the system gives no more of them
                log.warning("only %d threads: %s", len(self._hands), error)
                self._most = len(self._hands)
                return
            self._hands.append(hand)
            self._active += 1

    def _serve(self, hand: _Hand) -> None:
        jobs, work = self._jobs, self._work
        while True:
            try:
                job = jobs.popleft()
            except IndexError:
                with self._lock:
                    if jobs:
                        continue
                    self._active -= 1
                    if self._ended:
                        return
                    self._idle.append(hand)
                if self._rested(hand):
                    continue
                return
            hand.begun += 1
            hand.busy = True
            self._core.join()
            try:
                work(job)
            except BaseException:
                log.exception("a request failed")
            hand.busy = False
            del job
            if hand.stuck and not self._back(hand):
                return

    def _back(self, hand: _Hand) -> bool:
        """It counts among those that work again. False: it is not needed any more."""
        with self._lock:
            hand.stuck = False
            self._active += 1
            if self._active <= self._few or self._ended:
                return True
            self._active -= 1
            self._idle.append(hand)
        return self._rested(hand)

    def _rested(self, hand: _Hand) -> bool:
        """Wait to be roused; False for one of many whom nobody has needed for long: its stack is memory, too."""
        while not hand.wake.acquire(timeout=self._rest):
            with self._lock:
                if len(self._hands) > self._few and hand in self._idle:
                    self._idle.remove(hand)
                    self._hands.remove(hand)
                    return False
        return True

    def _watch(self) -> None:
        """While jobs wait: see to it that somebody gets on."""
        while not self._ended:
            self._watched.acquire()
            tick, wanted = _TICK, self._few
            while not self._ended:
                time.sleep(tick)
                with self._lock:
                    if not self._jobs:
                        self._watching = False
                        break
                    still = self._look()
                    wanted = min(2 * wanted, self._most) if still else self._few
                    tick = _TICK if still else min(2 * tick, _LONGEST_TICK)
                    for _ in range(min(wanted - self._active, len(self._jobs))):
                        self._rouse()

    def _look(self) -> bool:
        """Whether all that work stand still: nobody has begun another job since the last look. Those that do no longer
        count."""
        working = [hand for hand in self._hands if hand.busy and not hand.stuck]
        still = [hand for hand in working if hand.begun == hand.seen]
        for hand in working:
            hand.seen = hand.begun
        for hand in still:
            hand.stuck = True
            self._active -= 1
        return self._active <= 0 or len(still) == len(working)
