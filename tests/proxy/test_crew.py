"""The threads of a server."""

from __future__ import annotations

import threading
import time

import pytest

from capi_middleware.proxy.crew import Crew
from tests.proxy.wire import wait_for


class Work:
    """Notes which threads work, and how many at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.at_once = 0
        self.most = 0
        self.threads: set[int] = set()
        self.done: list[float] = []

    def __call__(self, seconds: float) -> None:
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            self.threads.add(threading.get_ident())
        if seconds:
            time.sleep(seconds)
        with self.lock:
            self.at_once -= 1
            self.done.append(seconds)


def test_every_job_is_done_once() -> None:
    work = Work()
    crew = Crew(work, 16)
    for number in range(2000):
        crew.put(0.0001 if number % 100 == 0 else 0)
    assert wait_for(lambda: len(work.done) == 2000)
    time.sleep(0.05)
    assert len(work.done) == 2000
    assert crew.end(1) == []


def test_quick_jobs_are_done_by_few() -> None:
    work = Work()
    crew = Crew(work, 64, few=2)
    for _ in range(200):
        crew.put(0)
        time.sleep(0.0005)
    assert wait_for(lambda: len(work.done) == 200)
    assert len(work.threads) <= 2
    crew.end(1)


def test_jobs_that_wait_hold_up_no_others() -> None:
    work = Work()
    crew = Crew(work, 32, few=2)
    for _ in range(32):
        crew.put(0.5)
    assert wait_for(lambda: len(work.done) == 32)
    assert work.most == 32, "at once, not by twos"
    crew.end(1)


def test_a_job_behind_those_that_wait_is_done_at_once() -> None:
    work = Work()
    crew = Crew(work, 8, few=2)
    for _ in range(5):
        crew.put(5)
    crew.put(0)
    assert wait_for(lambda: work.done == [0], 3)


def test_never_more_than_the_most() -> None:
    work = Work()
    crew = Crew(work, 3, few=2)
    for _ in range(9):
        crew.put(0.02)
    assert wait_for(lambda: len(work.done) == 9)
    assert work.most <= 3
    crew.end(1)


def test_after_those_that_waited_few_work_again() -> None:
    work = Work()
    crew = Crew(work, 32, few=2)
    for _ in range(32):
        crew.put(0.1)
    assert wait_for(lambda: len(work.done) == 32)
    work.threads.clear()
    for _ in range(100):
        crew.put(0)
        time.sleep(0.0005)
    assert wait_for(lambda: len(work.done) == 132)
    assert len(work.threads) <= 2
    for _ in range(32):
        crew.put(0.1)
    assert wait_for(lambda: len(work.done) == 164)
    assert work.most == 32
    crew.end(1)


def test_its_end_waits_for_what_is_under_way_and_gives_back_the_rest() -> None:
    work = Work()
    crew = Crew(work, 1, few=1)
    crew.put(0.2)
    assert wait_for(lambda: work.at_once == 1)
    crew.put(7)
    assert crew.end(5) == [7]
    assert work.done == [0.2]


def test_a_job_that_raises_costs_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number < 8:
            raise SystemExit
        done.append(number)

    crew = Crew(work, 2, few=2)
    for number in range(12):
        crew.put(number)
    assert wait_for(lambda: sorted(done) == [8, 9, 10, 11])
    assert "a request failed" in caplog.text
    crew.end(1)


def test_threads_that_nobody_needs_any_more_end() -> None:
    work = Work()
    crew = Crew(work, 16, few=2, rest=0.2)
    named = lambda: sum(thread.name == "capi-hand" for thread in threading.enumerate())  # noqa: E731
    before = named()
    for _ in range(16):
        crew.put(0.1)
    assert wait_for(lambda: len(work.done) == 16)
    assert wait_for(lambda: named() - before == 2, 5)
    for _ in range(16):
        crew.put(0.1)
    assert wait_for(lambda: len(work.done) == 32)
    crew.end(1)
