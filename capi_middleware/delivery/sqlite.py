"""The store in one SQLite file. One process writes (the deliverer), any number read.

Beside a busy Python thread each statement costs a switch interval, so rows go in by many-row VALUES and lists of
numbers as one JSON parameter: ``executemany`` takes 1.5 ms a row there, this 0.03.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .ballast import Ballast
from .rows import Claimed, Row
from .schema import SQLITE_MIGRATIONS
from .sqlstore import CHUNK, SqlStore, places
from .store import Claim, Limits, StoreError

APPLICATION_ID = 0x43415049
_PREPARED = 24
"""Statements kept. Each number of rows makes another, of up to half a megabyte: a hundred of them were 40 MB."""
_COLUMNS = (
    "number, pixel_id, event_name, event_id, event_time, created, state, browser, settled, reason, rule, page, fbp, "
    "value"
)


class SqliteStore(SqlStore):
    """``path``: the file, made with its folder on opening; ``":memory:"`` for a store of this process alone.

    ``write=False`` opens what exists, for reading. Raises :class:`StoreError`.
    """

    LISTED = "IN (SELECT value FROM json_each(?))"
    FIND = "instr"
    shared = False

    def __init__(self, path: str | os.PathLike[str], write: bool = True) -> None:
        self.path = os.fspath(path)
        self._in_memory = self.path == ":memory:"
        try:
            self._db = _open(self.path, write)
            self.version: int = self._db.execute("PRAGMA user_version").fetchone()[0]
            self._inode = 0 if self._in_memory else os.stat(self.path).st_ino
        except OSError as error:
            full = error.errno == errno.ENOSPC
            raise StoreError(f"{self.path} cannot be opened: {error.strerror}", full=full) from error
        except sqlite3.Error as error:
            raise _store_error(error) from error
        self._ballast = Ballast(Path(self.path).parent) if write and not self._in_memory else None
        # Above all numbers that an earlier file of this name has given: journals and pages remember them.
        self._highest = self._rows("SELECT coalesce(max(number), 0) FROM event")[0][0] if write else 0
        self.fresh = write and not self._highest and not self.note("born")
        if write and not self._highest:
            self._highest = int(time.time() * 1000)
        if self.fresh:
            self.set_note("born", str(time.time()))

    def close(self) -> None:
        self._db.close()

    def alive(self) -> bool:
        """Whether the file is still the one that was opened."""
        if self._in_memory:
            return True
        try:
            return os.stat(self.path).st_ino == self._inode
        except OSError:
            return False

    def check(self) -> None:
        if not self.alive():
            raise StoreError(f"{self.path} was deleted or replaced", damaged=True)

    def mark(self) -> int:
        return 0 if self._in_memory else self._highest

    def oldest_unsettled(self) -> int:
        # The lowest of each pixel, from the index: else SQLite reads the table from its beginning to what waits.
        ((lowest,),) = self._rows(
            "SELECT min(n) FROM (SELECT min(number) AS n FROM event WHERE state = 'waiting' GROUP BY pixel_id "
            "UNION ALL SELECT min(number) FROM event WHERE state = 'held')"
        )
        return int(lowest) if lowest is not None else self._highest + 1

    def claim(self, pixel_id: str, limit: int, newest: bool, skip: Set[int]) -> Claim | None:
        order = "DESC" if newest else "ASC"
        found = self._numbers(
            f"SELECT number FROM event WHERE state = 'waiting' AND pixel_id = ? ORDER BY number {order} LIMIT ?",
            (pixel_id, limit + len(skip)),
        )
        numbers = [n for n in found if n not in skip][:limit]
        if not numbers:
            return None
        lines = self._rows(
            "SELECT e.number, b.payload, e.event_time, e.created, e.tries FROM event e JOIN body b USING (number) "
            f"WHERE e.number {self.LISTED} ORDER BY e.number",
            (self._list(numbers),),
        )
        return Claim([Claimed(*line) for line in lines])

    def release(self, claim: Claim, numbers: Set[int]) -> None:
        """Nothing to do: claims are kept by the one process that writes."""

    def make_room(self) -> int:
        if self._ballast is not None:
            self._ballast.drop()  # deleting, too, takes room at first
        return super().make_room()

    def tidy(self, limits: Limits, now: float, skip: Set[int]) -> int:
        if self._ballast is not None:
            self._ballast.restore()
            for aside in Path(self.path).parent.glob(f"{Path(self.path).name}.damaged-*"):
                with suppress(OSError):
                    if now - aside.stat().st_mtime > limits.personal:
                        aside.unlink()
        return super().tidy(limits, now, skip)

    def purge(self, *, fbp: str = "", before: float = 0.0, dead: bool = False) -> int:
        done = super().purge(fbp=fbp, before=before, dead=dead)
        self._rows("PRAGMA wal_checkpoint(TRUNCATE)")  # the log, too, forgets
        return done

    def used(self) -> int:
        pages, free, size = (
            self._rows(f"PRAGMA {word}")[0][0] for word in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _insert(self, rows: Sequence[Row]) -> Sequence[Row]:
        last = number = self._highest
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            heads: list[Any] = []
            bodies: list[Any] = []
            for row in part:
                number += 1
                heads.append(number)
                heads += row[:13]
                bodies += (number, row.payload, row.detail)
            self._do(f"INSERT OR IGNORE INTO event ({_COLUMNS}) VALUES {places(14, len(part))}", heads)
            self._do(
                f"INSERT INTO body SELECT * FROM (VALUES {places(3, len(part))}) "
                "WHERE column1 IN (SELECT number FROM event)",
                bodies,
            )
        self._highest = number
        ((added,),) = self._rows("SELECT count(*) FROM event WHERE number > ?", (last,))
        if added == len(rows):
            return rows
        present = set(self._numbers("SELECT number FROM event WHERE number > ?", (last,)))
        return [row for index, row in enumerate(rows, last + 1) if index in present]

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise _store_error(error) from error

    def _do(self, sql: str, values: Sequence[Any] = ()) -> int:
        try:
            return self._db.execute(sql, values).rowcount
        except sqlite3.Error as error:
            raise _store_error(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._do("BEGIN IMMEDIATE")
        try:
            yield
            self._do("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.rollback()

    def _list(self, numbers: Iterable[int]) -> str:
        return json.dumps(list(numbers))

    def _compact(self) -> None:
        self._rows("PRAGMA wal_checkpoint(RESTART)")  # keeps the file's room for the next deletion


def _open(path: str, write: bool) -> sqlite3.Connection:
    if not write:
        uri = f"{Path(path).absolute().as_uri()}?mode=ro"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=1.0)
        try:
            _version(db, path)
        except BaseException:
            db.close()
            raise
        return db
    if path != ":memory:":
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2.0, cached_statements=_PREPARED)
    try:
        for pragma in (
            "temp_store = MEMORY",
            "secure_delete = ON",  # it is about people
            "journal_mode = WAL",
            "synchronous = FULL",
            "journal_size_limit = 4194304",
        ):
            db.execute(f"PRAGMA {pragma}").fetchall()
        version = _version(db, path)
        if path != ":memory:" and version and db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise StoreError(f"{path} is damaged", damaged=True)
        for number in range(version, len(SQLITE_MIGRATIONS)):
            db.executescript(
                f"BEGIN IMMEDIATE; {SQLITE_MIGRATIONS[number]}; PRAGMA user_version = {number + 1};"
                f"PRAGMA application_id = {APPLICATION_ID}; COMMIT;"
            )
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection, path: str) -> int:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(SQLITE_MIGRATIONS):
        raise StoreError(
            f"{path} was made by a newer version of capi_middleware: upgrade this process or set another CAPI_STATE_DIR"
        )
    return int(version)


def _store_error(error: sqlite3.Error) -> StoreError:
    name = getattr(error, "sqlite_errorname", "") or ""
    return StoreError(
        f"SQLite: {error}",
        full=name.startswith("SQLITE_FULL"),
        damaged=name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")),
    )
