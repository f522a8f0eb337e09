"""How sending goes for one pixel: open, backing off, paused; how much at once. No I/O; time comes in as arguments.

Two clocks: waits are monotonic; what is remembered over a restart is wall time.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from .entry import PixelState
from .verdict import Verdict

BACK_OFF = 300.0
OPENS_AFTER = 5  # failures in a row: then a single event tests the way
PROBE_EVERY = 300.0
BUSY = 2000  # so many waiting: more than one connection
LINGER = 0.25  # small batches wait this long after the one before
BISECT_POSTS = 64  # a minute
FEW = 20
_uniform = random.SystemRandom().uniform  # the common one is the app's, and its tests'


class Lane:
    """One pixel's road to Meta."""

    def __init__(self, pixel_id: str, uniform: Callable[[float, float], float] = _uniform) -> None:
        self.pixel_id = pixel_id
        self.fingerprint = ""
        self.paused = False
        self.reason = ""
        self.code = 0
        self.subcode = 0
        self.since = 0.0
        self.failures = 0
        self.next_at = 0.0
        self.limit = 1
        self.in_flight = 0
        self.turns = 0
        self.waiting = 0  # an estimate between two counts of the store
        self.oldest = 0.0
        self.last_post = -1e9
        self.last_success = 0.0  # wall time
        self.max_bytes = 1 << 20
        self.refusals = 0  # events refused alone since the last success
        self._good = 0
        self._uniform = uniform
        self._posts: deque[float] = deque()

    def ready(self, now: float) -> bool:
        """Whether a request may start now."""
        return now >= self.next_at and self.in_flight < (1 if self.suspect else self.limit)

    @property
    def suspect(self) -> bool:
        """Something is wrong: one request at a time."""
        return self.paused or self.failures > 0

    @property
    def probing(self) -> bool:
        """The next request is a test of the way with a single event."""
        return self.paused or self.failures >= OPENS_AFTER

    def lingers(self, now: float) -> bool:
        """Whether a small batch should wait for company."""
        return self.waiting < 1000 and now - self.last_post < LINGER

    def may_bisect(self, now: float) -> bool:
        """Whether this minute's budget for finding bad events has something left."""
        while self._posts and now - self._posts[0] > 60:
            self._posts.popleft()
        return len(self._posts) < BISECT_POSTS

    def bisecting(self, now: float) -> None:
        """Count a request of a bisection."""
        self._posts.append(now)

    def succeeded(self, now: float, wait: float) -> bool:
        """A batch was accepted; True if this ends a pause or a series of failures."""
        changed = self.suspect
        self.paused, self.failures, self.refusals = False, 0, 0
        self.reason, self.code, self.subcode, self.since = "", 0, 0, 0.0
        self.next_at = now + wait
        self._good += 1
        if self._good >= 10 and self.waiting > BUSY:
            self.limit, self._good = min(self.limit + 1, 4), 0
        elif self.waiting < BUSY // 4:
            self.limit = 1
        return changed

    def failed(self, now: float, wall: float, verdict: Verdict) -> None:
        """A request failed in a way that may pass: full jitter, Retry-After as the least."""
        self.failures += 1
        self._good = 0
        self.limit = max(1, self.limit // 2)
        delay = self._uniform(0.0, min(BACK_OFF, 2.0 ** min(self.failures, 20)))
        self.next_at = now + max(delay, verdict.wait)
        self._say(wall, verdict)

    def pause(self, now: float, wall: float, verdict: Verdict) -> bool:
        """Nothing will pass before somebody mends it; True if this is news."""
        news = not self.paused or (self.code, self.subcode) != (verdict.code, verdict.subcode)
        self.paused = True
        self.next_at = now + max(PROBE_EVERY, verdict.wait)
        self._say(wall, verdict)
        return news

    def resume(self) -> None:
        """The settings changed: forget what was wrong."""
        self.paused, self.failures, self.next_at, self.refusals = False, 0, 0.0, 0
        self.reason, self.code, self.subcode, self.since = "", 0, 0, 0.0

    def _say(self, wall: float, verdict: Verdict) -> None:
        self.reason, self.code, self.subcode = verdict.reason, verdict.code, verdict.subcode
        self.since = self.since or wall

    def state(self, now: float, wall: float) -> PixelState:
        """For the store and for people."""
        word = "paused" if self.paused else "backing-off" if self.failures else "open"
        next_at = wall + max(0.0, self.next_at - now) if self.suspect else 0.0
        return PixelState(
            self.pixel_id,
            word,
            self.reason,
            self.code,
            self.subcode,
            self.since,
            next_at,
            self.failures,
            self.waiting,
            self.oldest,
        )

    def recall(self, state: PixelState, now: float, wall: float) -> None:
        """Go on where an earlier process stopped. A time far ahead comes from a clock that was wrong."""
        self.paused = state.state == "paused"
        self.failures = state.failures
        self.reason, self.code, self.subcode, self.since = state.reason, state.code, state.subcode, state.since
        wait = state.next_at - wall
        self.next_at = now + (wait if 0 < wait <= 3600 else 0.0)
