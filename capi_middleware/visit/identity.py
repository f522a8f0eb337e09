"""The digests of a visitor, held for the visit in a signed cookie; and who he is for an event.

The cookie holds SHA-256 digests only, signed with the shop's key, HttpOnly, gone with the browser's session and
refused after a day. Nothing of it is stored on the server.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from itsdangerous import BadData, TimestampSigner

from capi_middleware.events import USER_DATA_KEYS, UserData, Visitor, merge_user_data, user_data
from capi_middleware.events.user_data import digest

from .clickids import without_tail
from .cookies import set_cookie
from .visit import ClickIds, Visit

IDENTITY_COOKIE = "shop_visitor"
MAX_AGE = 86_400
"""Seconds after which the digests are no longer used, even if the browser was never closed."""
_PER_KEY = 3
_LARGEST = 3_000
_LETTERS = "abcdefghijk"
_CODES = dict(zip(USER_DATA_KEYS, _LETTERS, strict=True))
_KEYS = {letter: key for key, letter in _CODES.items()}


class IdentityCodec:
    """Writes and reads the cookie. ``key``: the shop's signing key (``settings.state.signing_key``)."""

    def __init__(self, key: bytes) -> None:
        self._signer = TimestampSigner(key, salt="capi_middleware.identity")

    def dump(self, data: UserData) -> str:
        """The cookie's value, "" when there is nothing to hold. Digests only: anything else is left out."""
        text = ".".join(
            _CODES[key] + _packed(value)
            for key, values in data.items()
            if key in _CODES
            for value in values[:_PER_KEY]
            if _is_digest(value)
        )
        return self._signer.sign(text).decode("ascii") if text else ""

    def load(self, value: str) -> UserData:
        """What a request's cookie holds; empty when absent, older than a day, damaged or forged."""
        if not value or len(value) > _LARGEST:
            return {}
        try:
            text = self._signer.unsign(value, max_age=MAX_AGE).decode("ascii")
            found: dict[str, tuple[str, ...]] = {}
            for part in text.split("."):
                key = _KEYS[part[0]]
                found[key] = (*found.get(key, ()), _unpacked(part[1:]))
            return found
        except (BadData, KeyError, ValueError, IndexError):
            return {}

    def cookies(self, visit: Visit, data: UserData) -> tuple[str, ...]:
        """``Set-Cookie`` values that hold these digests for the visit: none without consent, and none when the
        visitor's cookie says the same already."""
        if not visit.consent.allowed or not data:
            return ()
        known = self.load(visit.cookies.get(IDENTITY_COOKIE, ""))
        merged = merge_user_data(data, known)
        if merged == known:
            return ()
        value = self.dump(merged)
        if not value or len(value) > _LARGEST:
            return ()
        return (set_cookie(IDENTITY_COOKIE, value, secure=visit.scheme == "https", http_only=True),)


def visitor(
    visit: Visit, ids: ClickIds, known: UserData | Mapping[str, Any] | None = None, country: str = ""
) -> Visitor:
    """Who an event is by, as Meta may know it; empty without consent.

    ``known``: digests (from the app, the identity cookie, a form), or plain values, which are hashed here. Meta asks
    for an ``external_id`` on every event: where the shop names none, one is derived from the first-party ``_fbp``,
    so that it is stable as long as that cookie and equal in both legs.
    """
    if not visit.consent.allowed:
        return Visitor()
    data = dict(user_data(known, country)) if known else {}
    if "external_id" not in data and ids.fbp:
        data["external_id"] = (derived_external_id(ids.fbp),)
    return Visitor(visit.address, visit.user_agent, ids.fbp, ids.fbc, data)


@lru_cache(4096)
def derived_external_id(fbp: str) -> str:
    """The digest that stands for a browser without a known person."""
    return digest("browser:" + without_tail(fbp))


def _is_digest(value: str) -> bool:
    return len(value) == 64 and all(mark in "0123456789abcdef" for mark in value)


def _packed(value: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(value)).decode("ascii").rstrip("=")


def _unpacked(text: str) -> str:
    octets = base64.urlsafe_b64decode(text + "=")
    if len(octets) != 32:
        raise ValueError("no digest")
    return octets.hex()
