"""Stores of both kinds, and events to put into them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from capi_middleware.delivery.postgresql import PostgresqlStore
from capi_middleware.delivery.sqlite import SqliteStore
from capi_middleware.delivery.store import Store
from tests.delivery.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    server.start()
    yield server
    server.close()


@pytest.fixture
def schema_url(postgres: Postgres) -> Iterator[str]:
    """An address with a schema of its own."""
    schema = f"t{secrets.token_hex(6)}"
    yield f"{postgres.url}?schema={schema}"
    with psycopg.connect(postgres.url, autocommit=True) as db:
        db.execute("SET client_min_messages = error")
        db.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


@pytest.fixture(params=["sqlite", "postgresql"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the same store, once more each time."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "ledger.sqlite3")
    url = request.getfixturevalue("schema_url")
    return lambda: PostgresqlStore(url)


@pytest.fixture
def store(opener: Callable[[], Store]) -> Iterator[Store]:
    opened = opener()
    yield opened
    opened.close()
