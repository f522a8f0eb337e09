"""One gate before every page: is there an owner, is this the owner, does the request come from the owner's own page."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from . import session
from .session import Session


class Access(Enum):
    """Every route has one of these; there is no default."""

    PUBLIC = "anybody"
    SETUP = "whoever holds the set-up code"
    OWNER = "the owner, logged in"
    PICKER = "the owner, logged in, in whose browser point and click is on"
    FRESH = "the owner, who has given the password within the last minutes"


class Door(NamedTuple):
    """Who stands before it. ``network``: for throttling and the audit log. ``authority``: host and port as the browser
    has them."""

    secure: bool
    network: str
    session: Session | None
    nonce: str
    authority: str = ""


def is_foreign(request: Request, authority: str = "") -> bool:
    """Whether a changing request comes from anywhere but our own pages (Fetch Metadata, Origin). ``authority``: host
    and port as the browser has them, where a proxy gives us others."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    if origin is not None and origin != "null":
        return urlsplit(origin).netloc.lower() not in (request.host.lower(), authority.lower() or request.host.lower())
    return origin == "null"


def carries_csrf(request: Request, known: Session) -> bool:
    """Whether a form or script sends this session's token."""
    given = request.form.get("csrf") or request.headers.get("X-Csrf") or ""
    return session.same_csrf(known, given)


def harden(response: Response, door: Door) -> None:
    """The headers that every page of ours carries (reference: admin, B1 "Headers")."""
    nonce = door.nonce
    headers: Mapping[str, str] = {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'; trusted-types rows"
        ),
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Robots-Tag": "noindex, nofollow",
        "Cache-Control": "no-store",
    }
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    if door.secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        # Without https browsers ignore it, and say so on the console of every page.
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")


def new_nonce() -> str:
    """For one page's own scripts and styles."""
    return secrets.token_urlsafe(18)


def now() -> float:
    """Unix seconds; one place, so that tests can stop the clock."""
    return time.time()
