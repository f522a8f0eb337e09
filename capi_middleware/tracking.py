"""For an app that wants to say more than its traffic shows: ``track(environ, "Lead", value=500, currency="SEK")``."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Set
from numbers import Integral, Number
from typing import Any

from .events import is_valid_name
from .infer import Inferred

TRACKED = "capi_middleware.tracked"
"""The environ key under which calls wait until the response begins."""

_log = logging.getLogger("capi_middleware")


def track(environ: dict[str, Any], event_name: str, /, *, event_key: str | int = "", **custom_data: Any) -> bool:
    """Send this event, by pixel and server, with the answer to the request of ``environ``.

    ``event_name``: a standard event or a custom name (at most 50 characters). ``custom_data``: Meta's standard
    parameters (``value``, ``currency``, ``content_ids``, …) or your own; what is no JSON is made such: a ``Decimal`` a
    number, a set a list, a date, a UUID or a lazy translation its text. ``event_key``: where the same thing may be told
    twice (an order number), the event ID is made from it, so that Meta counts it once.

    Never raises: a shop's page does not fail for an event. Returns False, with a warning in the log that says why,
    when the name or the data cannot be sent or the app is not wrapped.

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
    if not isinstance(event_name, str) or not is_valid_name(event_name):
        _log.warning(
            "track(%r): not an event name; use a standard event, or at most 50 letters, digits, spaces, . _ -",
            event_name,
        )
        return False
    try:
        key = str(event_key)
        data = _as_json({key: value for key, value in custom_data.items() if value is not None and value != ""})
    except Exception as error:  # whatever an object of the app's raises when it is asked for its text
        _log.warning(
            "track(%r): its data cannot be written as JSON (%s); nothing is sent", event_name, type(error).__name__
        )
        return False
    waiting.append(Inferred(event_name, data, dict.fromkeys(data, "track()"), "track()", key))
    return True


def _as_json(data: dict[str, Any]) -> dict[str, Any]:
    """Raises ``ValueError`` for what JSON has not: numbers that are none, values that hold themselves."""
    made: dict[str, Any] = json.loads(json.dumps(data, default=_plain, allow_nan=False))
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Number):
        return float(value)  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return list(value)
    return str(value)


def tracked(environ: Mapping[str, Any]) -> tuple[Inferred, ...]:
    """What the app has said so far."""
    return tuple(environ.get(TRACKED) or ())
