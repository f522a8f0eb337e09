"""The *header* carrier: events on the answer to a script's request, as one ``Server-Timing`` entry.

The page's script reads it from a PerformanceObserver, so nothing of the page's is wrapped (Server Timing, W3C).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from capi_middleware.events import Event

METRIC = "capi"
LARGEST = 3000
"""Bytes of one entry: nginx refuses an upstream's answer whose headers are larger than 4 KiB by default
(``proxy_buffer_size``), and shops have headers of their own."""


def rows(events: Sequence[Event]) -> list[list[Any]]:
    """``[name, data, id]`` for each event that has a browser leg: the form in which pages and answers carry events."""
    return [[event.event_name, dict(event.custom_data), event.event_id] for event in events if event.browser]


def server_timing(events: Sequence[Event]) -> str:
    """The header's value for these events, "" when none has a browser leg or they are larger than a header may be
    (then the server leg stands alone). Base64url of ASCII JSON: safe inside a quoted string."""
    carried = rows(events)
    if not carried:
        return ""
    text = json.dumps(carried, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    value = f'{METRIC};desc="{base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii")}"'
    return value if len(value) <= LARGEST else ""
