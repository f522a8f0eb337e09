"""What a verdict means for the events of a request; all on the deliverer's thread."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from .bisection import ENOUGH, Bisection, not_the_events
from .entry import State
from .lane import FEW, Lane
from .rows import Claimed, Outcome
from .shipment import Case, Shipment, clamp_to
from .store import Claim, Store
from .validate import MAX_AGE
from .verdict import Kind, Verdict

log = logging.getLogger("capi_middleware.delivery")


class Outcomes:
    """Takes verdicts, keeps what they mean until the store has written it. ``out``: numbers of the events that are on
    their way, or whose fate is not written yet. ``cases``: refused batches under examination, by pixel. ``resend``
    starts a shipment once more."""

    def __init__(self, resend: Callable[[Shipment], None]) -> None:
        self.out: set[int] = set()
        self.cases: dict[str, deque[Case]] = {}
        self.changed: set[Lane] = set()
        self.stale = False  # the estimates of what waits are off
        self.last_success = 0.0
        self._unwritten: deque[tuple[Claim, list[Outcome]]] = deque()
        self._resend = resend

    def take(self, shipment: Shipment, verdict: Verdict) -> None:
        """A request was answered (or not)."""
        shipment.lane.in_flight -= 1
        try:
            _HANDLERS[verdict.kind](self, shipment, verdict)
        except Exception:
            log.exception("an answer could not be handled: its events are sent again")
            shipment.case = None
            self._put_back(shipment, verdict)

    def idle(self) -> bool:
        """Nothing on its way and nothing left to write."""
        return not self.out and not self._unwritten

    def write(self, store: Store) -> None:
        """Write what became of events. Raises ``StoreError``; then nothing is forgotten."""
        while self._unwritten:
            claim, outcomes = self._unwritten[0]
            if outcomes:
                store.settle(claim, outcomes, time.time())
            self._unwritten.popleft()
            numbers = {outcome.number for outcome in outcomes}
            claim.left -= numbers
            self.out -= numbers
        while self.changed:
            lane = next(iter(self.changed))
            store.save_pixel(lane.state(time.monotonic(), time.time()), lane.fingerprint)
            self.changed.discard(lane)

    def drop_claims(self) -> None:
        """The store failed, and with it the claims of what is not on its way."""
        for cases in self.cases.values():
            for case in cases:
                self.out -= {row.number for row, _ in case.bisection.accused}
                if not case.under_way:
                    self.out -= {row.number for row in case.bisection.remaining()}
        self.cases.clear()

    def abandon(self) -> None:
        """The store and its numbers are gone: the events will be read again."""
        self._unwritten.clear()
        self.cases.clear()
        self.out.clear()

    # -- one handler a verdict -----------------------------------------------------------------------------------

    def _done(self, shipment: Shipment, verdict: Verdict) -> None:
        lane = shipment.lane
        if verdict.reason:
            log.warning("Meta accepted events for pixel %s and says: %s", lane.pixel_id, verdict.reason)
        self._settle(shipment, State.DELIVERED, [(row, verdict) for row in shipment.rows])
        lane.last_success = self.last_success = time.time()
        if lane.succeeded(time.monotonic(), verdict.wait):
            log.warning("events for pixel %s are delivered again", lane.pixel_id)
            self.changed.add(lane)
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
        self.changed.add(lane)

    def _hold(self, shipment: Shipment, verdict: Verdict) -> None:
        lane = shipment.lane
        self._put_back(shipment, verdict)
        for case in self.cases.pop(lane.pixel_id, ()):
            known = case.bisection
            rows = [*known.remaining(), *(row for row, _ in known.accused)]
            self._write_later(case.claim, [Outcome(row.number, State.WAITING) for row in rows])
        if lane.pause(time.monotonic(), time.time(), verdict):
            log.error("pixel %s is paused, its events are kept: %s", lane.pixel_id, verdict.reason)
        self.changed.add(lane)
        self.stale = True

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
            self._resend(shipment)

    def _future(self, shipment: Shipment, verdict: Verdict) -> None:
        """Our clock is ahead of Meta's: send once more with Meta's time."""
        if shipment.clamped:
            self._poison(shipment, verdict)
            return
        now = int(verdict.server_time or time.time() - 60) - 1
        shipment.clamped = True
        shipment.rows = [clamp_to(row, now) for row in shipment.rows]
        self._resend(shipment)

    def _poison(self, shipment: Shipment, verdict: Verdict) -> None:
        if shipment.case is not None:
            shipment.case.bisection.refused(verdict)
            self._go_on(shipment, shipment.case)
        elif len(shipment.rows) == 1:
            self._accuse(shipment, [(shipment.rows[0], verdict)])
        else:
            case = Case(Bisection(shipment.rows), shipment.claim)
            self.cases.setdefault(shipment.lane.pixel_id, deque()).append(case)

    def _go_on(self, shipment: Shipment, case: Case) -> None:
        """After an answer in an examination: is all known, or can nothing be?"""
        case.under_way = False
        known = case.bisection
        if known.hopeless:
            self._hold(shipment, _all_refused(known.accused[0][1]))
        elif not known.next():
            cases = self.cases.get(shipment.lane.pixel_id)
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
            self.changed.add(lane)
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


def _all_refused(verdict: Verdict) -> Verdict:
    reason = f"Meta refuses every event of this pixel, so the settings must be wrong: {verdict.reason}"
    return verdict._replace(reason=reason)


_HANDLERS: dict[Kind, Callable[[Outcomes, Shipment, Verdict], None]] = {
    Kind.DONE: Outcomes._done,
    Kind.RETRY: Outcomes._retry,
    Kind.FEW: Outcomes._retry,
    Kind.THROTTLED: Outcomes._retry,
    Kind.HOLD: Outcomes._hold,
    Kind.SPLIT: Outcomes._split,
    Kind.OLD: Outcomes._old,
    Kind.FUTURE: Outcomes._future,
    Kind.POISON: Outcomes._poison,
}
