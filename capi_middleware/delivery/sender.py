"""Waiting events to Meta: which pixel, how many, when. All on the deliverer's thread; see :mod:`.deliverer`."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping

from capi_middleware.settings import Settings

from .clock import Clock
from .entry import PixelState
from .lane import Lane
from .outcomes import Outcomes
from .posters import Job, Posters
from .request import Answer
from .routes import Route, routes_of
from .rows import Claimed
from .shipment import Shipment
from .store import Claim, Store
from .validate import oldest_allowed
from .verdict import Kind, Verdict, judge, unreachable, untrusted

log = logging.getLogger("capi_middleware.delivery")
BATCH = 1000
CASES = 4  # refused batches under examination per pixel, before no new ones are tried
_SHARED_POLL = 0.5
_COUNT_EVERY = 30.0
_UNKNOWN = Route(None, "drop", "no settings here know this pixel: is its shop another one in the same CAPI_STATE_DIR?")


class Sender:
    """Pixels take turns; each has its :class:`Lane`. ``hurry``: somebody waits, so small batches do not."""

    def __init__(self, connections: int, clock: Clock) -> None:
        self.hurry = False
        self.posters = Posters(connections)
        self.outcomes = Outcomes(self._resend)
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self._settings: Settings | None = None
        self._routes: dict[str, Route] = {}
        self._routes_due = 0.0
        self._count_due = 0.0
        self._turn = 0

    # -- the deliverer's calls -----------------------------------------------------------------------------------

    def receive(self, timeout: float) -> None:
        """Judge the answers that have come, waiting at most ``timeout`` seconds for the first."""
        for job, answer in self.posters.wait(timeout):
            shipment: Shipment = job.context
            shipment.size = job.size
            verdict = _verdict_on(answer, len(shipment.rows))
            self._clock.confirm(verdict.server_time)
            self.outcomes.take(shipment, verdict)
        if self.outcomes.stale:
            self.outcomes.stale = False
            self.recount()

    def recall(self, store: Store) -> None:
        """A store was opened: what it remembers of pixels."""
        now, wall = time.monotonic(), time.time()
        marks = store.fingerprints()
        for state in store.pixels():
            if state.pixel_id not in self._lanes:
                lane = self._lane(state.pixel_id)
                lane.recall(state, now, wall)
                lane.fingerprint = marks.get(state.pixel_id, "")
        self._settings = None
        self.recount()

    def arrived(self, waiting: Mapping[str, int]) -> None:
        """So many more events wait for these pixels."""
        for pixel_id, n in waiting.items():
            self._lane(pixel_id).waiting += n

    def recount(self) -> None:
        """The estimates of what waits are off."""
        self._count_due = 0.0

    def dispatch(self, store: Store, settings: Settings) -> None:
        """Start the requests that may start."""
        now = time.monotonic()
        if settings is not self._settings or now >= self._routes_due:
            self._take_settings(store, settings, now)
        if now >= self._count_due:
            self._count(store, now)
        cases = self.outcomes.cases
        lanes = [lane for lane in self._lanes.values() if lane.waiting > 0 or cases.get(lane.pixel_id)]
        if not lanes:
            return
        self._turn = (self._turn + 1) % len(lanes)
        for lane in lanes[self._turn :] + lanes[: self._turn]:
            if self._route(lane.pixel_id).target is not None:
                while self._may_start(lane, now) and self._start_one(store, lane, now):
                    pass

    def expire(self, store: Store) -> None:
        """Give up what Meta would refuse or count twice."""
        for lane in list(self._lanes.values()):
            self._expire(store, lane)

    def states(self) -> list[PixelState]:
        """How sending goes for each pixel, for people."""
        now, wall = time.monotonic(), time.time()
        return [self._state(lane, now, wall) for lane in self._lanes.values()]

    def unknown(self) -> bool:
        """Whether events wait for a pixel that only another process' settings know."""
        return any(lane.waiting and lane.pixel_id not in self._routes for lane in self._lanes.values())

    def all_done(self) -> bool:
        """Nothing waits, nothing is on its way, nothing is left to write. Any thread may ask, at any moment: what waits
        may be on its way by the time it is looked at, so that is asked twice."""
        return (
            self.outcomes.idle()
            and not any(lane.waiting for lane in list(self._lanes.values()))
            and self.outcomes.idle()
        )

    def abandon(self) -> None:
        """The store and its numbers are gone: answers still to come are about events that will be read again."""
        for job in self.posters.under_way:
            job.settled = True
            job.context.lane.in_flight -= 1
        self.posters.under_way.clear()
        self.outcomes.abandon()

    # -- pixels --------------------------------------------------------------------------------------------------

    def _lane(self, pixel_id: str) -> Lane:
        lane = self._lanes.get(pixel_id)
        if lane is None:
            lane = self._lanes[pixel_id] = Lane(pixel_id)
        return lane

    def _route(self, pixel_id: str) -> Route:
        return self._routes.get(pixel_id, _UNKNOWN)

    def _state(self, lane: Lane, now: float, wall: float) -> PixelState:
        state = lane.state(now, wall)
        route = self._route(lane.pixel_id)
        if route.target is not None:
            return state
        return PixelState(
            lane.pixel_id, "paused", route.problem, since=state.since, waiting=lane.waiting, oldest=lane.oldest
        )

    def _take_settings(self, store: Store, settings: Settings, now: float) -> None:
        """Now and every minute: test codes expire, and other hosts write about pixels too."""
        self._settings, self._routes_due = settings, now + 60.0
        self._routes = routes_of(settings, store, time.time())
        for lane in self._lanes.values():
            target = self._route(lane.pixel_id).target
            if lane.suspect and target is not None and target.fingerprint != lane.fingerprint:
                log.warning("the settings of pixel %s changed: sending is tried again", lane.pixel_id)
                lane.resume()
                self.outcomes.changed.add(lane)
            lane.fingerprint = target.fingerprint if target else ""
        if store.shared:
            for state in store.pixels():
                lane = self._lane(state.pixel_id)
                if state.state != "open" and not lane.suspect and lane.last_success > state.since:
                    self.outcomes.changed.add(lane)  # whoever paused it is gone

    def _count(self, store: Store, now: float) -> None:
        counted = store.waiting()
        under_way = Counter[str]()
        for shipment in self._under_way():
            under_way[shipment.lane.pixel_id] += len(shipment.rows)
        for pixel_id in {*self._lanes, *counted}:
            n, oldest = counted.get(pixel_id, (0, 0.0))
            lane = self._lane(pixel_id)
            lane.waiting, lane.oldest = max(0, n - under_way[pixel_id]), oldest  # at once: see all_done
        self._count_due = now + (_SHARED_POLL if store.shared else _COUNT_EVERY)

    def _under_way(self) -> list[Shipment]:
        return [job.context for job in self.posters.under_way]

    # -- what may start ------------------------------------------------------------------------------------------

    def _may_start(self, lane: Lane, now: float) -> bool:
        if self.posters.free() <= 0 or not lane.ready(now):
            return False
        # Pixels in trouble may hang until the deadline: they never take all connections.
        sick = sum(1 for shipment in self._under_way() if shipment.lane.suspect)
        return not lane.suspect or sick < max(1, self.posters.connections // 2)

    def _start_one(self, store: Store, lane: Lane, now: float) -> bool:
        lane.turns += 1
        if lane.turns % 2:
            return self._start_case(lane, now) or self._start_fresh(store, lane, now)
        return self._start_fresh(store, lane, now) or self._start_case(lane, now)

    def _start_case(self, lane: Lane, now: float) -> bool:
        cases = self.outcomes.cases.get(lane.pixel_id)
        if not cases or lane.paused or not lane.may_bisect(now):
            return False
        case = cases[0]
        rows = [] if case.under_way else list(case.bisection.next())
        if not rows:
            return False
        lane.bisecting(now)
        case.under_way = True
        self._start(Shipment(lane, case.claim, rows, case), now)
        return True

    def _start_fresh(self, store: Store, lane: Lane, now: float) -> bool:
        if lane.waiting <= 0 or len(self.outcomes.cases.get(lane.pixel_id, ())) >= CASES:
            return False
        if not self.hurry and not lane.probing and lane.lingers(now):
            return False
        claim = self._claim(store, lane)
        if claim is None:
            lane.waiting = 0
            return False
        rows = _fitting(claim.rows, lane.max_bytes)
        rest = {row.number for row in claim.rows[len(rows) :]}
        if rest:
            store.release(claim, rest)
            claim.left -= rest
        self.outcomes.out |= claim.left  # before they stop waiting: another thread may ask whether all is sent
        lane.waiting = max(len(rest), lane.waiting - len(rows))
        self._start(Shipment(lane, claim, rows), now)
        return True

    def _claim(self, store: Store, lane: Lane) -> Claim | None:
        out = self.outcomes.out
        limit = 1 if lane.probing else BATCH
        if lane.paused:
            newest = lane.turns % 2 == 0  # the oldest may itself be what Meta refuses
        else:
            newest = not lane.probing and lane.waiting > BATCH and lane.turns % 5 != 0
        claim = store.claim(lane.pixel_id, limit, newest, out)
        if claim is not None and self._too_old(claim) and self._expire(store, lane):
            store.release(claim, claim.left)
            claim = store.claim(lane.pixel_id, limit, newest, out)
        if claim is not None and len(claim.rows) < limit:
            lane.waiting = len(claim.rows)
        return claim

    def _too_old(self, claim: Claim) -> bool:
        """Whether some of it might be; one too old makes Meta refuse them all."""
        oldest = min(row.event_time for row in claim.rows)
        return self._clock.trusted and oldest < oldest_allowed(time.time(), True, "drop")

    def _expire(self, store: Store, lane: Lane) -> int:
        now = time.time()
        late = self._route(lane.pixel_id).late
        oldest, oldest_paired = oldest_allowed(now, False, late), oldest_allowed(now, True, late)
        gone = store.expire(lane.pixel_id, int(oldest), int(oldest_paired), now, self.outcomes.out)
        if gone:
            log.error("%d event(s) of pixel %s became too old to be sent", gone, lane.pixel_id)
            self.recount()
        return gone

    def _start(self, shipment: Shipment, now: float) -> None:
        target = self._route(shipment.lane.pixel_id).target
        shipment.lane.in_flight += 1
        if target is None:  # the settings changed this very moment
            self.outcomes.take(shipment, Verdict(Kind.RETRY, reason="no access token is set"))
            return
        shipment.lane.last_post = now
        try:
            self.posters.send(Job(target, [row.payload for row in shipment.rows], shipment))
        except Exception as error:  # no more threads or files may be had: the pixel's road must not stay taken
            log.exception("a request could not be begun: its events are sent later")
            self.outcomes.take(shipment, unreachable(f"no request can be begun here ({type(error).__name__})"))

    def _resend(self, shipment: Shipment) -> None:
        self._start(shipment, time.monotonic())


def _verdict_on(answer: Answer, sent: int) -> Verdict:
    """Never raises: nobody else remembers what was sent."""
    if not answer.status:
        return untrusted(answer.error) if answer.insecure else unreachable(answer.error)
    try:
        return judge(answer.status, answer.headers, answer.body, sent)
    except Exception:
        log.exception("an answer could not be judged: its events are sent again")
        return unreachable("an answer that makes no sense")


def _fitting(rows: list[Claimed], limit: int) -> list[Claimed]:
    """As many as fit into a request, at least one."""
    size = 0
    for index, row in enumerate(rows):
        size += len(row.payload) + 1
        if size > limit and index:
            return rows[:index]
    return rows
