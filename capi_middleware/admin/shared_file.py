"""A small SQLite file in the state folder, which all processes of a host share.

Every transaction has a connection of its own: a few a minute are nothing, and none must be carried over a fork.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def transaction(path: Path, tables: Sequence[str], secure: bool = False) -> Iterator[sqlite3.Connection]:
    """What was written is there for all processes when the block ends without an error. The file is made on first use,
    readable by its owner only. ``tables``: a script for each version, which may be run twice; ``secure``: what is
    deleted leaves no trace in the file. Raises ``OSError`` or ``sqlite3.Error``."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    try:
        if secure:
            connection.execute("PRAGMA secure_delete = ON")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for number in range(version, len(tables)):
            connection.executescript(f"{tables[number]} PRAGMA user_version = {number + 1};")
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.close()
