"""Would Meta take this event? One bad event refuses the whole request.

Sources: Meta, "Server Event Parameters", "Customer Information Parameters", "Using the API". The subcodes are those
that Meta was seen to answer; where none is known the answer is a bare 100, as Graph gives for a wrong parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .graph_error import GraphError

MAX_AGE = 7 * 86400
"""Seconds; older events refuse the request. A shop's floor sale (``physical_store``) may be 62 days old."""
MAX_AGE_STORE = 62 * 86400
MAX_EVENTS = 1000

ACTION_SOURCES = frozenset(
    {
        "app",
        "business_messaging",
        "chat",
        "email",
        "other",
        "phone_call",
        "physical_store",
        "system_generated",
        "website",
    }
)
TOO_BROAD = (
    frozenset(("ct", "country", "st", "zp", "ge", "client_user_agent")),
    frozenset(("db", "client_user_agent")),
    frozenset(("fn", "ge")),
    frozenset(("ln", "ge")),
)
"""``user_data`` whose keys are a subset of any of these identifies nobody."""


def check_event(event: Any, index: int, now: float) -> None:
    """Raise :class:`GraphError` as Meta would for ``data[index]``; ``now`` in seconds."""
    where = f"data[{index}]"
    if not isinstance(event, Mapping):
        raise _wrong(where, "must be an object")
    name = event.get("event_name")
    if not isinstance(name, str) or not name.strip():
        raise _wrong(f"{where}[event_name]", "is required")
    _check_source(event, where)
    _check_time(event, where, now)
    _check_user(event.get("user_data"), where)
    _check_data(name, event.get("custom_data"), where)
    if "event_id" in event and not isinstance(event["event_id"], (str, int)):
        raise _wrong(f"{where}[event_id]", "must be a string")


def _check_source(event: Mapping[str, Any], where: str) -> None:
    source = event.get("action_source")
    if not isinstance(source, str) or source not in ACTION_SOURCES:
        raise _wrong(f"{where}[action_source]", f"must be one of {', '.join(sorted(ACTION_SOURCES))}")
    if source == "website" and not event.get("event_source_url"):
        raise _wrong(f"{where}[event_source_url]", "is required for website events")


def _check_time(event: Mapping[str, Any], where: str, now: float) -> None:
    time = event.get("event_time")
    if isinstance(time, str) and time.isdecimal():
        time = int(time)
    if not isinstance(time, int) or isinstance(time, bool):
        raise _wrong(f"{where}[event_time]", "must be a Unix timestamp in whole seconds")
    limit = MAX_AGE_STORE if event.get("action_source") == "physical_store" else MAX_AGE
    if time < now - limit:
        raise GraphError(
            100,
            2804003,
            title="Event too old",
            detail=f"The event_time of {where} lies more than {limit // 86400} days back. No event was processed.",
            blame=f"{where}[event_time]",
        )
    if time > now:
        raise GraphError(
            100,
            2804004,
            title="Event in the future",
            detail=f"The event_time of {where} lies in the future. It is counted in seconds. No event was processed.",
            blame=f"{where}[event_time]",
        )


def _check_user(user_data: Any, where: str) -> None:
    if not isinstance(user_data, Mapping):
        raise _wrong(f"{where}[user_data]", "is required")
    keys = {key for key, value in user_data.items() if value not in (None, "", [], {})}
    if any(keys <= broad for broad in TOO_BROAD):
        raise GraphError(
            100,
            2804050,
            title="Customer information missing",
            detail=f"{where} has no customer information, or a combination too broad to match anyone.",
            blame=f"{where}[user_data]",
        )


def _check_data(name: str, data: Any, where: str) -> None:
    if data is None:
        data = {}
    if not isinstance(data, Mapping):
        raise _wrong(f"{where}[custom_data]", "must be an object")
    value, currency = data.get("value"), data.get("currency")
    if name == "Purchase" and value is None:
        raise GraphError(
            100,
            2804009,
            title="Purchase without value",
            detail=f"{where} is a Purchase: value and currency are required.",
            blame=f"{where}[custom_data][value]",
        )
    if value is not None:
        if not _is_number(value):
            raise _wrong(f"{where}[custom_data][value]", "must be a number")
        if currency in (None, ""):
            raise GraphError(
                100,
                2804023,
                title="Currency missing",
                detail=f"{where} has a value without a currency.",
                blame=f"{where}[custom_data][currency]",
            )
    if currency not in (None, "") and not _is_currency(currency):
        raise _wrong(f"{where}[custom_data][currency]", "must be the three letters of an ISO 4217 currency")
    _check_contents(data.get("contents"), f"{where}[custom_data][contents]")


def _check_contents(contents: Any, where: str) -> None:
    if contents is None:
        return
    if not isinstance(contents, list):
        raise _wrong(where, "must be an array")
    for place, item in enumerate(contents):
        if not isinstance(item, Mapping) or item.get("id") in (None, ""):
            raise GraphError(
                100,
                2804008,
                title="Content without ID",
                detail=f"{where}[{place}] has no id.",
                blame=f"{where}[{place}][id]",
            )


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return False
    return isinstance(value, (int, float)) and abs(value) < float("inf")


def _is_currency(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha()


def _wrong(parameter: str, what: str) -> GraphError:
    return GraphError(100, 0, f"(#100) Param {parameter} {what}", blame=parameter)
