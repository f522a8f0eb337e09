"""For an app that wants to say more than its traffic shows: ``track(environ, "Lead", value=500, currency="SEK")``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from .events import is_valid_name
from .infer import Inferred

TRACKED = "capi_middleware.tracked"
"""The environ key under which calls wait until the response begins."""

_log = logging.getLogger("capi_middleware")


def track(environ: dict[str, Any], event_name: str, /, *, event_key: str = "", **custom_data: Any) -> bool:
    """Send this event, by pixel and server, with the answer to the request of ``environ``.

    ``event_name``: a standard event or a custom name (at most 50 characters). ``custom_data``: Meta's standard
    parameters (``value``, ``currency``, ``content_ids``, …) or your own. ``event_key``: where the same thing may be
    told twice (an order number), the event ID is made from it, so that Meta counts it once.

    Never raises: a shop's page does not fail for an event. Returns False, with a warning in the log that says why,
    when the name cannot be sent or the app is not wrapped.

    >>> environ = {"capi_middleware.tracked": []}
    >>> track(environ, "Lead", value=500, currency="SEK")
    True
    """
    waiting = environ.get(TRACKED)
    if not isinstance(waiting, list):
        _log.warning(
            "track(%r): this request did not pass CapiMiddleware, or no pixel is set; nothing is sent", event_name
        )
        return False
    if not is_valid_name(event_name):
        _log.warning(
            "track(%r): not an event name; use a standard event, or at most 50 letters, digits, spaces, . _ -",
            event_name,
        )
        return False
    data = {key: value for key, value in custom_data.items() if value is not None and value != ""}
    waiting.append(Inferred(event_name, data, dict.fromkeys(data, "track()"), "track()", event_key))
    return True


def tracked(environ: Mapping[str, Any]) -> tuple[Inferred, ...]:
    """What the app has said so far."""
    return tuple(environ.get(TRACKED) or ())
