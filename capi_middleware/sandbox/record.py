"""What arrived, as values: an event from the browser, one from the server, a call to the Graph endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class BrowserEvent:
    """One ``/tr`` request.

    ``event_id``: the wire's ``eid``; None where the parameter was absent, which can never be deduplicated by ID.
    ``event_time``: seconds, the wire's ``ts``; ``received_at``: seconds, our clock. ``custom_data``: each ``cd[key]``,
    arrays and objects decoded, scalars as the text they travel as. ``user_data``: each ``ud[key]``. ``fbp``, ``fbc``:
    as sent, "" where the pixel sent none. ``parameters``: the whole wire, in order.
    """

    pixel_id: str
    event_name: str
    event_id: str | None
    event_time: float
    received_at: float
    url: str
    referrer: str
    fbp: str
    fbc: str
    custom_data: Mapping[str, Any]
    user_data: Mapping[str, str]
    parameters: tuple[tuple[str, str], ...]
    method: str
    client_ip_address: str
    client_user_agent: str
    number: int = 0

    @property
    def external_ids(self) -> frozenset[str]:
        value = self.user_data.get("external_id")
        return frozenset((value,)) if value else frozenset()


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One entry of an accepted ``data`` array. ``payload`` is the entry as it came, unchanged."""

    pixel_id: str
    event_name: str
    event_id: str | None
    event_time: int
    received_at: float
    url: str
    referrer: str
    fbp: str
    fbc: str
    custom_data: Mapping[str, Any]
    user_data: Mapping[str, Any]
    payload: Mapping[str, Any]
    test_event_code: str = ""
    number: int = 0

    @property
    def external_ids(self) -> frozenset[str]:
        value = self.user_data.get("external_id")
        values = value if isinstance(value, list) else [value]
        return frozenset(str(one) for one in values if one)


@dataclass(frozen=True, slots=True)
class GraphCall:
    """One request to the events endpoint that was answered or broken off. ``by_fault``: by a fault that was set.

    ``code``, ``subcode``, ``message``: of the error answered; 0 and "" where it was accepted. ``event_ids``: of the
    entries, as far as they could be read. ``query``: the raw query string (a token there is a leak). ``body``: as sent.
    """

    pixel_id: str
    version: str
    received_at: float
    status: int
    code: int
    subcode: int
    event_ids: tuple[str, ...]
    query: str
    headers: Mapping[str, str]
    message: str = ""
    by_fault: bool = False
    body: bytes = field(repr=False, default=b"")
