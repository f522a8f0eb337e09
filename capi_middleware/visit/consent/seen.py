"""Which consent tools a host has been seen to use: what turns ``auto`` from implied into required."""

from __future__ import annotations

import threading

_MARKS: dict[str, tuple[bytes, ...]] = {
    "cookiebot": (b"consent.cookiebot.com", b"consentcdn.cookiebot.com"),
    "onetrust": (b"cdn.cookielaw.org", b"otSDKStub.js"),
    "cookieyes": (b"cdn-cookieyes.com",),
    "cookieinformation": (b"policy.app.cookieinformation.com",),
    "usercentrics": (b"usercentrics.eu",),
    "didomi": (b"sdk.privacy-center.org",),
    "iubenda": (b"iubenda.com/cs/",),
}
_lock = threading.Lock()
_seen: dict[str, frozenset[str]] = {}


def consent_tools_in(html: bytes) -> frozenset[str]:
    """Names of the consent tools whose scripts a piece of HTML loads."""
    return frozenset(name for name, marks in _MARKS.items() if any(mark in html for mark in marks))


def note_tools(host: str, names: frozenset[str]) -> None:
    """Remember tools seen on a host."""
    if names and not names <= _seen.get(host, frozenset()):
        with _lock:
            _seen[host] = _seen.get(host, frozenset()) | names


def tools_seen(host: str) -> frozenset[str]:
    """The tools seen on a host so far."""
    return _seen.get(host, frozenset())
