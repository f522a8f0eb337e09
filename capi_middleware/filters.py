"""What passes a page, or an answer that a rule asks for, on its way to the visitor (:class:`page.response.Filter`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from .events import Event
from .infer import FactReader, Facts
from .page import Injector, Verdict
from .page.codec import Codec, DamagedBody, readable
from .page.verdict import Headers, Reason

LARGEST_GATHERED = 64 * 1024
"""Bytes of an answer in pieces that are kept for a rule which asks for it."""
LARGEST_ANSWER = 256 * 1024
"""Bytes of one that is there in one piece: a cart of forty lines, as WooCommerce's Store API tells it."""


class Follower(Protocol):
    """What a page's filter asks of the request that it belongs to: :class:`journey.Journey`."""

    def reader(self) -> FactReader | None:
        """Reads product facts from the passing page, if a rule may want them."""

    def shows_consent_tool(self, html: bytes) -> bool:
        """Whether this page tells that the shop asks for consent, which nobody knew before."""

    def note_pixels(self, html: bytes) -> None:
        """Counts pages that bring a pixel of their own."""

    def learn_forms(self, html: bytes) -> None:
        """What a page's form fields mean, for the post that will come of them."""

    def settle_page(self, verdict: Verdict, facts: Facts) -> tuple[bytes, list[Event]]:
        """What the end of the page carries, and the events whose server leg is due."""

    def once_cookies(self, events: Sequence[Event]) -> Headers:
        """The cookie that keeps a reload from telling the same order again."""

    def hand_over(self, events: Sequence[Event]) -> None:
        """To the outbox, without waiting."""

    def note_fault(self, error: BaseException) -> None:
        """The injection has failed; the page goes on as it came."""

    def note_refusal(self, reason: str) -> None:
        """The bytes turned out to be no page for a snippet."""


class PageFilter:
    """Lets a page pass through the injector, and its facts to the rules. ``view``: the PageView that stands in ``head``
    and whose server leg is due as soon as the snippet is in."""

    __slots__ = ("_asks", "_headers", "_injector", "_journey", "_reader", "_verdict", "_view", "faulty")

    def __init__(self, journey: Follower, verdict: Verdict, headers: Headers, head: bytes, view: Event | None) -> None:
        self.faulty = False
        self._asks = False
        self._journey = journey
        self._verdict = verdict
        self._headers: Headers | None = headers
        self._view = view  # None once its server leg is on its way
        self._reader = journey.reader()
        self._injector = Injector(verdict, head, self._tail, self._read)

    def whole(self, body: bytes) -> bytes:
        changed = self._injector.whole(body)
        if self._asks:
            self.faulty = True  # from the next page on consent is asked for; this one goes out as it came
            return body
        self._told()
        self._look()
        # Nothing has gone out yet: without our snippet, the app's own headers go out too.
        self.faulty = not self._injector.injected
        return changed

    def feed(self, chunk: bytes) -> bytes:
        self._headers = None
        out = self._injector.feed(chunk)
        self._told()
        return out

    def finish(self) -> bytes:
        self._headers = None
        rest = self._injector.finish()
        self._told()
        self._look()
        return rest

    def _told(self) -> None:
        """The view stands in the page, so its server leg is due, whatever becomes of the page's end."""
        if self._injector.injected and (due := self._due()):
            self._journey.hand_over(due)

    def _due(self) -> list[Event]:
        view, self._view = self._view, None
        return [view] if view is not None else []

    def _look(self) -> None:
        injector = self._injector
        fault = injector.fault
        if isinstance(fault, DamagedBody):  # the shop's own
            self._journey.note_refusal((Reason.BOMB if fault.bomb else Reason.DAMAGED).name)
        elif fault is not None:
            self._journey.note_fault(fault)
        elif not injector.injected:
            self._journey.note_refusal(injector.reason.name)

    def _read(self, html: bytes) -> None:
        """What the page shows, decoded, as it passes."""
        journey = self._journey
        self._asks = journey.shows_consent_tool(html) or self._asks
        journey.note_pixels(html)
        journey.learn_forms(html)
        if self._reader is not None:
            self._reader.feed(html)

    def _tail(self) -> bytes:
        if self._asks and self._headers is not None:
            return b""
        facts = self._reader.facts() if self._reader is not None else Facts()
        tail, events = self._journey.settle_page(self._verdict, facts)
        if events and self._headers is not None:
            self._headers += self._journey.once_cookies(events)
        self._journey.hand_over([*self._due(), *events])
        return tail


class AnswerFilter:
    """Looks at an answer to a script that a rule asks for; its bytes stay as they are. ``settle(body, late)``: gives
    the headers for it; ``late``, where they are gone. A body that is too long, or cannot be read, is b""."""

    __slots__ = ("_failed", "_headers", "_settle", "faulty")

    def __init__(
        self, headers: Headers, settle: Callable[[bytes, bool], Headers], failed: Callable[[str, BaseException], None]
    ) -> None:
        self.faulty = False
        self._failed = failed
        self._headers = headers
        self._settle = settle

    def whole(self, body: bytes) -> bytes:
        try:
            self._headers += self._settle(_plain(body, self._headers), False)
        except Exception as error:
            self.faulty = True
            self._failed("answer", error)
        return body

    def feed(self, chunk: bytes) -> bytes:
        return chunk

    def finish(self) -> bytes:
        try:
            self._settle(b"", True)
        except Exception as error:
            self._failed("answer", error)
        return b""


def content_type(headers: Headers) -> str:
    """``text/html`` of ``Text/HTML; charset=utf-8``; empty where nothing is said."""
    for name, value in headers:
        if name.lower() == "content-type":
            return value.partition(";")[0].strip().lower()
    return ""


def _plain(body: bytes, headers: Headers) -> bytes:
    """The body without its coding; b"" where that cannot be read here, or is longer than :data:`LARGEST_ANSWER`."""
    coding = next((value.strip().lower() for name, value in headers if name.lower() == "content-encoding"), "")
    if coding and coding != "identity":
        body = _decoded(body, coding)
    return body if len(body) <= LARGEST_ANSWER else b""


def _decoded(body: bytes, coding: str) -> bytes:
    if not readable(coding):
        return b""
    pieces, size = [], 0
    try:
        for piece in Codec(coding).decode(body):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST_ANSWER:
                return b""
    except DamagedBody:
        return b""
    return b"".join(pieces)
