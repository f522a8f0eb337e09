"""One suite for both stores: queue, ledger, people's orders, bounds."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from capi_middleware.delivery import sqlstore
from capi_middleware.delivery.entry import Evidence, Filter, PixelState, State
from capi_middleware.delivery.rows import Outcome, Report
from capi_middleware.delivery.sqlite import SqliteStore
from capi_middleware.delivery.store import Claim, Limits, Store
from capi_middleware.events import Visitor
from tests.delivery.make import PIXEL, event, row

PLENTY = Limits(1 << 30, 30 * 86400, 90 * 86400)
NOTHING: frozenset[int] = frozenset()


def claim(store: Store, limit: int = 1000, newest: bool = False, skip: frozenset[int] = NOTHING) -> Claim:
    found = store.claim(PIXEL, limit, newest, skip)
    assert found is not None
    return found


def settle(store: Store, state: State, **told: str) -> list[int]:
    taken = claim(store)
    store.settle(taken, [Outcome(each.number, state, **told) for each in taken.rows], time.time())  # type: ignore[arg-type]
    return [each.number for each in taken.rows]


def counts(store: Store) -> dict[str, int]:
    return {what: n for what, n in store.totals().items() if n}


def test_a_row_comes_back_as_it_went_in(store: Store) -> None:
    made = event(custom_data={"value": 1.5, "currency": "SEK"}, sources={"value": "css:.price"})
    store.put([row(**made._asdict())])
    record = store.record(store.number_of(PIXEL, "PageView", made.event_id))
    assert record is not None
    assert record.payload["custom_data"] == {"value": 1.5, "currency": "SEK"}
    assert record.payload["user_data"]["client_ip_address"] == "203.0.113.7"
    assert (record.sources, record.consent) == ({"value": "css:.price"}, "implied")
    assert (record.entry.page, record.entry.rule, record.entry.state) == ("/p", "page", State.WAITING)
    assert not record.entry.paired and not record.entry.server
    assert store.record(7) is None and store.number_of(PIXEL, "PageView", "none") == 0


def test_an_event_put_twice_is_one(store: Store) -> None:
    one, two, three = row(), row(), row()
    store.put([one, two])
    store.put([two, three, three])
    assert store.size() == 3
    assert counts(store)["made"] == 3
    assert {each.payload for each in claim(store).rows} == {one.payload, two.payload, three.payload}


def test_an_id_counts_once_per_name_and_pixel(store: Store) -> None:
    first = event()
    others = [first._replace(event_name="ViewContent"), first._replace(pixel_id="999999")]
    store.put([row(**each._asdict()) for each in (first, *others)])
    assert store.size() == 3


def test_many_rows_at_once(store: Store) -> None:
    store.put([row() for _ in range(1234)])
    assert store.size() == 1234
    assert store.waiting()[PIXEL][0] == 1234


@pytest.mark.parametrize("newest", [False, True])
def test_claims_do_not_overlap(store: Store, newest: bool) -> None:
    rows = [row() for _ in range(10)]
    store.put(rows)
    first = claim(store, 4, newest)
    second = claim(store, 4, newest, frozenset(first.left))
    assert [each.payload for each in first.rows] == [each.payload for each in (rows[6:10] if newest else rows[:4])], (
        "in order of arrival"
    )
    assert not first.left & second.left
    assert store.claim("999999", 4, newest, NOTHING) is None


def test_released_rows_wait_again(store: Store) -> None:
    store.put([row()])
    taken = claim(store)
    assert store.claim(PIXEL, 10, False, frozenset(taken.left)) is None
    store.release(taken, taken.left)
    assert claim(store).left == taken.left


def test_rows_put_back_count_their_tries(store: Store) -> None:
    store.put([row()])
    taken = claim(store)
    (number,) = taken.left
    store.settle(taken, [Outcome(number, State.WAITING, 2, 0, "down")], time.time())
    again = claim(store)
    assert again.rows[0].tries == 1
    record = store.record(number)
    assert record is not None and (record.entry.code, record.entry.reason) == (2, "down")


def test_settled_rows_are_not_claimed(store: Store) -> None:
    store.put([row() for _ in range(3)])
    settle(store, State.DELIVERED, trace="A1")
    assert store.claim(PIXEL, 10, False, NOTHING) is None
    assert store.waiting() == {}
    assert [entry.trace for entry in store.recent(Filter(), 10)] == ["A1"] * 3
    assert counts(store)["delivered"] == counts(store)["delay:1"] == 3


def test_a_part_of_a_claim_can_be_settled(store: Store) -> None:
    store.put([row() for _ in range(4)])
    taken = claim(store)
    half = [each.number for each in taken.rows[:2]]
    store.settle(taken, [Outcome(number, State.DELIVERED) for number in half], time.time())
    taken.left -= set(half)
    assert store.claim(PIXEL, 10, False, frozenset(taken.left)) is None
    store.release(taken, taken.left)
    assert claim(store).left == taken.left


def test_settling_twice_changes_nothing(store: Store) -> None:
    store.put([row()])
    taken = claim(store)
    (number,) = taken.left
    store.settle(taken, [Outcome(number, State.DELIVERED)], time.time())
    store.settle(taken, [Outcome(number, State.DEAD, reason="late news")], time.time())
    record = store.record(number)
    assert record is not None and record.entry.state is State.DELIVERED
    assert counts(store).get("dead", 0) == 0


@pytest.mark.parametrize("order", ["report first", "delivery first", "report before the event"])
def test_both_legs_make_a_pair_once(store: Store, order: str) -> None:
    made = row()
    report = Report(PIXEL, made.event_id, "PageView", Evidence.HANDED, time.time())
    if order == "report before the event":
        store.put([], [report])
        store.put([made])
        settle(store, State.DELIVERED)
    else:
        store.put([made])
        if order == "report first":
            store.put([], [report])
            settle(store, State.DELIVERED)
        else:
            settle(store, State.DELIVERED)
            store.put([], [report])
    store.put([], [report])
    (entry,) = store.recent(Filter(legs="both"), 10)
    assert entry.paired and entry.evidence == Evidence.HANDED
    assert counts(store)["paired"] == counts(store)["handed"] == 1


def test_held_events_wait_for_their_browser(store: Store) -> None:
    made = row(hold=True)
    store.put([made])
    assert store.claim(PIXEL, 10, False, NOTHING) is None
    store.put([], [Report(PIXEL, made.event_id, "PageView", Evidence.SCRIPT, time.time())])
    assert claim(store).rows[0].payload == made.payload


def test_held_events_are_dropped_at_last(store: Store) -> None:
    store.put([row(hold=True)])
    now = time.time()
    assert store.drop_held(now - 60, now) == 0
    assert store.drop_held(now + 60, now) == 1
    (entry,) = store.recent(Filter(state=State.DROPPED), 10)
    assert "browser" in entry.reason and counts(store)["dropped"] == 1


def test_what_is_too_old_expires(store: Store) -> None:
    now = time.time()
    old, mid, new = (row(event_time=int(now - hours * 3600), browser=False) for hours in (170, 50, 1))
    twin, blocked, fresh_twin = (row(event_time=int(now - hours * 3600)) for hours in (50, 50, 1))
    store.put([old, mid, new, twin, blocked, fresh_twin])
    store.put([], [Report(PIXEL, blocked.event_id, "PageView", Evidence.BLOCKED, now)])
    assert store.expire(PIXEL, int(now - 167 * 3600), int(now - 47 * 3600), now, NOTHING) == 2
    gone = {entry.event_id for entry in store.recent(Filter(state=State.EXPIRED), 10)}
    assert gone == {old.event_id, twin.event_id}, "a twin that was blocked is none"
    assert counts(store)["expired"] == 2


def test_what_is_under_way_does_not_expire(store: Store) -> None:
    now = time.time()
    store.put([row(event_time=int(now - 170 * 3600), browser=False)])
    assert store.expire(PIXEL, int(now - 167 * 3600), 0, now, frozenset(claim(store).left)) == 0


def test_withdrawal_deletes_what_is_unsent(store: Store) -> None:
    sent, unsent, held = row(), row(), row(hold=True)
    other = row(visitor=Visitor("203.0.113.7", "Mozilla/5.0", "fb.1.1.2"))
    store.put([sent])
    settle(store, State.DELIVERED)
    store.put([unsent, held, other])
    assert store.forget("fb.1.1700000000000.1") == 2
    assert {entry.event_id for entry in store.recent(Filter(), 10)} == {sent.event_id, other.event_id}
    assert counts(store)["forgotten"] == 2


def test_a_visitor_is_exported_and_purged(store: Store) -> None:
    store.put([row(), row()])
    settle(store, State.DELIVERED)
    store.put([row(), row(visitor=Visitor("203.0.113.7", "Mozilla/5.0", "fb.1.1.2"))])
    assert len(store.visitor("fb.1.1700000000000.1")) == 3
    assert store.purge(fbp="fb.1.1700000000000.1") == 3
    assert store.size() == 1


def test_purge_by_age_spares_what_waits(store: Store) -> None:
    store.put([row()])
    settle(store, State.DELIVERED)
    store.put([row()])
    assert store.purge(before=time.time() + 60) == 1
    assert store.size() == 1


def test_dead_letters_are_replayed_or_purged(store: Store) -> None:
    store.put([row() for _ in range(3)])
    numbers = settle(store, State.DEAD, reason="bad")
    assert store.replay(numbers[:1], time.time()) == 1
    assert store.waiting()[PIXEL][0] == 1
    assert store.purge(dead=True) == 2
    assert settle(store, State.DEAD) and store.replay([], time.time()) == 1
    assert counts(store).get("dead", 0) == 2 and counts(store)["replayed"] == 2


def test_personal_data_leaves_after_its_time(store: Store) -> None:
    store.put([row()])
    (number,) = settle(store, State.DELIVERED)
    assert store.tidy(PLENTY, time.time() + 29 * 86400, NOTHING) == 0
    record = store.record(number)
    assert record is not None and record.payload
    store.tidy(PLENTY, time.time() + 31 * 86400, NOTHING)
    record = store.record(number)
    assert record is not None and not record.payload and record.entry.event_name == "PageView"
    assert store.visitor("fb.1.1700000000000.1") == []
    assert store.replay([number], time.time()) == 0, "nothing is left to send"
    store.tidy(PLENTY, time.time() + 91 * 86400, NOTHING)
    assert store.size() == 0


def test_room_is_made_from_history_then_from_the_least_valuable(store: Store) -> None:
    sale = {"value": 9.0, "currency": "SEK"}
    store.put([row() for _ in range(1000)])
    settle(store, State.DELIVERED)
    store.put([row(event_name="Purchase", custom_data=sale) for _ in range(1200)] + [row() for _ in range(3000)])
    used = store.used()  # type: ignore[attr-defined]
    assert store.tidy(Limits(used * 3 // 5, 1e9, 1e9), time.time(), NOTHING) > 0
    left = [entry.event_name for entry in store.recent(Filter(), 10000)]
    assert left.count("Purchase") == 1200, "Purchase goes last"
    assert left.count("PageView") < 3000
    assert counts(store)["lost:store-full"] == 3000 - left.count("PageView")


def test_pixels_are_remembered(opener: Callable[[], Store]) -> None:
    store = opener()
    state = PixelState(PIXEL, "paused", "bad token", 190, 463, 1.0, 2.0, 3)
    store.save_pixel(state, "f1")
    store.save_pixel(state, "f2")
    store.put([row(), row(pixel_id="999999")])
    store.set_note("a", "1")
    store.set_note("a", "2")
    store.close()
    again = opener()
    assert again.fingerprints() == {PIXEL: "f2"}
    assert again.note("a") == "2" and again.note("b") == ""
    one, two = again.pixels()
    assert (one.state, one.code, one.waiting) == ("paused", 190, 1)
    assert (two.pixel_id, two.state, two.waiting) == ("999999", "open", 1)
    again.close()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), 4),
        (Filter(event_name="Lead"), 1),
        (Filter(pixel_id="999999"), 1),
        (Filter(state=State.DELIVERED), 2),
        (Filter(legs="both"), 1),
        (Filter(legs="server"), 1),
        (Filter(legs="browser"), 1),
        (Filter(legs="none"), 1),
        (Filter(text="/p"), 4),
        (Filter(text="/%"), 0),
        (Filter(since=time.time() - 3600), 4),
        (Filter(until=time.time() - 3600), 0),
    ],
    ids=["all", "event", "pixel", "state", "both", "server", "browser", "none", "text", "percent", "since", "until"],
)
def test_entries_are_found_by(store: Store, wanted: Filter, expected: int) -> None:
    rows = [row(), row(), row(event_name="Lead"), row(pixel_id="999999")]
    store.put(rows)
    taken = claim(store, 2)
    store.settle(taken, [Outcome(number, State.DELIVERED) for number in taken.left], time.time())
    for index in (0, 2):
        store.put([], [Report(PIXEL, rows[index].event_id, rows[index].event_name, Evidence.HANDED, time.time())])
    assert len(store.recent(wanted, 10)) == expected


def test_every_filter_finds_what_it_says(store: Store) -> None:
    """Each state, either leg, in all combinations; whatever index the database takes."""
    rows = [
        row(event_name=name, hold=hold) for name in ("PageView", "Lead") for hold in (False, True) for _ in range(12)
    ]
    store.put(rows)
    store.drop_held(time.time() + 5, time.time())
    kinds = [State.DELIVERED, State.DEAD, State.EXPIRED, State.WAITING]
    taken = claim(store, 24)
    outcomes = [Outcome(number, kinds[place % 4]) for place, number in enumerate(sorted(taken.left))]
    store.settle(taken, outcomes, time.time())
    more = [row(event_name=name, hold=True) for name in ("PageView", "Lead") for _ in range(4)]
    store.put(more)
    store.put([], [Report(PIXEL, one.event_id, one.event_name, Evidence.HANDED, time.time()) for one in rows[::3]])
    everything = store.recent(Filter(), 100)
    assert len(everything) == 56 and {entry.state for entry in everything} == set(State)
    legs = {
        "both": lambda entry: entry.server and Evidence.HANDED in entry.evidence,
        "server": lambda entry: entry.server and Evidence.HANDED not in entry.evidence,
        "browser": lambda entry: not entry.server and Evidence.HANDED in entry.evidence,
        "none": lambda entry: not entry.server and Evidence.HANDED not in entry.evidence,
        "": lambda entry: True,
    }
    for state, leg, name in itertools.product([None, *State], legs, ("", "Lead")):
        wanted = Filter(pixel_id=PIXEL, state=state, legs=leg, event_name=name)
        expected = [
            entry.number
            for entry in everything
            if state in (None, entry.state) and legs[leg](entry) and name in ("", entry.event_name)
        ]
        assert [entry.number for entry in store.recent(wanted, 100)] == expected, wanted
        assert [entry.number for entry in store.recent(wanted, 2)] == expected[:2], wanted
        if expected:
            older = store.recent(replace(wanted, before=expected[0]), 3)
            assert [entry.number for entry in older] == expected[1:4], wanted


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Filter(pixel_id=PIXEL), "SCAN event"),
        (Filter(pixel_id=PIXEL, event_name="Lead"), "event_named"),
        (Filter(pixel_id=PIXEL, state=State.DEAD), "event_dead"),
        (Filter(pixel_id=PIXEL, state=State.EXPIRED), "event_expired"),
        (Filter(pixel_id=PIXEL, state=State.DROPPED), "event_dropped"),
        (Filter(pixel_id=PIXEL, state=State.HELD), "event_held"),
        (Filter(pixel_id=PIXEL, state=State.WAITING), "event_waiting"),
        (Filter(pixel_id=PIXEL, event_name="PageView", state=State.DEAD), "event_dead"),
    ],
    ids=["none", "name", "dead", "expired", "dropped", "held", "waiting", "name and dead"],
)
def test_a_filter_reads_an_index_and_sorts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: Filter, index: str
) -> None:
    """The newest fifty of a hundred thousand are found without reading them all (SQLite)."""
    store = SqliteStore(tmp_path / "ledger.sqlite3")
    plans: list[str] = []
    ask = store._rows

    def explain(sql: str, values: Any = ()) -> list[Any]:
        plans.extend(line[3] for line in ask(f"EXPLAIN QUERY PLAN {sql}", values))
        return []

    monkeypatch.setattr(store, "_rows", explain)
    store.recent(wanted, 50)
    store.close()
    assert len(plans) == 1 and index in plans[0], plans


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.waiting(),
        lambda store: store.oldest_unsettled(),
        lambda store: store.claim(PIXEL, 1000, True, NOTHING),
        lambda store: store.forget("fb.1.1.2"),
        lambda store: store.expire(PIXEL, 1, 1, 1.0, NOTHING),
        lambda store: store.drop_held(1.0, 1.0),
    ],
    ids=["waiting", "oldest unsettled", "claim", "forget", "expire", "drop held"],
)
def test_what_is_asked_every_few_seconds_reads_nothing_that_was_delivered(
    tmp_path: Path, ask: Callable[[SqliteStore], object]
) -> None:
    store = SqliteStore(tmp_path / "ledger.sqlite3")
    said: list[str] = []
    store._db.set_trace_callback(said.append)
    ask(store)
    store._db.set_trace_callback(None)
    asked = [sql for sql in said if sql.startswith("SELECT")]
    plans = [line[3] for sql in asked for line in store._rows(f"EXPLAIN QUERY PLAN {sql}")]
    store.close()
    of_events = [plan for plan in plans if re.match(r"(SCAN|SEARCH) event\b", plan)]
    assert of_events and all("USING INDEX" in plan or "COVERING INDEX" in plan for plan in of_events), plans


def test_however_much_there_is_to_do_a_statement_stays_small(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL ends a statement after ten seconds: half a million events at once were never done with."""
    monkeypatch.setattr(sqlstore, "AT_ONCE", 10)
    make, most, now = store._list, 0, time.time()  # type: ignore[attr-defined]

    def watched(numbers: Iterable[int]) -> Any:
        nonlocal most
        listed = list(numbers)
        most = max(most, len(listed))
        return make(listed)

    def put(**changes: Any) -> None:
        store.put([row(**changes) for _ in range(25)])

    monkeypatch.setattr(store, "_list", watched)
    put(event_time=int(now - 170 * 3600))
    assert store.expire(PIXEL, int(now - 167 * 3600), 0, now, NOTHING) == 25
    put(hold=True)
    assert store.drop_held(now + 60, now) == 25
    put()
    assert store.forget("fb.1.1700000000000.1") == 25
    store.put([row(event_name="Purchase") for _ in range(25)])
    assert store.replay([], now) == 25
    assert counts(store)["replayed"] == 25
    assert store.purge(dead=True) == 50
    store.tidy(Limits(1 << 30, -1.0, 1e9), now, NOTHING)
    assert store.purge(fbp="fb.1.1700000000000.1") == 25
    assert (store.size(), most) == (0, 10)
    put(event_time=int(now - 170 * 3600))
    store.expire(PIXEL, int(now - 167 * 3600), 0, now, NOTHING)
    store.tidy(Limits(1 << 30, -1.0, 1e9), now, NOTHING)
    assert store.visitor("fb.1.1700000000000.1") == [], "personal data"
    store.tidy(Limits(1 << 30, -1.0, -1.0), now, NOTHING)
    assert (store.size(), most) == (0, 10)


def test_made_up_reports_are_bounded_and_keep_nobody_waiting(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may report on events that never were; a report that is early still finds its own."""
    monkeypatch.setattr(sqlstore, "ORPHANS", 50)
    one = row()
    store.put([], [Report(PIXEL, one.event_id, one.event_name, Evidence.HANDED, time.time())])
    store.put([], [Report(PIXEL, f"made-up-{n}", "PageView", Evidence.HANDED, time.time()) for n in range(200)])
    assert store._rows("SELECT count(*) FROM orphan") == [(50,)]  # type: ignore[attr-defined]
    store.put([one, row()])
    (entry,) = store.recent(Filter(text=one.event_id), 5)
    assert entry.evidence == Evidence.HANDED
    assert store._rows("SELECT count(*) FROM orphan") == [(49,)]  # type: ignore[attr-defined]


def test_entries_are_paged_newest_first(store: Store) -> None:
    rows = [row() for _ in range(5)]
    store.put(rows)
    first = store.recent(Filter(), 2)
    second = store.recent(Filter(before=first[-1].number), 9)
    assert [entry.event_id for entry in first + second] == [each.event_id for each in reversed(rows)]


def test_hours_add_up(store: Store) -> None:
    now = int(time.time())
    store.put([row(event_time=now), row(event_time=now - 7200, browser=False), row(pixel_id="999999")])
    hours = store.hours(now - 86400, now + 3600, "", "")
    assert sum(hour.counts["made"] for hour in hours) == 3
    assert sum(hour.counts.get("expected", 0) for hour in hours) == 2
    assert sum(hour.counts["has:fbp"] for hour in hours) == 3
    assert sum(hour.counts["made"] for hour in store.hours(now - 86400, now + 3600, PIXEL, "PageView")) == 2
    assert store.hours(now - 86400, now + 3600, PIXEL, "Lead") == []


@pytest.mark.parametrize("text", ["tab\tnewline\nreturn\rback\\slash", "unit\x1fseparator\x1e", "åäö 日本 😀", "nul\0"])
def test_any_text_is_kept(store: Store, text: str) -> None:
    made = event(custom_data={"content_name": text}, rule=text, event_source_url=f"https://shop.example/{text}?x")
    store.put([row(**made._asdict()), row()])
    record = store.record(store.number_of(PIXEL, "PageView", made.event_id))
    assert record is not None and record.payload["custom_data"]["content_name"] == text
    assert record.payload["event_source_url"] == made.event_source_url
    assert record.entry.page.startswith("/" + text[:3])
    assert json.loads(claim(store).rows[0].payload)["custom_data"]["content_name"] == text


def test_a_lone_surrogate_does_no_harm(store: Store) -> None:
    store.put([row(custom_data={"content_name": "a\udc80b"}, rule="\udc80", event_id="\udc80")])
    assert json.loads(claim(store).rows[0].payload)["custom_data"]["content_name"] == "a?b"


def test_a_row_that_no_column_holds_is_no_trouble_of_the_store(store: Store) -> None:
    with pytest.raises((ValueError, OverflowError)):
        store.put([row(), row(event_time=-(10**30))])
    assert store.size() == 0
    store.put([row()])
    assert store.size() == 1


def test_counts_of_old_hours_become_those_of_days(store: Store) -> None:
    now = int(time.time())
    midnight = (now // 86400 - 20) * 86400
    store.put([row(event_time=midnight + hour * 3600, browser=False) for hour in (0, 5, 23)])
    store.put([row(event_time=now)])
    for _ in range(2):
        store.tidy(PLENTY, now, NOTHING)
        (day,) = store.hours(midnight, midnight + 86400, "", "")
        assert (day.hour, day.counts["made"]) == (midnight, 3)
    assert counts(store)["made"] == 4
    store.tidy(PLENTY, now + 399 * 86400, NOTHING)
    assert counts(store).get("made", 0) == 1


def test_losses_are_told_by_reason(store: Store) -> None:
    store.add_counts(Counter({(0, "", "", "lost:memory-full"): 2, (3600, "", "", "lost:memory-full"): 1}))
    assert store.losses() == {"memory-full": 3}


def test_the_same_store_opens_again(opener: Callable[[], Store]) -> None:
    first = opener()
    first.put([row()])
    first.close()
    second = opener()
    assert second.size() == 1 and second.alive()
    second.close()
