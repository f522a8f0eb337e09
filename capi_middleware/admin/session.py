"""Who is logged in: a random token in a cookie, its hash in the state file."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import NamedTuple

from .state import AdminState, clear_notes

IDLE, ABSOLUTE, CONFIRMED = 1800.0, 43200.0, 300.0
"""Seconds: without a request, in all, and for which a password just given counts for delicate changes."""
SECURE_COOKIE, PLAIN_COOKIE = "__Host-shop_admin", "shop_admin"


class Session(NamedTuple):
    """``csrf``: the token that every form of this session carries. ``fresh``: the password was given within the last
    minutes."""

    token: str
    csrf: str
    fresh: bool


class OpenSession(NamedTuple):
    """One row of the list of sessions; ``key`` is good for :func:`end`, not for logging in."""

    key: str
    made: float
    seen: float
    network: str


def cookie_name(secure: bool) -> str:
    """``__Host-`` binds the cookie to this host and https (RFC 6265bis section 4.1.3.2)."""
    return SECURE_COOKIE if secure else PLAIN_COOKIE


def begin(state: AdminState, network: str, now: float) -> Session:
    """A new session, always with a new token (no fixation)."""
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    with state.open() as database:
        database.execute("DELETE FROM session WHERE seen < ? OR made < ?", (now - IDLE, now - ABSOLUTE))
        database.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?)", (_hash(token), csrf, now, now, now, network))
    return Session(token, csrf, True)


def find(state: AdminState, cookies: Mapping[str, str], secure: bool, now: float) -> Session | None:
    """The session of a request, if it is alive; being used keeps it alive."""
    token = cookies.get(cookie_name(secure), "")
    if not 40 <= len(token) <= 64:
        return None
    with state.open() as database:
        row = database.execute(
            "SELECT csrf, made, seen, confirmed FROM session WHERE hash = ?", (_hash(token),)
        ).fetchone()
        if row is None or row[1] < now - ABSOLUTE or row[2] < now - IDLE:
            return None
        if now - row[2] > 30:  # not a write a request
            database.execute("UPDATE session SET seen = ? WHERE hash = ?", (now, _hash(token)))
            clear_notes(database, now)
    return Session(token, row[0], row[3] >= now - CONFIRMED)


def confirm(state: AdminState, session: Session, now: float) -> None:
    """The password was given again."""
    with state.open() as database:
        database.execute("UPDATE session SET confirmed = ? WHERE hash = ?", (now, _hash(session.token)))


def end(state: AdminState, token: str = "", key: str = "") -> None:
    """Log out: by the session's own token, or by the key of :func:`open_sessions`."""
    with state.open() as database:
        database.execute("DELETE FROM session WHERE hash = ?", (key or _hash(token),))


def open_sessions(state: AdminState, now: float) -> list[OpenSession]:
    """All that are alive, the latest first."""
    with state.open() as database:
        rows = database.execute(
            "SELECT hash, made, seen, network FROM session WHERE seen >= ? AND made >= ? ORDER BY seen DESC",
            (now - IDLE, now - ABSOLUTE),
        ).fetchall()
    return [OpenSession(*row) for row in rows]


def same_csrf(session: Session, given: str) -> bool:
    """Whether a form carries this session's token."""
    return hmac.compare_digest(session.csrf.encode("utf-8"), given.encode("utf-8"))


def set_cookie(token: str, secure: bool) -> str:
    """The ``Set-Cookie`` value; an empty token takes the cookie away."""
    age = "" if token else "; Max-Age=0"
    return f"{cookie_name(secure)}={token}{age}; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if secure else "")


def strip(cookie_header: str) -> str:
    """The ``Cookie`` header without ours: the wrapped shop must never see an admin's session."""
    parts = [part for part in cookie_header.split(";") if part.strip().partition("=")[0] not in _NAMES]
    return ";".join(parts).strip()


_NAMES = frozenset({SECURE_COOKIE, PLAIN_COOKIE, "shop_pick"})


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8")).hexdigest()
