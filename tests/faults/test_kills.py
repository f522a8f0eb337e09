"""Processes that die, stop or fork at the wrong moment."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from tests.delivery.sink import Reply, Sink, error
from tests.faults.harness import Customers, Shop, Switch, all_arrive, doubles, once, order, run_command, wait

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "12"))


def kill(pid: int, how: signal.Signals = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)


@pytest.mark.timeout(60 + 10 * ROUNDS)
def test_workers_killed_at_random_moments(open_shop: Callable[..., Shop], sink: Sink) -> None:
    """kill -9 of a worker right after its response, again and again: 0 lost; only batches under way are repeated."""
    shop = open_shop("gunicorn gthread")
    customers = Customers(shop, 3)
    for _ in range(ROUNDS):
        time.sleep(random.uniform(0.2, 0.9))
        kill(random.choice(shop.workers()))
    told = customers.leave()
    all_arrive(sink, told, shop, timeout=40)
    assert len(told) > 5 * ROUNDS
    assert doubles(sink) <= 0.2 * len(sink.accepted)


def test_everything_killed_at_once_and_started_again(open_shop: Callable[..., Shop], sink: Sink, meta: Switch) -> None:
    meta.down()
    shop = open_shop("gunicorn gthread")
    told: list[str] = []
    for _ in range(3):
        customers = Customers(shop, 3)
        wait(lambda customers=customers: len(customers.told) > 40)  # type: ignore[misc]
        shop.kill()
        told += customers.leave()
        shop.restart()
    meta.up()
    shop.get("/e?id=last")
    all_arrive(sink, [*told, "last"], shop)
    once(sink)


def test_killed_before_the_deliverer_has_read_anything(open_shop: Callable[..., Shop], sink: Sink) -> None:
    """Hundreds in one request, and the process is killed in the moment of its answer."""
    shop = open_shop("waitress")
    shop.get("/many?id=a&n=3000")
    shop.kill()
    shop.restart()
    shop.get("/e?id=b")
    all_arrive(sink, [f"a-{number}" for number in range(3000)], shop)


def test_killed_in_the_middle_of_a_bisection(open_shop: Callable[..., Shop], sink: Sink, meta: Switch) -> None:
    """Again and again while a bad event is looked for: the good ones arrive, and only what was under way twice."""
    shop = open_shop("waitress")

    def slowly(events: list[dict[str, object]], body: object) -> Reply | None:
        time.sleep(0.05)
        return error(100, 2804050) if any(each["event_name"] == "Bad" for each in events) else None

    sink.script = slowly
    meta.down()
    told = order(shop, 60)
    shop.get("/e?id=bad&name=Bad")
    told += order(shop, 60)
    for pause in (0.5, 0.7, 0.9):
        time.sleep(pause)
        shop.restart()
        shop.get(f"/e?id=p{pause}")
    all_arrive(sink, told, shop)
    wait(lambda: run_command(shop, "status")[1]["day"].get("dead") == 1)
    assert "bad" not in sink.accepted
    assert doubles(sink) <= 3 * 61


def test_take_over_within_seconds_of_a_kill(open_shop: Callable[..., Shop], sink: Sink) -> None:
    shop = open_shop("gunicorn gthread")
    order(shop, 20)
    wait(shop.leader)
    for _ in range(3):
        leader = shop.leader()
        kill(leader)
        start = time.monotonic()
        told = order(shop, 10)
        wait(lambda leader=leader: shop.leader() not in (0, leader), 10)  # type: ignore[misc]
        all_arrive(sink, told, shop)
        assert time.monotonic() - start < 8


def test_a_worker_killed_by_its_server(open_shop: Callable[..., Shop], sink: Sink) -> None:
    """A worker that hangs in a request is killed by gunicorn's own time limit: what that request had handed over is
    kept, although its customer never got an answer."""
    shop = open_shop("gunicorn timeout")
    told = order(shop, 20)
    shop.get("/hog?n=2")
    before = shop.workers()
    with pytest.raises(OSError):
        shop.get("/stuck?id=stuck", timeout=10)
    told += order(shop, 20)
    wait(lambda: set(shop.workers()) != set(before))
    all_arrive(sink, [*told, "stuck"], shop, timeout=40)


def test_busy_threads_do_not_delay_the_hand_over(open_shop: Callable[..., Shop], sink: Sink) -> None:
    """No system call on the request's thread: none of them waits for a switch interval (5 ms)."""
    import http.client

    shop = open_shop("waitress")
    shop.get("/e?id=first")
    shop.get("/hog?n=1")
    took = []
    for number in range(60):
        connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=20)
        connection.request("GET", f"/e?id=n{number}")
        answer = connection.getresponse()
        answer.read()
        took.append(float(answer.headers["X-Took"]))
        connection.close()
    assert sorted(took)[len(took) // 2] < 2500, "half a switch interval"
    all_arrive(sink, [f"n{number}" for number in range(60)], shop, timeout=60)


def test_a_stopped_deliverer_delays_but_loses_nothing(open_shop: Callable[..., Shop], sink: Sink) -> None:
    """SIGSTOP keeps its lock: the others must not send meanwhile, and it shows."""
    shop = open_shop("gunicorn gthread")
    order(shop, 20)
    wait(shop.leader)
    leader = shop.leader()
    others = [pid for pid in shop.workers() if pid != leader]
    time.sleep(1.0)
    kill(leader, signal.SIGSTOP)
    try:
        before = len(sink.batches)
        told = []
        end = time.monotonic() + 3
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                told.append(shop.get(f"/e?id=s{len(told)}", timeout=1.0))
        time.sleep(0.5)
        assert others and shop.leader() == leader
        assert len(sink.batches) <= before + 1
    finally:
        kill(leader, signal.SIGCONT)
    all_arrive(sink, told, shop)
    once(sink)


def test_a_fork_in_a_request_neither_sends_twice_nor_keeps_the_lock(open_shop: Callable[..., Shop], sink: Sink) -> None:
    shop = open_shop("waitress")
    shop.get("/e?id=before")
    wait(shop.leader)
    child = int(shop.get("/fork?id=child&sleep=30"))
    try:
        all_arrive(sink, ["before"], shop)
        os.kill(shop.process.pid, signal.SIGKILL)
        shop.process.wait()
        wait(lambda: shop.leader() == child, 10, lambda: f"the lock is held by {shop.leader()}")
        all_arrive(sink, ["before", "child"], shop)
        once(sink)
    finally:
        kill(child)


def test_graceful_stop_hands_the_rest_to_the_next(open_shop: Callable[..., Shop], sink: Sink, meta: Switch) -> None:
    meta.down()
    shop = open_shop("gunicorn gthread")
    told = order(shop, 60)
    shop.stop()
    meta.up()
    shop.restart()
    shop.get("/e?id=next")
    all_arrive(sink, told, shop)
    once(sink)
    wait(lambda: not [path for path in (shop.folder / "journal").iterdir() if path.suffix == ".new"])
