"""One account: a set-up code first, then the owner's own password."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import sqlite3
import threading
import time
from enum import Enum
from typing import NamedTuple

from werkzeug.security import check_password_hash, generate_password_hash

from capi_middleware.settings import Settings

from .state import AdminState

CODE_LIFE = 3600.0
"""Seconds that a set-up code is good for."""
CODE_TRIES = 5
SHORTEST, LONGEST = 12, 128
"""Characters of a password (OWASP ASVS 6.2.1; the limit keeps hashing bounded)."""
_HASHING = threading.BoundedSemaphore(2)
"""Each scrypt check takes 32 MiB: more than two at once would be a way to fill the memory."""
_COMMON = frozenset(
    {
        "123456789012", "1234567890123", "password1234", "passwordpassword", "qwertyuiop12", "administrator",
        "iloveyou1234", "111111111111", "000000000000", "losenord1234", "lösenord1234", "abc123abc123",
    }
)  # fmt: skip


class Refusal(Enum):
    """Why a code or password was not taken."""

    WRONG = "wrong"
    EXPIRED = "expired"
    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    COMMON = "too common"
    BUSY = "busy"
    DONE = "already set up"


class SetupCode(NamedTuple):
    """``code`` is shown once, on the console of the program."""

    code: str
    until: float


def issue_setup_code(state: AdminState, now: float | None = None) -> SetupCode | None:
    """A new code, if there is no account and no code still alive: of several processes that start together, one
    gets it and shows it."""
    now = time.time() if now is None else now
    with state.open() as database:
        if _has_account(database):
            return None
        row = database.execute("SELECT until, tries FROM setup").fetchone()
        if row is not None and row[0] > now and row[1] < CODE_TRIES:
            return None
        raw = base64.b32encode(os.urandom(16)).decode("ascii").rstrip("=")
        code = "-".join(raw[start : start + 5] for start in range(0, len(raw), 5))
        database.execute("REPLACE INTO setup VALUES (1, ?, ?, 0)", (_digest(code), now + CODE_LIFE))
    return SetupCode(code, now + CODE_LIFE)


def first_words(state: AdminState, settings: Settings) -> str:
    """What the program says at its start: where the admin page is and its set-up code, if there is no owner yet and no
    code is alive; else ""."""
    issued = None if settings.server.admin_password else issue_setup_code(state)
    if issued is None:
        return ""
    where = f"{settings.server.mount}/admin/"
    return f"admin page: open {where} in the shop and enter the set-up code {issued.code} (good once, for one hour)"


def has_account(state: AdminState) -> bool:
    """Whether a password has been set."""
    with state.open() as database:
        return _has_account(database)


def awaits_setup(state: AdminState, now: float | None = None) -> bool:
    """Whether somebody holds a set-up code that is still good."""
    now = time.time() if now is None else now
    with state.open() as database:
        row = database.execute("SELECT until, tries FROM setup").fetchone()
        return not _has_account(database) and row is not None and row[0] > now and row[1] < CODE_TRIES


def create_account(state: AdminState, code: str, password: str, now: float | None = None) -> Refusal | None:
    """Exchange the set-up code for a password. Exactly one of many at the same time succeeds. None: it worked."""
    now = time.time() if now is None else now
    problem = password_problem(password)
    hashed = "" if problem else _hash(password)
    if not problem and not hashed:
        return Refusal.BUSY
    with state.open() as database:
        if _has_account(database):
            return Refusal.DONE
        row = database.execute("SELECT hash, until, tries FROM setup").fetchone()
        if row is None or row[1] <= now or row[2] >= CODE_TRIES:
            return Refusal.EXPIRED
        if not hmac.compare_digest(row[0], _digest(code)):
            database.execute("UPDATE setup SET tries = tries + 1")
            return Refusal.WRONG
        if problem:
            return problem
        database.execute("INSERT INTO account VALUES (1, ?, ?)", (hashed, now))
        database.execute("DELETE FROM setup")
    return None


def check_password(state: AdminState, password: str, fixed: str = "") -> Refusal | None:
    """None if it is the owner's. ``fixed``: the password from ``CAPI_ADMIN_PASSWORD``, which then is the only one."""
    if len(password) > LONGEST:
        return Refusal.WRONG
    if fixed:
        same = hmac.compare_digest(fixed.encode("utf-8"), password.encode("utf-8"))
        return None if same else Refusal.WRONG
    with state.open() as database:
        row = database.execute("SELECT hash FROM account").fetchone()
    # Without an account the same work is done, so that the time tells nothing.
    known = row[0] if row else _dummy()
    if not _HASHING.acquire(timeout=2):
        return Refusal.BUSY
    try:
        good = check_password_hash(known, password)
    finally:
        _HASHING.release()
    return None if good and row else Refusal.WRONG


def change_password(state: AdminState, password: str, now: float | None = None) -> Refusal | None:
    """A new password; all sessions end. The caller has asked for the old one."""
    problem = password_problem(password)
    if problem:
        return problem
    hashed = _hash(password)
    if not hashed:
        return Refusal.BUSY
    with state.open() as database:
        database.execute("REPLACE INTO account VALUES (1, ?, ?)", (hashed, time.time() if now is None else now))
        database.execute("DELETE FROM session")
    return None


def password_problem(password: str) -> Refusal | None:
    """Length and the commonest ones; no rules of composition (OWASP ASVS 6.2.5)."""
    if len(password) < SHORTEST:
        return Refusal.TOO_SHORT
    if len(password) > LONGEST:
        return Refusal.TOO_LONG
    return Refusal.COMMON if password.lower() in _COMMON or len(set(password)) < 4 else None


def _has_account(database: sqlite3.Connection) -> bool:
    return database.execute("SELECT 1 FROM account").fetchone() is not None


def _digest(code: str) -> str:
    plain = "".join(code.upper().split()).replace("-", "").replace("0", "O").replace("1", "I").replace("8", "B")
    return hashlib.sha256(plain.encode("utf-8")).hexdigest()


def _hash(password: str) -> str:
    if not _HASHING.acquire(timeout=2):
        return ""
    try:
        return generate_password_hash(password, method="scrypt")
    finally:
        _HASHING.release()


_DUMMY: list[str] = []


def _dummy() -> str:
    if not _DUMMY:
        _DUMMY.append(generate_password_hash(os.urandom(16).hex(), method="scrypt"))
    return _DUMMY[0]
