"""Stores of other versions: older ones are brought up, newer ones are left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from capi_middleware.delivery import Filter, postgresql, sqlite
from capi_middleware.delivery.postgresql import PostgresqlStore
from capi_middleware.delivery.sqlite import SqliteStore
from capi_middleware.delivery.store import StoreError
from tests.delivery.make import row
from tests.delivery.postgres import Postgres

RELEASED = len(sqlite.SQLITE_MIGRATIONS)
NEXT = "CREATE TABLE later (n INTEGER); INSERT INTO later SELECT count(*) FROM event"


def test_sqlite_is_brought_up_with_its_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite3"
    store = SqliteStore(path)
    assert store.version == RELEASED
    store.put([row(), row()])
    store.close()
    monkeypatch.setattr(sqlite, "SQLITE_MIGRATIONS", (*sqlite.SQLITE_MIGRATIONS, NEXT))
    for _ in range(2):
        store = SqliteStore(path)
        assert store.version == RELEASED + 1 and store.size() == 2
        assert store._rows("SELECT n FROM later") == [(2,)]
        store.close()
    monkeypatch.undo()
    with pytest.raises(StoreError, match="newer version"):
        SqliteStore(path)
    with pytest.raises(StoreError, match="newer version"):
        SqliteStore(path, write=False)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_store_of_each_version_is_brought_up_to_this_one(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its events, and with every index that a new one has."""
    for version in range(1, RELEASED + 1):
        opened, every = _kind(kind, tmp_path / f"{version}.sqlite3", request)
        name, module = f"{kind.upper()}_MIGRATIONS", sqlite if kind == "sqlite" else postgresql
        monkeypatch.setattr(module, name, every[:version])
        store = opened()
        rows = [row(), row(event_name="Lead")]
        store.put(rows)
        store.close()
        monkeypatch.undo()
        store = opened()
        assert store.version == RELEASED and store.size() == 2
        assert [entry.event_id for entry in store.recent(Filter(event_name="Lead"), 5)] == [rows[1].event_id]
        catalogue = "SELECT name FROM sqlite_master WHERE type = 'index'"
        if kind == "postgresql":
            catalogue = "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
        names = {found for (found,) in store._rows(catalogue)}
        assert {"event_key", "event_named", "event_dead", "event_expired", "event_dropped"} <= names
        if kind == "postgresql":
            store._do("DROP SCHEMA " + store._schema + " CASCADE")
        store.close()


def _kind(kind: str, path: Path, request: pytest.FixtureRequest) -> tuple[Any, Any]:
    if kind == "sqlite":
        return lambda: SqliteStore(path), sqlite.SQLITE_MIGRATIONS
    url = request.getfixturevalue("schema_url")
    return lambda: PostgresqlStore(url), postgresql.POSTGRESQL_MIGRATIONS


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite3"
    store = SqliteStore(path)
    store.put([row()])
    store.close()
    monkeypatch.setattr(sqlite, "SQLITE_MIGRATIONS", (*sqlite.SQLITE_MIGRATIONS, NEXT + "; SELECT nonsense"))
    with pytest.raises(StoreError):
        SqliteStore(path)
    monkeypatch.undo()
    store = SqliteStore(path)
    assert store.version == RELEASED and store.size() == 1
    store.close()


def test_postgresql_is_brought_up_with_its_events(schema_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = PostgresqlStore(schema_url)
    store.put([row(), row()])
    store.close()
    monkeypatch.setattr(postgresql, "POSTGRESQL_MIGRATIONS", (*postgresql.POSTGRESQL_MIGRATIONS, NEXT))
    for _ in range(2):
        store = PostgresqlStore(schema_url)
        assert store.version == RELEASED + 1 and store._rows("SELECT n FROM later") == [(2,)]
        store.close()
    monkeypatch.undo()
    for write in (True, False):
        with pytest.raises(StoreError, match="newer version"):
            PostgresqlStore(schema_url, write)


def test_postgresql_before_its_tables_are_made(schema_url: str) -> None:
    store = PostgresqlStore(schema_url, write=False)
    assert store.version == 0
    store.close()


def test_postgresql_that_refuses(postgres: Postgres) -> None:
    """A user who may make nothing is told so; the password of an address never is."""
    with psycopg.connect(postgres.url, autocommit=True) as db:
        db.execute("CREATE ROLE visitor LOGIN")
    url = postgres.url.replace("capi@", "visitor:s3cr3t@")
    with pytest.raises(StoreError) as caught:
        PostgresqlStore(f"{url}?schema=visitor")
    assert "permission denied" in str(caught.value) and "s3cr3t" not in str(caught.value)
    with pytest.raises(StoreError) as caught:
        PostgresqlStore("postgresql://u:s3cr3t@127.0.0.1:1/x")
    assert "s3cr3t" not in str(caught.value)
    with pytest.raises(StoreError):
        PostgresqlStore(f'{postgres.url}?schema=a"b')
