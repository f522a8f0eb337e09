"""What the admin remembers, shared by all processes of a host: one small SQLite file in the state folder.

Sessions, codes and passwords are stored as hashes only. A token that Meta would not take is a note of ten minutes.
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from .shared_file import transaction

_TABLES = """
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
"""


class AdminState:
    """Raises ``OSError`` or ``sqlite3.Error`` where the file cannot be used (:func:`.shared_file.transaction`)."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "admin.sqlite3"

    def open(self) -> AbstractContextManager[sqlite3.Connection]:
        """One transaction."""
        return transaction(self.path, (_TABLES,), secure=True)

    def note(self, key: str, now: float) -> str:
        """A small text that was kept under ``key``, "" where there is none (any more)."""
        with self.open() as database:
            row = database.execute("SELECT text FROM note WHERE key = ? AND until > ?", (key, now)).fetchone()
        return str(row[0]) if row else ""

    def set_note(self, key: str, text: str, until: float, now: float) -> None:
        """Keep a small text until then; "" forgets it."""
        with self.open() as database:
            database.execute("DELETE FROM note WHERE key = ?", (key,))
            if text:
                database.execute("INSERT INTO note VALUES (?, ?, ?)", (key, text, until))
            clear_notes(database, now)


def clear_notes(database: sqlite3.Connection, now: float) -> None:
    """Those whose time is over leave the file: a token may be among them."""
    database.execute("DELETE FROM note WHERE until < ?", (now,))
