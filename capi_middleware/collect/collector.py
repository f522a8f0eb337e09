"""The shell: one request to ``{mount}/collect``, from environ to status, headers and body."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from threading import Lock
from typing import Any, NamedTuple, Protocol

from cachetools import LRUCache

from capi_middleware.events import Event

from .answer import Answer, Shop, answer, encode, merge
from .limits import Limits
from .message import LARGEST, Handed, Kind, Message, read_message

_IDS = 50_000
_ANSWERS = 5_000
_REPORTERS = 2_000
_TOO_MANY = 3
_DIGITS = 18
_HEADERS = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]

_WORDS = {
    Handed.HANDED: ("script", "loaded", "handed"),
    Handed.QUEUED: ("script",),
    Handed.BLOCKED: ("script", "blocked"),
}
"""A report in the ledger's words."""


class Reply(NamedTuple):
    """``told``: the browser legs that were owed stand in the body."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    told: bool = False


class Refusal(Enum):
    """Why a request is not answered; its name is the counter in ``health``, its value the status line."""

    METHOD = "405 Method Not Allowed"
    TYPE = "415 Unsupported Media Type"
    SITE = "403 Forbidden"
    LENGTH = "411 Length Required"
    SIZE = "413 Content Too Large"
    RATE = "429 Too Many Requests"
    MESSAGE = "400 Bad Request"
    HOST = "421 Misdirected Request"
    """The page's host is not the one that the request came in for: a proxy in between does not pass ``Host`` on."""


class Outbox(Protocol):
    """Where events and reports go; none of these waits (:class:`capi_middleware.delivery.Outbox`)."""

    def put(self, event: Event) -> None: ...
    def report(self, pixel_id: str, event_id: str, event_name: str, what: str) -> None: ...
    def forget(self, fbp: str) -> None: ...


class Collector:
    """Answers the page's script; one a process. Everything that is refused moves a counter in ``refused`` and costs
    no parse. ``shared()`` is called when the browsers of several visitors report one and the same ID: a cache has given
    one visitor's page to others. ``unlisted(host, name)``: a page's own pixel has made a call that is not mirrored.
    ``count(name)``: VIEW_UNREAD for each view whose page nobody had read when its browser asked, VIEW_READ_LATER for
    each of those that could be answered when it asked again; the rest are views of which it is not known whether they
    showed a product."""

    def __init__(
        self,
        outbox: Outbox,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        shared: Callable[[], object] = lambda: None,
        unlisted: Callable[[str, str], object] = lambda host, name: None,
        count: Callable[[str], object] = lambda name: None,
    ) -> None:
        self.refused: Counter[str] = Counter()
        self._unlisted = unlisted
        self._count = count
        self._shared = shared
        self._reporters: LRUCache[str, set[int]] = LRUCache(_REPORTERS)
        self._outbox = outbox
        self._limits = limits
        self._clock = clock
        self._given: LRUCache[str, bool] = LRUCache(_IDS)
        self._answers: LRUCache[tuple[Kind, str, str], Answer] = LRUCache(_ANSWERS)
        self._lock = Lock()

    def reply(self, environ: Mapping[str, Any], shop: Shop, owed: Sequence[Event] = ()) -> Reply:
        """``wsgi.input`` is read only once the request has earned it. ``owed``: events whose server leg is on its way
        and whose browser leg the visitor's next page was to bring (the flash cookie's)."""
        now = self._clock()
        refused = refusal(environ)
        if refused is None and not self._limits.admit(visitor_key(environ), now):
            refused = Refusal.RATE
        if refused is not None:
            return self._refuse(refused)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        message = read_message(body)
        if message is None:
            return self._refuse(Refusal.MESSAGE)
        given = self._answer(message, environ, shop, now)
        if given is None:
            return self._refuse(Refusal.HOST)
        self._hand_over(given, shop.settings.meta.pixel_id)
        if given.reports:
            self._look_for_shared(given, hash((visitor_key(environ), environ.get("HTTP_USER_AGENT"))))
        if message.kind is Kind.REPORT:
            return Reply("204 No Content", list(_HEADERS), b"")
        told = bool(owed) and message.kind is Kind.VIEW and given.body["state"] == "granted"
        return _reply(merge(given, owed) if told else given, told)

    def _answer(self, message: Message, environ: Mapping[str, Any], shop: Shop, now: float) -> Answer | None:
        """A view that is asked about again, as its first answer was lost on the way, gets the same answer."""
        if message.kind not in (Kind.VIEW, Kind.PAGE):
            return answer(message, environ, shop, now)
        key = (message.kind, message.view_id, message.url)
        with self._lock:
            known = self._answers.get(key)
        if known is not None:
            return known
        given = answer(message, environ, shop, now)
        if given is None or given.body.get("state") != "granted":
            return given
        if message.kind is Kind.PAGE and given.unread:
            return given  # it may know more next time
        with self._lock:
            self._answers[key] = given
        if message.kind is Kind.PAGE:
            self._count("VIEW_READ_LATER")
        elif given.unread:
            self._count("VIEW_UNREAD")
        return given

    def _hand_over(self, given: Answer, pixel_id: str) -> None:
        for event_id, event_name, handed in given.reports:
            for word in _WORDS[handed]:
                self._outbox.report(pixel_id, event_id, event_name, word)
        if given.forget:
            self._outbox.forget(given.forget)
        if given.unlisted is not None:
            self._unlisted(*given.unlisted)
        for event in given.events:
            if self._is_first(event):
                self._outbox.put(event)

    def _look_for_shared(self, given: Answer, visitor: int) -> None:
        """A phone may change networks between two reports; a third visitor is no chance."""
        for report in given.reports:
            key = f"{report.event_id} {report.event_name}"
            with self._lock:
                reporters = self._reporters.setdefault(key, set())
                news = visitor not in reporters and len(reporters) == _TOO_MANY - 1
                if len(reporters) < _TOO_MANY:
                    reporters.add(visitor)
            if news:
                self._shared()

    def _refuse(self, why: Refusal) -> Reply:
        with self._lock:
            self.refused[why.name.lower()] += 1
        return Reply(why.value, [*_HEADERS, ("Content-Length", "0")], b"")

    def _is_first(self, event: Event) -> bool:
        key = f"{event.event_id} {event.event_name}"
        with self._lock:
            if key in self._given:
                return False
            self._given[key] = True
            return True


def refusal(environ: Mapping[str, Any]) -> Refusal | None:
    """What refuses this request before its body is read.

    Same origin only: a page of another site cannot send JSON here without a preflight, which is never answered, and
    browsers name the sender in ``Sec-Fetch-Site`` (Fetch Metadata) or at least in ``Origin``.
    """
    if environ.get("REQUEST_METHOD") != "POST":
        return Refusal.METHOD
    if (environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower() != "application/json":
        return Refusal.TYPE
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is None:
        if not _same_host(environ.get("HTTP_ORIGIN") or "", environ.get("HTTP_HOST") or ""):
            return Refusal.SITE
    elif site != "same-origin":
        return Refusal.SITE
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit() and len(length) <= _DIGITS):
        return Refusal.LENGTH
    return Refusal.SIZE if int(length) > LARGEST else None


def visitor_key(environ: Mapping[str, Any]) -> str:
    """Whose rate this counts against. Behind a proxy that the settings do not name, what that proxy wrote: believed
    for nothing else, and whoever forges it still meets the bound on all together."""
    forwarded = (environ.get("HTTP_X_FORWARDED_FOR") or "").rpartition(",")[2].strip()
    return (forwarded or environ.get("REMOTE_ADDR") or "")[:64]


def _same_host(origin: str, host: str) -> bool:
    return bool(origin) and origin.partition("://")[2].lower() == host.lower()


def _reply(given: Answer, told: bool) -> Reply:
    body = encode(given.body)
    headers = [*_HEADERS, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    headers += [("Set-Cookie", cookie) for cookie in given.set_cookies]
    return Reply("200 OK", headers, body, told)
