"""The ledger: each event with both legs, live, filterable, whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from capi_middleware.admin.desk import Desk
from capi_middleware.delivery import Entry, Evidence, Filter, State

MASKED = frozenset({"em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id", "fbp", "fbc",
                    "client_ip_address", "client_user_agent"})  # fmt: skip
_PAGE = 50


def listing(desk: Desk) -> Response:
    """The newest events that the filter lets through."""
    wanted = wanted_of(desk)
    entries = desk.services.ledger.recent(wanted, _PAGE)
    return desk.page(
        "events.html",
        entries=entries,
        wanted=wanted,
        legs=legs_of,
        sentence=lambda entry: sentence(desk, entry),
        more=entries[-1].number if len(entries) == _PAGE else 0,
        states=[state.value for state in State],
        query={key: value for key, value in desk.request.args.items() if key != "before"},
    )


def live(desk: Desk) -> Response:
    """The rows alone, for the page's script: 304 while nothing has changed."""
    entries = desk.services.ledger.recent(wanted_of(desk), _PAGE)
    seen = [(entry.number, entry.state.value, int(entry.evidence)) for entry in entries]
    text = desk.page("rows.html", entries=entries, legs=legs_of, sentence=lambda entry: sentence(desk, entry))
    text.set_etag(f"{hash(tuple(seen)) & 0xFFFFFFFFFFFF:012x}")
    text.make_conditional(desk.request.environ)
    return text


def detail(desk: Desk, number: int) -> Response:
    """One event whole: legs, timeline, where each value came from, what was sent, what Meta said."""
    record = desk.services.ledger.record(number)
    if record is None:
        raise NotFound(desk.say("This event is no longer kept."))
    payload = json.dumps(masked(record.payload, desk), indent=2, ensure_ascii=False)
    return desk.page(
        "event.html",
        record=record,
        entry=record.entry,
        payload=payload,
        sentence=sentence(desk, record.entry),
        legs=legs_of(record.entry),
        data=record.payload.get("custom_data", {}),
        handed=bool(record.entry.evidence & Evidence.HANDED),
    )


def export(desk: Desk) -> Response:
    """The filtered events as CSV, without personal data."""
    desk.note("export", "events as CSV")
    response = Response(desk.services.ledger.csv(wanted_of(desk)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="events.csv"'
    return response


def wanted_of(desk: Desk) -> Filter:
    """The filter in the address."""
    args = desk.request.args
    state = args.get("state", "")
    return Filter(
        pixel_id=desk.settings.meta.pixel_id,
        event_name=args.get("event", "")[:50],
        state=State(state) if state in {one.value for one in State} else None,
        legs=args.get("legs", "") if args.get("legs", "") in ("both", "server", "browser", "none") else "",
        text=args.get("text", "")[:200],
        before=args.get("before", 0, type=int),
    )


def legs_of(entry: Entry) -> tuple[str, str]:
    """(browser, server): "yes", "no", "wait", "none" (there was to be none) or "blocked"."""
    evidence = entry.evidence
    if not entry.browser:
        browser = "none"
    elif evidence & Evidence.HANDED:
        browser = "yes"
    else:
        browser = "blocked" if evidence & Evidence.BLOCKED else "wait"
    server = {State.DELIVERED: "yes", State.WAITING: "wait", State.HELD: "wait"}.get(entry.state, "no")
    return browser, server


def sentence(desk: Desk, entry: Entry) -> str:
    """What is to be said of this event, in plain words; claims no more than is known."""
    browser, server = legs_of(entry)
    if entry.state is State.DEAD:
        return desk.say("Meta refused it: {reason}", reason=entry.reason or entry.code)
    if entry.state is State.EXPIRED:
        return desk.say("Too old to be sent, or Meta would have counted it twice.")
    if entry.state is State.DROPPED:
        return desk.say("Not sent: {reason}", reason=entry.reason)
    if entry.state is State.HELD:
        return desk.say("Held until the visitor's browser shows that it is one.")
    if browser == "yes" and server == "yes":
        return desk.say("Sent by both, same ID: Meta counts it once.")
    if server == "yes" and browser == "blocked":
        return desk.say("Server only. The visitor's browser blocks the pixel, and the server covered for it.")
    if server == "yes" and browser == "none":
        return desk.say("Server only, as meant: there is no page for this event.")
    if server == "yes":
        return desk.say("Sent by the server. The browser has not reported its part (yet).")
    return (
        desk.say("On its way to Meta.")
        if browser != "yes"
        else desk.say("Sent by the browser; the server's part is on its way.")
    )


def masked(payload: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """The payload with personal data replaced by what may be said of it."""
    shown = dict(payload)
    user = {}
    for key, value in dict(payload.get("user_data", {})).items():
        first = value[0] if isinstance(value, list) and value else value
        user[key] = desk.say("present, {n} characters", n=len(str(first))) if key in MASKED else value
    shown["user_data"] = user
    return shown
