"""The store in PostgreSQL, for shops on several machines: every deliverer and worker, on whatever host, sends from it.

A claim is a committed mark (``claimed_by``), not a row lock held during the request: a browser's report about an event
on its way must not wait. It is void as soon as its maker's session ends: each session holds an advisory lock on its own
number, which the server lets go of when the connection breaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from .rows import Claimed, Row
from .schema import POSTGRESQL_MIGRATIONS
from .sqlstore import SqlStore
from .store import Claim, StoreError

SCHEMA = "capi"
_CLASS = 0x43415049 - (1 << 31)  # of our advisory locks
_ROW_BYTES = 1800
_CONNECT = {
    "connect_timeout": 3,
    "keepalives_idle": 30,
    "tcp_user_timeout": 10000,
    "application_name": "capi_middleware",
}
_COLUMNS = {
    "pixel_id": "text",
    "event_name": "text",
    "event_id": "text",
    "event_time": "bigint",
    "created": "float8",
    "state": "text",
    "browser": "bool",
    "settled": "float8",
    "reason": "text",
    "rule": "text",
    "page": "text",
    "fbp": "text",
    "value": "int",
}


class PostgresqlStore(SqlStore):
    """``url``: ``postgresql://…``; the tables are made in the schema ``capi`` (or ``?schema=`` of the address).

    ``write=False`` neither makes nor migrates them. Raises :class:`StoreError`.
    """

    LISTED = "= ANY(?)"
    FIND = "strpos"
    shared = True

    def __init__(self, url: str, write: bool = True) -> None:
        plain, self._schema = _address(url)
        try:
            self._db = psycopg.connect(plain, autocommit=True, prepare_threshold=3, **_CONNECT)  # type: ignore[arg-type]
            self._db.execute(f'SET search_path = "{self._schema}"')
            self._db.execute("SET statement_timeout = '10s'")
            if write:
                self._migrate()
            self._check_version(write)
            self._me = self._sign_on() if write else 0
        except psycopg.Error as error:
            raise _store_error(error) from error

    def _migrate(self) -> None:
        with self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(%s, 0)", (_CLASS,))
            self._db.execute(f'CREATE SCHEMA IF NOT EXISTS "{self._schema}"')
            self._db.execute("CREATE TABLE IF NOT EXISTS version (n INTEGER NOT NULL)")
            done = self._db.execute("SELECT coalesce(max(n), 0) FROM version").fetchone()
            for number in range(done[0] if done else 0, len(POSTGRESQL_MIGRATIONS)):
                self._db.execute(POSTGRESQL_MIGRATIONS[number])
                self._db.execute("INSERT INTO version VALUES (%s)", (number + 1,))

    def _check_version(self, write: bool) -> None:
        found = self._db.execute("SELECT coalesce(max(n), 0) FROM version").fetchone()
        if found and found[0] > len(POSTGRESQL_MIGRATIONS) and write:
            raise StoreError("the tables in PostgreSQL are of a newer version of capi_middleware: upgrade this process")

    def _sign_on(self) -> int:
        """This session's number, with the lock that proves it alive."""
        found = self._db.execute("SELECT nextval('session_number')::int").fetchone()
        assert found is not None
        self._db.execute("SELECT pg_advisory_lock(%s, %s)", (_CLASS, found[0]))
        return int(found[0])

    def close(self) -> None:
        self._db.close()

    def alive(self) -> bool:
        return not self._db.closed

    def check(self) -> None:
        """A broken connection shows by itself."""

    def mark(self) -> int:
        return 0

    def oldest_unsettled(self) -> int:
        return 0

    def claim(self, pixel_id: str, limit: int, newest: bool, skip: Set[int]) -> Claim | None:
        order = "DESC" if newest else "ASC"
        lines = self._rows(
            "WITH alive AS (SELECT objid::int AS n FROM pg_locks WHERE locktype = 'advisory' AND classid::int = ? "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())), "
            "free AS (SELECT number FROM event WHERE state = 'waiting' AND pixel_id = ? AND number <> ALL(?) "
            "AND (claimed_by = 0 OR claimed_by = ? OR claimed_by NOT IN (SELECT n FROM alive)) "
            f"ORDER BY number {order} LIMIT ? FOR UPDATE SKIP LOCKED), "
            "taken AS (UPDATE event SET claimed_by = ? FROM free WHERE event.number = free.number "
            "RETURNING event.number, event_time, created, tries) "
            "SELECT t.number, b.payload, t.event_time, t.created, t.tries FROM taken t JOIN body b USING (number) "
            "ORDER BY t.number",
            (_CLASS, pixel_id, list(skip), self._me, limit, self._me),
        )
        return Claim([Claimed(*line) for line in lines]) if lines else None

    def release(self, claim: Claim) -> None:
        if claim.left:
            self._do("UPDATE event SET claimed_by = 0 WHERE number = ANY(?)", (list(claim.left),))

    def _back(self, code: int, subcode: int, reason: str, listed: Any) -> None:
        super()._back(code, subcode, reason, listed)
        self._do("UPDATE event SET claimed_by = 0 WHERE number = ANY(?)", (listed,))

    def used(self) -> int:
        return self.size() * _ROW_BYTES

    def _insert(self, rows: Sequence[Row]) -> Sequence[Row]:
        columns = [list(column) for column in zip(*(row[:13] for row in rows), strict=True)]
        columns[5] = [state.value for state in columns[5]]
        arrays = ", ".join(f"?::{kind}[]" for kind in _COLUMNS.values())
        added = self._rows(
            f"INSERT INTO event (number, {', '.join(_COLUMNS)}) "
            f"SELECT nextval('event_number'), * FROM unnest({arrays}) "
            "ON CONFLICT DO NOTHING RETURNING number, event_id, event_name, pixel_id",
            columns,
        )
        by_key = {(row.event_id, row.event_name, row.pixel_id): row for row in reversed(rows)}
        fresh = [by_key[event_id, event_name, pixel_id] for _, event_id, event_name, pixel_id in added]
        self._do(
            "INSERT INTO body SELECT * FROM unnest(?::bigint[], ?::text[], ?::text[])",
            ([line[0] for line in added], [row.payload for row in fresh], [row.detail for row in fresh]),
        )
        return fresh

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._db.execute(_translated(sql), values, prepare=True).fetchall()
        except psycopg.Error as error:
            raise _store_error(error) from error

    def _do(self, sql: str, values: Sequence[Any] = ()) -> int:
        try:
            return self._db.execute(_translated(sql), values).rowcount
        except psycopg.Error as error:
            raise _store_error(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._db.transaction():
                yield
        except psycopg.Error as error:
            raise _store_error(error) from error

    def _compact(self) -> None:
        """Autovacuum does."""

    def _list(self, numbers: Iterable[int]) -> list[int]:
        return list(numbers)


def _translated(sql: str) -> str:
    return sql.replace("?", "%s")


def _address(url: str) -> tuple[str, str]:
    """The address without our own ``schema`` parameter, and the schema. Raises :class:`StoreError`."""
    parts = urlsplit(url)
    schema = parse_qs(parts.query).get("schema", [SCHEMA])[0]
    if not schema.replace("_", "").isalnum():
        raise StoreError("the schema in CAPI_STORE may hold letters, digits and _ only")
    query = "&".join(item for item in parts.query.split("&") if item and not item.startswith("schema="))
    return parts._replace(query=query).geturl(), schema


def _store_error(error: psycopg.Error) -> StoreError:
    """Without the server's detail, which may quote values."""
    said = str(error).split("\n")[0].split(" DETAIL")[0][:200]
    return StoreError(f"PostgreSQL: {said or type(error).__name__}", full=error.sqlstate == "53100")
