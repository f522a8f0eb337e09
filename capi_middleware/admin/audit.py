"""Who changed what: rows chained by hashes, so that a missing or edited one shows."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import NamedTuple

from .state import AdminState


class Entry(NamedTuple):
    """``who``: the network of the address. ``detail``: never holds a secret."""

    at: float
    who: str
    what: str
    detail: str


KEPT = 2_000
"""Rows, at least, that are kept."""
_BEGIN = "audit begins after"


def note(state: AdminState, who: str, what: str, detail: str, now: float) -> None:
    """Write one row."""
    with state.open() as database:
        row = database.execute("SELECT chain FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        entry = Entry(now, who, what, detail)
        chain = _link(row[0] if row else "", entry)
        database.execute("INSERT INTO audit (at, who, what, detail, chain) VALUES (?, ?, ?, ?, ?)", (*entry, chain))
        _shorten(database)


def _shorten(database: sqlite3.Connection) -> None:
    """Strangers write rows too, by guessing: the oldest go, and where the chain now begins is kept."""
    if database.execute("SELECT count(*) FROM audit").fetchone()[0] <= KEPT + KEPT // 10:
        return
    last = database.execute("SELECT seq, chain FROM audit ORDER BY seq DESC LIMIT 1 OFFSET ?", (KEPT,)).fetchone()
    database.execute("DELETE FROM audit WHERE seq <= ?", (last[0],))
    database.execute("REPLACE INTO note VALUES (?, ?, ?)", (_BEGIN, last[1], 1e12))


def latest(state: AdminState, count: int = 100) -> list[Entry]:
    """The newest rows first."""
    with state.open() as database:
        rows = database.execute(
            "SELECT at, who, what, detail FROM audit ORDER BY seq DESC LIMIT ?", (count,)
        ).fetchall()
    return [Entry(*row) for row in rows]


def is_whole(state: AdminState) -> bool:
    """False when a row was changed, or one in between taken out."""
    with state.open() as database:
        rows = database.execute("SELECT at, who, what, detail, chain FROM audit ORDER BY seq").fetchall()
        begin = database.execute("SELECT text FROM note WHERE key = ?", (_BEGIN,)).fetchone()
    before = begin[0] if begin else ""
    for *values, chain in rows:
        if _link(before, Entry(*values)) != chain:
            return False
        before = chain
    return True


def _link(before: str, entry: Entry) -> str:
    text = "\x1f".join((before, f"{entry.at!r}", entry.who, entry.what, entry.detail))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
