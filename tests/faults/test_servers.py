"""Every kind of server: all that customers were told arrives, once, from one deliverer."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.delivery.sink import Sink
from tests.faults.harness import Shop, all_arrive, once, order, run_command, wait, worker

WITH_THREADS = [
    "gunicorn sync",
    "gunicorn gthread",
    "gunicorn gevent",
    "gunicorn sync preload",
    "gunicorn gthread preload",
    "gunicorn gevent preload",
    "uwsgi threads",
    "uwsgi lazy",
    "waitress",
]


@pytest.mark.parametrize("server", WITH_THREADS)
def test_all_arrive_once(open_shop: Callable[..., Shop], sink: Sink, server: str) -> None:
    shop = open_shop(server, FAULT_EARLY="" if "preload" not in server else "early-1 early-2")
    told = order(shop, 120)
    told += ["early-1", "early-2"] if "preload" in server else []
    all_arrive(sink, told, shop)
    once(sink)
    assert shop.leader() in [shop.process.pid, *shop.workers()]
    shop.stop()
    said = shop.said()
    assert "stumbled" not in said
    if server != "uwsgi lazy":  # which may still be importing the shop in one process when it is stopped
        assert "Traceback" not in said
    assert not list((shop.folder / "journal").glob("*.new"))


def test_recycled_workers(open_shop: Callable[..., Shop], sink: Sink) -> None:
    shop = open_shop("gunicorn recycling")
    all_arrive(sink, order(shop, 60), shop)
    once(sink)


def test_uwsgi_without_threads_says_so_and_a_worker_delivers(open_shop: Callable[..., Shop], sink: Sink) -> None:
    shop = open_shop("uwsgi without threads")
    told = order(shop, 60)
    assert "--enable-threads" in shop.said() and "capi-middleware worker" in shop.said()
    assert shop.said().count("--enable-threads") <= 2, "once a process"
    assert sink.batches == []
    assert "--enable-threads" in str(shop.health()["problems"])
    with worker(shop):
        all_arrive(sink, told, shop)
        more = order(shop, 20)
        all_arrive(sink, more, shop)
    once(sink)


def test_worker_once_for_cron(open_shop: Callable[..., Shop], sink: Sink) -> None:
    shop = open_shop("uwsgi without threads")
    told = order(shop, 30)
    code, _ = run_command(shop, "worker", "--once")
    assert code == 0
    assert set(told) <= set(sink.accepted)
    once(sink)


def test_only_a_worker_delivers_where_that_is_set(open_shop: Callable[..., Shop], sink: Sink, tmp_path: Path) -> None:
    config = tmp_path / "capi.toml"
    config.write_text('[delivery]\ndeliverer = "worker"\n')
    shop = open_shop("gunicorn gthread", CAPI_CONFIG=str(config))
    told = order(shop, 30)
    with worker(shop):
        all_arrive(sink, told, shop)
        assert shop.leader() not in shop.workers()
    once(sink)


def test_eight_workers_and_a_worker_beside_them(open_shop: Callable[..., Shop], sink: Sink) -> None:
    shop = open_shop("gunicorn 8")
    with worker(shop):
        names = [f"b{number}" for number in range(20)]
        for name in names:
            shop.get(f"/many?id={name}&n=100")
        all_arrive(sink, [f"{name}-{number}" for name in names for number in range(100)], shop)
    once(sink)


def test_two_shops_of_one_folder_each_with_its_own_token(open_shop: Callable[..., Shop], sink: Sink) -> None:
    """Only the process that knows a pixel's token can send for it: whoever delivers lets the other have a turn."""
    one = open_shop("waitress")
    other = open_shop("waitress", CAPI_PIXEL_ID="99999999", CAPI_ACCESS_TOKEN="OTHER")
    told = order(one, 10, 1)
    for number in range(10):
        other.get(f"/e?id=other-{number}&pixel=99999999")
    all_arrive(sink, [*told, *[f"other-{number}" for number in range(10)]], one, timeout=40)
    once(sink)
    tokens = {path.split("/")[2]: body["access_token"] for path, body in zip(sink.paths, sink.bodies, strict=True)}
    assert tokens == {"1234567890": "TOKEN", "99999999": "OTHER"}


def test_a_script_that_ends_at_once(open_shop: Callable[..., Shop], sink: Sink) -> None:
    """Interpreter exit: quick, quiet; what it handed over is delivered by the next process."""
    shop = open_shop("waitress")
    shop.stop()
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", "import shop; shop.hand_over('script')"],
        env=shop.environ,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0 and done.stderr == ""
    assert time.monotonic() - start < 8
    if "script" not in sink.accepted:
        shop.restart()
        shop.get("/e?id=next")
        wait(lambda: "script" in sink.accepted)
    once(sink)
