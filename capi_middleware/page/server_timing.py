"""The *header* carrier: events on the answer to a script's request, as one ``Server-Timing`` entry.

The page's script reads it from a PerformanceObserver, so nothing of the page's is wrapped (Server Timing, W3C).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from capi_middleware.events import Event, is_standard

METRIC = "capi"
LARGEST = 3000
"""Bytes of one entry: nginx refuses an upstream's answer whose headers are larger than 4 KiB by default
(``proxy_buffer_size``), and shops have headers of their own."""


def rows(events: Sequence[Event]) -> list[list[Any]]:
    """``[name, data, id]`` for each event that has a browser leg: the form in which pages and answers carry events.
    A custom event has a fourth member, 1: its call is ``trackCustom``."""
    return [_row(event) for event in events if event.browser]


def _row(event: Event) -> list[Any]:
    row = [event.event_name, dict(event.custom_data), event.event_id]
    return row if is_standard(event.event_name) else [*row, 1]


def server_timing(events: Sequence[Event], tokens: Sequence[str] = ()) -> str:
    """The header's value for these events, "" when none has a browser leg or they are larger than a header may be
    (then the server leg stands alone). ``tokens``: sealed events of a visitor who has not consented yet. Base64url of
    ASCII JSON: safe inside a quoted string."""
    carried = [*rows(events), *tokens]
    if not carried:
        return ""
    text = json.dumps(carried, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    value = f'{METRIC};desc="{base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii")}"'
    return value if len(value) <= LARGEST else ""
