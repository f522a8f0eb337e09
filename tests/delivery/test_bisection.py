"""Finding the bad events of a batch."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.delivery.bisection import Bisection
from capi_middleware.delivery.verdict import Kind, Verdict

POISON = Verdict(Kind.POISON, 100, 2804050)
UNKNOWN = Verdict(Kind.POISON, 100, 7)


def examine(n: int, bad: set[int], verdict: Verdict = POISON) -> tuple[Bisection[int], list[int], int]:
    """The bisection at its end, what was accepted, and the requests, that of the whole batch included."""
    found: Bisection[int] = Bisection(list(range(n)))
    accepted: list[int] = []
    posts = 1
    while not found.hopeless and (rows := found.next()):
        posts += 1
        if bad & set(rows):
            found.refused(verdict)
        else:
            accepted += rows
            found.passed()
    return found, accepted, posts


@pytest.mark.parametrize("place", [0, 1, 499, 500, 998, 999])
def test_one_in_a_thousand_costs_at_most_21_requests(place: int) -> None:
    found, accepted, posts = examine(1000, {place})
    assert [row for row, _ in found.accused] == [place]
    assert sorted(accepted) == [row for row in range(1000) if row != place]
    assert posts <= 21


@pytest.mark.parametrize("n", [1, 2, 3, 50, 777])
def test_one_costs_at_most_twice_the_logarithm(n: int) -> None:
    for place in range(0, n, max(1, n // 20)):
        _, _, posts = examine(n, {place})
        assert posts <= 1 + 2 * math.ceil(math.log2(n)) + (n == 1)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1))))
def test_every_bad_one_is_found_and_every_good_one_accepted_once(case: tuple[int, set[int]]) -> None:
    n, bad = case
    found, accepted, _ = examine(n, bad)
    assert {row for row, _ in found.accused} == bad
    assert sorted(accepted) == sorted(set(range(n)) - bad)
    assert found.accepted == len(accepted)
    assert found.remaining() == []


def test_all_refused_alike_is_not_the_events() -> None:
    found, accepted, posts = examine(1000, set(range(1000)), UNKNOWN)
    assert found.hopeless and not accepted
    assert posts < 40
    assert len(found.remaining()) + len(found.accused) == 1000


def test_all_refused_with_an_events_own_code_is_the_events() -> None:
    found, _, _ = examine(20, set(range(20)), POISON)
    assert len(found.accused) == 20


def test_what_was_under_way_is_asked_again() -> None:
    found: Bisection[int] = Bisection(list(range(8)))
    assert found.next() == found.next() == [0, 1, 2, 3]
    assert found.remaining() == [4, 5, 6, 7, 0, 1, 2, 3]
