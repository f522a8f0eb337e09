"""What Meta would refuse, found before it is sent: one bad event makes Meta reject its whole batch; pure.

Sources: Conversions API "Server Event Parameters", "Customer Information Parameters" (forbidden combinations) and the
subcodes of :mod:`verdict`.
"""

from __future__ import annotations

import math
import re
from typing import Any

from capi_middleware.events import is_valid_name
from capi_middleware.settings.settings import DeliverySettings

from .entry import Entry, Evidence

DAY = 86400
MAX_AGE = 7 * DAY - 3600  # Meta refuses the whole batch at seven days
MAX_AGE_PAIRED = 47 * 3600  # Meta matches both legs within 48 h; later ones count twice
MAX_FUTURE = 60

_TOO_BROAD = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
_CURRENCY = re.compile(r"[A-Z]{3}")


def mend(payload: dict[str, Any], now: float) -> str:
    """Make an event fit to be sent, in place; "" or why it cannot be.

    ``payload`` is Graph's ``data`` entry. Strips a value without currency and items without id, and sets a time in the
    future to ``now``.
    """
    name = payload.get("event_name")
    if not isinstance(name, str) or not is_valid_name(name):
        return "the event's name is not valid: letters, digits, space, dot, dash, at most 50"
    time = payload.get("event_time")
    if not isinstance(time, int) or isinstance(time, bool):
        return "the event's time is not whole seconds"
    if time > now + MAX_FUTURE:
        payload["event_time"] = int(now)
    user_data = payload.get("user_data")
    if not isinstance(user_data, dict):
        return "the event has no user data"
    if payload.get("action_source") == "website":
        if not payload.get("event_source_url"):
            return "a website event needs its event_source_url"
        if not user_data.get("client_user_agent"):
            return "a website event needs the browser's user agent"
    if not (user_data.get("client_ip_address") or user_data.get("fbp")):  # with either, none of the sets fits
        keys = {key for key, value in user_data.items() if value}
        if any(keys <= broad for broad in _TOO_BROAD):
            return "too little is known about the visitor for Meta to match the event"
    custom_data = payload.get("custom_data")
    if custom_data is not None:
        problem = _mend_custom_data(custom_data)
        if problem:
            return problem
        if not custom_data:
            del payload["custom_data"]
    if name == "Purchase" and not {"value", "currency"} <= (custom_data or {}).keys():
        return "a Purchase needs value and currency"
    return ""


def _mend_custom_data(data: Any) -> str:
    if not isinstance(data, dict):
        return "custom_data is not an object"
    currency = data.get("currency")
    if currency is not None and not (isinstance(currency, str) and _CURRENCY.fullmatch(currency)):
        return "the currency is not three capital letters"
    value = data.get("value")
    if value is not None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return "the value is not a number"
        if currency is None:
            del data["value"]
    contents = data.get("contents")
    if contents is not None:
        kept = [item for item in contents if isinstance(item, dict) and item.get("id")] if _is_list(contents) else []
        if kept:
            data["contents"] = kept
        else:
            del data["contents"]
    return ""


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def may_be_sent(entry: Entry, delivery: DeliverySettings, now: float) -> bool:
    """Whether an event is young enough to be sent (again): else it expires at once. A twin that was blocked is none."""
    twin = entry.browser and entry.evidence & (Evidence.BLOCKED | Evidence.HANDED) != Evidence.BLOCKED
    return entry.event_time >= oldest_allowed(now, twin, delivery.late)


def oldest_allowed(now: float, paired: bool, late: str) -> float:
    """The oldest ``event_time`` that may still be sent. ``paired``: a browser leg exists; ``late``: the setting."""
    return now - (MAX_AGE_PAIRED if paired and late == "drop" else MAX_AGE)
