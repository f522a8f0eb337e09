"""What one response leaves for the visitor's next page: a short-lived, signed, first-party cookie.

A form post that is answered by a redirect has no page to print its pixel call into. The event goes to the server leg
at once; its call, or what still waits for evidence, travels in this cookie and is taken out by the next page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from itsdangerous import BadData, URLSafeTimedSerializer

from .events import Event

FLASH_COOKIE = "shop_flash"
TOLD_COOKIE = "shop_told"
"""The same calls that a header has told a page's script, which takes this cookie away when it has heard (capi.js)."""
ONCE_COOKIE = "shop_once"
_MAX_AGE = 60
_ONCE_AGE = 30 * 86400
_ONCE_LENGTH = 20
_LARGEST = 3600
"""Browsers keep cookies of up to 4096 bytes, name and attributes included (RFC 6265 section 6.1)."""


class Flash(NamedTuple):
    """``calls``: events whose server leg is already on its way and whose pixel call the next page owes.
    ``pending``: JSON values for :attr:`infer.Response.pending`."""

    calls: tuple[Event, ...] = ()
    pending: tuple[Mapping[str, Any], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.calls or self.pending)


_NOTHING = Flash()


class FlashCodec:
    """Writes and reads the cookie. ``key``: the shop's signing key (``settings.state.signing_key``)."""

    def __init__(self, key: bytes) -> None:
        self._serializer = URLSafeTimedSerializer(key, salt="capi_middleware.flash")

    def dump(self, flash: Flash) -> str:
        """The cookie's value; "" when there is nothing, or when it would be larger than browsers keep."""
        if not flash:
            return ""
        # Contents lists grow with the cart: rather a call without them than none.
        for keep in (None, ("value", "currency", "content_type", "num_items", "content_ids"), ("value", "currency")):
            body = {"c": [_row(event, keep) for event in flash.calls], "p": list(flash.pending)}
            text = str(self._serializer.dumps(body))
            if len(text) <= _LARGEST:
                return text
        return ""

    def read(self, cookies: Mapping[str, str]) -> Flash:
        """All that this request brings along."""
        flash, told = cookies.get(FLASH_COOKIE), cookies.get(TOLD_COOKIE)
        if not flash and not told:
            return _NOTHING
        left = self.load(flash or "")
        if not told:
            return left
        calls = {call.event_id: call for call in (*left.calls, *self.load(told).calls)}
        return left._replace(calls=tuple(calls.values()))

    def load(self, value: str) -> Flash:
        """What a request's cookie holds; empty when absent, expired, damaged or forged."""
        if not value or len(value) > _LARGEST:
            return Flash()
        try:
            body = self._serializer.loads(value, max_age=_MAX_AGE)
            return Flash(tuple(_event(row) for row in body["c"]), tuple(body["p"]))
        except (BadData, KeyError, TypeError, ValueError, json.JSONDecodeError):
            return Flash()


def taken_flash(cookies: Mapping[str, str]) -> tuple[str, ...]:
    """``Set-Cookie`` values that take away what this page has been given."""
    return tuple(_cookie(name, "", 0, False) for name in (FLASH_COOKIE, TOLD_COOKIE) if name in cookies)


def left(codec: FlashCodec, held: Flash, fresh: Flash, *, secure: bool) -> list[tuple[str, str]]:
    """The header that leaves ``fresh`` to the next page, with what was ``held`` for it already."""
    value = codec.dump(Flash((*held.calls, *fresh.calls), (*held.pending, *fresh.pending))) if fresh else ""
    return [("Set-Cookie", set_flash(value, secure=secure))] if value else []


def told(
    codec: FlashCodec, held: Flash, fresh: Flash, timing: str, *, decided: bool, secure: bool
) -> list[tuple[str, str]]:
    """The headers for a script that asked. ``timing``: the header that tells it the calls of ``held`` and ``fresh``, ""
    without any; ``decided``: this answer has said what became of what was pending."""
    carried = [("Server-Timing", timing)] if timing else []
    # A page that leaves at once never sees the header; one that stays takes this away.
    copy = codec.dump(Flash((*held.calls, *fresh.calls))) if timing else ""
    if copy:
        carried.append(("Set-Cookie", set_told(copy, secure=secure)))
    settled = decided and bool(fresh.calls)
    if (timing and held.calls) or fresh.pending or settled:
        before = () if settled else held.pending
        value = codec.dump(Flash((), (*before, *fresh.pending)))
        carried.append(("Set-Cookie", set_flash(value, secure=secure)))
    return carried


def _row(event: Event, keep: Sequence[str] | None) -> list[Any]:
    data = (
        event.custom_data if keep is None else {key: event.custom_data[key] for key in keep if key in event.custom_data}
    )
    return [event.pixel_id, event.event_name, event.event_id, event.event_time, dict(data)]


def _event(row: Sequence[Any]) -> Event:
    pixel_id, name, event_id, event_time, data = row
    return Event(str(pixel_id), str(name), str(event_id), int(event_time), "", custom_data=dict(data))


def set_told(value: str, *, secure: bool) -> str:
    """Readable by the page's script: it holds nothing that the header beside it does not."""
    return _cookie(TOLD_COOKIE, value, _MAX_AGE, secure).replace("; HttpOnly", "")


def set_flash(value: str, *, secure: bool) -> str:
    """The ``Set-Cookie`` value; an empty ``value`` takes the cookie away."""
    age = _MAX_AGE if value else 0
    return _cookie(FLASH_COOKIE, value, age, secure)


def seen_once(cookies: Mapping[str, str], event_id: str) -> bool:
    """Whether this browser was already given the event with this derived ID (an order's Purchase, on reload)."""
    return event_id[:_ONCE_LENGTH] in cookies.get(ONCE_COOKIE, "").split(".")


def set_once(cookies: Mapping[str, str], event_ids: Sequence[str], *, secure: bool) -> str:
    """The ``Set-Cookie`` value that adds these IDs to the last twenty."""
    known = [part for part in cookies.get(ONCE_COOKIE, "").split(".") if part.isalnum() and len(part) == _ONCE_LENGTH]
    known += [event_id[:_ONCE_LENGTH] for event_id in event_ids]
    return _cookie(ONCE_COOKIE, ".".join(known[-20:]), _ONCE_AGE, secure)


def _cookie(name: str, value: str, age: int, secure: bool) -> str:
    return f"{name}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
