"""``capi_consent``: what the page's script learned from a tool that no server can read, kept for later requests.

``v1.g.usercentrics.1700000000``: version, granted or denied, tool, Unix seconds. No identifier stands in it, so it
tracks nobody.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from capi_middleware.visit.cookies import set_cookie

MIRROR_COOKIE = "capi_consent"
MAX_AGE = 180 * 86_400
"""Seconds that an answer is believed; as long as tools keep theirs."""
_FORM = re.compile(r"v1\.([gd])\.([a-z][a-z0-9-]{0,31})\.(\d{9,11})", re.ASCII)


class Mirror(NamedTuple):
    """One reported answer."""

    granted: bool
    tool: str
    at: int


def read_mirror(value: str, now: float) -> Mirror | None:
    """The cookie's (or the script's) answer; None where it is damaged, older than 180 days or from the future."""
    found = _FORM.fullmatch(value)
    if not found:
        return None
    at = int(found.group(3))
    if not now - MAX_AGE <= at <= now + 86_400:
        return None
    return Mirror(found.group(1) == "g", found.group(2), at)


def mirror_value(granted: bool, tool: str, now: float) -> str:
    """The cookie's value. ``tool``: lower-case letters, digits and dashes; ``ValueError`` otherwise."""
    value = f"v1.{'g' if granted else 'd'}.{tool}.{int(now)}"
    if not _FORM.fullmatch(value):
        raise ValueError(f"{tool!r} is no tool's name")
    return value


def mirror_cookie(granted: bool, tool: str, now: float, *, secure: bool) -> str:
    """The ``Set-Cookie`` value: not HttpOnly, as the page's script reads it too."""
    return set_cookie(MIRROR_COOKIE, mirror_value(granted, tool, now), max_age=MAX_AGE, secure=secure)
