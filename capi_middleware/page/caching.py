"""What caches may do with a page, and how its validators survive our change (RFC 9110, RFC 9111).

The rule: an ID may only travel in bytes that no cache may give to another visit.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

from .verdict import LOWER, Headers

CDN_CONTROLS = (
    "surrogate-control",
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "edge-control",
    "x-litespeed-cache-control",
)
"""Cache-Control for one kind of cache only, which heeds nothing else then, not even ``no-store`` (RFC 9213, 2.2)."""

NGINX_SECONDS = "x-accel-expires"
"""The same for nginx, in seconds (ngx_http_proxy_module, "proxy_cache_valid")."""

CDN_MARKS = ("surrogate-key", "cache-tag", "x-magento-tags", "x-litespeed-tag", "xkey")
"""Headers that a shop writes only for a cache in front of it."""

CDN_HEADERS = frozenset({*CDN_CONTROLS, NGINX_SECONDS, *CDN_MARKS})

_NOTHING: Mapping[str, str] = {}
_NO_EXPIRES = frozenset({"max-age", "s-maxage", "no-cache"})

DIGESTS = frozenset({"digest", "repr-digest", "content-digest", "content-md5", "signature", "signature-input"})
"""What is true only of the bytes as the app made them (RFC 9530, RFC 9421)."""


_PRIVATE = ("Cache-Control", "private, no-cache")
_NOT_PRIVATE = DIGESTS.union(
    CDN_CONTROLS, (NGINX_SECONDS, "etag", "last-modified", "accept-ranges", "cache-control", "content-length")
)


def directives(value: str) -> dict[str, str]:
    """A Cache-Control value: names in lower case, arguments without quotes."""
    found = {}
    for part in value.lower().split(","):
        name, _, argument = part.strip().partition("=")
        found[name.rstrip()] = argument.strip().strip('"')
    return found


def storable(headers: Mapping[str, str], personal: bool = False) -> bool:
    """Whether a cache may give this 200 answer to a later visit: explicit freshness, or validators and no mark that
    it is personal. ``headers``: names in lower case. ``personal``: what the page is about says so, as a receipt does:
    many servers give every answer an ETag.

    ``private`` with a lifetime counts as storable too: the visitor's own browser would show the old IDs again.
    """
    said = headers.get("cache-control")
    control = directives(said) if said else _NOTHING
    if not CDN_HEADERS.isdisjoint(headers) and _for_cdn(headers, control):
        return True
    if "no-store" in control:
        return False
    if "no-cache" not in control and _lives(control):
        return True
    expires = headers.get("expires")
    if expires and _NO_EXPIRES.isdisjoint(control) and _in_future(expires):
        return True
    if personal or ("etag" not in headers and "last-modified" not in headers):
        return False
    return not ("private" in control or "set-cookie" in headers or _varies_by_visitor(headers.get("vary", "")))


def _for_cdn(headers: Mapping[str, str], control: Mapping[str, str]) -> bool:
    if any(_lives(directives(headers[name])) for name in CDN_CONTROLS if name in headers):
        return True
    telling = (NGINX_SECONDS,) if "no-store" in control else (NGINX_SECONDS, *CDN_MARKS)
    return any(headers.get(name, "").strip() not in ("", "0") for name in telling)


def _lives(control: Mapping[str, str]) -> bool:
    if not control or "no-store" in control:
        return False
    if "public" in control and control.get("s-maxage", control.get("max-age")) != "0":
        return True
    return any(control.get(name, "0").lstrip("0")[:1].isdigit() for name in ("s-maxage", "max-age"))


def _in_future(expires: str) -> bool:
    try:
        return parsedate_to_datetime(expires).timestamp() > time.time()
    except (ValueError, OverflowError):
        return False  # RFC 9111 section 5.3: damaged, as 0 and -1 are, means already expired


def _varies_by_visitor(vary: str) -> bool:
    return not {"cookie", "*"}.isdisjoint(part.strip() for part in vary.lower().split(","))


def private(headers: Headers, said: str) -> Headers:
    """The headers of a page that carries IDs: no length, no validators, no word to a CDN alone, and Cache-Control says
    what follows from that. ``said``: its value so far. ``no-store`` is kept where it stands and never added: that would
    cost the visitor the back/forward cache."""
    kept = [pair for pair in headers if LOWER[pair[0]] not in _NOT_PRIVATE]
    if not said:
        kept.append(_PRIVATE)
        return kept
    control = directives(said)
    if "no-store" in control:
        kept += [pair for pair in headers if LOWER[pair[0]] == "cache-control"]
    else:
        extra = [name for name in ("must-revalidate", "no-transform") if name in control]
        kept.append(("Cache-Control", ", ".join(["private", "no-cache", *extra])))
    return kept


class Validators:
    """ETag and Last-Modified of pages that carry the static snippet. ``mark`` names the snippet (its hash), ``since``
    when this process began to send it (Unix seconds). All workers with the same settings have the same mark; ``since``
    may differ: a copy dated by an older worker is asked for once more, no more than that."""

    def __init__(self, mark: str, since: float) -> None:
        self._suffix = f"-{mark}"
        self._since = int(since)
        self._since_text = formatdate(self._since, usegmt=True)

    def outgoing(self, headers: Headers) -> Headers:
        """The page's headers: the entity tag carries the mark before its closing quote (as mod_deflate's ``-gzip``),
        weak stays weak. Without a tag, Last-Modified is raised to when the snippet came; with one it is dropped."""
        tagged = any(name.lower() == "etag" for name, _ in headers)
        kept = []
        for name, value in headers:
            low = name.lower()
            if low == "etag":
                kept.append((name, self.marked(value)))
            elif low == "last-modified":
                if not tagged:
                    kept.append((name, self._raised(value)))
            elif low != "accept-ranges" and low not in DIGESTS:
                kept.append((name, value))
        return kept

    def marked(self, tag: str) -> str:
        """One entity tag with the mark; a damaged one (no quotes) as it is."""
        tag = tag.rstrip()
        return f'{tag[:-1]}{self._suffix}"' if tag.endswith('"') and len(tag) > 1 else tag

    def incoming(self, environ: MutableMapping[str, Any], page: bool) -> bool:
        """Takes the mark off the request's conditions, before the app sees them. If a ``page`` is opened, conditions
        without today's mark are dropped: that copy lacks today's snippet, so the app must send the page anew. True
        when the app is left with a condition about a copy that has it."""
        mapped = False
        for key in ("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"):
            tags = environ.get(key)
            if tags and tags.strip() != "*":
                found = [self._unmarked(tag) for tag in tags.split(",")]
                ours = [tag for tag in found if tag]
                if ours:
                    environ[key] = ", ".join(ours)
                    mapped = True
                elif page:
                    del environ[key]
        date = environ.get("HTTP_IF_MODIFIED_SINCE")
        if date and page:
            if self._after(date):
                mapped = True
            else:
                del environ["HTTP_IF_MODIFIED_SINCE"]
        return mapped

    def _unmarked(self, tag: str) -> str:
        tag = tag.strip()
        end = f'{self._suffix}"'
        return f'{tag[: -len(end)]}"' if tag.endswith(end) else ""

    def _raised(self, date: str) -> str:
        return date if self._after(date) else self._since_text

    def _after(self, date: str) -> bool:
        try:
            return parsedate_to_datetime(date).timestamp() >= self._since
        except (ValueError, OverflowError):
            return False
