"""How often a password may be tried: per account, per network, and in all."""

from __future__ import annotations

import sqlite3

from .state import AdminState

_LONGEST_WAIT = 60.0
_NETWORK = (10.0, 10.0 / 600)
_GLOBAL = (60.0, 1.0)
"""Size of the bucket and its refill per second: 10 tries in 10 minutes for a network, 60 a minute for all."""


def wait_before(state: AdminState, network: str, now: float) -> int:
    """Seconds that the next try has to wait; 0: it may be made, and has been counted. A network that is refused takes
    nothing of what all have together."""
    with state.open() as database:
        row = database.execute("SELECT until FROM attempt WHERE key = 'account'").fetchone()
        if row is not None and row[0] > now:
            return int(row[0] - now) + 1
        return _take(database, f"network {network}", _NETWORK, now) or _take(database, "all", _GLOBAL, now)


def failed(state: AdminState, now: float) -> int:
    """A try failed: the account waits 1, 2, 4 … 60 seconds. Returns that wait."""
    with state.open() as database:
        row = database.execute("SELECT failures, until FROM attempt WHERE key = 'account'").fetchone()
        failures = 0 if row is None or row[1] < now - 3600 else row[0]
        wait = min(_LONGEST_WAIT, 2.0 ** min(failures, 10))
        database.execute("REPLACE INTO attempt VALUES ('account', ?, ?)", (failures + 1, now + wait))
    return int(wait)


def succeeded(state: AdminState) -> None:
    """The right password was given."""
    with state.open() as database:
        database.execute("DELETE FROM attempt")


def take(state: AdminState, key: str, bucket: tuple[float, float], now: float) -> int:
    """One from a bucket (size, refill per second): 0, or the seconds until there is one."""
    with state.open() as database:
        return _take(database, key, bucket, now)


def _take(database: sqlite3.Connection, key: str, bucket: tuple[float, float], now: float) -> int:
    size, rate = bucket
    row = database.execute("SELECT level, at FROM bucket WHERE key = ?", (key,)).fetchone()
    level = size if row is None else min(size, row[0] + max(0.0, now - row[1]) * rate)
    if level < 1:
        return int((1 - level) / rate) + 1
    database.execute("REPLACE INTO bucket VALUES (?, ?, ?)", (key, level - 1, now))
    database.execute("DELETE FROM bucket WHERE at < ?", (now - 86400,))
    return 0
