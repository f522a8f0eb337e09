"""One request, judged: who is asking, from where, and may we tell Meta."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


class Asker(Enum):
    """Who sends the request. Only PERSON opens pages; SCRIPT may still act (AJAX add to cart)."""

    PERSON = "a person opening a page"
    SCRIPT = "a script of the page (fetch, XHR, fragment)"
    FRAME = "an embedded frame"
    PREFETCH = "a prefetch or prerender"
    ROBOT = "a robot, monitor or preview"
    SUSPECT = "claims to be a browser and sends none of its headers"


class Answer(Enum):
    """The three answers of consent."""

    GRANTED = "granted"
    DENIED = "denied"
    UNKNOWN = "unknown"


class Consent(NamedTuple):
    """One decision for both legs and the cookies. ``answer`` is what the visitor said, ``allowed`` what follows from
    it in the shop's mode; ``source`` names the cookie or header that decided, ``reason`` is a short machine code."""

    answer: Answer
    allowed: bool
    source: str
    reason: str
    data_processing_options: tuple[str, int, int] | tuple[()] = ()


class Visit(NamedTuple):
    """What is kept of a request; a NamedTuple because one is made per request. Nothing of ``environ`` is held.

    ``url``: full address as the visitor sees it, without fragment, unscrubbed: never log or store it. ``source_url`` /
    ``referrer``: scrubbed, ready to send; the latter "" where it is no address. ``host``: lower case, without port.
    ``path``: decoded. ``query``: raw query string. ``cookies``: as sent, without quotes, percent-encoding kept (readers
    decode once); never logged. ``reason``: code that led to ``asker``.
    """

    method: str
    scheme: str
    host: str
    path: str
    query: str
    url: str
    source_url: str
    referrer: str
    address: str
    user_agent: str
    cookies: Mapping[str, str]
    asker: Asker
    reason: str
    consent: Consent

    def __repr__(self) -> str:
        """Without URL, address and cookies: a visit that lands in a log or a traceback tells nothing of its visitor."""
        return f"<Visit {self.method} {self.host} {self.asker.name} {self.reason}, {self.consent.reason}>"

    @property
    def counts(self) -> bool:
        """Whether a view of this visit is an event at all: a person's page (SUSPECT: once its browser reports in)."""
        return self.asker is Asker.PERSON or self.asker is Asker.SUSPECT


class ClickIds(NamedTuple):
    """``_fbp`` and ``_fbc`` as both legs send them, "" where there is none or no consent. ``set_cookies``: whole
    ``Set-Cookie`` values, empty where nothing is to be set; never put them on a response that a cache may share."""

    fbp: str = ""
    fbc: str = ""
    set_cookies: tuple[str, ...] = ()
