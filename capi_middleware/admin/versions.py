"""Earlier versions of the rules: one click goes back. No secret stands in them."""

from __future__ import annotations

from typing import NamedTuple

from .state import AdminState

MOST = 50


class Version(NamedTuple):
    """``what``: what was done after it, so that going back undoes that."""

    number: int
    at: float
    what: str
    text: str


def keep(state: AdminState, host: str, what: str, text: str, now: float) -> None:
    """Remember ``text`` (without secrets) as it was before ``what``."""
    with state.open() as database:
        database.execute("INSERT INTO version (at, host, what, text) VALUES (?, ?, ?, ?)", (now, host, what, text))
        database.execute(
            "DELETE FROM version WHERE host = ? AND number NOT IN "
            "(SELECT number FROM version WHERE host = ? ORDER BY number DESC LIMIT ?)",
            (host, host, MOST),
        )


def latest(state: AdminState, host: str, count: int = 20) -> list[Version]:
    """The newest first."""
    with state.open() as database:
        rows = database.execute(
            "SELECT number, at, what, text FROM version WHERE host = ? ORDER BY number DESC LIMIT ?", (host, count)
        ).fetchall()
    return [Version(*row) for row in rows]


def one(state: AdminState, host: str, number: int) -> Version | None:
    """A version by its number."""
    with state.open() as database:
        row = database.execute(
            "SELECT number, at, what, text FROM version WHERE host = ? AND number = ?", (host, number)
        ).fetchone()
    return Version(*row) if row else None
