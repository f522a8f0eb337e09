"""Each way in which Meta or the network may answer, and what becomes of the events."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from capi_middleware.delivery import lane as lane_module
from capi_middleware.delivery import posters as posters_module
from capi_middleware.delivery import sender as sender_module
from capi_middleware.delivery.entry import State
from capi_middleware.delivery.journal import Journal
from capi_middleware.delivery.lane import OPENS_AFTER
from capi_middleware.delivery.rows import pack_event
from capi_middleware.delivery.segment import EVENT
from capi_middleware.delivery.spool import Spool
from capi_middleware.delivery.sqlite import SqliteStore
from capi_middleware.events import Event
from tests.delivery.bench import Bench, poisoned, settings
from tests.delivery.make import PIXEL, event
from tests.delivery.sink import Reply, Sink, error

Script = Callable[[list[dict[str, Any]], dict[str, Any]], Reply | None]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off and probes in hundredths of seconds."""
    monkeypatch.setattr(lane_module, "BACK_OFF", 0.05)
    monkeypatch.setattr(lane_module, "PROBE_EVERY", 0.1)
    monkeypatch.setattr(lane_module, "LINGER", 0.02)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(script: Script | None = None, **delivery: Any) -> Bench:
        made.append(Bench(Sink(script), tmp_path, **delivery))
        return made[-1]

    yield make
    for each in made:
        each.close()


def bad(**changes: Any) -> Event:
    return event(custom_data={"bad": True}, **changes)


def ids(events: list[Event]) -> list[str]:
    return sorted(each.event_id for each in events)


def answers(*replies: Reply | None) -> Script:
    """These in turn, then all good."""
    left = list(replies)
    return lambda events, body: left.pop(0) if left else None


def test_events_arrive_once_in_one_request(bench: Callable[..., Bench]) -> None:
    it = bench()
    sent = [event() for _ in range(50)]
    it.put(*sent)
    it.finish()
    assert sorted(it.sink.accepted) == ids(sent)
    assert len(it.sink.batches) == 1
    assert it.states() == {"delivered": 50}
    assert it.sink.bodies[0].keys() == {"access_token", "partner_agent"}


def test_whoever_asks_is_not_told_too_early_that_all_is_sent(bench: Callable[..., Bench]) -> None:
    """Another thread asks, at each line of the deliverer's way."""
    it = bench()
    told: list[str] = []

    def ask(frame: FrameType, what: str, _: object) -> Any:
        done = not len(it.inlet) and it.deliverer.sender.all_done()
        if done and len(it.sink.accepted) < 5:
            told.append(f"{frame.f_code.co_name}, line {frame.f_lineno}")
        return ask

    it.put(*[event() for _ in range(5)])
    sys.settrace(ask)
    try:
        while not it.sink.accepted:
            it.deliverer.sender.recount()
            it.deliverer.step(0.02)
    finally:
        sys.settrace(None)
    assert told == []


def test_a_request_holds_at_most_a_thousand_events_and_a_mebibyte(bench: Callable[..., Bench]) -> None:
    it = bench()
    it.put(*[event() for _ in range(1500)], *[event(custom_data={"x": "y" * 30_000}) for _ in range(100)])
    it.finish()
    assert max(len(batch) for batch in it.sink.batches) <= 1000
    assert len(it.sink.accepted) == 1600 and len(it.sink.batches) >= 4


def test_500_ten_times_then_200(bench: Callable[..., Bench]) -> None:
    it = bench(answers(*[Reply(500)] * 10))
    sent = [event() for _ in range(20)]
    it.put(*sent)
    it.finish()
    assert sorted(it.sink.accepted) == ids(sent), "all once"
    sizes = [len(batch) for batch in it.sink.batches]
    assert sizes[:OPENS_AFTER] == [20] * OPENS_AFTER
    assert set(sizes[OPENS_AFTER:11]) == {1}, "after some failures one event tests the way"
    assert all(entry.tries >= OPENS_AFTER for entry in it.entries())


def test_delays_grow_with_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "BACK_OFF", 300.0)
    asked: list[float] = []

    def uniform(low: float, high: float) -> float:
        asked.append(high)
        return high

    lane = lane_module.Lane(PIXEL, uniform)
    from capi_middleware.delivery.verdict import Kind, Verdict

    for _ in range(12):
        lane.failed(0.0, 0.0, Verdict(Kind.RETRY))
    assert asked == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0, 300.0, 300.0]
    lane.failed(0.0, 0.0, Verdict(Kind.RETRY, wait=900.0))
    assert lane.next_at == 900.0, "Retry-After is the least"


def test_retry_after_is_waited_for(bench: Callable[..., Bench]) -> None:
    it = bench(answers(Reply(429, {}, {"Retry-After": "1"})))
    it.put(event())
    it.finish()
    assert it.sink.times[1] - it.sink.times[0] >= 1.0


def test_retry_after_as_a_date_is_waited_for(bench: Callable[..., Bench]) -> None:
    it = bench(answers(Reply(503, {}, {"Retry-After": formatdate(time.time() + 2, usegmt=True)})))
    it.put(event())
    it.finish()
    assert it.sink.times[1] - it.sink.times[0] >= 0.8


@pytest.mark.parametrize("value", ["-5", "abc", "0"])
def test_a_senseless_retry_after_is_ignored(bench: Callable[..., Bench], value: str) -> None:
    it = bench(answers(Reply(429, {}, {"Retry-After": value})))
    it.put(event())
    it.finish(5)
    assert len(it.sink.accepted) == 1


@pytest.mark.parametrize("how", ["reset", "cut", "close"])
def test_a_broken_connection_repeats_the_same_ids(bench: Callable[..., Bench], how: str) -> None:
    it = bench(answers(Reply(how=how)))
    sent = [event() for _ in range(5)]
    it.put(*sent)
    it.finish()
    assert it.sink.batches[0] == it.sink.batches[1]
    assert sorted(it.sink.accepted) == ids(sent)


@pytest.mark.parametrize(
    "body",
    [b"<html>Log in</html>", b'{"events_received": 1', b""],
    ids=["captive portal", "cut JSON", "empty"],
)
def test_a_200_that_is_not_metas_is_tried_again(bench: Callable[..., Bench], body: bytes) -> None:
    it = bench(answers(Reply(200, body)))
    it.put(event())
    it.finish()
    assert len(it.sink.batches) == 2 and it.states() == {"delivered": 1}


def test_an_answer_that_cannot_be_judged_loses_no_event(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours, in what an answer made of nonsense may find: the events are sent again, by this very process."""
    it = bench()
    sent = [event() for _ in range(5)]
    it.put(*sent)
    with monkeypatch.context() as patch:
        patch.setattr(sender_module, "judge", lambda *_: 1 / 0)
        it.run(lambda: bool(it.sink.batches))
        it.run(lambda: not it.deliverer.sender.posters.under_way)
    it.finish()
    assert it.states() == {"delivered": 5}
    assert sorted(it.sink.batches[0]) == sorted(it.sink.batches[1]) == ids(sent)


def test_fewer_received_is_done_and_told(bench: Callable[..., Bench]) -> None:
    it = bench(answers(Reply(200, {"events_received": 1, "messages": ["odd"], "fbtrace_id": "F1"})))
    it.put(event(), event())
    it.finish()
    assert len(it.sink.batches) == 1
    assert {(entry.reason, entry.trace) for entry in it.entries()} == {
        ("Meta says it received 1 of 2 events. odd", "F1")
    }


@pytest.mark.parametrize(
    "refusal",
    [error(190, 463, 401), error(190, status=400), error(10, status=403), error(100, 33), error(3), Reply(404)],
    ids=["token expired", "token invalid", "permission", "no such pixel", "capability", "wrong address"],
)
def test_a_pixel_is_paused_and_resumes_when_the_settings_change(bench: Callable[..., Bench], refusal: Reply) -> None:
    mended: list[int] = []
    it = bench(lambda events, body: None if mended else refusal)
    lane_module.PROBE_EVERY = 60.0
    sent = [event() for _ in range(30)]
    it.put(*sent)
    it.run(lambda: any(pixel["state"] == "paused" for pixel in it.deliverer.status()["pixels"]))
    it.put(*(more := [event() for _ in range(5)]))
    it.idle(0.3)
    assert len(it.sink.batches) == 1, "no bisection, no further request"
    assert it.states() == {"waiting": 35}, "nothing dropped"
    (state,) = it.deliverer.status()["pixels"]
    assert state["reason"] and state["waiting"] >= 30
    from capi_middleware.settings import Secret

    mended.append(1)
    it.change(access_token=Secret("NEW"))
    it.finish(10)
    assert sorted(it.sink.accepted) == ids(sent + more)
    assert it.sink.bodies[-1]["access_token"] == "NEW"


def test_a_paused_pixel_is_probed_with_one_event(bench: Callable[..., Bench]) -> None:
    it = bench(answers(*[error(190, 0, 401)] * 3))
    it.put(*[event() for _ in range(10)])
    it.finish()
    assert [len(batch) for batch in it.sink.batches[:4]] == [10, 1, 1, 1]
    assert it.states() == {"delivered": 10}


def test_a_pause_outlives_the_process(bench: Callable[..., Bench]) -> None:
    it = bench(lambda events, body: error(190, 463, 401))
    lane_module.PROBE_EVERY = 60.0
    it.put(event())
    it.run(lambda: any(pixel["state"] == "paused" for pixel in it.deliverer.status()["pixels"]))
    it.idle(0.1)
    it.deliverer.close(1.0)
    it.deliverer = it.make()
    it.put(event())
    it.idle(0.3)
    assert len(it.sink.batches) == 1
    (state,) = it.deliverer.status()["pixels"]
    assert (state["state"], state["code"], state["subcode"]) == ("paused", 190, 463)


@pytest.mark.parametrize("places", [{0}, {250}, {499}, {3, 400}], ids=str)
def test_the_bad_event_of_a_batch_is_buried_and_the_others_arrive_once(
    bench: Callable[..., Bench], places: set[int]
) -> None:
    it = bench(lambda events, body: error(100, 2804050, error_user_msg="thin") if poisoned(events) else None)
    sent = [bad() if index in places else event() for index in range(500)]
    it.put(*sent)
    it.finish()
    good = [each for each in sent if not each.custom_data]
    assert sorted(it.sink.accepted) == ids(good)
    dead = it.entries(state=State.DEAD)
    assert sorted(entry.event_id for entry in dead) == ids([each for each in sent if each.custom_data])
    assert {(entry.code, entry.subcode, entry.trace) for entry in dead} == {(100, 2804050, "E1")}
    assert all("too little is known" in entry.reason for entry in dead)
    assert len(it.sink.batches) <= 1 + 2 * 9 * len(places)


def test_one_in_a_thousand_costs_at_most_21_requests(bench: Callable[..., Bench]) -> None:
    it = bench(lambda events, body: error(100, 2804050) if poisoned(events) else None)
    it.put(*[bad() if index == 617 else event() for index in range(1000)])
    it.finish()
    assert len(it.sink.batches) <= 21
    assert it.states() == {"delivered": 999, "dead": 1}


def test_fifty_bad_ones_are_found_within_the_budget(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "BISECT_POSTS", 10_000)
    it = bench(lambda events, body: error(100, 2804050) if poisoned(events) else None)
    it.put(*[bad() if index % 20 == 0 else event() for index in range(1000)])
    it.finish(60)
    assert it.states() == {"delivered": 950, "dead": 50}


def test_the_budget_for_bisecting_does_not_hold_up_fresh_events(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "BISECT_POSTS", 3)
    it = bench(lambda events, body: error(100, 2804050) if poisoned(events) else None)
    it.put(*[bad() if index % 7 == 0 else event() for index in range(100)])
    it.run(lambda: len(it.sink.batches) >= 4)
    fresh = event()
    it.put(fresh)
    it.run(lambda: fresh.event_id in it.sink.accepted, 5)


def test_all_refused_alike_pauses_the_pixel_and_buries_nothing(bench: Callable[..., Bench]) -> None:
    it = bench(lambda events, body: error(100, 7))
    lane_module.PROBE_EVERY = 60.0
    it.put(*[event() for _ in range(200)])
    it.run(lambda: any(pixel["state"] == "paused" for pixel in it.deliverer.status()["pixels"]))
    it.idle(0.1)
    assert it.states() == {"waiting": 200}
    assert len(it.sink.batches) < 40


def test_refusals_one_by_one_pause_the_pixel_too(bench: Callable[..., Bench]) -> None:
    """A slow shop sends single events: after a few it is clear that it is not the events."""
    it = bench(lambda events, body: error(100, 7))
    lane_module.PROBE_EVERY = 60.0
    for index in range(12):
        it.put(event())
        it.run(lambda index=index: len(it.sink.batches) > min(index, 7), 5)  # type: ignore[misc]
    it.idle(0.2)
    assert it.deliverer.status()["pixels"][0]["state"] == "paused"
    assert it.states()["dead"] <= 7 and it.states()["waiting"] >= 5


def test_after_a_mended_token_a_bad_oldest_event_does_not_block(bench: Callable[..., Bench]) -> None:
    """The probe of a paused pixel is itself refused as an event: it is buried, and the rest goes on."""
    replies = [error(190, 463, 401)]

    def script(events: list[dict[str, Any]], body: dict[str, Any]) -> Reply | None:
        if replies:
            return replies.pop()
        return error(100, 2804050) if poisoned(events) else None

    it = bench(script)
    it.put(bad(), *[event() for _ in range(5)])
    it.finish()
    assert it.states() == {"dead": 1, "delivered": 5}


def test_503_in_the_middle_of_a_bisection(bench: Callable[..., Bench]) -> None:
    seen: list[int] = []

    def script(events: list[dict[str, Any]], body: dict[str, Any]) -> Reply | None:
        seen.append(len(events))
        if len(seen) in (4, 5):
            return Reply(503)
        return error(100, 2804050) if poisoned(events) else None

    it = bench(script)
    it.put(*[bad() if index == 20 else event() for index in range(64)])
    it.finish()
    assert it.states() == {"delivered": 63, "dead": 1}
    assert max(Counter(it.sink.accepted).values()) == 1, "finished halves are not sent again"


def test_a_process_that_dies_in_a_bisection_repeats_only_what_was_under_way(bench: Callable[..., Bench]) -> None:
    it = bench(lambda events, body: error(100, 2804050) if poisoned(events) else None)
    it.put(*[bad() if index == 20 else event() for index in range(64)])
    it.run(lambda: len(it.sink.accepted) >= 32)
    it.deliverer.step(0.0)
    it.deliverer.close(0.0)
    it.deliverer = it.make()
    it.finish()
    assert it.states() == {"delivered": 63, "dead": 1}
    assert sum(n - 1 for n in Counter(it.sink.accepted).values()) <= 32


def test_413_splits_and_learns(bench: Callable[..., Bench]) -> None:
    def script(events: list[dict[str, Any]], body: dict[str, Any]) -> Reply | None:
        return Reply(413) if len(json.dumps(events)) > 100_000 else None

    it = bench(script)
    it.put(*[event(custom_data={"x": "y" * 1000}) for _ in range(300)])
    it.finish()
    assert len(it.sink.accepted) == len(set(it.sink.accepted)) == 300
    refused = len(it.sink.batches)
    it.put(*[event(custom_data={"x": "y" * 1000}) for _ in range(300)])
    it.finish()
    assert len(it.sink.batches) - refused <= 8, "the size is remembered"


def test_413_for_a_single_event_buries_it(bench: Callable[..., Bench]) -> None:
    it = bench(lambda events, body: Reply(413) if "y" * 1000 in json.dumps(events) else None)
    it.put(event(custom_data={"x": "y" * 1000}), *[event() for _ in range(3)])
    it.finish()
    assert it.states() == {"dead": 1, "delivered": 3}


def test_code_1_for_ever_is_looked_into_at_last(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    from capi_middleware.delivery import outcomes

    monkeypatch.setattr(outcomes, "FEW", 4)
    it = bench(lambda events, body: error(1, 0, 500) if poisoned(events) else None)
    it.put(bad(), *[event() for _ in range(9)])
    it.finish()
    assert it.states() == {"dead": 1, "delivered": 9}


def test_an_event_seven_days_old_is_not_sent(bench: Callable[..., Bench]) -> None:
    it = bench()
    old = event(event_time=int(time.time()) - 7 * 86400 - 5, browser=False)
    fresh = event()
    it.deliverer.step(0.0)
    it.put(old, fresh)
    it.finish()
    assert it.sink.accepted == [fresh.event_id]
    assert {entry.event_id: entry.state for entry in it.entries()}[old.event_id] is State.EXPIRED


@pytest.mark.parametrize(("late", "state"), [("drop", State.EXPIRED), ("send", State.DELIVERED)])
def test_an_event_with_a_browser_twin_49_hours_old(bench: Callable[..., Bench], late: str, state: State) -> None:
    it = bench(late=late)
    it.deliverer.step(0.0)
    it.put(event(event_time=int(time.time()) - 49 * 3600))
    it.finish()
    assert [entry.state for entry in it.entries()] == [state]


def test_too_old_by_metas_clock(bench: Callable[..., Bench]) -> None:
    """Our clock is slow: Meta says which events are past its seven days, by its own time."""
    ahead = formatdate(time.time() + 5 * 86400, usegmt=True)
    refusal = error(100, 2804003)

    def script(events: list[dict[str, Any]], body: dict[str, Any]) -> Reply | None:
        old = any(each["event_time"] < time.time() - 2 * 86400 for each in events)
        return Reply(refusal.status, refusal.body, {"Date": ahead}) if old else None

    it = bench(script)
    it.put(event(event_time=int(time.time()) - 3 * 86400, browser=False), event(), event())
    it.finish()
    assert it.states() == {"expired": 1, "delivered": 2}
    assert len(it.sink.batches) == 2


def test_in_the_future_by_metas_clock(bench: Callable[..., Bench]) -> None:
    """Our clock is fast: sent once more, with Meta's time."""
    behind = time.time() - 3600
    refusal = error(100, 2804004)

    def script(events: list[dict[str, Any]], body: dict[str, Any]) -> Reply | None:
        late = any(each["event_time"] > behind for each in events)
        return Reply(refusal.status, refusal.body, {"Date": formatdate(behind, usegmt=True)}) if late else None

    it = bench(script)
    it.put(event(), event())
    it.finish()
    assert it.states() == {"delivered": 2} and len(it.sink.batches) == 2
    assert all(each["event_time"] <= behind for each in it.sink.events)


def test_events_that_meta_would_refuse_are_dead_at_once(bench: Callable[..., Bench]) -> None:
    it = bench()
    it.put(event(event_name="Purchase"), event())
    it.finish()
    (dead,) = it.entries(state=State.DEAD)
    assert dead.reason == "a Purchase needs value and currency"
    assert len(it.sink.accepted) == 1


def test_one_shops_trouble_is_not_anothers(bench: Callable[..., Bench]) -> None:
    """A dead token, poison, a server that never answers and a flood, beside a shop that is well."""

    def script(events: list[dict[str, Any]], body: dict[str, Any]) -> Reply | None:
        return {
            "DEAD": error(190, 463, 401),
            "POISON": error(100, 2804050) if poisoned(events) else None,
            "SILENT": Reply(how="silent"),
            "FLOOD": None,
        }.get(body["access_token"])

    it = bench(script)
    it.settings = settings(
        it.sink.url,
        sites=tuple(
            settings(it.sink.url, token, str(10_000_000 + number))
            for number, token in enumerate(["DEAD", "POISON", "SILENT", "FLOOD"])
        ),
    )
    it.put(*[event(pixel_id="10000000") for _ in range(50)])
    it.put(*[bad(pixel_id="10000001") for _ in range(50)])
    it.put(*[event(pixel_id="10000002") for _ in range(50)])
    it.put(*[event(pixel_id="10000003") for _ in range(5000)])
    for _ in range(10):
        well = event()
        start = time.monotonic()
        it.put(well)
        it.run(lambda well=well: well.event_id in it.sink.accepted, 5)  # type: ignore[misc]
        assert time.monotonic() - start < 8.0, "less than the deadline of the one that never answers"


def test_fresh_events_go_before_a_backlog(bench: Callable[..., Bench]) -> None:
    closed = [1]
    it = bench(lambda events, body: Reply(503) if closed else None)
    it.put(*[event() for _ in range(8000)])
    it.run(lambda: len(it.sink.batches) >= 3)
    fresh = event()
    it.put(fresh)
    it.idle(0.2)
    closed.clear()
    it.run(lambda: fresh.event_id in it.sink.accepted)
    assert len(it.sink.accepted) < 4000
    it.finish()
    assert len(set(it.sink.accepted)) == 8001


def test_many_waiting_use_more_connections(bench: Callable[..., Bench]) -> None:
    def script(events: list[dict[str, Any]], body: dict[str, Any]) -> Reply | None:
        time.sleep(0.05)
        return None

    it = bench(script)
    it.put(*[event() for _ in range(20_000)])
    widest = 0

    def watch() -> bool:
        nonlocal widest
        widest = max(widest, len(it.deliverer.sender.posters.under_way))
        return len(it.sink.accepted) >= 20_000

    it.run(watch, 30)
    assert widest >= 2
    assert len(set(it.sink.accepted)) == 20_000


def test_without_a_token_events_wait(bench: Callable[..., Bench]) -> None:
    from capi_middleware.settings import Secret

    it = bench()
    it.change(access_token=Secret())
    it.put(event())
    it.idle(0.2)
    (state,) = it.deliverer.status()["pixels"]
    assert state["state"] == "paused" and "access token" in state["reason"]
    it.change(access_token=Secret("TOKEN"))
    it.finish()
    assert len(it.sink.accepted) == 1


def test_a_pixel_that_no_settings_know(bench: Callable[..., Bench]) -> None:
    it = bench()
    it.put(event(pixel_id="77777777"))
    it.idle(0.2)
    assert it.deliverer.sender.unknown()
    assert it.states() == {"waiting": 1}


def test_a_test_code_expires_by_itself(bench: Callable[..., Bench]) -> None:
    it = bench(test_code_hours=1.0)
    it.change(test_event_code="TEST1")
    it.put(event())
    it.finish()
    assert it.sink.bodies[-1]["test_event_code"] == "TEST1"
    from capi_middleware.delivery.routes import code_key

    assert it.opened is not None
    it.opened.set_note(code_key(PIXEL, "TEST1"), str(time.time() - 3700))
    it.deliverer.sender._routes_due = 0.0
    it.put(event())
    it.finish()
    assert "test_event_code" not in it.sink.bodies[-1]
    it.change(test_event_code="TEST2")
    it.put(event())
    it.finish()
    assert it.sink.bodies[-1]["test_event_code"] == "TEST2", "a new code is fresh"


def test_a_test_code_with_an_end_of_its_own(bench: Callable[..., Bench]) -> None:
    """What the admin page saves: the same code can be used again, and ends when it says."""
    it = bench()
    it.change(test_event_code="TEST1", test_event_until=int(time.time()) + 60)
    it.put(event())
    it.finish()
    assert it.sink.bodies[-1]["test_event_code"] == "TEST1"
    it.change(test_event_until=int(time.time()) - 1)
    it.put(event())
    it.finish()
    assert "test_event_code" not in it.sink.bodies[-1]


def test_paused_by_its_owner_everything_waits(bench: Callable[..., Bench]) -> None:
    it = bench()
    it.change(paused=True)
    it.put(event())
    it.idle(0.2)
    assert it.sink.bodies == [] and it.states() == {"waiting": 1}
    it.change(paused=False)
    it.finish()
    assert len(it.sink.accepted) == 1


def test_an_unanswered_request_does_not_stop_other_pixels(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    from capi_middleware.delivery import request

    monkeypatch.setattr(request, "DEADLINE", 0.5)
    asked: list[int] = []

    def script(events: list[dict[str, Any]], body: dict[str, Any]) -> Reply | None:
        if body["access_token"] == "SILENT" and len(asked) < 2:
            asked.append(1)
            return Reply(how="silent")
        return None

    it = bench(script)
    it.settings = settings(it.sink.url, sites=(settings(it.sink.url, "SILENT", "10000002"),))
    late = event(pixel_id="10000002")
    it.put(late)
    for _ in range(5):
        it.put(event())
        it.idle(0.05)
    assert len(it.sink.accepted) >= 3
    it.finish()
    assert late.event_id in it.sink.accepted


def test_a_full_store_deletes_history_and_goes_on(bench: Callable[..., Bench]) -> None:
    """SQLite says that it is full (here by its own limit): what is settled makes room, nothing waiting is lost."""
    it = bench()
    it.put(*[event() for _ in range(2000)])
    it.finish()
    assert it.opened is not None
    pages = it.opened._rows("PRAGMA page_count")[0][0]  # type: ignore[attr-defined]
    it.opened._rows(f"PRAGMA max_page_count = {pages + 20}")  # type: ignore[attr-defined]
    sent = [event() for _ in range(3000)]
    it.put(*sent)
    it.finish(40)
    assert set(ids(sent)) <= set(it.sink.accepted)
    assert it.deliverer.status()["lost"] == {}


def test_no_thread_can_be_started_for_a_while(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's bound on processes. The pixel's road is free again afterwards."""
    it = bench()

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    it.put(event())
    with monkeypatch.context() as patch:
        patch.setattr(posters_module, "start_thread", refuse)
        for _ in range(10):
            with contextlib.suppress(RuntimeError):  # the runner logs it, and goes on
                it.deliverer.step(0.02)
    it.finish(5)
    assert it.states() == {"delivered": 1}


@pytest.fixture
def journaled(bench: Callable[..., Bench], tmp_path: Path) -> Iterator[tuple[Bench, Journal]]:
    """A deliverer that reads a journal, and that journal."""
    it, journal, spool = bench(), Journal(tmp_path / "journal", 1 << 30), Spool(tmp_path / "journal")
    it.deliverer.inlets[:] = [spool]
    yield it, journal
    journal.close()
    spool.close()


def no_memory(*_: object) -> None:
    raise MemoryError


def test_a_fault_while_events_are_stored_loses_none(
    journaled: tuple[Bench, Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No memory, or what nobody thought of: what was read from the journal is read again."""
    it, journal = journaled
    sent = [event() for _ in range(5)]
    for each in sent:
        journal.append(EVENT, pack_event(each, time.time()))
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "put", no_memory)
        with pytest.raises(MemoryError):
            it.finish()
    it.run(lambda: len(it.sink.accepted) == 5)
    assert sorted(it.sink.accepted) == ids(sent)


def test_an_event_that_cannot_be_stored_holds_up_no_other(journaled: tuple[Bench, Journal]) -> None:
    """SQLite's numbers have 64 bits."""
    it, journal = journaled
    sent = [event(event_time=-(10**30) if n == 2 else int(time.time())) for n in range(5)]
    for each in sent:
        journal.append(EVENT, pack_event(each, time.time()))
    it.run(lambda: len(it.sink.accepted) == 4)
    assert sorted(it.sink.accepted) == sorted(set(ids(sent)) - {sent[2].event_id})
    assert it.opened is not None and it.opened.losses() == {"unreadable": 1}


def test_a_journal_that_cannot_be_synced_stops_nothing(bench: Callable[..., Bench], tmp_path: Path) -> None:
    """EIO while the store is down."""

    def broken() -> None:
        raise OSError(5, "Input/output error")

    it = bench()
    it.inlet.sync = broken  # type: ignore[method-assign]
    it.path.mkdir()
    it.put(event())
    it.idle(0.3)
    assert it.deliverer.status()["store_error"]
    it.path.rmdir()
    it.finish()
    assert len(it.sink.accepted) == 1


def test_nothing_of_the_token_is_told(bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture) -> None:
    it = bench(answers(Reply(500), error(190, 463, 401), Reply(how="reset"), error(100, 7)))
    it.change(access_token=__import__("capi_middleware.settings", fromlist=["Secret"]).Secret("EAASECRET"))
    it.put(*[event() for _ in range(5)])
    it.idle(1.0)
    told = caplog.text + repr(it.deliverer.status()) + repr(it.entries())
    assert "EAASECRET" not in told
    it.deliverer.close(1.0)
    assert b"EAASECRET" not in b"".join(path.read_bytes() for path in it.path.parent.iterdir() if path.is_file())
