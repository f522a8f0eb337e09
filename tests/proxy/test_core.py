"""One core for the threads that run Python."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from capi_middleware.proxy.core import Core, Times, allowed, better, core_times, share, thread_ticks
from capi_middleware.proxy.crew import Crew
from tests.proxy.wire import wait_for

STAT = """\
cpu  30 2 20 900 8 0 4 0 0 0
cpu0 10 1 10 400 4 0 2 0 0 0
cpu1 20 1 10 500 4 0 2 3 0 0
intr 12345 1 2 3
ctxt 99
"""


@pytest.fixture
def core() -> Iterator[Core]:
    made = Core(allowed())
    yield made
    made.end()


several = pytest.mark.skipif(len(allowed()) < 2, reason="needs two cores and an affinity")


def in_a_thread(call: Callable[[], object]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def test_times_are_read_for_each_core() -> None:
    assert core_times(STAT) == {0: Times(23, 404), 1: Times(36, 504)}


def test_the_running_system_tells_times() -> None:
    assert set(core_times()) >= allowed()


def test_share_of_time_worked() -> None:
    assert share({0: Times(10, 10)}, {0: Times(40, 20)}, 0) == 0.75
    assert share({0: Times(10, 10)}, {0: Times(10, 10)}, 0) == 0.0


@pytest.mark.parametrize("before, after", [({}, {0: Times(1, 1)}), ({0: Times(1, 1)}, {})])
def test_a_core_that_comes_or_goes_counts_as_idle(before: dict[int, Times], after: dict[int, Times]) -> None:
    assert share(before, after, 0) == 0.0


START = {0: Times(0, 0), 1: Times(0, 0), 2: Times(0, 0)}


@pytest.mark.parametrize(
    "why, worked, own, chosen",
    [
        ("our own work is no reason to go", (100, 0, 0), 100, 0),
        ("others need this core", (100, 0, 50), 40, 1),
        ("the one with most to offer is taken", (100, 40, 10), 30, 2),
        ("elsewhere it is no better", (100, 80, 80), 60, 0),
        ("too little would be won", (100, 30, 30), 50, 0),
        ("ticks of ours that are rounded up are no more than all", (90, 0, 0), 95, 0),
    ],
)
def test_where_to_be(why: str, worked: tuple[int, int, int], own: int, chosen: int) -> None:
    after = {core: Times(busy, 100 - busy) for core, busy in enumerate(worked)}
    assert better(START, after, 0, own, (0, 1, 2)) == chosen, why


def test_only_cores_that_are_allowed_are_offered() -> None:
    after = {0: Times(100, 0), 1: Times(0, 100), 2: Times(0, 100)}
    assert better(START, after, 0, 0, (0, 2)) == 2
    assert better(START, after, 0, 0, (0,)) == 0


@several
def test_a_thread_that_joins_stays_on_one_core_and_others_do_not(core: Core) -> None:
    seen = []

    def work() -> None:
        core.join()
        seen.append(os.sched_getaffinity(0))

    in_a_thread(work)
    assert seen == [{core.at}]
    assert os.sched_getaffinity(0) == allowed()


@several
def test_a_thread_follows_when_the_core_changes(core: Core) -> None:
    seen = []

    def work() -> None:
        for at in sorted(allowed())[:2]:
            core.at = at
            core.join()
            seen.append(os.sched_getaffinity(0))

    in_a_thread(work)
    assert seen == [{at} for at in sorted(allowed())[:2]]


@several
@pytest.mark.parametrize("cores", [(), (0,)])
def test_nothing_is_done_without_a_choice(cores: tuple[int, ...]) -> None:
    core, seen = Core(cores), []

    def work() -> None:
        core.join()
        seen.append(os.sched_getaffinity(0))

    in_a_thread(work)
    assert seen == [allowed()]


@several
def test_a_core_that_is_taken_away_leaves_all_of_them(caplog: pytest.LogCaptureFixture) -> None:
    core, seen = Core((4001, 4002)), []

    def work() -> None:
        core.join()
        seen.append(os.sched_getaffinity(0))

    in_a_thread(work)
    assert seen == [allowed()]
    assert "threads run on any core" in caplog.text
    caplog.clear()
    in_a_thread(core.join)
    assert not caplog.text


@several
def test_who_works_and_who_puts_work_are_on_the_core(core: Core) -> None:
    seen = set()
    crew: Crew[int] = Crew(lambda _: seen.add(frozenset(os.sched_getaffinity(0))), 4, core=core)

    def put() -> None:
        for number in range(20):
            crew.put(number)
            time.sleep(0.001)
        seen.add(frozenset(os.sched_getaffinity(0)))

    in_a_thread(put)
    crew.end(1)
    assert seen == {frozenset({core.at})}


@several
def test_ticks_are_told_of_the_threads_that_ran_there() -> None:
    at = min(allowed())
    told: list[int] = []

    def work() -> None:
        os.sched_setaffinity(0, {at})
        name, end = str(threading.get_native_id()), time.thread_time() + 0.1
        while time.thread_time() < end:
            pass
        told.append(thread_ticks(at)[name])

    in_a_thread(work)
    assert wait_for(lambda: bool(told))
    assert 0.08 <= told[0] / os.sysconf("SC_CLK_TCK") <= 0.2
