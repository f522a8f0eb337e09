"""A sink, a switch for it, and shops that are always put away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.delivery.postgres import Postgres
from tests.delivery.sink import Sink
from tests.faults.harness import Shop, Switch


@pytest.fixture
def meta() -> Iterator[Switch]:
    yield Switch()


@pytest.fixture
def sink(meta: Switch) -> Iterator[Sink]:
    made = Sink(meta)
    yield made
    made.close()


@pytest.fixture
def open_shop(sink: Sink, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """``open_shop(server, folder="state", **environ)``"""
    shops: list[Shop] = []

    def make(server: str = "gunicorn gthread", folder: str = "state", **environ: str) -> Shop:
        shops.append(Shop(server, tmp_path / folder, sink.url, **environ))
        return shops[-1]

    yield make
    for shop in shops:
        shop.kill()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    server.start()
    yield server
    server.close()
