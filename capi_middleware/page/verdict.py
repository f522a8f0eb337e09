"""Why a response is touched or not: one enumeration, counted, shown by ``explain`` and ``doctor``."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

Headers = list[tuple[str, str]]


class _Lower(dict[str, str]):
    """Names of headers in lower case; servers and apps write the same few, time and again."""

    def __missing__(self, name: str) -> str:
        low = name.lower()
        if len(self) < 1024:
            self[name] = low
        return low


LOWER = _Lower()


class Reason(Enum):
    """Each member is a sentence for people; its name is the code in JSON and metrics."""

    # Touched.
    INLINE = "an HTML page for this visitor alone: the IDs are printed in it"
    COLLECT = "an HTML page that a cache may store: the browser asks for its events"
    # Known from the request.
    EXCLUDED = "the path is excluded in the settings"
    METHOD = "not a GET or POST request"
    HEAD = "a HEAD request: there is no body to put anything into"
    SCRIPT = "asked for by a script of the page (fetch, XHR), not opened as a page"
    FRAME = "shown inside another page (frame)"
    ROBOT = "asked for by a robot"
    # Known from the response's head.
    STATUS = "not a 200 answer"
    NOT_MODIFIED = "304: the visitor's copy of the page is shown, with the snippet it has"
    PARTIAL = "a part of a file (206, Content-Range): its bytes are counted"
    NOT_HTML = "not an HTML page"
    XHTML = "application/xhtml+xml: one unescaped character of ours would replace the page by an error"
    CHARSET = "a character set that is no superset of ASCII"
    ATTACHMENT = "a download (Content-Disposition: attachment)"
    SENDFILE = "the front server sends a file instead of the body (X-Sendfile and its like)"
    LENGTH = "Content-Length is damaged or stands there twice"
    ENCODING = "a Content-Encoding that cannot be read here"
    NO_TRANSFORM = "Cache-Control: no-transform forbids a proxy to change the page"
    CSP = "the page's Content-Security-Policy allows no script of the shop's own, and a cache may store the page"
    ALONE = "the page's Content-Security-Policy allows no script of the shop's own: the server sends its events alone"
    # Known from the first bytes.
    FRAGMENT = "a piece of HTML, no document (no doctype, html, head or title)"
    NOT_MARKUP = "says text/html but does not begin like HTML"
    BINARY = "says text/html but holds NUL bytes or UTF-16"
    AMP = "an AMP page: scripts of the author's would make it invalid"
    FRAMESET = "a frameset"
    UNDECIDED = "no head found within the first 64 KiB"
    EMPTY = "an empty body"
    BOMB = "decompresses to far more than a page's size"
    DAMAGED = "its compressed body is damaged"
    # Ours.
    FAULT = "a fault of ours: the page went out as the shop made it"


class Carrier(Enum):
    """How an event ID reaches the browser."""

    INLINE = "inline"
    COLLECT = "collect"
    NONE = "none"


class Form(Enum):
    """Which kinds of script the page's Content-Security-Policy lets us add."""

    INLINE = "inline code and a script file of the shop's own"
    EXTERNAL = "a script file of the shop's own, data beside it"
    HASH = "one constant inline script, named by its hash, data beside it"
    NONE = "no script"


class Verdict(NamedTuple):
    """What to do with one response.

    ``headers``: the response's headers as they go out, the app's own list object where nothing changes; without
    Content-Length where ``inject`` (whoever sends them knows the new one). ``form``, ``nonce``, ``script``, ``pixel``:
    what the page's Content-Security-Policy allows. ``script`` False: the served script may not run or not report.
    ``pixel`` False: Meta's script or its requests are blocked, so events have no browser leg. ``coding``: the
    Content-Encoding to decode ("" for none). ``charset``: whether the headers name it.
    """

    reason: Reason
    carrier: Carrier
    headers: Headers
    form: Form = Form.INLINE
    nonce: str = ""
    script: bool = True
    pixel: bool = True
    coding: str = ""
    charset: bool = True

    @property
    def inject(self) -> bool:
        """Whether the body is to be read, and changed if ``form`` allows (its first bytes may still tell that it is no
        document)."""
        return self.carrier is not Carrier.NONE
