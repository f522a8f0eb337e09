"""Events: what happened, in Meta's words; normalising, hashing and both renderings (ground floor)."""

from __future__ import annotations

from .event import Event, UserData, Visitor
from .identity import derived_event_id, new_event_id
from .payload import graph_event
from .pixel import pixel_call, script_json
from .standard import STANDARD_EVENTS, is_standard, is_valid_name
from .user_data import USER_DATA_KEYS, merge_user_data, user_data

__all__ = [
    "STANDARD_EVENTS",
    "USER_DATA_KEYS",
    "Event",
    "UserData",
    "Visitor",
    "derived_event_id",
    "graph_event",
    "is_standard",
    "is_valid_name",
    "merge_user_data",
    "new_event_id",
    "pixel_call",
    "script_json",
    "user_data",
]
