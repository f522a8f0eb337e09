"""Judges a response at its head: may it be touched, and how do IDs reach the browser?"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from capi_middleware.settings import Settings
from capi_middleware.settings.pattern import Pattern, path_pattern
from capi_middleware.settings.words import path_kinds
from capi_middleware.visit import Asker, Visit

from .caching import CDN_CONTROLS, CDN_HEADERS, DIGESTS, NGINX_SECONDS, Validators, directives, private, storable
from .codec import readable
from .csp import Csp, CspReader
from .snippet import Snippet
from .verdict import LOWER, Carrier, Form, Headers, Reason, Verdict

INTERMEDIARY = "capi_middleware.intermediary"
"""The environ key that the reverse proxy sets: there ``no-transform`` binds us (RFC 9111 section 5.2.2.6). Wrapped
around the app itself we are the origin, and it binds those in front."""

_SENDFILE = frozenset(
    {"x-sendfile", "x-accel-redirect", "x-litespeed-location", "x-reproxy-url", "x-lighttpd-send-file"}
)
_TELLING = _SENDFILE | {"content-range", "content-disposition"}
_UNREADABLE_CHARSETS = ("utf-16", "utf16", "utf-32", "utf32", "utf-7", "utf7", "ucs-2", "iso-2022-", "hz-gb-2312")
_UNASKED = {Asker.SCRIPT: Reason.SCRIPT, Asker.FRAME: Reason.FRAME, Asker.ROBOT: Reason.ROBOT}
_READ = (
    _TELLING
    | CDN_HEADERS
    | {"content-type", "content-length", "content-encoding", "content-security-policy", "integrity-policy"}
    | {"cache-control", "expires", "vary", "set-cookie", "etag", "last-modified"}
)
"""Headers that are looked at; the others only pass."""

_METHODS = frozenset({"GET", "POST", "HEAD"})
_REFUSED = {"304": Reason.NOT_MODIFIED, "206": Reason.PARTIAL}


# What a header means to whoever asks whether he has judged such a page before.
_DECIDES, _CONTROLS, _LENGTH, _DIFFERS, _COOKIE, _VALIDATES, _GOES = range(1, 8)
_ROLES = {
    **dict.fromkeys(_READ, _DECIDES),
    **dict.fromkeys(("expires", "content-security-policy", "integrity-policy"), _DIFFERS),
    **dict.fromkeys(("etag", "last-modified"), _VALIDATES),  # that there is one decides, not its value
    **dict.fromkeys(DIGESTS | {"accept-ranges"}, _GOES),
    **dict.fromkeys((*CDN_CONTROLS, NGINX_SECONDS, "cache-control"), _CONTROLS),
    "set-cookie": _COOKIE,
    "content-length": _LENGTH,
}
_KNOWN = 1024
_A_COOKIE, _A_VALIDATOR = ("set-cookie", ""), ("etag", "")
Fields = tuple[tuple[str, str], ...]
Question = tuple[bool, bool, Fields]


class Prepared(NamedTuple):
    """What :meth:`Judge.prepare` found in the request. ``revalidates``: the app was left with a condition about a copy
    that has today's snippet. ``intermediary``: we stand in front of an origin that is not ours."""

    revalidates: bool
    intermediary: bool


NOTHING_PREPARED = Prepared(False, False)
BEFORE_AN_ORIGIN = Prepared(False, True)


class Judge:
    """Compiled once for a shop's settings; a judgement costs microseconds."""

    def __init__(self, settings: Settings, snippet: Snippet | None = None) -> None:
        static = (snippet or Snippet(settings)).head(Verdict(Reason.COLLECT, Carrier.COLLECT, []))
        self.validators = Validators(hashlib.sha256(static).hexdigest()[:8], time.time())
        self._csp = CspReader(settings.server.mount, settings.meta.pixel_url, settings.page.csp == "extend")
        self._carrier = settings.page.carrier
        self._known: dict[Question, tuple[Headers, str, bool]] = {}
        patterns = tuple(map(path_pattern, settings.shop.exclude))
        self._excludes = lru_cache(4096)(lambda path: _any_matches(patterns, path)) if patterns else None

    def prepare(self, environ: MutableMapping[str, Any], visit: Visit) -> Prepared:
        """Before the app runs: ``Accept-Encoding`` keeps only what can be read here, and our mark goes off
        ``If-None-Match`` and its like. Where a page is opened, conditions about copies that lack today's snippet are
        dropped."""
        accepted = environ.get("HTTP_ACCEPT_ENCODING")
        if accepted:  # of scripts too, whose answers tell, and of robots, for whom a cache may fetch everybody's page
            environ["HTTP_ACCEPT_ENCODING"] = narrowed(accepted)
        intermediary = INTERMEDIARY in environ
        nothing = BEFORE_AN_ORIGIN if intermediary else NOTHING_PREPARED
        asker = visit.asker
        opens = asker is Asker.PERSON or asker is Asker.PREFETCH or asker is Asker.SUSPECT
        if visit.method not in ("GET", "HEAD") or not (opens or "HTTP_IF_NONE_MATCH" in environ):
            return nothing
        return Prepared(True, intermediary) if self.validators.incoming(environ, opens) else nothing

    def __call__(
        self,
        status: str,
        headers: Headers,
        visit: Visit,
        prepared: Prepared = NOTHING_PREPARED,
        personal: bool = False,
    ) -> Verdict:
        """``status`` and ``headers`` as the app gave them to ``start_response``; the list is never changed.
        ``personal``: the address is a cart's or an order's, which no shop means to be stored."""
        code = status[:3]
        if code != "200":
            if code == "304" and prepared.revalidates:
                return Verdict(Reason.NOT_MODIFIED, Carrier.NONE, self.validators.outgoing(headers))
            return Verdict(_REFUSED.get(code, Reason.STATUS), Carrier.NONE, headers)
        if visit.method not in _METHODS:
            return Verdict(Reason.METHOD, Carrier.NONE, headers)
        if self._excludes is not None and self._excludes(visit.path):
            return Verdict(Reason.EXCLUDED, Carrier.NONE, headers)
        if visit.asker is Asker.PERSON and visit.method == "GET":
            return self._for_a_person(headers, visit, prepared.intermediary, personal)
        return self._judged(headers, visit, prepared.intermediary, personal)

    def _for_a_person(self, headers: Headers, visit: Visit, intermediary: bool, personal: bool) -> Verdict:
        """Most answers of an app have the same headers as one before: then so is the judgement."""
        asked = _question(headers)
        if asked is None:
            return self._judged(headers, visit, intermediary, personal)
        decide, kept = asked
        question = (intermediary, personal, decide)
        known = self._known.get(question)
        if known is not None:
            said, coding, charset = known
            kept += said
            return Verdict(Reason.INLINE, Carrier.INLINE, kept, Form.INLINE, "", True, True, coding, charset)
        verdict = self._judged(headers, visit, intermediary, personal)
        if verdict.reason is Reason.INLINE:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            said = [pair for pair in verdict.headers if LOWER[pair[0]] == "cache-control"]
            self._known[question] = said, verdict.coding, verdict.charset
        return verdict

    def _judged(self, headers: Headers, visit: Visit, intermediary: bool, personal: bool = False) -> Verdict:
        kind = _content_type(headers)
        if kind != "text/html":
            return Verdict(Reason.XHTML if kind == "application/xhtml+xml" else Reason.NOT_HTML, Carrier.NONE, headers)
        found: dict[str, str] = {}
        for name, value in headers:
            name = LOWER[name]
            if name in _READ:
                found[name] = f"{found[name]}, {value}" if name in found else value
        reason = _refusal(found, intermediary)
        if reason is not None:
            return Verdict(reason, Carrier.NONE, headers)
        return self._accepted(headers, found, visit, personal)

    def _accepted(self, headers: Headers, found: Mapping[str, str], visit: Visit, personal: bool) -> Verdict:
        stored = storable(found, personal) if self._carrier == "auto" else self._carrier == "collect"
        cached = visit.method != "POST" and stored
        csp, policy = self._csp.read(found, visit.url)
        asker = visit.asker
        if not cached and asker in _UNASKED and visit.method != "HEAD":
            return Verdict(_UNASKED[asker], Carrier.NONE, headers)
        inline = not cached and asker is not Asker.PREFETCH
        # A page for the cache lives by the served script alone.
        usable = csp.script or (inline and csp.pixel and csp.form is not Form.NONE)
        if not usable and not inline:
            return Verdict(Reason.CSP, Carrier.NONE, headers)
        edited = self._edited(headers, found, inline, usable)
        if policy is not None:
            edited = [pair for pair in edited if LOWER[pair[0]] != "content-security-policy"]
            edited.append(("Content-Security-Policy", policy))
        if visit.method == "HEAD":
            return Verdict(Reason.HEAD, Carrier.NONE, edited)
        reason = Reason.ALONE if not usable else Reason.INLINE if inline else Reason.COLLECT
        return _verdict(reason, Carrier.INLINE if inline else Carrier.COLLECT, edited, csp, usable, found)

    def _edited(self, headers: Headers, found: Mapping[str, str], inline: bool, usable: bool) -> Headers:
        """The headers as they go out, without the length. A page that nothing is put into keeps its validators."""
        if usable and inline:
            return private(headers, found.get("cache-control", ""))
        if usable:
            headers = self.validators.outgoing(headers)
        return [pair for pair in headers if LOWER[pair[0]] != "content-length"]


def _question(headers: Headers) -> tuple[Fields, Headers] | None:
    """The headers that decide, and those that go out with a page for one visitor, what caches are told aside. Of
    cookies and validators it decides that there are any, a sound length decides nothing. None where a header is there
    that decides and differs from page to page."""
    decide = []
    kept = []
    length = cookie = validator = False
    for pair in headers:
        role = _ROLES.get(LOWER[pair[0]])
        if role is None:
            kept.append(pair)
        elif role == _DECIDES:
            decide.append(pair)
            kept.append(pair)
        elif role == _CONTROLS:
            decide.append(pair)
        elif role == _COOKIE:
            cookie = True
            kept.append(pair)
        elif role == _VALIDATES:
            validator = True
        elif role == _GOES:
            continue
        elif role == _DIFFERS or length or not (pair[1].isascii() and pair[1].isdigit()):
            return None
        else:
            length = True
    if validator:
        decide += (_A_VALIDATOR, _A_COOKIE) if cookie else (_A_VALIDATOR,)
    return tuple(decide), kept


def _any_matches(patterns: Sequence[Pattern], path: str) -> bool:
    kinds = path_kinds(path)
    return any(pattern.match(path, kinds) is not None for pattern in patterns)


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
        bool(_charset(found["content-type"])),
    )


def _content_type(headers: Headers) -> str:
    """The media type in lower case, without parameters."""
    for name, value in headers:
        if LOWER[name] == "content-type":
            return _media_type(value)
    return ""


@lru_cache(256)
def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()


def _refusal(found: Mapping[str, str], intermediary: bool) -> Reason | None:
    """What forbids to touch a 200 answer, whoever asked for it."""
    if _charset(found["content-type"]).startswith(_UNREADABLE_CHARSETS):
        return Reason.CHARSET
    if not _TELLING.isdisjoint(found):
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


@lru_cache(256)
def _charset(content_type: str) -> str:
    """The character set that a Content-Type names, in lower case."""
    return content_type.lower().partition("charset=")[2].lstrip("\"' ")


def _coding(found: Mapping[str, str]) -> str:
    coding = found.get("content-encoding")
    if coding is None:
        return ""
    coding = coding.strip().lower()
    return "" if coding == "identity" else coding


@lru_cache(256)
def narrowed(accepted: str) -> str:
    """An ``Accept-Encoding`` value without the codings that cannot be read here."""
    kept = []
    for part in accepted.split(","):
        name = part.partition(";")[0].strip().lower()
        if name == "identity" or readable(name):
            kept.append(part.strip())
    return ", ".join(kept) or "identity"
