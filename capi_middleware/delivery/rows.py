"""From an :class:`Event` (or the browser's report about one) to what a store keeps; pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from capi_middleware import events

from .entry import Evidence, State

MATCH_KEYS = ("em", "ph", "external_id", "fbp", "fbc", "client_ip_address", "client_user_agent")
DELAYS = (1, 2, 5, 10, 60, 600, 3600)
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Row(NamedTuple):
    """One event as a store keeps it. ``payload`` is Graph's ``data`` entry as JSON text."""

    pixel_id: str
    event_name: str
    event_id: str
    event_time: int
    created: float
    state: State
    browser: bool
    settled: float
    reason: str
    rule: str
    page: str
    fbp: str
    payload: str
    detail: str
    keys: tuple[str, ...]


class Report(NamedTuple):
    """What a browser said about an event."""

    pixel_id: str
    event_id: str
    event_name: str
    evidence: Evidence
    at: float


class Outcome(NamedTuple):
    """What became of a row that was sent, or of one that will not be. ``state`` WAITING puts it back."""

    number: int
    state: State
    code: int = 0
    subcode: int = 0
    reason: str = ""
    trace: str = ""


def row_of(event: events.Event, created: float) -> Row:
    """Render and weigh one event. Raises ``ValueError`` or ``TypeError`` where it cannot be JSON."""
    payload = events.graph_event(event)
    user_data = payload["user_data"]
    return Row(
        pixel_id=event.pixel_id,
        event_name=event.event_name,
        event_id=event.event_id,
        event_time=event.event_time,
        created=created,
        state=State.HELD if event.hold else State.WAITING,
        browser=event.browser,
        settled=0.0,
        reason="",
        rule=event.rule,
        page=page_of(event.event_source_url),
        fbp=event.visitor.fbp,
        payload=_encode(payload),
        detail=_encode({"sources": dict(event.sources), "consent": event.consent}),
        keys=tuple(key for key in MATCH_KEYS if key in user_data),
    )


def page_of(url: str) -> str:
    """The path, bounded: what a person recognises in a list."""
    try:
        return (urlsplit(url).path or "/")[:200]
    except ValueError:
        return ""


def hour_of(event_time: float) -> int:
    """Start of the hour."""
    return int(event_time) // 3600 * 3600


Counts = Counter[tuple[int, str, str, str]]
"""(hour, pixel_id, event_name, what) to how many."""


def made_counts(rows: Iterable[Row]) -> Counts:
    """What the arrival of rows adds to the counts."""
    counts: Counts = Counter()
    for row in rows:
        hour = hour_of(row.event_time)
        counts[hour, row.pixel_id, row.event_name, "made"] += 1
        if row.browser:
            counts[hour, row.pixel_id, row.event_name, "expected"] += 1
        if row.state not in (State.WAITING, State.HELD):
            counts[hour, row.pixel_id, row.event_name, row.state.value] += 1
        for key in row.keys:
            counts[hour, row.pixel_id, row.event_name, f"has:{key}"] += 1
    return counts


def delay_word(seconds: float) -> str:
    """The count's name for a delivery delay: ``delay:5`` is "within 5 s", ``delay:more`` the rest."""
    for bound in DELAYS:
        if seconds <= bound:
            return f"delay:{bound}"
    return "delay:more"
