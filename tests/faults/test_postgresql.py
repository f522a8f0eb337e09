"""One store for several machines, and a database that comes and goes."""

from __future__ import annotations

import secrets
import signal
import time
from collections.abc import Callable

import psycopg
import pytest

from tests.delivery.postgres import Postgres
from tests.delivery.sink import Sink
from tests.faults.harness import Customers, Shop, Switch, all_arrive, doubles, once, order, run_command, wait, worker


@pytest.fixture
def store_url(postgres: Postgres) -> str:
    """A schema of the test's own; it goes with the server, since a shop may still write when the test is over."""
    return f"{postgres.url}?schema=f{secrets.token_hex(6)}"


def test_two_hosts_and_two_workers(open_shop: Callable[..., Shop], sink: Sink, store_url: str) -> None:
    hosts = [open_shop("gunicorn gthread", folder=name, CAPI_STORE=store_url) for name in ("one", "two")]
    with worker(hosts[0]), worker(hosts[1]):
        told = [event_id for host in hosts for event_id in order(host, 100)]
        for number in range(10):
            hosts[number % 2].get(f"/many?id=m{number}&n=300")
        told += [f"m{number}-{index}" for number in range(10) for index in range(300)]
        all_arrive(sink, told, hosts[0], timeout=40)
    once(sink)
    code, status = run_command(hosts[0], "status")
    assert code == 0 and status["day"]["delivered"] == len(told)


def test_a_worker_on_a_machine_without_a_shop(
    open_shop: Callable[..., Shop], sink: Sink, meta: Switch, store_url: str
) -> None:
    meta.down()
    shop = open_shop("waitress", folder="web", CAPI_STORE=store_url)
    told = order(shop, 30)
    wait(lambda: len(sink.batches) > 0)
    time.sleep(0.5)
    shop.kill()
    meta.up()
    shop.environ["CAPI_STATE_DIR"] = str(shop.folder.parent / "elsewhere")
    with worker(shop):
        all_arrive(sink, told, shop)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
def test_the_database_restarts_meanwhile(
    open_shop: Callable[..., Shop], sink: Sink, postgres: Postgres, store_url: str, how: signal.Signals
) -> None:
    shop = open_shop("gunicorn gthread", CAPI_STORE=store_url)
    customers = Customers(shop, 2, 0.002)
    for _ in range(2):
        seen = len(customers.told)
        wait(lambda seen=seen: len(customers.told) > seen + 30)  # type: ignore[misc]
        postgres.restart(how)
    told = customers.leave()
    assert not customers.failed, "the shop never noticed"
    all_arrive(sink, told, shop, timeout=40)
    assert doubles(sink) <= 0.3 * len(sink.accepted)


def test_the_database_is_away_for_a_while(
    open_shop: Callable[..., Shop], sink: Sink, postgres: Postgres, store_url: str
) -> None:
    """From before the shop starts: events stay in the journals, and health says why."""
    postgres.stop()
    try:
        shop = open_shop("gunicorn gthread", CAPI_STORE=store_url)
        told = order(shop, 60)
        wait(lambda: any("PostgreSQL" in problem for problem in shop.health()["problems"]))
        assert sink.batches == []
    finally:
        postgres.start()
    told += order(shop, 20)
    all_arrive(sink, told, shop)
    once(sink)


def test_connections_cut_by_the_server(
    open_shop: Callable[..., Shop], sink: Sink, postgres: Postgres, store_url: str
) -> None:
    shop = open_shop("gunicorn gthread", CAPI_STORE=store_url)
    customers = Customers(shop, 2, 0.002)
    with psycopg.connect(postgres.url, autocommit=True) as db:
        for _ in range(6):
            time.sleep(0.4)
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'capi_middleware'"
            )
    told = customers.leave()
    assert not customers.failed
    all_arrive(sink, told, shop, timeout=40)


def test_a_worker_killed_with_a_batch_gives_it_back_at_once(
    open_shop: Callable[..., Shop], sink: Sink, meta: Switch, store_url: str
) -> None:
    from tests.delivery.sink import Reply

    meta.reply = Reply(how="silent")
    shop = open_shop("waitress", CAPI_STORE=store_url)
    told = order(shop, 20)
    wait(lambda: len(sink.batches) > 0)
    shop.kill()
    meta.up()
    start = time.monotonic()
    shop.environ["CAPI_STATE_DIR"] = str(shop.folder.parent / "elsewhere")
    with worker(shop):
        all_arrive(sink, told, shop)
    assert time.monotonic() - start < 10
