"""Waiting events to Meta, and what each answer means for them. All on the deliverer's thread; see :mod:`.deliverer`."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from capi_middleware.settings import Settings

from .bisection import ENOUGH, Bisection, not_the_events
from .clock import Clock
from .entry import PixelState, State
from .graph import Answer
from .lane import FEW, Lane
from .posters import Job, Posters
from .routes import Route, routes_of
from .rows import Claimed, Outcome
from .shipment import Case, Shipment, clamp_to
from .store import Claim, Store
from .validate import MAX_AGE, oldest_allowed
from .verdict import Kind, Verdict, judge, unreachable, untrusted

log = logging.getLogger("capi_middleware.delivery")
BATCH = 1000
CASES = 4  # refused batches under examination per pixel, before no new ones are tried
_SHARED_POLL = 0.5
_COUNT_EVERY = 30.0
_UNKNOWN = Route(None, "drop", "no settings here know this pixel: is its shop another one in the same CAPI_STATE_DIR?")


class Sender:
    """``out``: numbers of the events that are on their way, or whose fate is not written yet."""

    def __init__(self, connections: int, clock: Clock) -> None:
        self.out: set[int] = set()
        self.hurry = False
        self.delivered = 0
        self.last_success = 0.0
        self.posters = Posters(connections)
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
        self._cases: dict[str, deque[Case]] = {}
        self._unwritten: deque[tuple[Claim, list[Outcome]]] = deque()
        self._changed: set[str] = set()
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
            shipment.lane.in_flight -= 1
            shipment.size = job.size
            if answer.status:
                verdict = judge(answer.status, answer.headers, answer.body, len(shipment.rows))
            else:
                verdict = _no_answer(answer)
            self._clock.confirm(verdict.server_time)
            _HANDLERS[verdict.kind](self, shipment, verdict)

    def write(self, store: Store) -> None:
        """Write what became of events. Raises ``StoreError``; then nothing is forgotten."""
        while self._unwritten:
            claim, outcomes = self._unwritten[0]
            numbers = {outcome.number for outcome in outcomes}
            if outcomes:
                store.settle(claim, outcomes, time.time())
            self._unwritten.popleft()
            claim.left -= numbers
            self.out -= numbers
        while self._changed:
            lane = self._lanes[next(iter(self._changed))]
            store.save_pixel(lane.state(time.monotonic(), time.time()), lane.fingerprint)
            self._changed.discard(lane.pixel_id)

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
        self._count_due = 0.0

    def arrived(self, pixel_ids: dict[str, int]) -> None:
        """So many new events wait for these pixels."""
        for pixel_id, n in pixel_ids.items():
            self._lane(pixel_id).waiting += n

    def recount(self) -> None:
        """The estimates of what waits are off."""
        self._count_due = 0.0

    def dispatch(self, store: Store, settings: Settings) -> None:
        """Start the requests that may start. Pixels take turns."""
        now = time.monotonic()
        if settings is not self._settings or now >= self._routes_due:
            self._take_settings(store, settings, now)
        if now >= self._count_due:
            self._count(store, now)
        lanes = [lane for lane in self._lanes.values() if lane.waiting > 0 or self._cases.get(lane.pixel_id)]
        if not lanes:
            return
        self._turn = (self._turn + 1) % len(lanes)
        for lane in lanes[self._turn :] + lanes[: self._turn]:
            route = self._route(lane.pixel_id)
            if route.target is not None:
                while self._may_start(lane, now) and self._start_one(store, lane, now):
                    pass

    def expire(self, store: Store) -> int:
        """Give up what Meta would refuse or count twice."""
        return sum(self._expire(store, lane) for lane in list(self._lanes.values()))

    def _expire(self, store: Store, lane: Lane) -> int:
        now = time.time()
        late = self._route(lane.pixel_id).late
        oldest, oldest_paired = oldest_allowed(now, False, late), oldest_allowed(now, True, late)
        gone = store.expire(lane.pixel_id, int(oldest), int(oldest_paired), now, self.out)
        if gone:
            log.error("%d event(s) of pixel %s became too old to be sent", gone, lane.pixel_id)
            self.recount()
        return gone

    def _too_old(self, claim: Claim) -> bool:
        """Whether some of it might be; one too old makes Meta refuse them all."""
        oldest = min(row.event_time for row in claim.rows)
        return self._clock.trusted and oldest < oldest_allowed(time.time(), True, "drop")

    def states(self) -> list[PixelState]:
        """How sending goes for each pixel, for people."""
        now, wall = time.monotonic(), time.time()
        return [self._state(lane, now, wall) for lane in self._lanes.values()]

    def unknown(self) -> bool:
        """Whether events wait for a pixel that only another process' settings know."""
        return any(lane.waiting and lane.pixel_id not in self._routes for lane in self._lanes.values())

    def all_done(self) -> bool:
        """Nothing waits either."""
        return self.idle() and not any(lane.waiting for lane in list(self._lanes.values()))

    def idle(self) -> bool:
        """Nothing under way and nothing left to write."""
        return not self.out and not self._unwritten

    def drop_claims(self) -> None:
        """The store is gone, and with it the claims of what is not on its way."""
        for cases in self._cases.values():
            for case in cases:
                self.out -= {row.number for row, _ in case.bisection.accused}
                if not case.under_way:
                    self.out -= {row.number for row in case.bisection.remaining()}
        self._cases.clear()

    # -- what may start ------------------------------------------------------------------------------------------

    def abandon(self) -> None:
        """The store and its numbers are gone: answers still to come are about events that will be read again."""
        for job in self.posters.under_way:
            job.settled = True
            job.context.lane.in_flight -= 1
        self.posters.under_way.clear()
        self._unwritten.clear()
        self._cases.clear()
        self.out.clear()

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
        self._settings, self._routes_due = settings, now + 60.0
        self._routes = routes_of(settings, store, time.time())
        for lane in self._lanes.values():
            target = self._route(lane.pixel_id).target
            if lane.suspect and target is not None and target.fingerprint != lane.fingerprint:
                log.warning("the settings of pixel %s changed: sending is tried again", lane.pixel_id)
                lane.resume()
                self._changed.add(lane.pixel_id)
            lane.fingerprint = target.fingerprint if target else ""

    def _count(self, store: Store, now: float) -> None:
        counted = store.waiting()
        for lane in self._lanes.values():
            lane.waiting, lane.oldest = 0, 0.0
        for pixel_id, (n, oldest) in counted.items():
            lane = self._lane(pixel_id)
            lane.waiting, lane.oldest = n, oldest
        for shipment in self._under_way():
            shipment.lane.waiting = max(0, shipment.lane.waiting - len(shipment.rows))
        self._count_due = now + (_SHARED_POLL if store.shared else _COUNT_EVERY)

    def _under_way(self) -> list[Shipment]:
        return [job.context for job in self.posters.under_way]

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
        cases = self._cases.get(lane.pixel_id)
        if not cases or lane.paused or not lane.may_bisect(now):
            return False
        case = cases[0]
        rows = [] if case.under_way else list(case.bisection.next())
        if not rows:
            return False
        lane.bisecting(now)
        case.under_way = True
        return self._start(Shipment(lane, case.claim, rows, case), now)

    def _start_fresh(self, store: Store, lane: Lane, now: float) -> bool:
        if lane.waiting <= 0 or len(self._cases.get(lane.pixel_id, ())) >= CASES:
            return False
        if not self.hurry and not lane.probing and lane.lingers(now):
            return False
        limit = 1 if lane.probing else BATCH
        if lane.paused:
            newest = lane.turns % 2 == 0  # the oldest may itself be what Meta refuses
        else:
            newest = not lane.probing and lane.waiting > BATCH and lane.turns % 5 != 0
        claim = store.claim(lane.pixel_id, limit, newest, self.out)
        if claim is not None and self._too_old(claim) and self._expire(store, lane):
            store.release(claim, claim.left)
            claim = store.claim(lane.pixel_id, limit, newest, self.out)
        if claim is None:
            lane.waiting = 0
            return False
        rows = _fitting(claim.rows, lane.max_bytes)
        rest = {row.number for row in claim.rows[len(rows) :]}
        if rest:
            store.release(claim, rest)
            claim.left -= rest
        lane.waiting = 0 if len(claim.rows) < limit else max(0, lane.waiting - len(rows))
        lane.waiting += len(rest)
        self.out |= claim.left
        return self._start(Shipment(lane, claim, rows), now)

    def _start(self, shipment: Shipment, now: float) -> bool:
        target = self._route(shipment.lane.pixel_id).target
        if target is None:
            self._put_back(shipment, Verdict(Kind.RETRY))
            return False
        shipment.lane.in_flight += 1
        shipment.lane.last_post = now
        self.posters.send(Job(target, [row.payload for row in shipment.rows], shipment))
        return True

    # -- verdicts, one handler each ------------------------------------------------------------------------------

    def _done(self, shipment: Shipment, verdict: Verdict) -> None:
        lane = shipment.lane
        if verdict.reason:
            log.warning("Meta accepted events for pixel %s and says: %s", lane.pixel_id, verdict.reason)
        self._settle(shipment, State.DELIVERED, [(row, verdict) for row in shipment.rows])
        self.delivered += len(shipment.rows)
        self.last_success = time.time()
        if lane.succeeded(time.monotonic(), verdict.wait):
            log.warning("events for pixel %s are delivered again", lane.pixel_id)
            self._changed.add(lane.pixel_id)
        if shipment.case is not None:
            shipment.case.bisection.passed()
            self._go_on(shipment, shipment.case)

    def _retry(self, shipment: Shipment, verdict: Verdict) -> None:
        lane = shipment.lane
        if verdict.kind is Kind.FEW and lane.failures >= FEW and lane.code == verdict.code:
            self._poison(shipment, verdict)
            return
        self._put_back(shipment, verdict)
        if not lane.failures:
            log.warning("events for pixel %s wait: %s", lane.pixel_id, verdict.reason)
        lane.failed(time.monotonic(), time.time(), verdict)
        self._changed.add(lane.pixel_id)

    def _hold(self, shipment: Shipment, verdict: Verdict) -> None:
        lane = shipment.lane
        self._put_back(shipment, verdict)
        for case in self._cases.pop(lane.pixel_id, ()):
            known = case.bisection
            rows = [*known.remaining(), *(row for row, _ in known.accused)]
            self._write_later(case.claim, [Outcome(row.number, State.WAITING) for row in rows])
        if lane.pause(time.monotonic(), time.time(), verdict):
            log.error("pixel %s is paused, its events are kept: %s", lane.pixel_id, verdict.reason)
        self._changed.add(lane.pixel_id)
        self.recount()

    def _split(self, shipment: Shipment, verdict: Verdict) -> None:
        case, lane = shipment.case, shipment.lane
        if len(shipment.rows) == 1:
            self._bury(shipment, [(shipment.rows[0], verdict)])
        if case is not None:
            case.bisection.refused(verdict)
            if len(shipment.rows) == 1:
                case.bisection.accused.pop()  # buried already, whatever becomes of the others
            self._go_on(shipment, case)
        if case is not None or len(shipment.rows) == 1:
            return
        lane.max_bytes = max(1024, min(lane.max_bytes, shipment.size) // 2)
        self._put_back(shipment, verdict)

    def _old(self, shipment: Shipment, verdict: Verdict) -> None:
        """Meta's clock decides. If by it nothing is too old, look for the event that Meta means."""
        limit = (verdict.server_time or time.time()) - MAX_AGE
        old = [row for row in shipment.rows if row.event_time < limit]
        if not old or shipment.case is not None:
            self._poison(shipment, verdict)
            return
        self._settle(shipment, State.EXPIRED, [(row, verdict) for row in old])
        shipment.rows = [row for row in shipment.rows if row.event_time >= limit]
        if shipment.rows:
            self._start(shipment, time.monotonic())

    def _future(self, shipment: Shipment, verdict: Verdict) -> None:
        """Our clock is ahead of Meta's: send once more with Meta's time."""
        if shipment.clamped:
            self._poison(shipment, verdict)
            return
        now = int(verdict.server_time or time.time() - 60) - 1
        shipment.clamped = True
        shipment.rows = [clamp_to(row, now) for row in shipment.rows]
        self._start(shipment, time.monotonic())

    def _poison(self, shipment: Shipment, verdict: Verdict) -> None:
        if shipment.case is not None:
            shipment.case.bisection.refused(verdict)
            self._go_on(shipment, shipment.case)
        elif len(shipment.rows) == 1:
            self._accuse(shipment, [(shipment.rows[0], verdict)])
        else:
            case = Case(Bisection(shipment.rows), shipment.claim)
            self._cases.setdefault(shipment.lane.pixel_id, deque()).append(case)

    def _go_on(self, shipment: Shipment, case: Case) -> None:
        """After an answer in an examination: is all known, or can nothing be?"""
        case.under_way = False
        known = case.bisection
        if known.hopeless:
            self._hold(shipment, _all_refused(known.accused[0][1]))
        elif not known.next():
            cases = self._cases.get(shipment.lane.pixel_id)
            if cases and case in cases:
                cases.remove(case)
            if known.accepted:
                self._bury(shipment, known.accused)
            elif known.accused:
                self._accuse(shipment, known.accused)

    def _accuse(self, shipment: Shipment, accused: list[tuple[Claimed, Verdict]]) -> None:
        """Refused alone, and nothing accepted beside: after a few of them it is not the events that are wrong."""
        lane = shipment.lane
        first = accused[0][1]
        lane.refusals += len(accused)
        still_paused = lane.paused and (lane.code, lane.subcode) == (first.code, first.subcode)
        if lane.paused and not still_paused:
            lane.resume()  # what it was paused for is mended: Meta now looks at the event itself
            lane.refusals = len(accused)
            self._changed.add(lane.pixel_id)
        if (lane.refusals >= ENOUGH or still_paused) and not_the_events(first, accused):
            self._settle(shipment, State.WAITING, accused)
            shipment.rows, shipment.case = [], None
            self._hold(shipment, _all_refused(first))
        else:
            self._bury(shipment, accused)

    def _bury(self, shipment: Shipment, accused: Sequence[tuple[Claimed, Verdict]]) -> None:
        if accused:
            log.error(
                "Meta refused %d event(s) for pixel %s: %s",
                len(accused),
                shipment.lane.pixel_id,
                accused[0][1].reason,
            )
        self._settle(shipment, State.DEAD, accused)

    # -- outcomes ------------------------------------------------------------------------------------------------

    def _put_back(self, shipment: Shipment, verdict: Verdict) -> None:
        """Rows of an examination stay with it; others wait again."""
        if shipment.case is not None:
            shipment.case.under_way = False
        else:
            shipment.lane.waiting += len(shipment.rows)
            self._settle(shipment, State.WAITING, [(row, verdict) for row in shipment.rows])

    def _settle(self, shipment: Shipment, state: State, told: Sequence[tuple[Claimed, Verdict]]) -> None:
        outcomes = [
            Outcome(row.number, state, verdict.code, verdict.subcode, verdict.reason, verdict.trace)
            for row, verdict in told
        ]
        self._write_later(shipment.claim, outcomes)

    def _write_later(self, claim: Claim, outcomes: list[Outcome]) -> None:
        self._unwritten.append((claim, outcomes))


def _no_answer(answer: Answer) -> Verdict:
    return untrusted(answer.error) if answer.insecure else unreachable(answer.error)


def _all_refused(verdict: Verdict) -> Verdict:
    reason = f"Meta refuses every event of this pixel, so the settings must be wrong: {verdict.reason}"
    return verdict._replace(reason=reason)


def _fitting(rows: list[Claimed], limit: int) -> list[Claimed]:
    """As many as fit into a request, at least one."""
    size = 0
    for index, row in enumerate(rows):
        size += len(row.payload) + 1
        if size > limit and index:
            return rows[:index]
    return rows


_HANDLERS: dict[Kind, Callable[[Sender, Shipment, Verdict], None]] = {
    Kind.DONE: Sender._done,
    Kind.RETRY: Sender._retry,
    Kind.FEW: Sender._retry,
    Kind.THROTTLED: Sender._retry,
    Kind.HOLD: Sender._hold,
    Kind.SPLIT: Sender._split,
    Kind.OLD: Sender._old,
    Kind.FUTURE: Sender._future,
    Kind.POISON: Sender._poison,
}
