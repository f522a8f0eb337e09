"""The events page: what arrived, told as Events Manager tells it. This module makes the JSON that the page draws."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .dedupe import Pair, deduplicate
from .fault import PLACES, Fault, Place
from .record import BrowserEvent, GraphCall, ServerEvent
from .recorder import Recorder

SHOWN = 200
READ = 5000
"""How many of the newest events of each kind the page is made of."""
_HASH = re.compile(r"[0-9a-f]{64}")
_UNHASHED = frozenset({"client_ip_address", "client_user_agent", "fbc", "fbp", "subscription_id", "lead_id"})

MOODS: Mapping[str, Mapping[Place, Fault]] = {
    "healthy": {},
    "slow": {"graph": Fault(delay=5.0), "script": Fault(delay=3.0)},
    "down": {place: Fault(drop=True) for place in PLACES},
    "busy": {"graph": Fault(code=4, status=400)},
    "token refused": {"graph": Fault(code=190, subcode=467)},
}
"""What a person may make of Meta from the page, by the name of the button."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The page's figures. ``counted``: how many events Meta would report; ``twice``: how many of them too many."""

    counted: int
    deduplicated: int
    browser: int
    server: int
    twice: int
    refused: int

    @classmethod
    def of(cls, pairs: Sequence[Pair], calls: Sequence[GraphCall]) -> Overview:
        return cls(
            counted=sum(pair.counted for pair in pairs),
            deduplicated=sum(pair.status == "deduplicated" for pair in pairs),
            browser=sum(len(pair.browser) for pair in pairs if pair.status == "browser"),
            server=sum(len(pair.server) for pair in pairs if pair.status == "server"),
            twice=sum(pair.counted - 1 for pair in pairs),
            refused=sum(call.status != 200 for call in calls),
        )


def page_data(recorder: Recorder, faults: Mapping[Place, Fault]) -> dict[str, Any]:
    """Everything the page shows, newest first."""
    revision = recorder.revision
    pairs = deduplicate(recorder.browser_events[-READ:], recorder.server_events[-READ:])
    calls = recorder.calls[-READ:]
    overview = Overview.of(pairs, calls)
    return {
        "revision": revision,
        "mood": mood_of(faults),
        "moods": list(MOODS),
        "overview": {name: getattr(overview, name) for name in Overview.__slots__},
        "events": [_row(pair) for pair in pairs[: -SHOWN - 1 : -1]],
        "refused": [_refusal(call) for call in calls[::-1] if call.status != 200][:5],
    }


def mood_of(faults: Mapping[Place, Fault]) -> str:
    """The name of the mood that is in force, "custom" for faults that were set otherwise."""
    return next((name for name, mood in MOODS.items() if dict(mood) == dict(faults)), "custom")


def notes_on(pair: Pair) -> list[str]:
    """What Events Manager's diagnostics would hold against it."""
    notes = []
    if len(pair.browser) > 1 or len(pair.server) > 1:
        notes.append(f"Arrived {len(pair.browser)} times from the browser, {len(pair.server)} from the server.")
    if any(not leg.event_id for leg in pair.legs):
        notes.append("Without an event ID: it can only be matched by visitor.")
    for leg in pair.server[:1]:
        plain = sorted(key for key, value in leg.user_data.items() if key not in _UNHASHED and not _is_hashed(value))
        if plain:
            notes.append(f"Customer information that is not hashed: {', '.join(plain)}.")
        if leg.received_at - leg.event_time > 3600:
            notes.append("Arrived more than an hour late.")
    if pair.status == "deduplicated":
        notes += _differences(pair.browser[0], pair.server[0])
    return notes


def _differences(browser: BrowserEvent, server: ServerEvent) -> list[str]:
    notes = []
    if browser.fbp != server.fbp:
        notes.append("Browser and server disagree on _fbp.")
    if {str(key) for key in browser.custom_data} != {str(key) for key in server.custom_data}:
        notes.append("Browser and server do not send the same parameters.")
    return notes


def _row(pair: Pair) -> dict[str, Any]:
    first = pair.legs[0]
    return {
        "key": f"{pair.pixel_id} {pair.event_name} {pair.event_id} {pair.received_at}",
        "event_name": pair.event_name,
        "event_id": pair.event_id,
        "pixel_id": pair.pixel_id,
        "url": first.url,
        "received_at": pair.received_at,
        "status": pair.status,
        "method": pair.method,
        "kept": pair.kept,
        "counted": pair.counted,
        "notes": notes_on(pair),
        "browser": _leg(pair.browser),
        "server": _leg(pair.server),
    }


def _leg(events: Sequence[BrowserEvent | ServerEvent]) -> dict[str, Any] | None:
    if not events:
        return None
    event = events[0]
    return {
        "times": len(events),
        "event_time": event.event_time,
        "received_at": event.received_at,
        "fbp": event.fbp,
        "fbc": event.fbc,
        "custom_data": dict(event.custom_data),
        "user_data": sorted(key for key, value in event.user_data.items() if value and key not in ("fbp", "fbc")),
    }


def _refusal(call: GraphCall) -> dict[str, Any]:
    return {
        "received_at": call.received_at,
        "status": call.status,
        "code": call.code,
        "subcode": call.subcode,
        "events": len(call.event_ids),
        "message": call.message,
    }


def _is_hashed(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(one, str) and _HASH.fullmatch(one) for one in values)
