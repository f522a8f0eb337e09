"""PostgreSQL as docs/operation.md has it: a database made by its administrator, a dump, and what comes back of it."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from capi_middleware.delivery.entry import Filter, State
from capi_middleware.delivery.postgresql import PostgresqlStore
from capi_middleware.delivery.rows import Outcome
from tests.delivery.make import PIXEL, row
from tests.delivery.postgres import Postgres

PAGE = Path(__file__).parents[2] / "docs" / "operation.md"


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Callable[[], str]]:
    """Makes databases as the page says, each with a role that owns it."""
    made: list[str] = []

    def make() -> str:
        name = f"d{secrets.token_hex(6)}"
        made.append(name)
        with psycopg.connect(postgres.url, autocommit=True) as db:
            db.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
            db.execute(f"CREATE DATABASE {name} OWNER {name}")
        return f"postgresql://{name}:x@127.0.0.1:{postgres.port}/{name}"

    yield make
    with psycopg.connect(postgres.url, autocommit=True) as db:
        for name in made:
            db.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            db.execute(f"DROP ROLE IF EXISTS {name}")


def commands(word: str) -> list[str]:
    """The page's lines for a shell that begin with this word, without what is said of them."""
    found = re.findall(rf"^\$ ({word}\b.*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    return [line.partition("   #")[0] for line in found]


def run(line: str, url: str, postgres: Postgres, folder: Path) -> None:
    path = f"{postgres.programs}:{os.environ['PATH']}"
    subprocess.run(
        ["sh", "-c", line.replace("/backup/", f"{folder}/")],
        env={**os.environ, "PATH": path, "CAPI_STORE": url},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def test_a_dump_comes_back(database: Callable[[], str], postgres: Postgres, tmp_path: Path) -> None:
    """Saved while it is in use; restored into an empty database, under another owner."""
    (dump,) = commands("pg_dump")
    restore, late = commands("psql")
    old, new = database(), database()
    first = PostgresqlStore(old)
    sent, under_way = [row() for _ in range(5)], [row() for _ in range(5)]
    first.put(sent)
    claim = first.claim(PIXEL, 5, False, set())
    assert claim is not None
    first.settle(claim, [Outcome(each.number, State.DELIVERED) for each in claim.rows], time.time())
    first.put(under_way)
    assert first.claim(PIXEL, 1000, False, set())
    run(dump, old, postgres, tmp_path)
    run(restore, new, postgres, tmp_path)

    second = PostgresqlStore(new)
    assert {entry.event_id for entry in second.recent(Filter(state=State.DELIVERED), 100)} == {one[2] for one in sent}
    again = second.claim(PIXEL, 1000, False, set())
    assert again is not None and len(again.rows) == 5, "what another session had out is free"
    second.put([row()])
    numbers = [entry.number for entry in second.recent(Filter(), 100)]
    assert len(set(numbers)) == 11 and numbers[0] == max(numbers)
    assert second.totals()["made"] == 11
    second.close()

    run(late, new, postgres, tmp_path)
    second = PostgresqlStore(new)
    assert second.waiting() == {}
    assert len(second.recent(Filter(state=State.DROPPED), 100)) == 6
    for store in (first, second):
        store.close()


def test_a_role_that_may_not_make_schemas_uses_the_one_it_was_given(
    database: Callable[[], str], postgres: Postgres
) -> None:
    url = database()
    name = url.rpartition("/")[2]
    with psycopg.connect(f"{postgres.url.rpartition('/')[0]}/{name}", autocommit=True) as db:
        db.execute(f"ALTER DATABASE {name} OWNER TO CURRENT_USER")
        db.execute(f"CREATE SCHEMA capi AUTHORIZATION {name}")
    store = PostgresqlStore(url)
    store.put([row()])
    assert store.size() == 1
    store.close()
