"""The standard events (Meta Pixel Reference, "Standard events") and PageView, the base code's own."""

from __future__ import annotations

import re

from capi_middleware.settings.rule import STANDARD_NAMES

STANDARD_EVENTS = frozenset(STANDARD_NAMES)
_CUSTOM = re.compile(r"[A-Za-z0-9 _.-]{1,50}")


def is_standard(event_name: str) -> bool:
    """Whether ``fbq('track', …)`` knows the name; others go through ``trackCustom``."""
    return event_name in STANDARD_EVENTS


def is_valid_name(event_name: str) -> bool:
    """A standard name, or a custom one of at most 50 characters (pixel documentation)."""
    return event_name in STANDARD_EVENTS or _CUSTOM.fullmatch(event_name) is not None
