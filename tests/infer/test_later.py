"""Work that waits until the response has gone."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from capi_middleware.infer.later import MOST_WAITING, Later


def test_it_is_done_in_a_thread_of_its_own() -> None:
    later, done = Later(), []
    assert later.put("a", lambda: done.append(threading.current_thread().name))
    assert later.wait(20)
    assert done == ["capi-reading"]


def test_the_same_waits_once_and_no_more_than_so_many_wait() -> None:
    later, gate, done = Later(), threading.Event(), []
    assert later.put("gate", lambda: gate.wait(20))
    assert later.put("gate", lambda: done.append("twice"))
    taken = [later.put(number, lambda: done.append("once")) for number in range(MOST_WAITING + 5)]
    assert taken.count(True) == MOST_WAITING - 1
    gate.set()
    assert later.wait(20)
    assert done == ["once"] * (MOST_WAITING - 1)
    assert later.put("gate", lambda: done.append("again"))
    assert later.wait(20)
    assert done[-1] == "again"


def test_a_fault_is_logged_and_the_next_is_done(caplog: pytest.LogCaptureFixture) -> None:
    later, done = Later(), []
    later.put("bad", lambda: 1 / 0)
    later.put("good", lambda: done.append(1))
    assert later.wait(20)
    assert done == [1]
    assert "ZeroDivisionError" in caplog.text


def test_waiting_ends() -> None:
    later, gate = Later(), threading.Event()
    later.put("gate", lambda: gate.wait(20))
    assert not later.wait(0.05)
    gate.set()
    assert later.wait(20)


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_has_a_thread_of_its_own() -> None:
    later = Later()
    later.put("parent", lambda: None)
    assert later.wait(20)
    child = os.fork()
    if child == 0:
        done: list[int] = []
        took = later.put("child", lambda: done.append(1)) and later.wait(20)
        os._exit(0 if took and done == [1] else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_the_parent_was_at_is_done_in_the_child_too() -> None:
    later, gate = Later(), threading.Event()
    later.put("page", lambda: gate.wait(20))
    child = os.fork()
    if child == 0:
        done: list[int] = []
        took = later.put("page", lambda: done.append(1)) and later.wait(10)
        os._exit(0 if took and done == [1] else 1)
    gate.set()
    assert os.waitpid(child, 0)[1] == 0
    assert later.wait(20)
