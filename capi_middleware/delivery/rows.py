"""From what a journal carries to what a store keeps; pure."""

from __future__ import annotations

import marshal
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from capi_middleware import events
from capi_middleware.events import Event, Visitor

from .entry import Evidence, State
from .jsontext import encode
from .validate import mend

MATCH_KEYS = ("em", "ph", "external_id", "fbp", "fbc", "client_ip_address", "client_user_agent")
DELAYS = (1, 2, 5, 10, 60, 600, 3600)
DELAY_WORDS = (*(f"delay:{bound}" for bound in DELAYS), "delay:more")  # delivered within so many seconds


VALUE = {
    "PageView": 0,
    "ViewContent": 1,
    "Search": 1,
    "ViewCategory": 1,
    "FindLocation": 1,
    "CustomizeProduct": 1,
    "Purchase": 3,
    "Subscribe": 3,
    "StartTrial": 3,
}
ORDINARY = 2


class Row(NamedTuple):
    """One event as a store keeps it. ``payload`` is Graph's ``data`` entry as JSON text; ``value`` is its rank when
    room runs out (0 goes first)."""

    pixel_id: str
    event_name: str
    event_id: str
    event_time: int
    created: float
    state: State
    browser: bool
    settled: float
    reason: str
    rule: str
    page: str
    fbp: str
    value: int
    payload: str
    detail: str
    keys: tuple[str, ...]


class Report(NamedTuple):
    """What a browser said about an event."""

    pixel_id: str
    event_id: str
    event_name: str
    evidence: Evidence
    at: float


class Claimed(NamedTuple):
    """A row that is being sent."""

    number: int
    payload: str
    event_time: int
    created: float
    tries: int


class Outcome(NamedTuple):
    """What became of a row that was sent, or of one that will not be. ``state`` WAITING puts it back."""

    number: int
    state: State
    code: int = 0
    subcode: int = 0
    reason: str = ""
    trace: str = ""


def value_of(event_name: str) -> int:
    """0 (PageView) to 3 (Purchase): what is dropped first when room runs out."""
    return VALUE.get(event_name, ORDINARY)


def pack_event(event: Event, created: float) -> bytes:
    """An event as a journal carries it: the cheapest encoding there is for the request thread (1.5 us)."""
    record: Any = (created, event[:5], tuple(event.visitor), event[6:])
    try:
        return marshal.dumps(record, 4)
    except ValueError:  # a mapping or number of another type than JSON's own
        return marshal.dumps(_plain(record), 4)


def unpack_event(data: bytes) -> tuple[Event, float]:
    """Raises ``ValueError``, ``TypeError`` or ``EOFError`` for what :func:`pack_event` never wrote."""
    created, head, visitor, rest = marshal.loads(data)
    return Event._make((*head, Visitor(*visitor), *rest)), created


def pack_report(report: Report) -> bytes:
    """A browser's report as a journal carries it."""
    return marshal.dumps((*report[:3], int(report.evidence), report.at), 4)


def unpack_report(data: bytes) -> Report:
    """Raises as :func:`unpack_event`."""
    pixel_id, event_id, event_name, evidence, at = marshal.loads(data)
    return Report(pixel_id, event_id, event_name, Evidence(evidence), at)


def _plain(value: Any) -> Any:
    """Built-in types only: what marshal takes."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)  # of an enumeration's member: its value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        inner = [_plain(item) for item in value]
        return tuple(inner) if isinstance(value, tuple) else inner
    try:
        return float(value)  # Decimal, Fraction, a framework's own number
    except (TypeError, ValueError):
        return str(value)


def row_of(event: Event, created: float, now: float) -> Row:
    """Render, mend and weigh one event. What Meta would refuse becomes a dead letter with its reason."""
    payload = events.graph_event(event)
    problem = mend(payload, now)
    try:
        text = encode(payload)
    except (ValueError, TypeError) as error:
        problem = f"the event's data is not JSON: {error}"
        text = encode({key: payload[key] for key in ("event_name", "event_time", "event_id")})
    state = State.DEAD if problem else State.HELD if event.hold else State.WAITING
    user_data = payload["user_data"]
    return Row(
        event.pixel_id,
        sound(event.event_name),
        sound(event.event_id),
        payload["event_time"],
        created,
        state,
        event.browser,
        now if problem else 0.0,
        problem,
        sound(event.rule),
        sound(page_of(event.event_source_url)),
        sound(event.visitor.fbp),
        value_of(event.event_name),
        sound(text),
        _detail(event),
        tuple([key for key in MATCH_KEYS if key in user_data]),
    )


_details: dict[tuple[Any, ...], str] = {}


def _detail(event: Event) -> str:
    """Where its values came from, and the consent: much the same for all events of a rule."""
    key = (event.consent, *event.sources.items())
    text = _details.get(key)
    if text is None:
        text = sound(encode({"sources": dict(event.sources), "consent": event.consent}))
        if len(_details) > 1000:
            _details.clear()
        _details[key] = text
    return text


def sound(text: str) -> str:
    """Text that can be stored and sent: half characters (from bytes that were no UTF-8) become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def page_of(url: str) -> str:
    """The path, bounded: what a person recognises in a list. (urlsplit takes ten times as long.)"""
    address = url.partition("#")[0].partition("?")[0]
    begin = address.find("/", address.find("://") + 3)
    return address[begin : begin + 200] if begin >= 0 else "/"


def hour_of(event_time: float) -> int:
    """Start of the hour."""
    return int(event_time) // 3600 * 3600


Counts = Counter[tuple[int, str, str, str]]
"""(hour, pixel_id, event_name, what) to how many."""


def made_counts(rows: Iterable[Row]) -> Counts:
    """What the arrival of rows adds to the counts."""
    shapes: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        shapes[row.event_time // 3600, row.pixel_id, row.event_name, row.browser, row.state, row.keys] += 1
    counts: Counts = Counter()
    for (hour, pixel_id, event_name, browser, state, keys), n in shapes.items():
        words = ["made", *(f"has:{key}" for key in keys)]
        if browser:
            words.append("expected")
        if state not in (State.WAITING, State.HELD):
            words.append(state.value)
        for word in words:
            counts[hour * 3600, pixel_id, event_name, word] += n
    return counts
