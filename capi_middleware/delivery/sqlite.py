"""The store in one SQLite file: queue and ledger in one. One process writes (the deliverer), any number read.

Beside a busy Python thread each statement costs a switch interval, so everything here is few, large statements
(many-row VALUES, lists of numbers as one JSON parameter) rather than ``executemany``.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .entry import Entry, Evidence, Filter, Hour, PixelState, Record, State
from .rows import Counts, Outcome, Report, Row, delay_word, hour_of, made_counts

VERSION = 1
_SCHEMA = """
CREATE TABLE event (
    number INTEGER PRIMARY KEY,
    pixel_id TEXT NOT NULL,
    event_name TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_time INTEGER NOT NULL,
    created REAL NOT NULL,
    state TEXT NOT NULL,
    browser INTEGER NOT NULL,
    settled REAL NOT NULL,
    reason TEXT NOT NULL,
    rule TEXT NOT NULL,
    page TEXT NOT NULL,
    fbp TEXT NOT NULL,
    evidence INTEGER NOT NULL DEFAULT 0,
    evidence_at REAL NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    code INTEGER NOT NULL DEFAULT 0,
    subcode INTEGER NOT NULL DEFAULT 0,
    trace TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX event_key ON event (event_id, event_name, pixel_id);
CREATE INDEX event_waiting ON event (pixel_id, number) WHERE state = 'waiting';
CREATE INDEX event_held ON event (created) WHERE state = 'held';
CREATE TABLE body (number INTEGER PRIMARY KEY, payload TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE orphan (
    pixel_id TEXT NOT NULL, event_id TEXT NOT NULL, event_name TEXT NOT NULL,
    evidence INTEGER NOT NULL, at REAL NOT NULL
);
CREATE TABLE count (
    hour INTEGER NOT NULL, pixel_id TEXT NOT NULL, event_name TEXT NOT NULL, what TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (hour, pixel_id, event_name, what)
) WITHOUT ROWID;
CREATE TABLE pixel (
    pixel_id TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, code INTEGER NOT NULL,
    subcode INTEGER NOT NULL, since REAL NOT NULL, next_at REAL NOT NULL, failures INTEGER NOT NULL,
    fingerprint TEXT NOT NULL
) WITHOUT ROWID;
"""
_EVENT = (
    "number",
    "pixel_id",
    "event_name",
    "event_id",
    "event_time",
    "created",
    "state",
    "browser",
    "settled",
    "reason",
    "rule",
    "page",
    "fbp",
)
_ENTRY = (
    "number, pixel_id, event_name, event_id, event_time, created, state, browser, evidence, evidence_at, tries, "
    "settled, code, subcode, reason, trace, rule, page"
)
_CHUNK = 500


class SqliteStore:
    """``path``: the file, made with its folder on opening; ``":memory:"`` for a store of this process alone.

    ``write=False`` opens what exists for reading (``sqlite3.OperationalError`` if nothing does).
    """

    def __init__(self, path: str | os.PathLike[str], write: bool = True) -> None:
        self.path = os.fspath(path)
        self._db = _open(self.path, write)

    def close(self) -> None:
        self._db.close()

    # -- writing -------------------------------------------------------------------------------------------------

    def put(self, rows: Sequence[Row], reports: Sequence[Report] = ()) -> None:
        """Add rows (those already known by pixel, name and ID are ignored) and apply reports, in one transaction."""
        with _Transaction(self._db) as db:
            fresh = self._insert(db, rows)
            counts = made_counts(fresh)
            orphans = [Report(p, i, n, Evidence(e), at) for p, i, n, e, at in db.execute("SELECT * FROM orphan")]
            if orphans and fresh:
                db.execute("DELETE FROM orphan")
                counts.update(self._report(db, orphans))
            if reports:
                counts.update(self._report(db, reports))
            self._count(db, counts)

    def _insert(self, db: sqlite3.Connection, rows: Sequence[Row]) -> list[Row]:
        last = db.execute("SELECT coalesce(max(number), 0) FROM event").fetchone()[0]
        number = last
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            heads: list[Any] = []
            bodies: list[Any] = []
            for row in part:
                number += 1
                heads += (number, *row[:12])
                bodies += (number, row.payload, row.detail)
            db.execute(
                f"INSERT OR IGNORE INTO event ({', '.join(_EVENT)}) VALUES " + _places(len(_EVENT), len(part)), heads
            )
            db.execute(
                f"INSERT INTO body SELECT * FROM (VALUES {_places(3, len(part))}) "
                "WHERE column1 IN (SELECT number FROM event)",
                bodies,
            )
        (added,) = db.execute("SELECT count(*) FROM event WHERE number > ?", (last,)).fetchone()
        if added == len(rows):
            return list(rows)
        present = {n for (n,) in db.execute("SELECT number FROM event WHERE number > ?", (last,))}
        return [row for index, row in enumerate(rows, last + 1) if index in present]

    def _report(self, db: sqlite3.Connection, reports: Iterable[Report]) -> Counts:
        counts: Counts = Counter()
        for report in reports:
            found = db.execute(
                "SELECT number, event_time, state, evidence FROM event "
                "WHERE event_id = ? AND event_name = ? AND pixel_id = ?",
                (report.event_id, report.event_name, report.pixel_id),
            ).fetchone()
            if found is None:
                db.execute("INSERT INTO orphan VALUES (?, ?, ?, ?, ?)", report)
                continue
            number, event_time, state, before = found
            new = Evidence(report.evidence & ~before)
            if not new:
                continue
            hour = hour_of(event_time)
            for flag in new:
                word = flag.name.lower() if flag.name else ""
                counts[hour, report.pixel_id, report.event_name, word] += 1
            if new & Evidence.HANDED and state == State.DELIVERED:
                counts[hour, report.pixel_id, report.event_name, "paired"] += 1
            after = State.WAITING.value if state == State.HELD else state
            db.execute(
                "UPDATE event SET evidence = evidence | ?, evidence_at = ?, state = ? WHERE number = ?",
                (int(new), report.at, after, number),
            )
        return counts

    def _count(self, db: sqlite3.Connection, counts: Counts) -> None:
        lines = [(*key, n) for key, n in counts.items()]
        for start in range(0, len(lines), _CHUNK):
            part = lines[start : start + _CHUNK]
            db.execute(
                f"INSERT INTO count VALUES {_places(5, len(part))} "
                "ON CONFLICT (hour, pixel_id, event_name, what) DO UPDATE SET n = n + excluded.n",
                [value for line in part for value in line],
            )

    def add_counts(self, counts: Counts) -> None:
        """Add to the counts (losses that were counted elsewhere)."""
        with _Transaction(self._db) as db:
            self._count(db, counts)

    def claim(self, pixel_id: str, limit: int, newest: bool) -> list[tuple[int, str, int, float, bool]]:
        """Waiting rows of one pixel: (number, payload, event_time, created, browser), oldest first; the newest
        ``limit`` or the oldest."""
        order = "DESC" if newest else "ASC"
        found = self._db.execute(
            "SELECT e.number, b.payload, e.event_time, e.created, e.browser FROM event e JOIN body b USING (number) "
            f"WHERE e.state = 'waiting' AND e.pixel_id = ? ORDER BY e.number {order} LIMIT ?",
            (pixel_id, limit),
        ).fetchall()
        found.sort()
        return [(n, payload, event_time, created, bool(browser)) for n, payload, event_time, created, browser in found]

    def settle(self, outcomes: Sequence[Outcome], now: float | None = None) -> None:
        """Write what became of rows. Those put back (WAITING) get one try more."""
        now = time.time() if now is None else now
        groups: dict[tuple[Any, ...], list[int]] = {}
        for outcome in outcomes:
            groups.setdefault(outcome[1:], []).append(outcome.number)
        counts: Counts = Counter()
        with _Transaction(self._db) as db:
            for (state, code, subcode, reason, trace), numbers in groups.items():
                listed = json.dumps(numbers)
                settled = 0.0 if state in (State.WAITING, State.HELD) else now
                db.execute(
                    "UPDATE event SET state = ?, code = ?, subcode = ?, reason = ?, trace = ?, settled = ?, "
                    "tries = tries + 1 WHERE number IN (SELECT value FROM json_each(?)) "
                    "AND state IN ('waiting', 'held')",
                    (state.value, code, subcode, reason, trace, settled, listed),
                )
                if settled:
                    self._settled_counts(db, counts, state, now, listed)
            self._count(db, counts)

    def _settled_counts(self, db: sqlite3.Connection, counts: Counts, state: State, now: float, listed: str) -> None:
        for event_time, pixel_id, event_name, created, evidence in db.execute(
            "SELECT event_time, pixel_id, event_name, created, evidence FROM event "
            "WHERE number IN (SELECT value FROM json_each(?))",
            (listed,),
        ):
            hour = hour_of(event_time)
            counts[hour, pixel_id, event_name, state.value] += 1
            if state is State.DELIVERED:
                counts[hour, pixel_id, event_name, delay_word(now - created)] += 1
                if evidence & Evidence.HANDED:
                    counts[hour, pixel_id, event_name, "paired"] += 1

    def forget(self, fbp: str) -> int:
        """Delete a visitor's unsent events; how many."""
        with _Transaction(self._db) as db:
            numbers = json.dumps(
                [
                    n
                    for (n,) in db.execute(
                        "SELECT number FROM event WHERE state IN ('waiting', 'held') AND fbp = ?", (fbp,)
                    )
                ]
            )
            db.execute("DELETE FROM body WHERE number IN (SELECT value FROM json_each(?))", (numbers,))
            done = db.execute("DELETE FROM event WHERE number IN (SELECT value FROM json_each(?))", (numbers,))
            return done.rowcount

    def save_pixel(self, pixel: PixelState, fingerprint: str = "") -> None:
        """Remember how sending goes for a pixel, over restarts."""
        self._db.execute(
            "INSERT OR REPLACE INTO pixel VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                pixel.pixel_id,
                pixel.state,
                pixel.reason,
                pixel.code,
                pixel.subcode,
                pixel.since,
                pixel.next_at,
                pixel.failures,
                fingerprint,
            ),
        )

    # -- reading -------------------------------------------------------------------------------------------------

    def waiting(self) -> dict[str, tuple[int, float]]:
        """For each pixel with waiting rows: how many, and when the oldest was handed over."""
        return {
            pixel_id: (n, oldest)
            for pixel_id, n, oldest in self._db.execute(
                "SELECT pixel_id, count(*), min(created) FROM event WHERE state = 'waiting' GROUP BY pixel_id"
            )
        }

    def pixels(self) -> list[PixelState]:
        """Every pixel that has events waiting or a remembered state."""
        waiting = self.waiting()
        found = [
            dataclasses.replace(PixelState(*line), waiting=n, oldest=oldest)
            for line in self._db.execute(
                "SELECT pixel_id, state, reason, code, subcode, since, next_at, failures FROM pixel ORDER BY pixel_id"
            )
            for n, oldest in [waiting.pop(line[0], (0, 0.0))]
        ]
        return found + [PixelState(pixel_id, "open", waiting=n, oldest=o) for pixel_id, (n, o) in waiting.items()]

    def recent(self, wanted: Filter, limit: int) -> list[Entry]:
        """Entries, newest first."""
        where, values = _where(wanted)
        lines = self._db.execute(
            f"SELECT {_ENTRY} FROM event {where} ORDER BY number DESC LIMIT ?", (*values, limit)
        ).fetchall()
        return [_entry(line) for line in lines]

    def record(self, number: int) -> Record | None:
        """One event whole."""
        line = self._db.execute(f"SELECT {_ENTRY} FROM event WHERE number = ?", (number,)).fetchone()
        if line is None:
            return None
        body = self._db.execute("SELECT payload, detail FROM body WHERE number = ?", (number,)).fetchone()
        payload, detail = body or ("{}", "{}")
        told = json.loads(detail)
        return Record(_entry(line), json.loads(payload), told.get("sources", {}), told.get("consent", ""))

    def number_of(self, pixel_id: str, event_name: str, event_id: str) -> int:
        """The entry's number, 0 if there is none."""
        found = self._db.execute(
            "SELECT number FROM event WHERE event_id = ? AND event_name = ? AND pixel_id = ?",
            (event_id, event_name, pixel_id),
        ).fetchone()
        return int(found[0]) if found else 0

    def visitor(self, fbp: str) -> Iterator[int]:
        """Numbers of all entries of a visitor."""
        return (n for (n,) in self._db.execute("SELECT number FROM event WHERE fbp = ? ORDER BY number", (fbp,)))

    def hours(self, since: int, until: int, pixel_id: str, event_name: str) -> list[Hour]:
        """Counts from the hour ``since`` to before ``until``; hours without any are missing."""
        where, values = "hour >= ? AND hour < ?", [since, until]
        for column, value in (("pixel_id", pixel_id), ("event_name", event_name)):
            if value:
                where += f" AND {column} = ?"
                values.append(value)  # type: ignore[arg-type]
        hours: dict[int, dict[str, int]] = {}
        for hour, what, n in self._db.execute(
            f"SELECT hour, what, sum(n) FROM count WHERE {where} GROUP BY hour, what ORDER BY hour", values
        ):
            hours.setdefault(hour, {})[what] = n
        return [Hour(hour, counts) for hour, counts in hours.items()]

    def totals(self) -> Mapping[str, int]:
        """All counts ever kept, by what."""
        return dict(self._db.execute("SELECT what, sum(n) FROM count GROUP BY what"))

    def size(self) -> int:
        """How many entries."""
        return int(self._db.execute("SELECT count(*) FROM event").fetchone()[0])


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("ROLLBACK" if kind else "COMMIT")


def _open(path: str, write: bool) -> sqlite3.Connection:
    if not write:
        uri = f"{Path(path).absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=1.0)
    if path != ":memory:":
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA temp_store = MEMORY")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == 0:
        db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {VERSION};COMMIT;")
    return db


def _places(width: int, height: int) -> str:
    one = "(" + ", ".join("?" * width) + ")"
    return ", ".join([one] * height)


def _entry(line: tuple[Any, ...]) -> Entry:
    number, pixel_id, event_name, event_id, event_time, created, state, browser, evidence, *rest = line
    return Entry(
        number,
        pixel_id,
        event_name,
        event_id,
        event_time,
        created,
        State(state),
        bool(browser),
        Evidence(evidence),
        *rest,
    )


_LEGS = {
    "both": "state = 'delivered' AND evidence & 8",
    "server": "state = 'delivered' AND NOT evidence & 8",
    "browser": "state <> 'delivered' AND evidence & 8",
    "none": "state <> 'delivered' AND NOT evidence & 8",
}


def _where(wanted: Filter) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for column, value in (("pixel_id", wanted.pixel_id), ("event_name", wanted.event_name), ("state", wanted.state)):
        if value:
            parts.append(f"{column} = ?")
            values.append(str(value))
    if wanted.legs:
        parts.append(f"({_LEGS[wanted.legs]})")
    if wanted.text:
        parts.append("(instr(event_id, ?) OR instr(page, ?))")
        values += [wanted.text, wanted.text]
    for clause, number in (
        ("event_time >= ?", wanted.since),
        ("event_time < ?", wanted.until),
        ("number < ?", wanted.before),
    ):
        if number:
            parts.append(clause)
            values.append(number)
    return ("WHERE " + " AND ".join(parts) if parts else ""), values
