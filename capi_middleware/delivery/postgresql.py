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

from .rows import Claimed, Outcome, Row
from .schema import POSTGRESQL_MIGRATIONS
from .sqlstore import AT_ONCE, SqlStore
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

    LISTED = "= ANY(?::bigint[])"
    FIND = "strpos"
    FREE = ", claimed_by = 0"
    shared = True

    def __init__(self, url: str, write: bool = True) -> None:
        plain, self._schema = _address(url)
        self._me = 0
        self._mine: set[int] = set()
        try:
            self._db = psycopg.connect(plain, autocommit=True, prepare_threshold=3, **_CONNECT)  # type: ignore[arg-type]
        except psycopg.Error as error:
            raise _store_error(error) from error
        try:
            self._begin(write)
        except BaseException as error:
            self._db.close()
            if isinstance(error, psycopg.Error):
                raise _store_error(error) from error
            raise

    def _begin(self, write: bool) -> None:
        self._db.execute(f'SET search_path = "{self._schema}"')
        self._db.execute("SET statement_timeout = '10s'")
        if write:
            self._migrate()
        self.version = self._read_version()
        if self.version > len(POSTGRESQL_MIGRATIONS):
            raise StoreError("the tables in PostgreSQL are of a newer version of capi_middleware: upgrade this one")
        if write:
            self._sign_on()

    def _migrate(self) -> None:
        with self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(%s, 0)", (_CLASS,))
            # Only where it is missing: a role that may not make schemas is refused for asking.
            if not self._db.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (self._schema,)).fetchone():
                self._db.execute(f'CREATE SCHEMA "{self._schema}"')
            self._db.execute("CREATE TABLE IF NOT EXISTS version (n INTEGER NOT NULL)")
            done = self._db.execute("SELECT coalesce(max(n), 0) FROM version").fetchone()
            for number in range(done[0] if done else 0, len(POSTGRESQL_MIGRATIONS)):
                self._db.execute(POSTGRESQL_MIGRATIONS[number])
                self._db.execute("INSERT INTO version VALUES (%s)", (number + 1,))

    def _read_version(self) -> int:
        """0 while the tables are not made yet."""
        there = self._db.execute("SELECT to_regclass('version') IS NOT NULL").fetchone()
        if not (there and there[0]):
            return 0
        found = self._db.execute("SELECT coalesce(max(n), 0) FROM version").fetchone()
        return int(found[0]) if found else 0

    def _sign_on(self) -> None:
        """This session's number, with the lock that proves it alive, and its table for COPY."""
        found = self._db.execute("SELECT nextval('session_number')::int").fetchone()
        assert found is not None
        self._me = int(found[0])
        self._db.execute("SELECT pg_advisory_lock(%s, %s)", (_CLASS, self._me))
        columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
        self._db.execute(
            "CREATE TEMP TABLE incoming (place INTEGER GENERATED ALWAYS AS IDENTITY (START 0 MINVALUE 0), "
            f"number BIGINT DEFAULT nextval('event_number'), {columns}, payload TEXT, detail TEXT)"
        )

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
            "free AS (SELECT number FROM event WHERE state = 'waiting' AND pixel_id = ? AND number <> ALL(?::bigint[]) "
            "AND (claimed_by = 0 OR claimed_by NOT IN (SELECT n FROM alive)) "
            f"ORDER BY number {order} LIMIT ? FOR UPDATE SKIP LOCKED), "
            "taken AS (UPDATE event SET claimed_by = ? FROM free WHERE event.number = free.number "
            "RETURNING event.number, event_time, created, tries) "
            "SELECT t.number, b.payload, t.event_time, t.created, t.tries FROM taken t JOIN body b USING (number) "
            "ORDER BY t.number",
            # What this session has out carries its mark; the rest of ``skip`` comes from a session that broke.
            (_CLASS, pixel_id, self._list(skip - self._mine), limit, self._me),
        )
        if not lines:
            return None
        claim = Claim([Claimed(*line) for line in lines])
        self._mine |= claim.left
        return claim

    def release(self, claim: Claim, numbers: Set[int]) -> None:
        self._mine -= numbers
        self._do(f"UPDATE event SET claimed_by = 0 WHERE number {self.LISTED}", (self._list(numbers),))

    def settle(self, claim: Claim, outcomes: Sequence[Outcome], now: float) -> None:
        super().settle(claim, outcomes, now)
        self._mine -= {outcome.number for outcome in outcomes}

    def used(self) -> int:
        return self.size() * _ROW_BYTES

    def _at_once(self, excess: int) -> int:
        """Counting all rows takes longer than deleting thousands."""
        return min(AT_ONCE, excess // _ROW_BYTES + 1)

    def _insert(self, rows: Sequence[Row]) -> Sequence[Row]:
        """By COPY into a table of this session: parameters one by one cost five times as much."""
        text = "".join([_copied(row) for row in rows])
        try:
            with self._db.cursor() as cursor:
                cursor.execute("TRUNCATE incoming RESTART IDENTITY")
                with cursor.copy(f"COPY incoming ({', '.join(_COLUMNS)}, payload, detail) FROM STDIN") as copy:
                    copy.write(text)
        except psycopg.DataError as error:
            raise ValueError(f"PostgreSQL takes no such row: {type(error).__name__}") from None
        except psycopg.Error as error:
            raise _store_error(error) from error
        added = self._do(
            f"INSERT INTO event (number, {', '.join(_COLUMNS)}) SELECT number, {', '.join(_COLUMNS)} FROM incoming "
            "ORDER BY place ON CONFLICT DO NOTHING"
        )
        self._do("INSERT INTO body SELECT number, payload, detail FROM incoming JOIN event USING (number)")
        if added == len(rows):
            return rows
        return [rows[place] for place in self._numbers("SELECT place FROM incoming JOIN event USING (number)")]

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

    def _list(self, numbers: Iterable[int]) -> str:
        return "{" + ",".join(map(str, numbers)) + "}"


def _copied(row: Row) -> str:
    """A line of COPY's text format."""
    head = [*row[:5], row.state.value, *row[6:13]]
    short = "\x1f".join([str(value) for value in head])
    if short.count("\x1f") != 12 or "\0" in short:
        short = "\x1f".join([str(value).replace("\x1f", " ").replace("\0", " ") for value in head])
    body = _escaped(f"{row.payload}\x1e{row.detail}").replace("\x1e", "\t")  # JSON holds no control characters
    return _escaped(short).replace("\x1f", "\t") + "\t" + body + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _translated(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


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
