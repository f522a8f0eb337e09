"""Judges a response at its head: may it be touched, and how do IDs reach the browser?"""

from __future__ import annotations

import hashlib
import time
from collections.abc import MutableMapping
from typing import Any

from capi_middleware.settings import Settings
from capi_middleware.visit import Asker, Visit

from .caching import Validators, private, storable
from .codec import readable
from .snippet import Snippet
from .verdict import Carrier, Form, Reason, Verdict

_SENDFILE = ("x-sendfile", "x-accel-redirect", "x-litespeed-location", "x-reproxy-url", "x-lighttpd-send-file")
_UNREADABLE_CHARSETS = ("utf-16", "utf16", "utf-32", "utf32", "utf-7", "utf7", "ucs-2", "iso-2022-", "hz-gb-2312")
_UNASKED = {Asker.SCRIPT: Reason.SCRIPT, Asker.FRAME: Reason.FRAME, Asker.ROBOT: Reason.ROBOT}
_SEEN = (Asker.PERSON, Asker.PREFETCH, Asker.SUSPECT)


class Judge:
    """Compiled once for a shop's settings; a judgement costs microseconds."""

    def __init__(self, settings: Settings, snippet: Snippet | None = None) -> None:
        self._snippet = snippet or Snippet(settings)
        sample = self._snippet.head(Verdict(Reason.COLLECT, Carrier.COLLECT, []))
        self._validators = Validators(hashlib.sha256(sample).hexdigest()[:8], time.time())

    def prepare(self, environ: MutableMapping[str, Any], visit: Visit) -> bool:
        """Before the app runs, for requests that open a page: takes our mark off ``If-None-Match`` and its like (or
        drops them where the visitor's copy lacks today's snippet), and leaves in ``Accept-Encoding`` only what can be
        read here. Returns what :meth:`__call__` wants to know as ``revalidates``."""
        if visit.method not in ("GET", "HEAD") or visit.asker not in _SEEN:
            return False
        accepted = environ.get("HTTP_ACCEPT_ENCODING")
        if accepted:
            environ["HTTP_ACCEPT_ENCODING"] = _narrowed(accepted)
        return self._validators.incoming(environ)

    def __call__(self, status: str, headers: list[tuple[str, str]], visit: Visit, revalidates: bool = False) -> Verdict:
        """``status`` and ``headers`` as the app gave them to ``start_response``; the list is never changed."""
        code = status[:3]
        if code == "304" and revalidates:
            return Verdict(Reason.NOT_MODIFIED, Carrier.NONE, self._validators.outgoing(headers))
        if code != "200":
            return _untouched(_REFUSED.get(code, Reason.STATUS), headers)
        if visit.method not in ("GET", "POST", "HEAD"):
            return _untouched(Reason.METHOD, headers)
        found: dict[str, str] = {}
        for name, value in headers:
            name = name.lower()
            found[name] = f"{found[name]}, {value}" if name in found else value
        reason = _refusal(found)
        if reason is not None:
            return _untouched(reason, headers)
        return self._accepted(headers, found, visit)

    def _accepted(self, headers: list[tuple[str, str]], found: dict[str, str], visit: Visit) -> Verdict:
        cached = visit.method != "POST" and storable(found)
        refused = None if cached else _UNASKED.get(visit.asker)
        if refused is not None:
            return _untouched(refused, headers)
        inline = not cached and visit.asker is not Asker.PREFETCH
        carrier = Carrier.INLINE if inline else Carrier.COLLECT
        edited = private(headers) if inline else self._validators.outgoing(headers)
        edited = [pair for pair in edited if pair[0].lower() != "content-length"]
        if visit.method == "HEAD":
            return Verdict(Reason.HEAD, Carrier.NONE, edited)
        return Verdict(
            Reason.INLINE if inline else Reason.COLLECT,
            carrier,
            edited,
            Form.INLINE,
            coding=_coding(found),
            charset="charset=" in found["content-type"].lower(),
        )


_REFUSED = {"304": Reason.NOT_MODIFIED, "206": Reason.PARTIAL}


def _untouched(reason: Reason, headers: list[tuple[str, str]]) -> Verdict:
    return Verdict(reason, Carrier.NONE, headers)


def _refusal(found: dict[str, str]) -> Reason | None:
    """What forbids to touch a 200 answer, whoever asked for it."""
    kind, _, parameters = found.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    if kind != "text/html":
        return Reason.XHTML if kind == "application/xhtml+xml" else Reason.NOT_HTML
    charset = parameters.lower().partition("charset=")[2].strip("\"' ")
    if charset.startswith(_UNREADABLE_CHARSETS):
        return Reason.CHARSET
    if "content-range" in found:
        return Reason.PARTIAL
    if found.get("content-disposition", "").lstrip().lower().startswith("attachment"):
        return Reason.ATTACHMENT
    if not found.keys().isdisjoint(_SENDFILE):
        return Reason.SENDFILE
    length = found.get("content-length")
    if length is not None and not (length.strip().isascii() and length.strip().isdigit()):
        return Reason.LENGTH
    coding = _coding(found)
    return None if not coding or readable(coding) else Reason.ENCODING


def _coding(found: dict[str, str]) -> str:
    coding = found.get("content-encoding", "").strip().lower()
    return "" if coding == "identity" else coding


def _narrowed(accepted: str) -> str:
    """``Accept-Encoding`` without the codings that cannot be read here."""
    kept = [part.strip() for part in accepted.split(",")]
    kept = [part for part in kept if (name := part.partition(";")[0].strip().lower()) == "identity" or readable(name)]
    return ", ".join(kept) or "identity"
