"""Judges a response at its head: may it be touched, and how do IDs reach the browser?"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple

from capi_middleware.settings import Settings
from capi_middleware.visit import Asker, Visit

from .caching import Validators, directives, private, storable
from .codec import readable
from .csp import Csp, CspReader
from .snippet import Snippet
from .verdict import Carrier, Form, Headers, Reason, Verdict

INTERMEDIARY = "capi_middleware.intermediary"
"""The environ key that the reverse proxy sets: there ``no-transform`` binds us (RFC 9111 section 5.2.2.6). Wrapped
around the app itself we are the origin, and it binds those in front."""

_SENDFILE = frozenset(
    {"x-sendfile", "x-accel-redirect", "x-litespeed-location", "x-reproxy-url", "x-lighttpd-send-file"}
)
_UNREADABLE_CHARSETS = ("utf-16", "utf16", "utf-32", "utf32", "utf-7", "utf7", "ucs-2", "iso-2022-", "hz-gb-2312")
_UNASKED = {Asker.SCRIPT: Reason.SCRIPT, Asker.FRAME: Reason.FRAME, Asker.ROBOT: Reason.ROBOT}
_OPENS = frozenset({Asker.PERSON, Asker.PREFETCH, Asker.SUSPECT})
_METHODS = frozenset({"GET", "POST", "HEAD"})
_REFUSED = {"304": Reason.NOT_MODIFIED, "206": Reason.PARTIAL}


class Prepared(NamedTuple):
    """What :meth:`Judge.prepare` found in the request. ``revalidates``: the app was left with a condition about a copy
    that has today's snippet. ``intermediary``: we stand in front of an origin that is not ours."""

    revalidates: bool
    intermediary: bool


NOTHING_PREPARED = Prepared(False, False)


class Judge:
    """Compiled once for a shop's settings; a judgement costs microseconds."""

    def __init__(self, settings: Settings, snippet: Snippet | None = None) -> None:
        static = (snippet or Snippet(settings)).head(Verdict(Reason.COLLECT, Carrier.COLLECT, []))
        self.validators = Validators(hashlib.sha256(static).hexdigest()[:8], time.time())
        self._csp = CspReader(settings.server.mount, settings.meta.pixel_url, settings.page.csp == "extend")
        self._carrier = settings.page.carrier

    def prepare(self, environ: MutableMapping[str, Any], visit: Visit) -> Prepared:
        """Before the app runs: takes our mark off ``If-None-Match`` and its like. Where a page is opened, conditions
        about copies that lack today's snippet are dropped, and ``Accept-Encoding`` keeps only what can be read here."""
        intermediary = INTERMEDIARY in environ
        if visit.method not in ("GET", "HEAD"):
            return Prepared(False, intermediary)
        opens = visit.asker in _OPENS
        if opens:
            accepted = environ.get("HTTP_ACCEPT_ENCODING")
            if accepted:
                environ["HTTP_ACCEPT_ENCODING"] = narrowed(accepted)
        return Prepared(self.validators.incoming(environ, opens), intermediary)

    def __call__(self, status: str, headers: Headers, visit: Visit, prepared: Prepared = NOTHING_PREPARED) -> Verdict:
        """``status`` and ``headers`` as the app gave them to ``start_response``; the list is never changed."""
        code = status[:3]
        if code != "200":
            if code == "304" and prepared.revalidates:
                return Verdict(Reason.NOT_MODIFIED, Carrier.NONE, self.validators.outgoing(headers))
            return Verdict(_REFUSED.get(code, Reason.STATUS), Carrier.NONE, headers)
        if visit.method not in _METHODS:
            return Verdict(Reason.METHOD, Carrier.NONE, headers)
        kind = _content_type(headers)
        if not kind.startswith("text/html"):
            return Verdict(Reason.XHTML if kind == "application/xhtml+xml" else Reason.NOT_HTML, Carrier.NONE, headers)
        found: dict[str, str] = {}
        for name, value in headers:
            name = name.lower()
            found[name] = f"{found[name]}, {value}" if name in found else value
        reason = _refusal(kind, found, prepared.intermediary)
        if reason is not None:
            return Verdict(reason, Carrier.NONE, headers)
        return self._accepted(headers, found, visit)

    def _accepted(self, headers: Headers, found: Mapping[str, str], visit: Visit) -> Verdict:
        cached = visit.method != "POST" and (storable(found) if self._carrier == "auto" else self._carrier == "collect")
        if not cached and visit.asker in _UNASKED and visit.method != "HEAD":
            return Verdict(_UNASKED[visit.asker], Carrier.NONE, headers)
        csp, policy = self._csp.read(found, visit.url)
        inline = not cached and visit.asker is not Asker.PREFETCH
        # A page for the cache lives by the served script alone.
        usable = csp.script or (inline and csp.pixel and csp.form is not Form.NONE)
        if not usable and not inline:
            return Verdict(Reason.CSP, Carrier.NONE, headers)
        edited = self._edited(headers, inline, usable, policy)
        if visit.method == "HEAD":
            return Verdict(Reason.HEAD, Carrier.NONE, edited)
        reason = Reason.ALONE if not usable else Reason.INLINE if inline else Reason.COLLECT
        return _verdict(reason, Carrier.INLINE if inline else Carrier.COLLECT, edited, csp, usable, found)

    def _edited(self, headers: Headers, inline: bool, usable: bool, policy: str | None) -> Headers:
        """The headers as they go out. A page that nothing is put into keeps its own."""
        if usable:
            headers = private(headers) if inline else self.validators.outgoing(headers)
        if policy is not None:
            headers = [pair for pair in headers if pair[0].lower() != "content-security-policy"]
            headers.append(("Content-Security-Policy", policy))
        return [pair for pair in headers if pair[0].lower() != "content-length"]


def _verdict(
    reason: Reason, carrier: Carrier, headers: Headers, csp: Csp, usable: bool, found: Mapping[str, str]
) -> Verdict:
    return Verdict(
        reason,
        carrier,
        headers,
        csp.form if usable else Form.NONE,
        csp.nonce,
        csp.script,
        csp.pixel and usable,
        _coding(found),
        "charset" in found["content-type"].lower(),
    )


def _content_type(headers: Headers) -> str:
    """The media type in lower case, without parameters."""
    for name, value in headers:
        if len(name) == 12 and name.lower() == "content-type":
            return value.partition(";")[0].strip().lower()
    return ""


def _refusal(kind: str, found: Mapping[str, str], intermediary: bool) -> Reason | None:
    """What forbids to touch a 200 answer, whoever asked for it."""
    if kind != "text/html":
        return Reason.NOT_HTML
    charset = found["content-type"].lower().partition("charset=")[2].lstrip("\"' ")
    if charset.startswith(_UNREADABLE_CHARSETS):
        return Reason.CHARSET
    if "content-range" in found:
        return Reason.PARTIAL
    if found.get("content-disposition", "").lstrip().lower().startswith("attachment"):
        return Reason.ATTACHMENT
    if not _SENDFILE.isdisjoint(found):
        return Reason.SENDFILE
    length = found.get("content-length")
    if length is not None and not (length.isascii() and length.strip().isdigit()):
        return Reason.LENGTH
    coding = _coding(found)
    if coding and not readable(coding):
        return Reason.ENCODING
    if intermediary and "no-transform" in directives(found.get("cache-control", "")):
        return Reason.NO_TRANSFORM
    return None


def _coding(found: Mapping[str, str]) -> str:
    coding = found.get("content-encoding", "").strip().lower()
    return "" if coding == "identity" else coding


def narrowed(accepted: str) -> str:
    """An ``Accept-Encoding`` value without the codings that cannot be read here."""
    kept = []
    for part in accepted.split(","):
        name = part.partition(";")[0].strip().lower()
        if name == "identity" or readable(name):
            kept.append(part.strip())
    return ", ".join(kept) or "identity"
