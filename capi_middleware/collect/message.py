"""What a page's script may say to us: JSON of a known form within bounds, or nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from capi_middleware.events import is_valid_name

from .said import said_data

LARGEST = 32 * 1024
"""Bytes of a message; the largest honest one carries 24 000 characters of product markup."""
_URL = 2048
_ROWS = 20
_TOKENS = 8
_ID = re.compile(r"[0-9a-f]{32}")
_EVENT_ID = re.compile(r"[0-9A-Za-z_.:-]{1,64}")


class Kind(Enum):
    """Why the script speaks."""

    VIEW = "view"
    """A page is shown that has no events yet: which ones has it?"""
    PAGE = "page"
    """The same view, once the page is there, with its product markup, as the answer to VIEW asked; and once more later,
    where the page had still not been read."""
    CONSENT = "consent"
    """The visitor may have answered a consent tool: what the page holds, sealed, may be due."""
    TRACK = "track"
    """``capi.track(name, data)``."""
    ADOPT = "adopt"
    """A call of the shop's own pixel, which has got an ID from us: its browser leg is on its way."""
    REPORT = "report"
    """Which IDs were handed to the pixel."""


class Handed(Enum):
    """What the page can know of its browser legs (evidence levels: docs/browser.md). Delivery is not among them."""

    HANDED = "handed"
    """The pixel's script has loaded and has taken the call."""
    QUEUED = "queued"
    """The call waits for the pixel's script, which has neither loaded nor failed."""
    BLOCKED = "blocked"
    """The pixel's script could not be loaded."""


class Message(NamedTuple):
    """``url``: absolute, without fragment. ``view_id``: 32 hex digits, "" in a report. ``tokens``: sealed events.
    ``page``: HTML text. ``last``: it is not asked again. ``name``, ``data``: of a tracked event.
    ``handed``, ``rows``: of a report."""

    kind: Kind
    url: str
    referrer: str = ""
    view_id: str = ""
    tokens: tuple[str, ...] = ()
    page: str = ""
    last: bool = False
    name: str = ""
    data: Mapping[str, Any] = {}
    handed: Handed = Handed.QUEUED
    rows: tuple[tuple[str, str], ...] = ()


def read_message(body: bytes) -> Message | None:
    """The message, or None where it is anything but one of ours. Never raises."""
    try:
        given = json.loads(body, parse_constant=_no_number)
        if not isinstance(given, dict) or given.get("v") != 1:
            return None
        kind = Kind(given.get("k"))
        url, referrer = _text(given, "u", _URL), _text(given, "r", _URL)
        if not _is_page(url):
            return None
        message = Message(kind, url, referrer if _is_page(referrer) else "")
        return _READERS[kind](given, message)
    except (ValueError, RecursionError, TypeError):
        return None


def _no_number(text: str) -> None:
    raise ValueError(text)


def _viewing(given: Mapping[str, Any], message: Message) -> Message | None:
    view_id = _text(given, "i", 32)
    if not _ID.fullmatch(view_id):
        return None
    tokens = _list(given, "t")
    return message._replace(
        view_id=view_id,
        tokens=tuple(token for token in tokens[:_TOKENS] if isinstance(token, str)),
        page=_text(given, "p", LARGEST),
        last=message.kind is Kind.PAGE and given.get("l") != 0,  # one that does not say so asks no second time
    )


def _tracking(given: Mapping[str, Any], message: Message) -> Message | None:
    view_id, name, data = _text(given, "i", 32), _text(given, "n", 50), given.get("d") or {}
    if not _ID.fullmatch(view_id) or not is_valid_name(name) or not isinstance(data, dict):
        return None
    return message._replace(view_id=view_id, name=name, data=said_data(data))


def _reporting(given: Mapping[str, Any], message: Message) -> Message | None:
    rows = []
    for row in _list(given, "e")[:_ROWS]:
        name, event_id = _list({"row": row}, "row")
        if is_valid_name(name) and _EVENT_ID.fullmatch(event_id):
            rows.append((name, event_id))
    return message._replace(handed=Handed(given.get("s")), rows=tuple(rows))


_READERS = {
    Kind.VIEW: _viewing,
    Kind.PAGE: _viewing,
    Kind.CONSENT: _viewing,
    Kind.TRACK: _tracking,
    Kind.ADOPT: _tracking,
    Kind.REPORT: _reporting,
}


def _list(given: Mapping[str, Any], key: str) -> list[Any]:
    """Prototype 1.6 and its like give arrays a ``toJSON`` of their own: they arrive as JSON within JSON."""
    value = given.get(key) or []
    for _ in range(2):
        if isinstance(value, str):
            value = json.loads(value)
    return value if isinstance(value, list) else []


def _text(given: Mapping[str, Any], key: str, largest: int) -> str:
    text = given.get(key, "")
    return text if isinstance(text, str) and len(text) <= largest else ""


def _is_page(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url
