"""The pixel's endpoint: ``GET`` or ``POST /tr``, answered by a picture of one pixel."""

from __future__ import annotations

import base64
import json
from typing import Any

from werkzeug.wrappers import Request

from .record import BrowserEvent

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
"""43 bytes: one transparent pixel."""


def read_browser_event(request: Request, now: float) -> BrowserEvent | None:
    """The event of a ``/tr`` request, or None where it names no pixel or no event."""
    fields = [*request.args.items(multi=True), *request.form.items(multi=True)]
    one = dict(fields)
    if not one.get("id") or not one.get("ev"):
        return None
    return BrowserEvent(
        pixel_id=one["id"],
        event_name=one["ev"],
        event_id=one.get("eid"),
        event_time=_seconds(one.get("ts", ""), now),
        received_at=now,
        url=one.get("dl", ""),
        referrer=one.get("rl", ""),
        fbp=one.get("fbp", ""),
        fbc=one.get("fbc", ""),
        custom_data={key: _value(text) for key, text in _bracketed(fields, "cd")},
        user_data=dict(_bracketed(fields, "ud")),
        parameters=tuple(fields),
        method=request.method,
        client_ip_address=request.remote_addr or "",
        client_user_agent=request.headers.get("User-Agent", ""),
    )


def _bracketed(fields: list[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    """``cd[value]=1`` as ("value", "1")."""
    start = f"{name}["
    return [(key[len(start) : -1], text) for key, text in fields if key.startswith(start) and key.endswith("]")]


def _value(text: str) -> Any:
    """Arrays and objects travel as JSON text; scalars as themselves."""
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _seconds(text: str, now: float) -> float:
    return int(text) / 1000 if text.isdecimal() and len(text) < 20 else now
