"""Counts by the shape of addresses: what is stored of whom, shared by processes; and what they suggest."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.admin import traffic as room
from capi_middleware.admin.shape import pattern_of, shape_of
from capi_middleware.admin.suggest import Quiet, quiet_rules, suggestions
from capi_middleware.admin.traffic import Counted, RuleCount, ShapeCount, Traffic
from capi_middleware.events import Event, Visitor
from capi_middleware.settings.pattern import path_pattern
from capi_middleware.settings.rule_reader import RuleReader

HOST = "shop.example"


def nothing(before: str, segment: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/", "/"),
        ("/kundvagn/", "/kundvagn"),
        ("/kundvagn/lagg-till/42", "/kundvagn/lagg-till/<int:id>"),
        ("/profil/anna-andersson", "/<slug>/<slug2>"),
        ("/konto/anna@example.se", "/konto/<slug>"),
        ("/order/8f14e45f-ceea-467f", "/order/<id>"),
        ("/varukorg/7/rad/12", "/varukorg/<int:id>/<slug2>/<int:id3>"),
        ("/a/b/x/d/e/f/g/h/i", "/<slug>/<slug2>/<slug3>/<slug4>/<slug5>/<slug6>/<slug7>/<slug8>/**"),
    ],
)
def test_shapes(path: str, shape: str) -> None:
    found = shape_of(path, nothing)
    assert found == shape


@pytest.mark.parametrize(
    ("path", "pattern", "exact"),
    [
        ("/produkt/vas-vag", "/produkt/<slug>", "/produkt/vas-vag"),
        ("/p/1234", "/p/<int:id>", "/p/1234"),
        ("/12/p/34", "/<int:id>/p/<int:id2>", "/12/p/34"),
        ("/kundvagn/ny", "/kundvagn/<slug>", "/kundvagn/ny"),
        ("/kundvagn/lägg-till", "/kundvagn/lägg-till", "/kundvagn/lägg-till"),
        ("/p/<b>/*", "/p/<slug>/<slug2>", "/p/<slug>/<slug2>"),
    ],
)
def test_a_pattern_by_example(path: str, pattern: str, exact: str) -> None:
    assert pattern_of(path) == (pattern, exact)


@given(st.text(max_size=80))
def test_what_comes_out_is_always_a_pattern_that_matches(text: str) -> None:
    path = "/" + text
    shape = shape_of(path, nothing)
    compiled = path_pattern(shape)
    if "//" not in path and len(path) < 60:
        assert compiled.match(path, frozenset()) is not None
    for pattern in pattern_of(path):
        path_pattern(pattern)


def test_a_part_is_kept_once_three_visitors_have_had_it(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path)
    for visitor in (1, 2):
        traffic.note(HOST, "POST", "/kundvagn/ny", "", ">/kundvagn", [], visitor)
    assert [one.shape for one in traffic.shapes(HOST)] == ["/kundvagn/<slug>"]
    traffic.note(HOST, "POST", "/kundvagn/ny", "", ">/kundvagn", [], 3)
    assert {one.shape for one in traffic.shapes(HOST)} == {"/kundvagn/<slug>", "/kundvagn/ny"}


def test_names_of_products_never_become_fixed_parts(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path)
    for number in range(60):
        for visitor in range(4):
            traffic.note(HOST, "GET", f"/produkt/vara-{'x' * number}", "", "page", [], visitor)
    traffic.write()
    for number in range(60):
        for visitor in range(4):
            traffic.note(HOST, "GET", f"/produkt/vara-{'x' * number}", "", "page", [], visitor)
    traffic.write()
    database = sqlite3.connect(traffic.path)
    assert database.execute("SELECT count(*) FROM part").fetchone()[0] <= 27
    database.close()


def test_nothing_of_a_person_is_stored(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path)
    for _ in range(9):
        traffic.note(HOST, "GET", "/profil/anna-andersson", "mejl=anna@example.se&token=hemlig", "page", [], 1)
        traffic.note(HOST, "POST", "/konto/anna@example.se", "", ">/konto/anna@example.se", [], 1)
    traffic.write()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for word in (b"anna", b"hemlig", b"mejl"):
        assert word not in stored
    assert os.stat(traffic.path).st_mode & 0o777 == 0o600


def test_processes_share_the_counts(tmp_path: Path) -> None:
    one, two = Traffic(tmp_path), Traffic(tmp_path)
    for traffic in (one, two):
        traffic.note(HOST, "POST", "/kundvagn/lagg-till", "", "json", ["AddToCart"], 1)
        traffic.matched(HOST, "AddToCart", "general: add to cart by script")
        traffic.write()
    (shape,) = one.shapes(HOST)
    assert shape == ShapeCount("POST", "/kundvagn/lagg-till", "json", "AddToCart", 2)
    assert sum(count.n for count in one.rules(HOST)) == 2


def test_a_route_in_the_query_is_part_of_the_shape(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path)
    traffic.note(HOST, "POST", "/index.php", "route=checkout/cart.add&id=4&mejl=a@b.se", "json", [], 1)
    (shape,) = traffic.shapes(HOST)
    assert shape.shape.endswith("?/checkout/cart/add")


def test_a_child_counts_its_own(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path)
    traffic.note(HOST, "POST", "/kundvagn/add", "", "json", [], 1)
    pid = os.fork()
    if pid == 0:
        try:
            traffic.note(HOST, "POST", "/kundvagn/add", "", "json", [], 1)
            traffic.write()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert [one.n for one in traffic.shapes(HOST)] == [2]


def test_events_that_lack_the_product_are_counted(tmp_path: Path) -> None:
    class Sink:
        def __init__(self) -> None:
            self.events: list[Any] = []

        def put(self, event: Any) -> None:
            self.events.append(event)

        def report(self, *what: str) -> None: ...
        def forget(self, fbp: str) -> None: ...

    traffic, sink = Traffic(tmp_path), Sink()
    counted = Counted(sink, traffic)
    whole = {"value": 1.0, "currency": "SEK", "content_ids": ["1"]}
    for data in ({}, whole, {"value": 1.0}):
        counted.put(Event("1", "ViewContent", "id", 1, f"https://{HOST}/p", Visitor(), data, rule="r"))
    assert len(sink.events) == 3
    assert traffic.marks(HOST) == {"bare:ViewContent": 2, "whole:ViewContent": 1}


def rows(*counts: tuple[str, str, str, str, int]) -> list[ShapeCount]:
    return [ShapeCount(*count) for count in counts]


@pytest.mark.parametrize(
    ("count", "event", "then"),
    [
        pytest.param(("POST", "/kundvagn/ny", "/kundvagn", "", 214), "AddToCart", "cart", id="the-issue-s-own"),
        pytest.param(("POST", "/kundvagn/<int:id>/add", "json", "", 40), "AddToCart", "json", id="with-a-number"),
        pytest.param(("POST", "/ajax/cart-add", "json", "", 40), "AddToCart", "json", id="by-script"),
        pytest.param(("POST", "/index.php?/checkout/cart/x", "/kundvagn", "", 9), "AddToCart", "cart", id="by-route"),
        pytest.param(("POST", "/kundvagn/ta-bort", "/kundvagn", "", 90), "", "", id="taking-away-is-none"),
        pytest.param(("POST", "/kundvagn/rabattkod", "/kundvagn", "", 90), "", "", id="a-coupon-is-none"),
        pytest.param(("POST", "/kontakt", "/tack", "", 12), "Lead", "thanks", id="contact-form"),
        pytest.param(("POST", "/nyhetsbrev", "json", "", 12), "Subscribe", "json", id="newsletter"),
        pytest.param(("GET", "/produkt/<slug>", "page", "", 120), "ViewContent", "", id="product-pages"),
        pytest.param(("POST", "/kundvagn/ny", "/kundvagn", "", 3), "", "", id="too-few"),
        pytest.param(("POST", "/kundvagn/ny", "error", "", 300), "", "", id="refused"),
        pytest.param(("POST", "/login", "/konto", "", 300), "", "", id="login"),
    ],
)
def test_suggested(count: tuple[str, str, str, str, int], event: str, then: str) -> None:
    found = suggestions(rows(count))
    if not event:
        assert found == []
        return
    (one,) = found
    assert (one.event, one.then, one.n) == (event, then, count[4])
    wrong: list[Any] = []
    assert RuleReader("x").read({**one.table, "name": "x"}, 1, lambda *parts: wrong.append(parts)), wrong


def test_what_a_rule_covers_is_not_suggested() -> None:
    counted = rows(("POST", "/kundvagn/ny", "/kundvagn", "", 20), ("POST", "/kundvagn/ny", "/kundvagn", "AddToCart", 9))
    assert suggestions(counted) == []


def test_dismissed_is_not_suggested_again() -> None:
    counted = rows(("POST", "/kundvagn/ny", "/kundvagn", "", 20))
    (one,) = suggestions(counted)
    assert suggestions(counted, [one.key]) == []


NOW = 1_700_000_000 // 3600 * 3600.0


def history(rule: list[int], views: int = 10) -> list[RuleCount]:
    """Hours of ten days, oldest first: how often a rule matched, beside steady page views."""
    found = []
    for back, n in zip(range(len(rule), 0, -1), rule, strict=True):
        hour = int(NOW) - back * 3600
        found.append(RuleCount(hour, "PageView", "page view", views))
        if n:
            found.append(RuleCount(hour, "AddToCart", "my rule", n))
    return found


def test_a_rule_gone_quiet_is_an_alarm() -> None:
    (found,) = quiet_rules(history([2] * 200 + [0] * 40), NOW)
    assert found == Quiet("AddToCart", "my rule", pytest.approx(48.0, rel=0.05), int(NOW) - 40 * 3600)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param([2] * 240, id="still-matching"),
        pytest.param([2] * 237 + [0] * 3, id="for-three-hours-only"),
        pytest.param([0] * 200 + [1] * 5 + [0] * 35, id="never-usual"),
        pytest.param([0] * 240, id="never-at-all"),
    ],
)
def test_no_alarm(rule: list[int]) -> None:
    assert quiet_rules(history(rule), NOW) == []


def test_no_alarm_while_the_shop_is_closed() -> None:
    counts = [count for count in history([2] * 200 + [0] * 40) if count.hour < NOW - 40 * 3600]
    assert quiet_rules(counts, NOW) == []


def test_noting_takes_microseconds_not_a_disk(tmp_path: Path) -> None:
    """Nothing is opened where requests pass: the folder stays empty until the thread writes."""
    traffic = Traffic(tmp_path / "later")
    traffic._due = time.monotonic() + 60
    for number in range(1000):
        traffic.note(HOST, "GET", f"/p/{number}", "", "page", [], 1)
    assert not (tmp_path / "later").exists()
    traffic.close()


def test_a_file_of_the_version_before_is_brought_up(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / room.FILE)
    database.executescript(f"{room._COUNTS} PRAGMA user_version = 1;")
    day = int(time.time()) // 86400
    database.execute("INSERT INTO mark VALUES ('shop.example', ?, 'reason:CSP', 7)", (day,))
    database.commit()
    database.close()
    counts = Traffic(tmp_path)
    counts.mark("shop.example", "reason:CSP", 2)
    assert counts.marks("shop.example") == {"reason:CSP": 9}
    assert counts.marks_of_late("shop.example") == {"reason:CSP": 2}


def test_what_was_mended_is_gone_an_hour_later(tmp_path: Path) -> None:
    counts = Traffic(tmp_path)
    with time_machine.travel("2026-03-04T10:10:00+00:00", tick=False) as clock:
        counts.mark("", "reason:CSP", 500)
        counts.mark("shop.example", "bare:ViewContent", 30)
        assert counts.marks_of_late("shop.example") == {"reason:CSP": 500, "bare:ViewContent": 30}
        clock.shift(3600)
        counts.mark("", "reason:INLINE", 100)
        assert counts.marks_of_late("shop.example")["reason:CSP"] == 500, "a hundred pages say too little"
        counts.mark("", "reason:INLINE", 150)
        assert counts.marks_of_late("shop.example") == {"reason:INLINE": 250}
        clock.shift(26 * 3600)
        assert counts.marks_of_late("shop.example") == {}


def test_invented_hosts_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_MOST_HOSTS", 20)
    counts = Traffic(tmp_path)
    counts.matched("shop.example", "Lead", "kontakt")
    counts.write()
    for number in range(300):
        host = f"{number}.evil.example"
        counts.matched(host, "PageView", "page view")
        counts.mark(host, "bare:ViewContent")
        counts.note(host, "GET", "/", "", "page", (), 1)
        counts.note_cookies(host, ["consent"])
    counts.write()
    counts.matched("shop.example", "Lead", "kontakt")
    assert [count.n for count in counts.rules("shop.example")] == [2], "who was known before still counts"
    database = sqlite3.connect(counts.path)
    for table in ("rule", "mark", "recent", "shape"):
        assert database.execute(f"SELECT count(DISTINCT host) FROM {table}").fetchone()[0] <= 20, table
    database.close()
    assert len(counts._looks) <= 21
