"""Events: what happened, in Meta's words; normalising, hashing and both renderings (ground floor)."""

from __future__ import annotations

from .event import Event, UserData, Visitor
from .identity import derived_event_id, new_event_id
from .payload import graph_event
from .pixel import pixel_call, script_json
from .standard import STANDARD_EVENTS, is_standard, is_valid_name

__all__ = [
    "STANDARD_EVENTS",
    "Event",
    "UserData",
    "Visitor",
    "derived_event_id",
    "graph_event",
    "is_standard",
    "is_valid_name",
    "new_event_id",
    "pixel_call",
    "script_json",
]
