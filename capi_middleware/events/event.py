"""One event, made once; the browser's call and the server's payload are two renderings of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

UserData = Mapping[str, tuple[str, ...]]
"""``user_data`` keys to values ready to send: em, ph, fn, ln, ge, db, ct, st, zp, country, external_id as SHA-256
hex digests (several allowed)."""


class Visitor(NamedTuple):
    """Who did it, as Meta may know it. Empty strings where unknown or not consented to."""

    client_ip_address: str = ""
    client_user_agent: str = ""
    fbp: str = ""
    fbc: str = ""
    user_data: UserData = {}


class Event(NamedTuple):
    """One inferred event. A NamedTuple because several are made on the request path (DESIGN.md section 6).

    ``event_time``: whole seconds, UTC. ``event_source_url``: without fragment and secrets. ``custom_data``: JSON
    values only (content_ids: list of str, value: float, currency: upper case ISO 4217, …). ``sources``: for each
    key of ``custom_data``, where its value came from (``jsonld:offers.price``). ``rule``: name of the rule that
    inferred it. ``browser``: whether a browser leg was handed out too (then it expires after 48 h).
    ``consent``: the decision's source and reason, for the ledger. ``data_processing_options``: ()
    or ("LDU", country, state). ``hold``: not sent before the browser leg reports in (a suspect visitor).
    """

    pixel_id: str
    event_name: str
    event_id: str
    event_time: int
    event_source_url: str
    visitor: Visitor = Visitor()
    custom_data: Mapping[str, Any] = {}
    referrer_url: str = ""
    browser: bool = True
    rule: str = ""
    sources: Mapping[str, str] = {}
    consent: str = ""
    data_processing_options: tuple[str, int, int] | tuple[()] = ()
    action_source: str = "website"
    hold: bool = False
