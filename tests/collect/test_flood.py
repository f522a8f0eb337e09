"""A flood: what gets through, what is kept, what it costs."""

from __future__ import annotations

import tracemalloc

from capi_middleware.collect import Limits

from .test_answer import VIEW_ID, Desk


def test_one_visitor_gets_a_minutes_worth_and_then_its_rate() -> None:
    limits = Limits(60, 6000)
    assert sum(limits.admit("a", 0.0) for _ in range(1000)) == 60
    assert sum(limits.admit("a", 10.0) for _ in range(1000)) == 10
    assert sum(limits.admit("a", 9999.0) for _ in range(1000)) == 60


def test_all_visitors_together_have_a_bound() -> None:
    limits = Limits(60, 600)
    assert sum(limits.admit(f"visitor {number}", 0.0) for number in range(5000)) == 600


def test_a_refused_visitor_takes_nothing_from_the_others() -> None:
    limits = Limits(10, 100)
    for _ in range(10_000):
        limits.admit("loud", 0.0)
    assert sum(limits.admit(f"visitor {number}", 0.0) for number in range(200)) == 90


def test_a_clock_that_goes_back_gives_nothing() -> None:
    limits = Limits(10, 100)
    assert sum(limits.admit("a", 1000.0) for _ in range(20)) == 10
    assert not limits.admit("a", 0.0)


def test_memory_does_not_grow_with_the_number_of_addresses() -> None:
    limits = Limits(60, 600_000)
    for number in range(25_000):
        limits.admit(f"{number}", 0.0)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(25_000, 75_000):
        limits.admit(f"{number}", 0.0)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 8_000_000


def test_forged_addresses_do_not_lift_the_bound_on_all() -> None:
    desk = Desk(rate=10)
    for number in range(300):
        message = {"v": 1, "k": "view", "u": "https://shop.example/", "i": f"{number:032x}"}
        desk.post(message, HTTP_X_FORWARDED_FOR=f"10.0.{number // 250}.{number % 250}")
    assert len(desk.events) == 100
    assert desk.collector.refused["rate"] == 200


def test_one_id_again_and_again_is_one_event() -> None:
    desk = Desk()
    for _ in range(50):
        desk.post({"v": 1, "k": "track", "u": "https://shop.example/", "i": VIEW_ID, "n": "Lead"})
    assert len(desk.events) == 1
