"""The shell: one request to ``{mount}/collect``, from environ to status, headers and body."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from cachetools import LRUCache

from capi_middleware.events import Event

from .answer import Answer, Shop, answer, encode, merge
from .limits import Limits
from .message import LARGEST, Handed, Kind, Message, read_message

_IDS = 50_000
_ANSWERS = 5_000
_REPORTERS = 2_000
_TOO_MANY = 3
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


class Outbox(Protocol):
    """Where events and reports go; none of these waits (:class:`capi_middleware.delivery.Outbox`)."""

    def put(self, event: Event) -> None: ...
    def report(self, pixel_id: str, event_id: str, event_name: str, what: str) -> None: ...
    def forget(self, fbp: str) -> None: ...


class Collector:
    """Answers the page's script; one a process. Everything that is refused moves a counter in ``refused`` and costs
    no parse. ``shared()`` is called when the browsers of several visitors report one and the same ID: a cache has given
    one visitor's page to others."""

    def __init__(
        self,
        outbox: Outbox,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        shared: Callable[[], object] = lambda: None,
    ) -> None:
        self.refused: Counter[str] = Counter()
        self._shared = shared
        self._reporters: LRUCache[str, set[int]] = LRUCache(_REPORTERS)
        self._outbox = outbox
        self._limits = limits
        self._clock = clock
        self._given: LRUCache[str, bool] = LRUCache(_IDS)
        self._answers: LRUCache[tuple[str, str], Answer] = LRUCache(_ANSWERS)
        self._lock = Lock()

    def reply(self, environ: Mapping[str, Any], shop: Shop, owed: Sequence[Event] = ()) -> Reply:
        """``wsgi.input`` is read only once the request has earned it. ``owed``: events whose server leg is on its way
        and whose browser leg the visitor's next page was to bring (the flash cookie's)."""
        now = self._clock()
        problem = refusal(environ)
        if not problem and not self._limits.admit(visitor_key(environ), now):
            problem = "429 Too Many Requests"
        if problem:
            return self._refuse(problem)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        message = read_message(body)
        given = message and self._answer(message, environ, shop, now)
        if message is None or given is None:
            return self._refuse("400 Bad Request")
        self._hand_over(given, shop.settings.meta.pixel_id)
        if given.reports:
            self._look_for_shared(given, hash((visitor_key(environ), environ.get("HTTP_USER_AGENT"))))
        if message.kind is Kind.REPORT:
            return Reply("204 No Content", list(_HEADERS), b"")
        told = bool(owed) and message.kind is Kind.VIEW and given.body["state"] == "granted"
        return _reply(merge(given, owed) if told else given, told)

    def _answer(self, message: Message, environ: Mapping[str, Any], shop: Shop, now: float) -> Answer | None:
        """A view that is asked about again, as its first answer was lost on the way, gets the same answer."""
        if message.kind is not Kind.VIEW:
            return answer(message, environ, shop, now)
        key = (message.view_id, message.url)
        with self._lock:
            known = self._answers.get(key)
        if known is not None:
            return known
        given = answer(message, environ, shop, now)
        if given is not None and given.body.get("state") == "granted":
            with self._lock:
                self._answers[key] = given
        return given

    def _hand_over(self, given: Answer, pixel_id: str) -> None:
        for event_id, event_name, handed in given.reports:
            for word in _WORDS[handed]:
                self._outbox.report(pixel_id, event_id, event_name, word)
        if given.forget:
            self._outbox.forget(given.forget)
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

    def _refuse(self, status: str) -> Reply:
        with self._lock:
            self.refused[status[:3]] += 1
        return Reply(status, [*_HEADERS, ("Content-Length", "0")], b"")

    def _is_first(self, event: Event) -> bool:
        key = f"{event.event_id} {event.event_name}"
        with self._lock:
            if key in self._given:
                return False
            self._given[key] = True
            return True


def refusal(environ: Mapping[str, Any]) -> str:
    """The status line that refuses this request before its body is read, or "".

    Same origin only: a page of another site cannot send JSON here without a preflight, which is never answered, and
    browsers name the sender in ``Sec-Fetch-Site`` (Fetch Metadata) or at least in ``Origin``.
    """
    if environ.get("REQUEST_METHOD") != "POST":
        return "405 Method Not Allowed"
    if (environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower() != "application/json":
        return "415 Unsupported Media Type"
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None and site != "same-origin":
        return "403 Forbidden"
    origin = environ.get("HTTP_ORIGIN") or ""
    if site is None and not _same_host(origin, environ.get("HTTP_HOST") or ""):
        return "403 Forbidden"
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        return "411 Length Required"
    return "413 Content Too Large" if int(length) > LARGEST else ""


def visitor_key(environ: Mapping[str, Any]) -> str:
    """Whose rate this counts against. Behind a proxy that the settings do not name, what that proxy wrote: believed
    for nothing else, and whoever forges it still meets the bound on all together."""
    forwarded = (environ.get("HTTP_X_FORWARDED_FOR") or "").rpartition(",")[2].strip()
    return (forwarded or environ.get("REMOTE_ADDR") or "")[:64]


def _same_host(origin: str, host: str) -> bool:
    return bool(origin) and urlsplit(origin).netloc.lower() == host.lower()


def _reply(given: Answer, told: bool) -> Reply:
    body = encode(given.body)
    headers = [*_HEADERS, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    headers += [("Set-Cookie", cookie) for cookie in given.set_cookies]
    return Reply("200 OK", headers, body, told)
