"""Clocks that jump: no mass expiry, no endless wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from capi_middleware.delivery import clock as module
from capi_middleware.delivery.clock import Clock
from capi_middleware.delivery.entry import PixelState
from capi_middleware.delivery.lane import Lane
from tests.delivery.bench import Bench
from tests.delivery.make import PIXEL, event
from tests.delivery.sink import Reply, Sink


class Time:
    """Both clocks of the machine, to be turned by hand."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_700_000_000.0, 1000.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Iterator[Time]:
    it = Time()
    monkeypatch.setattr(module.time, "time", lambda: it.wall)
    monkeypatch.setattr(module, "steady", lambda: it.steady)
    yield it


def test_time_that_passed_is_believed(hands: Time) -> None:
    clock = Clock()
    hands.pass_(10 * 86400)  # a suspended machine: its steady clock went on
    assert clock.check()


@pytest.mark.parametrize("jump", [10 * 86400, -10 * 86400, 3600])
def test_a_jump_is_doubted_for_a_while(hands: Time, jump: float) -> None:
    clock = Clock()
    hands.wall += jump
    assert not clock.check() and not clock.trusted
    hands.pass_(100)
    assert not clock.check()
    hands.pass_(1000)
    assert clock.check() and clock.trusted


def test_small_corrections_are_believed(hands: Time) -> None:
    clock = Clock()
    hands.wall += 5
    assert clock.check()


def test_metas_clock_settles_it(hands: Time) -> None:
    clock = Clock()
    hands.wall += 86400
    assert not clock.check()
    clock.confirm(hands.wall - 86400)
    assert not clock.check(), "Meta does not agree"
    clock.confirm(0.0)
    assert not clock.check()
    clock.confirm(hands.wall + 3)
    assert clock.check()


def test_ten_days_ahead_expire_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock jumps while events wait: they are kept, and Meta is asked."""
    closed = [1]
    it = Bench(Sink(lambda events, body: Reply(503) if closed else None), tmp_path)
    it.put(*[event(browser=False) for _ in range(10)])
    it.run(lambda: len(it.sink.batches) >= 1)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 10 * 86400)
    it.deliverer._due["expire"] = 0.0
    it.idle(0.3)
    assert it.states() == {"waiting": 10}
    monkeypatch.undo()
    closed.clear()
    it.finish(20)
    assert it.states() == {"delivered": 10}
    it.close()


@pytest.mark.parametrize("ahead", [0.0, 30.0, 10 * 86400.0, -50.0])
def test_a_remembered_wait_is_never_endless(ahead: float) -> None:
    lane = Lane(PIXEL)
    lane.recall(PixelState(PIXEL, "paused", next_at=1000.0 + ahead), now=5.0, wall=1000.0)
    assert lane.paused and lane.next_at - 5.0 in (0.0, -5.0, 30.0)
