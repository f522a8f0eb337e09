"""What the admin remembers, shared by all processes of a host: one small SQLite file in the state folder.

Sessions, codes and passwords are stored as hashes only. Every call opens its own connection: the admin is used by one
person a few times a day, and a connection must not be carried over a fork.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (one INTEGER PRIMARY KEY CHECK (one = 1), hash TEXT NOT NULL, made REAL NOT NULL);
CREATE TABLE IF NOT EXISTS setup (
    one INTEGER PRIMARY KEY CHECK (one = 1), hash TEXT NOT NULL, until REAL NOT NULL, tries INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS session (
    hash TEXT PRIMARY KEY, csrf TEXT NOT NULL, made REAL NOT NULL, seen REAL NOT NULL, confirmed REAL NOT NULL,
    network TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS attempt (key TEXT PRIMARY KEY, failures INTEGER NOT NULL, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS bucket (key TEXT PRIMARY KEY, level REAL NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS audit (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL,
    chain TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, text TEXT NOT NULL, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS version (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, host TEXT NOT NULL, what TEXT NOT NULL, text TEXT NOT NULL);
PRAGMA user_version = 1;
"""


class AdminState:
    """Opens the file on first use, readable by its owner only. Raises ``OSError`` or ``sqlite3.Error``."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "admin.sqlite3"

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """One transaction; what it wrote is there for all processes when the block ends without an error."""
        if not self.path.exists():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(self.path, timeout=5, isolation_level=None)
        try:
            connection.execute("PRAGMA secure_delete = ON")
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                connection.executescript(_SCHEMA)
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            connection.close()

    def note(self, key: str, now: float) -> str:
        """A small text that was kept under ``key``, "" where there is none (any more)."""
        with self.open() as database:
            row = database.execute("SELECT text FROM note WHERE key = ? AND until > ?", (key, now)).fetchone()
        return str(row[0]) if row else ""

    def set_note(self, key: str, text: str, until: float) -> None:
        """Keep a small text until then; "" forgets it."""
        with self.open() as database:
            database.execute("DELETE FROM note WHERE key = ? OR until < ?", (key, until - 10 * 365 * 86400))
            if text:
                database.execute("INSERT INTO note VALUES (?, ?, ?)", (key, text, until))
