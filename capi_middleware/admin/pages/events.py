"""The ledger: each event with both legs, live, filterable, whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from capi_middleware.admin import answers, terms, words
from capi_middleware.admin.desk import Desk
from capi_middleware.delivery import (
    Entry,
    Evidence,
    Filter,
    OrderDesk,
    Record,
    State,
    StoreError,
    may_be_sent,
)

from . import rules

MASKED = frozenset({"em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id", "fbp", "fbc",
                    "client_ip_address", "client_user_agent"})  # fmt: skip
"""Of ``user_data``: shown as present, never as they are."""
ONE_TIME = 60.0
"""Seconds after which a browser that has not reported will hardly do so."""
_PAGE = 50
_FILTERS = ("event", "state", "legs", "text")


class Row(NamedTuple):
    """One line of the list. ``note``: in words."""

    entry: Entry
    browser: str
    server: str
    note: str


def listing(desk: Desk) -> Response:
    """The newest events that the filter lets through."""
    wanted = wanted_of(desk)
    entries, trouble = _recent(desk, wanted)
    query = {key: desk.request.args[key] for key in _FILTERS if desk.request.args.get(key)}
    return desk.page(
        "events.html",
        rows=rows_of(desk, entries),
        wanted=wanted,
        trouble=trouble,
        more=entries[-1].number if len(entries) == _PAGE else 0,
        states=list(terms.STATES),
        names=list(terms.EVENTS),
        query=urlencode(query),
        filtered=bool(query),
        connected=bool(desk.settings.meta.pixel_id),
    )


def live(desk: Desk) -> Response:
    """The rows alone, for the page's script: 304 while nothing has changed."""
    entries, _ = _recent(desk, wanted_of(desk))
    response = desk.page("rows.html", rows=rows_of(desk, entries))
    response.add_etag()
    response.make_conditional(desk.request.environ)
    return response


def detail(desk: Desk, number: int) -> Response:
    """One event whole: legs, timeline, where each value came from, what was sent, what Meta said."""
    record = desk.services.ledger.record(number)
    if record is None or not _is_ours(desk, record.entry):
        raise NotFound(desk.say("This event is no longer kept."))
    entry = record.entry
    (row,) = rows_of(desk, [entry])
    shown = masked(record.payload, desk)
    return desk.page(
        "event.html",
        record=record,
        entry=entry,
        row=row,
        payload=json.dumps(shown, indent=2, ensure_ascii=False),
        curl=_curl(desk, record),
        data=_data(desk, record),
        rule=_rule(desk, entry.rule),
        timeline=timeline(desk, record),
        meaning=_meaning(desk, entry),
        consent=_consent(desk, record.consent),
        keys=[key for key in terms.KEYS if key in record.payload.get("user_data", {})],
        why=unpaired(desk, entry),
        again=entry.state in (State.DEAD, State.EXPIRED) and may_be_sent(entry, desk.settings.delivery, desk.now),
    )


def again(desk: Desk, number: int) -> Response:
    """Send a refused event once more: what was wrong may have been mended."""
    record = desk.services.ledger.record(number)
    if record is None or not _is_ours(desk, record.entry):
        raise NotFound(desk.say("This event is no longer kept."))
    try:
        done = OrderDesk(desk.services.source, 8.0).replay([number])
    except StoreError as error:
        return desk.go(f"events/{number}", str(error), "bad")
    desk.note("again", str(number))
    text = desk.say("It is sent again.") if done else desk.say("It cannot be sent again: its data are gone.")
    return desk.go(f"events/{number}", text, "good" if done else "warn")


def export(desk: Desk) -> Response:
    """The filtered events as CSV, without personal data."""
    desk.note("export", "events.csv")
    response = Response(desk.services.ledger.csv(wanted_of(desk)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="events.csv"'
    return response


def wanted_of(desk: Desk) -> Filter:
    """The filter in the address."""
    args = desk.request.args
    state = args.get("state", "")
    return Filter(
        pixel_id=desk.settings.meta.pixel_id or "-",
        event_name=args.get("event", "")[:50],
        state=State(state) if state in {one.value for one in State} else None,
        legs=args.get("legs", "") if args.get("legs", "") in terms.LEGS else "",
        text=args.get("text", "")[:200],
        before=max(0, min(args.get("before", 0, type=int) or 0, (1 << 62))),
    )


def rows_of(desk: Desk, entries: list[Entry]) -> list[Row]:
    """Entries as they are shown."""
    found = []
    for entry in entries:
        browser, server = legs_of(entry, desk.now)
        found.append(Row(entry, browser, server, sentence(desk, entry)))
    return found


def legs_of(entry: Entry, now: float) -> tuple[str, str]:
    """(browser, server), as :data:`terms.BROWSER` and :data:`terms.SERVER`."""
    evidence = entry.evidence
    if not entry.browser:
        browser = "none"
    elif evidence & Evidence.HANDED:
        browser = "yes"
    elif evidence & Evidence.BLOCKED:
        browser = "blocked"
    else:
        browser = "wait" if now - entry.created < ONE_TIME else "silent"
    states = {State.DELIVERED: "yes", State.WAITING: "wait", State.HELD: "held", State.DEAD: "dead"}
    return browser, states.get(entry.state, "no")


def sentence(desk: Desk, entry: Entry) -> str:
    """What is to be said of this event, in plain words; claims no more than is known."""
    browser, server = legs_of(entry, desk.now)
    say = desk.say
    if entry.state is State.DEAD:
        return say("Meta refused it: {reason}", reason=_meaning(desk, entry))
    if entry.state is State.EXPIRED:
        return say("Not sent: too old. Meta would refuse it, or count it twice.")
    if entry.state is State.DROPPED:
        return say("Not sent: this looks like a robot, not a customer.")
    if entry.state is State.HELD:
        return say("Waiting for a sign of life from the visitor's browser.")
    if browser == "yes" and server == "yes":
        return say("Sent by both, same ID: Meta counts it once.")
    if server == "yes" and browser == "blocked":
        return say("Server only. The visitor's browser blocks the pixel, and the server covered for it.")
    if server == "yes" and browser == "none":
        return say("Server only, as intended: this event belongs to no page.")
    if server == "yes":
        return say("Server only so far: the browser has not reported its part.")
    if browser == "yes":
        return say("Browser only so far: the server's part is on its way.")
    return say("On its way to Meta.")


def unpaired(desk: Desk, entry: Entry) -> list[str]:
    """Why only one part is there, what speaks for it first; empty where both are."""
    browser, server = legs_of(entry, desk.now)
    say = desk.say
    if server != "yes" or browser in ("yes", "none", "wait"):
        return []
    if browser == "blocked":
        return [
            say("The page's script ran and found that Meta's script cannot be loaded: an ad blocker, a browser that "
                "blocks trackers, or the shop's security policy."),
            say("Nothing need be done. This is what the server's part is for."),
        ]  # fmt: skip
    if entry.evidence & Evidence.SCRIPT:
        return [
            say("The page's script ran, but the visitor left before Meta's script was there."),
            say("Or a consent tool held Meta's script back in the browser."),
        ]
    return [
        say("The visitor left before the page's script ran, or has scripts switched off."),
        say("An ad blocker may stop the page's script too."),
        say("If nearly all events look like this: the shop's security policy (CSP) or a cache stands in the way."),
    ]


class Step(NamedTuple):
    """One line of the timeline. ``after``: seconds since the event."""

    at: float
    after: float
    text: str


def timeline(desk: Desk, record: Record) -> list[Step]:
    """What happened when."""
    entry, say = record.entry, desk.say
    start = entry.created
    steps = [(start, say("Recognised and put on its way."))]
    if entry.evidence_at:
        told = (
            say("The browser reported: the ID was handed to Meta's script.")
            if entry.evidence & Evidence.HANDED
            else say("The browser reported: Meta's script is blocked.")
            if entry.evidence & Evidence.BLOCKED
            else say("The browser reported: the page's script runs.")
        )
        steps.append((entry.evidence_at, told))
    if entry.settled:
        told = {
            State.DELIVERED: say("Meta accepted the server's part."),
            State.DEAD: say("Meta refused the server's part."),
            State.EXPIRED: say("Given up: too old."),
            State.DROPPED: say("Given up: no browser ever reported."),
        }.get(entry.state, "")
        steps.append((entry.settled, told))
    elif entry.tries:
        text = desk.many("Tried once; it is tried again.", "Tried {n} times; it is tried again.", entry.tries)
        steps.append((desk.now, text))
    return [Step(at, max(0.0, at - start), text) for at, text in sorted(steps, key=lambda step: step[0]) if text]


def masked(payload: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """The payload with personal data replaced by what may be said of it."""
    shown = dict(payload)
    if "user_data" in payload:
        shown["user_data"] = {key: _mask(key, value, desk) for key, value in dict(payload["user_data"]).items()}
    return shown


def _mask(key: str, value: Any, desk: Desk) -> Any:
    if key not in MASKED:
        return value
    values = value if isinstance(value, list) else [value]
    shown = [desk.say("present, {n} characters", n=len(str(one))) for one in values]
    return shown if isinstance(value, list) else shown[0]


def _curl(desk: Desk, record: Record) -> str:
    """The same request for a developer's terminal: token and personal data to be filled in."""
    meta = desk.settings.meta
    body = {"data": [masked(record.payload, desk)], "access_token": "$TOKEN", "test_event_code": "$CODE"}
    text = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    url = f"{meta.graph_url.rstrip('/')}/{meta.graph_version}/{record.entry.pixel_id}/events"
    return f"curl -X POST '{url}' -H 'Content-Type: application/json' -d '{text}'"


def _rule(desk: Desk, name: str) -> str:
    """What the rule says, in words; "" where it stands no more."""
    return next((one.text for group in rules.groups(desk) for one in group.rules if one.rule.name == name), "")


def _data(desk: Desk, record: Record) -> list[tuple[str, str, str]]:
    """(key, value, where it was read) of what Meta is told."""
    found = []
    for key, value in dict(record.payload.get("custom_data", {})).items():
        found.append((key, words.value(value, desk.language), record.sources.get(key, "")))
    return found


def _meaning(desk: Desk, entry: Entry) -> str:
    """Meta's answer in plain words, "" where there was none."""
    if entry.state is State.DELIVERED:
        return desk.say("Accepted.")
    if not entry.code and entry.state is not State.DEAD:
        return ""
    if not entry.code:
        return entry.reason
    told = answers.meaning(entry.code, entry.subcode, entry.reason, desk.say, entry.pixel_id)
    return f"{told.text} {told.todo}".strip()


def _consent(desk: Desk, text: str) -> str:
    """``cookiebot accepted``: the tool, and its answer as a sentence."""
    source, _, reason = text.rpartition(" ")
    sentence = desk.term("CONSENT", reason)
    return f"{source}: {sentence}" if source else sentence or "–"


def _is_ours(desk: Desk, entry: Entry) -> bool:
    return entry.pixel_id == desk.settings.meta.pixel_id


def _recent(desk: Desk, wanted: Filter) -> tuple[list[Entry], str]:
    try:
        return desk.services.ledger.recent(wanted, _PAGE), ""
    except StoreError as error:
        return [], str(error)
