"""What becomes of the events of a request, for each verdict: delivered, again, kept, buried. Real store, no network."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine

from capi_middleware.delivery.bisection import ENOUGH
from capi_middleware.delivery.entry import Entry, Filter, State
from capi_middleware.delivery.lane import FEW, Lane
from capi_middleware.delivery.outcomes import Outcomes
from capi_middleware.delivery.shipment import Case, Shipment
from capi_middleware.delivery.sqlite import SqliteStore
from capi_middleware.delivery.store import StoreError
from capi_middleware.delivery.validate import MAX_AGE
from capi_middleware.delivery.verdict import Kind, Verdict
from tests.delivery.make import PIXEL, row

NOW = 1_700_000_000
DONE = Verdict(Kind.DONE, trace="A1")
DOWN = Verdict(Kind.RETRY, 2, reason="down for the moment")
CODE_1 = Verdict(Kind.FEW, 1, reason="Meta does not know what went wrong")
TOKEN = Verdict(Kind.HOLD, 190, 463, "the access token has expired")
LARGE = Verdict(Kind.SPLIT, reason="too large")
OLD = Verdict(Kind.OLD, 100, 2804003, "older than seven days")
FUTURE = Verdict(Kind.FUTURE, 100, 2804004, "lies in the future")
THIN = Verdict(Kind.POISON, 100, 2804050, "too little is known")  # Meta says that it is the event
UNKNOWN = Verdict(Kind.POISON, 100, 7, "Ogiltig parameter", "T7")  # Meta says nothing that we know


class Desk:
    """A store with events of one pixel, and what takes the verdicts on them."""

    def __init__(self, path: Path) -> None:
        self.store = SqliteStore(path)
        self.resent: list[Shipment] = []
        self.outcomes = Outcomes(self.resent.append)
        self.lane = Lane(PIXEL, lambda low, high: high)

    def ship(self, n: int, times: list[int] | None = None) -> Shipment:
        """A request with ``n`` fresh events."""
        self.store.put([row(event_time=when) for when in times or [NOW] * n])
        claim = self.store.claim(PIXEL, n, True, set())
        assert claim is not None and len(claim.rows) == n
        self.outcomes.out |= claim.left
        return self.again(Shipment(self.lane, claim, list(claim.rows)))

    def again(self, shipment: Shipment) -> Shipment:
        self.lane.in_flight += 1
        return shipment

    def answer(self, shipment: Shipment, verdict: Verdict) -> dict[str, int]:
        """Takes the verdict, writes what it means; how many events are in which state."""
        self.outcomes.take(shipment, verdict)
        self.outcomes.write(self.store)
        assert self.lane.in_flight == 0
        return self.states()

    def states(self) -> dict[str, int]:
        return dict(Counter(entry.state.value for entry in self.entries()))

    def entries(self) -> list[Entry]:
        return self.store.recent(Filter(), 10_000)

    def examine(self, verdict: Verdict, bad: set[int]) -> dict[str, int]:
        """Sends what the examination asks for until it ends; requests with one of these numbers are refused."""
        while case := next(iter(self.outcomes.cases.get(PIXEL, ())), None):
            rows = list(case.bisection.next())
            case.under_way = True
            shipment = self.again(Shipment(self.lane, case.claim, rows, case))
            self.answer(shipment, verdict if bad & {each.number for each in rows} else DONE)
        return self.states()


@pytest.fixture
def desk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Desk]:
    it = Desk(tmp_path / "ledger.sqlite3")
    yield it
    it.store.close()
    # A fault of ours while a verdict is handled puts the events back, which can look like what was to happen.
    assert not [record for record in caplog.get_records("call") if record.exc_info]


def test_accepted(desk: Desk) -> None:
    assert desk.outcomes.last_success == 0.0 and desk.outcomes.stale is False
    before = time.time()
    assert desk.answer(desk.ship(3), DONE) == {"delivered": 3}
    assert before <= desk.lane.last_success == desk.outcomes.last_success <= time.time()
    assert {entry.trace for entry in desk.entries()} == {"A1"}
    assert desk.outcomes.idle() and not desk.outcomes.out and not desk.outcomes.changed


def test_what_meta_says_of_accepted_events_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.answer(desk.ship(1), DONE)
    assert not caplog.records
    desk.answer(desk.ship(1), DONE._replace(reason="received 9 of 10"))
    assert PIXEL in caplog.text and "received 9 of 10" in caplog.text


def test_not_idle_until_it_is_written(desk: Desk) -> None:
    shipment = desk.ship(2)
    assert not desk.outcomes.idle()
    desk.outcomes.take(shipment, DONE)
    assert not desk.outcomes.idle() and len(desk.outcomes.out) == 2
    desk.outcomes.write(desk.store)
    assert desk.outcomes.idle() and not shipment.claim.left


def test_a_failure_that_may_pass_puts_the_events_back(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    assert desk.answer(desk.ship(3), DOWN._replace(wait=9.0)) == {"waiting": 3}
    assert {entry.tries for entry in desk.entries()} == {1}
    assert desk.lane.failures == 1 and desk.lane.waiting == 3 and not desk.lane.ready(time.monotonic() + 8)
    (pixel,) = desk.store.pixels()
    assert (pixel.state, pixel.reason) == ("backing-off", DOWN.reason) and abs(pixel.since - time.time()) < 60
    (record,) = caplog.records
    desk.answer(desk.ship(3), DOWN)
    assert caplog.records == [record] and desk.lane.waiting == 6
    assert PIXEL in record.getMessage() and DOWN.reason in record.getMessage(), "told once, not at each try"


def test_the_end_of_a_failure_is_told_and_remembered(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.answer(desk.ship(1), DOWN)
    caplog.clear()
    desk.answer(desk.ship(1), DONE._replace(wait=60.0))
    assert PIXEL in caplog.text and "delivered again" in caplog.text
    assert [pixel.state for pixel in desk.store.pixels()] == ["open"]
    assert not desk.lane.ready(time.monotonic() + 50), "usage is high: it sends less often"


def test_code_1_again_and_again_is_an_event_at_last(desk: Desk) -> None:
    for _ in range(FEW):
        desk.answer(desk.ship(2), CODE_1)
    assert not desk.outcomes.cases
    desk.answer(desk.ship(2), CODE_1)
    assert len(desk.outcomes.cases[PIXEL]) == 1, "the batch is examined"
    assert desk.lane.failures == FEW, "and that is no further failure"
    assert desk.answer(desk.ship(1), CODE_1)["dead"] == 1, "one event alone needs no examination"
    (entry,) = [entry for entry in desk.entries() if entry.state is State.DEAD]
    assert (entry.code, entry.reason) == (1, CODE_1.reason)


@pytest.mark.parametrize("verdict", [DOWN._replace(code=1), CODE_1._replace(code=5000)], ids=["retry", "another code"])
def test_other_failures_are_never_the_events(desk: Desk, verdict: Verdict) -> None:
    for _ in range(FEW):
        desk.answer(desk.ship(1), CODE_1)
    desk.answer(desk.ship(1), verdict)
    assert not desk.outcomes.cases and set(desk.states()) == {"waiting"}


def test_a_dead_token_keeps_everything(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    assert desk.answer(desk.ship(3), TOKEN._replace(wait=900.0)) == {"waiting": 3}
    assert desk.lane.paused and desk.outcomes.stale and not desk.lane.ready(time.monotonic() + 800)
    (pixel,) = desk.store.pixels()
    assert (pixel.state, pixel.code, pixel.subcode, pixel.reason) == ("paused", 190, 463, TOKEN.reason)
    assert abs(pixel.since - time.time()) < 60
    assert PIXEL in caplog.text and TOKEN.reason in caplog.text
    caplog.clear()
    desk.answer(desk.ship(1), TOKEN)
    assert not caplog.records, "told once"


def test_a_token_that_dies_in_an_examination_keeps_what_was_not_settled(desk: Desk) -> None:
    shipment = desk.ship(4)
    desk.answer(shipment, UNKNOWN)
    (case,) = desk.outcomes.cases[PIXEL]
    desk.answer(desk.again(Shipment(desk.lane, case.claim, list(case.bisection.next()), case)), DONE)
    rows = list(case.bisection.next())
    assert len(rows) == 1
    desk.answer(desk.again(Shipment(desk.lane, case.claim, rows, case)), UNKNOWN)
    rows = list(case.bisection.next())
    assert desk.answer(desk.again(Shipment(desk.lane, case.claim, rows, case)), TOKEN) == {"delivered": 2, "waiting": 2}
    assert not desk.outcomes.cases and desk.outcomes.idle()


def test_too_large_sends_half_as_much_from_then_on(desk: Desk) -> None:
    shipment = desk.ship(4)
    shipment.size = 400_000
    assert desk.answer(shipment, LARGE) == {"waiting": 4}
    assert desk.lane.max_bytes == 200_000
    shipment = desk.ship(4)
    shipment.size = 300_000  # asked for before the lesson
    desk.answer(shipment, LARGE)
    assert desk.lane.max_bytes == 100_000
    shipment = desk.ship(2)
    shipment.size = 1_500
    desk.answer(shipment, LARGE)
    assert desk.lane.max_bytes == 1024, "never less than an event needs"


def test_one_event_that_is_too_large_is_buried(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    before = desk.lane.max_bytes
    assert desk.answer(desk.ship(1), LARGE._replace(code=5)) == {"dead": 1}
    (entry,) = desk.entries()
    assert (entry.code, entry.reason) == (5, LARGE.reason)
    assert PIXEL in caplog.text and LARGE.reason in caplog.text
    assert desk.lane.max_bytes == before and desk.lane.refusals == 0, "that says nothing about the others"


@pytest.mark.parametrize("place", [1, 3], ids=["then come others", "the last"])
def test_too_large_in_an_examination_buries_only_what_is_too_large_alone(
    desk: Desk, caplog: pytest.LogCaptureFixture, place: int
) -> None:
    shipment = desk.ship(4)
    desk.answer(shipment, THIN)
    large = shipment.rows[place].number
    assert desk.examine(LARGE, {large}) == {"delivered": 3, "dead": 1}
    assert {entry.number for entry in desk.entries() if entry.state is State.DEAD} == {large}
    assert len(caplog.records) == 1, "and told once"


@pytest.mark.parametrize("told", [True, False], ids=["by Meta's clock", "by ours"])
def test_what_is_too_old_expires_and_the_rest_is_sent_again(desk: Desk, told: bool) -> None:
    now = float(NOW) if told else time.time()
    limit = int(now - MAX_AGE) + (0 if told else 5)
    shipment = desk.ship(3, [limit - 10, limit, limit + 3600])
    assert desk.answer(shipment, OLD._replace(server_time=now if told else 0.0)) == {"expired": 1, "waiting": 2}
    assert desk.resent == [shipment] and [each.event_time for each in shipment.rows] == [limit, limit + 3600]
    (entry,) = [entry for entry in desk.entries() if entry.state is State.EXPIRED]
    assert (entry.event_time, entry.code, entry.subcode) == (limit - 10, 100, 2804003)


def test_all_too_old_is_not_sent_again(desk: Desk) -> None:
    assert desk.answer(desk.ship(2), OLD._replace(server_time=NOW + 8 * 86400.0)) == {"expired": 2}
    assert not desk.resent


def test_too_old_where_none_is_examines_the_batch(desk: Desk) -> None:
    shipment = desk.ship(2)
    desk.answer(shipment, OLD._replace(server_time=float(NOW)))
    assert len(desk.outcomes.cases[PIXEL]) == 1 and not desk.resent
    desk.answer(desk.ship(1), OLD._replace(server_time=float(NOW)))
    assert desk.states() == {"dead": 1, "waiting": 2}


def test_a_time_that_lies_in_metas_future_becomes_metas_now(desk: Desk) -> None:
    shipment = desk.ship(2, [NOW + 500, NOW - 500])
    desk.answer(shipment, FUTURE._replace(server_time=float(NOW)))
    assert desk.resent == [shipment] and shipment.clamped
    assert sorted(each.event_time for each in shipment.rows) == [NOW - 500, NOW - 1]
    assert sorted(json.loads(each.payload)["event_time"] for each in shipment.rows) == [NOW - 500, NOW - 1]
    desk.answer(desk.again(shipment), FUTURE)
    assert len(desk.outcomes.cases[PIXEL]) == 1 and desk.resent == [shipment], "once; then an event is to blame"


@time_machine.travel(NOW, tick=False)
def test_without_metas_clock_a_minute_before_ours_is_tried(desk: Desk) -> None:
    shipment = desk.ship(1, [NOW])
    desk.answer(shipment, FUTURE)
    assert shipment.rows[0].event_time == NOW - 61
    assert desk.answer(desk.again(shipment), FUTURE) == {"dead": 1}
    (entry,) = desk.entries()
    assert (entry.code, entry.subcode, entry.reason) == (100, 2804004, FUTURE.reason)


def test_a_refused_batch_is_examined_and_the_good_ones_arrive(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    shipment = desk.ship(5)
    desk.answer(shipment, UNKNOWN)
    bad = shipment.rows[3].number
    assert desk.examine(UNKNOWN, {bad}) == {"delivered": 4, "dead": 1}
    (entry,) = [entry for entry in desk.entries() if entry.state is State.DEAD]
    assert (entry.number, entry.code, entry.subcode, entry.trace) == (bad, 100, 7, "T7")
    assert "1 event(s)" in caplog.text and UNKNOWN.reason in caplog.text
    assert desk.outcomes.idle() and not desk.outcomes.cases[PIXEL] and desk.lane.refusals == 0


def test_one_event_refused_alone_is_buried(desk: Desk) -> None:
    assert desk.answer(desk.ship(1), UNKNOWN) == {"dead": 1}
    assert desk.lane.refusals == 1 and not desk.lane.paused


def test_all_refused_alike_without_a_word_why_is_not_the_events(desk: Desk) -> None:
    shipment = desk.ship(20)
    desk.answer(shipment, UNKNOWN)
    assert desk.examine(UNKNOWN, {each.number for each in shipment.rows}) == {"waiting": 20}
    assert desk.lane.paused and "every event" in desk.lane.reason and UNKNOWN.reason in desk.lane.reason


def test_all_refused_for_what_they_hold_are_buried(desk: Desk) -> None:
    shipment = desk.ship(20)
    desk.answer(shipment, THIN)
    assert desk.examine(THIN, {each.number for each in shipment.rows}) == {"dead": 20}
    assert not desk.lane.paused


def test_a_slow_shops_single_refusals_pause_the_pixel_too(desk: Desk) -> None:
    for _ in range(ENOUGH - 1):
        desk.answer(desk.ship(1), UNKNOWN)
    assert desk.states() == {"dead": ENOUGH - 1} and not desk.lane.paused
    assert desk.answer(desk.ship(1), UNKNOWN) == {"dead": ENOUGH - 1, "waiting": 1}
    assert desk.lane.paused and "every event" in desk.lane.reason
    assert desk.answer(desk.ship(1), UNKNOWN)["waiting"] == 2, "the probe is refused alike: it waits too"


def test_single_refusals_for_what_they_hold_never_pause(desk: Desk) -> None:
    for _ in range(ENOUGH + 1):
        desk.answer(desk.ship(1), THIN)
    assert desk.states() == {"dead": ENOUGH + 1} and not desk.lane.paused


def test_an_accepted_event_between_refusals_starts_the_count_anew(desk: Desk) -> None:
    for _ in range(ENOUGH - 1):
        desk.answer(desk.ship(1), UNKNOWN)
    desk.answer(desk.ship(1), DONE)
    desk.answer(desk.ship(1), UNKNOWN)
    assert desk.states() == {"dead": ENOUGH, "delivered": 1} and not desk.lane.paused


def test_a_few_all_refused_without_a_word_count_together(desk: Desk) -> None:
    """Two batches of four: together they are enough to see that it is not the events."""
    for _ in range(2):
        shipment = desk.ship(4)
        desk.answer(shipment, UNKNOWN)
        desk.examine(UNKNOWN, {each.number for each in shipment.rows})
    assert desk.states() == {"dead": 4, "waiting": 4} and desk.lane.paused


def test_a_mended_token_makes_meta_look_at_the_event(desk: Desk) -> None:
    """The probe of a paused pixel is refused for itself: the pause is over, the event is buried."""
    desk.answer(desk.ship(1), TOKEN)
    assert desk.answer(desk.ship(1), UNKNOWN) == {"waiting": 1, "dead": 1}
    assert not desk.lane.paused and desk.lane.refusals == 1
    assert [pixel.state for pixel in desk.store.pixels()] == ["open"]


def test_a_fault_of_ours_sends_the_events_again(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    shipment = desk.ship(2)
    shipment.case = Case(None, shipment.claim)  # type: ignore[arg-type]  # no examination: reading it raises
    assert desk.answer(shipment, UNKNOWN) == {"waiting": 2}
    assert {entry.tries for entry in desk.entries()} == {1} and desk.lane.waiting == 2
    assert [record.levelno for record in caplog.records] == [logging.ERROR] and "sent again" in caplog.text
    caplog.clear()


def test_503_in_an_examination_goes_on_where_it_was(desk: Desk) -> None:
    shipment = desk.ship(4)
    desk.answer(shipment, UNKNOWN)
    (case,) = desk.outcomes.cases[PIXEL]
    rows = list(case.bisection.next())
    case.under_way = True
    desk.answer(desk.again(Shipment(desk.lane, case.claim, rows, case)), DOWN)
    assert not case.under_way and list(case.bisection.next()) == rows and desk.lane.waiting == 0
    assert desk.examine(UNKNOWN, {rows[0].number}) == {"delivered": 3, "dead": 1}


class Full(SqliteStore):
    """A store whose disk is full for once."""

    full = True
    asked: object = None

    def settle(self, *given: object) -> None:
        self.asked = given[0]
        if self.full:
            raise StoreError("disk full", full=True)
        super().settle(*given)  # type: ignore[arg-type]


def test_a_full_disk_forgets_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "ledger.sqlite3")
    desk.store.close()
    desk.store = Full(tmp_path / "ledger.sqlite3")
    shipment = desk.ship(2)
    with pytest.raises(StoreError):
        desk.answer(shipment, DONE)
    assert not desk.outcomes.idle() and len(desk.outcomes.out) == 2
    assert desk.store.asked is shipment.claim, "PostgreSQL writes under the claim alone"
    desk.store.full = False
    desk.outcomes.write(desk.store)
    assert desk.states() == {"delivered": 2} and desk.outcomes.idle()
    desk.store.close()


def test_claims_that_went_with_the_store_are_free_but_for_what_is_on_its_way(desk: Desk) -> None:
    desk.answer(desk.ship(4), UNKNOWN)
    under_way = desk.ship(2)
    desk.answer(under_way, UNKNOWN)
    first, second = desk.outcomes.cases[PIXEL]
    for _ in range(2):  # two good ones pass; of the others the first is refused alone
        rows = list(first.bisection.next())
        desk.answer(desk.again(Shipment(desk.lane, first.claim, rows, first)), DONE if len(rows) == 2 else UNKNOWN)
    assert len(first.bisection.accused) == 1
    second.under_way = True
    on_its_way = desk.ship(1)
    desk.outcomes.drop_claims()
    kept = {each.number for each in (*under_way.rows, *on_its_way.rows)}
    assert desk.outcomes.out == kept and not desk.outcomes.cases


def test_an_answer_to_an_examination_that_went_with_the_store(desk: Desk) -> None:
    desk.answer(desk.ship(2), UNKNOWN)
    (case,) = desk.outcomes.cases[PIXEL]
    sent = [desk.again(Shipment(desk.lane, case.claim, list(case.bisection.next()), case))]
    case.under_way = True
    desk.outcomes.drop_claims()
    desk.answer(sent[0], DONE)
    desk.answer(desk.again(Shipment(desk.lane, case.claim, list(case.bisection.next()), case)), UNKNOWN)
    assert desk.states() == {"delivered": 1, "dead": 1}


def test_a_store_that_is_gone_is_forgotten_whole(desk: Desk) -> None:
    desk.answer(desk.ship(2), UNKNOWN)
    desk.outcomes.take(desk.ship(1), DONE)
    desk.outcomes.abandon()
    assert desk.outcomes.idle() and not desk.outcomes.cases


def test_an_outcome_without_events_is_no_transaction(desk: Desk) -> None:
    """All of a claim's rows may have been settled by then."""
    shipment = desk.ship(1)
    shipment.rows = []
    calls: list[object] = []
    desk.store.settle = lambda *given: calls.append(given)  # type: ignore[method-assign]
    desk.answer(shipment, DONE)
    assert not calls
