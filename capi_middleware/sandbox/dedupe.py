"""Which events Meta would count once: a pure function over what arrived.

Source: Meta, "Handling Duplicate Pixel and Conversions API Events" and "Best Practices". Where the documentation is
silent we take the side on which a shop would lose: two events of one kind alone are never assumed to be merged, and an
event with an ID of its own is never merged with one that has another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from .record import BrowserEvent, ServerEvent

WINDOW = 48 * 3600.0
"""Seconds from the first event received with an ID in which later ones with it are dropped."""
FAVOUR = 5 * 60.0
"""Seconds within which the browser's event is kept although the server's came first."""

_Visitor = tuple[str, str, str, str]
"""Pixel, event name, kind of identifier, identifier."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Events that Meta takes for one, or a single event that stands alone.

    ``method``: how they were matched; "none" where nothing was. ``kept``: whose event Meta keeps. ``counted``: how
    often Meta counts what happened: 1 for a pair however often it was repeated; the number of events otherwise.
    """

    pixel_id: str
    event_name: str
    event_id: str | None
    browser: tuple[BrowserEvent, ...]
    server: tuple[ServerEvent, ...]
    method: Literal["id", "fbp", "external_id", "none"]

    @property
    def legs(self) -> tuple[BrowserEvent | ServerEvent, ...]:
        """All events of the pair, the browser's first; never empty."""
        return (*self.browser, *self.server)

    @property
    def status(self) -> Literal["deduplicated", "browser", "server"]:
        if self.browser and self.server:
            return "deduplicated"
        return "browser" if self.browser else "server"

    @property
    def counted(self) -> int:
        return 1 if self.status == "deduplicated" else len(self.browser) + len(self.server)

    @property
    def kept(self) -> Literal["browser", "server"]:
        if not self.browser or not self.server:
            return "browser" if self.browser else "server"
        return "browser" if self.browser[0].received_at <= self.server[0].received_at + FAVOUR else "server"

    @property
    def received_at(self) -> float:
        return min(leg.received_at for leg in self.legs)


def deduplicate(browser: Iterable[BrowserEvent], server: Iterable[ServerEvent]) -> list[Pair]:
    """All events, each in exactly one :class:`Pair`, in order of arrival."""
    arrived: list[BrowserEvent | ServerEvent] = sorted((*browser, *server), key=lambda event: event.number)
    arrived.sort(key=lambda event: event.received_at)
    named: dict[tuple[str, str, str], list[BrowserEvent | ServerEvent]] = defaultdict(list)
    loose: list[BrowserEvent | ServerEvent] = []
    for event in arrived:
        if event.event_id:
            named[(event.pixel_id, event.event_name, event.event_id)].append(event)
        else:
            loose.append(event)
    pairs = [pair for events in named.values() for pair in _by_id(events)]
    pairs = _by_visitor(pairs, loose)
    return sorted(pairs, key=lambda pair: pair.received_at)


def _by_id(events: Sequence[BrowserEvent | ServerEvent]) -> list[Pair]:
    """Events of one name and ID, cut where the window of the first one ends."""
    pairs: list[Pair] = []
    start = 0
    for end in range(1, len(events) + 1):
        if end == len(events) or events[end].received_at - events[start].received_at > WINDOW:
            pairs.append(_pair(events[start:end]))
            start = end
    return pairs


def _by_visitor(pairs: list[Pair], loose: Sequence[BrowserEvent | ServerEvent]) -> list[Pair]:
    """The fallback: a browser event, then within the window a server event of the same name and visitor, one of them
    without ID. Browser first only; two of one kind never match."""
    result: list[Pair] = []
    waiting = _Waiting(result)
    for pair in sorted((*pairs, *(_pair([event]) for event in loose)), key=lambda pair: pair.received_at):
        if pair.status == "browser":
            waiting.add(pair, len(result))
        elif pair.status == "server":
            found = waiting.take(pair)
            if found:
                place, method = found
                first = result[place]
                result[place] = Pair(
                    first.pixel_id, first.event_name, first.event_id, first.browser, pair.server, method
                )
                continue
        result.append(pair)
    return result


class _Waiting:
    """Lone browser events by visitor, those with an ID apart: a server event that has one of its own passes them by."""

    def __init__(self, result: Sequence[Pair]) -> None:
        self._result = result
        self._named: dict[_Visitor, list[int]] = defaultdict(list)
        self._loose: dict[_Visitor, list[int]] = defaultdict(list)

    def add(self, pair: Pair, place: int) -> None:
        shelf = self._named if pair.event_id else self._loose
        for key in _visitor_keys(pair.browser[0]):
            shelf[key].append(place)

    def take(self, pair: Pair) -> tuple[int, Literal["fbp", "external_id"]] | None:
        """The place of the newest one that the fallback takes for this server event; it waits no longer."""
        event = pair.server[0]
        for key in _visitor_keys(event):
            for shelf in (self._loose,) if pair.event_id else (self._loose, self._named):
                places = shelf[key]
                while places and self._result[places[-1]].status != "browser":
                    places.pop()
                if places and event.received_at - self._result[places[-1]].browser[0].received_at <= WINDOW:
                    return places.pop(), "fbp" if key[2] == "fbp" else "external_id"
        return None


def _visitor_keys(event: BrowserEvent | ServerEvent) -> list[_Visitor]:
    keys = [("fbp", event.fbp)] if event.fbp else []
    keys += [("external_id", value) for value in sorted(event.external_ids)]
    return [(event.pixel_id, event.event_name, kind, value) for kind, value in keys]


def _pair(events: Sequence[BrowserEvent | ServerEvent]) -> Pair:
    first = events[0]
    browser = tuple(event for event in events if isinstance(event, BrowserEvent))
    server = tuple(event for event in events if isinstance(event, ServerEvent))
    method: Literal["id", "none"] = "id" if browser and server else "none"
    return Pair(first.pixel_id, first.event_name, first.event_id, browser, server, method)
