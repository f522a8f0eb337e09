"""The ID that the page has given to a call of the shop's own pixel, for the event that the same action makes here."""

from __future__ import annotations

import re
from collections.abc import Mapping

COOKIE = "shop_call"
"""Written by browser/adopt.js for ten seconds: ``AddToCart.<32 hex digits>``. Whoever forges it names his own event."""

_VALUE = re.compile(r"(\w{1,50})\.([0-9a-f]{32})", re.ASCII)


def adopted_id(cookies: Mapping[str, str], event_name: str) -> str:
    """The ID for this event, "" where the page has not spoken of one."""
    value = cookies.get(COOKIE)
    match = _VALUE.fullmatch(value) if value else None
    return match[2] if match is not None and match[1] == event_name else ""
