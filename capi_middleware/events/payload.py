"""The server's rendering: an :class:`Event` as Graph's ``data`` entry (Server Event Parameters)."""

from __future__ import annotations

from typing import Any

from .event import Event


def graph_event(event: Event) -> dict[str, Any]:
    """The JSON object for ``POST /{pixel_id}/events``. Empty values are left out: Meta treats "" as garbage data."""
    payload: dict[str, Any] = {
        "event_name": event.event_name,
        "event_time": event.event_time,
        "event_id": event.event_id,
        "action_source": event.action_source,
        "event_source_url": event.event_source_url,
        "user_data": _user_data(event),
    }
    if event.custom_data:
        payload["custom_data"] = dict(event.custom_data)
    if event.referrer_url:
        payload["referrer_url"] = event.referrer_url
    if event.data_processing_options:
        name, country, state = event.data_processing_options
        payload["data_processing_options"] = [name]
        payload["data_processing_options_country"] = country
        payload["data_processing_options_state"] = state
    return payload


def _user_data(event: Event) -> dict[str, Any]:
    visitor = event.visitor
    data: dict[str, Any] = {key: list(values) for key, values in visitor.user_data.items() if values}
    for key in ("client_ip_address", "client_user_agent", "fbp", "fbc"):
        value = getattr(visitor, key)
        if value:
            data[key] = value
    return data
