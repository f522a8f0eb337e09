"""The read side, as the admin's pages use it."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from capi_middleware.delivery import Evidence, Filter, Ledger, StoreError
from capi_middleware.delivery.entry import State
from capi_middleware.delivery.rows import Outcome, Report
from capi_middleware.delivery.sqlite import SqliteStore
from tests.delivery.make import PIXEL, Source, row


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "ledger.sqlite3")
    yield made
    made.close()


def test_hours_are_whole_and_without_gaps(store: SqliteStore, tmp_path: Path) -> None:
    now = time.time()
    store.put([row(event_time=int(now)), row(event_time=int(now - 3 * 3600), browser=False)])
    hours = Ledger(Source("", tmp_path)).hours(24, now=now)
    assert len(hours) == 24 and all(b.hour - a.hour == 3600 for a, b in zip(hours, hours[1:], strict=False))
    assert [hour.counts.get("made", 0) for hour in hours][-4:] == [1, 0, 0, 1]
    assert hours[-1].hour <= now < hours[-1].hour + 3600


def test_csv(store: SqliteStore, tmp_path: Path) -> None:
    rows = [row(event_source_url=f"https://shop.example/{number}") for number in range(2500)]
    store.put(rows)
    store.put([], [Report(PIXEL, rows[0].event_id, "PageView", Evidence.HANDED | Evidence.LOADED, time.time())])
    taken = store.claim(PIXEL, 1, False, frozenset())
    assert taken is not None
    store.settle(taken, [Outcome(number, State.DELIVERED) for number in taken.left], time.time())
    lines = list(csv.DictReader(io.StringIO("".join(Ledger(Source("", tmp_path)).csv()))))
    assert [line["event_id"] for line in lines] == [each.event_id for each in reversed(rows)]
    first = lines[-1]
    assert (first["paired"], first["evidence"], first["state"], first["page"]) == (
        "1",
        "loaded+handed",
        "delivered",
        "/0",
    )
    assert float(first["delay"]) >= 0 and lines[0]["delay"] == ""
    few = list(csv.reader(io.StringIO("".join(Ledger(Source("", tmp_path)).csv(Filter(legs="both"), 10)))))
    assert len(few) == 2


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx"])
def test_csv_runs_nothing_in_a_spreadsheet(store: SqliteStore, tmp_path: Path, text: str) -> None:
    store.put([row(event_id=text, rule=text)])
    (line,) = csv.DictReader(io.StringIO("".join(Ledger(Source("", tmp_path)).csv())))
    assert line["event_id"].startswith("'") and line["rule"].startswith("'")


def test_a_store_made_later_is_found(tmp_path: Path) -> None:
    ledger = Ledger(Source("", tmp_path))
    assert ledger.recent() == [] and ledger.totals() == {} and list(ledger.visitor("x")) == []
    assert ledger.record(1) is None and ledger.find("1", "PageView", "x") is None
    assert len(list(ledger.csv())) == 1 and len(ledger.hours(3)) == 3
    store = SqliteStore(tmp_path / "ledger.sqlite3")
    store.put([row()])
    assert ledger.size() == 1
    store.close()
    for path in tmp_path.iterdir():
        path.unlink()
    assert ledger.size() == 0
    again = SqliteStore(tmp_path / "ledger.sqlite3")
    again.put([row(), row()])
    assert ledger.size() == 2
    again.close()
    ledger.close()


def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(b"x" * 10_000)
    with pytest.raises(StoreError):
        Ledger(Source("", tmp_path)).recent()


def test_a_connection_does_not_cross_a_fork(store: SqliteStore, tmp_path: Path) -> None:
    store.put([row()])
    ledger = Ledger(Source("", tmp_path))
    assert ledger.size() == 1
    child = os.fork()
    if child == 0:
        os._exit(0 if ledger.size() == 1 else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    store.put([row()])
    assert ledger.size() == 2


def test_reading_never_holds_up_writing(store: SqliteStore, tmp_path: Path) -> None:
    store.put([row() for _ in range(3000)])
    lines = Ledger(Source("", tmp_path)).csv()
    next(lines)
    next(lines)
    store.put([row()])
    assert store.size() == 3001
