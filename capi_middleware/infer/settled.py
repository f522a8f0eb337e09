"""Pages whose head, JSON-LD and heading say it all, so that nothing else of a first view need be read at once.

Whether they do is no question of one page but of a shop: there are shops whose pages show a lower price than their
data, or prices without tax. So a shop's pages are read whole until the short reading of some of them has said the same
as the whole one, and each page that was read short is read whole afterwards: where they differ, the short reading is no
longer believed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Lock
from typing import Any

from cachetools import LRUCache

from .types import Facts

PROOFS = 3
DOUBT = 3600.0
LARGEST_HEAD = 128 * 1024
LARGEST = 96 * 1024
MOST_HEADINGS = 4
_ALL = ("content_name", "value", "currency", "content_ids")
# Where what a source says is looked for, beside the head. Sources that are not here are read in the whole page.
_MARKS: Mapping[str, tuple[bytes, ...]] = {
    "jsonld": (b"ld+json",),
    "meta": (),
    "shopify": (b"var meta",),
    "datalayer": (b"ataLayer",),
    "fbq": (b"ViewContent",),
    "woocommerce": (),
    "page": (),
}
_IN_BODY = ("page:h1", "woocommerce:body.postid")


def sources(facts: Facts) -> frozenset[str] | None:
    """Which sources a product's facts came from; None when they are not all of those that are quickly found."""
    if not facts.is_product or any(field not in facts.product for field in _ALL):
        return None
    found = set()
    for field in _ALL:
        said = facts.sources[field].partition(" (")[0]
        name = said.partition(":")[0]
        if name not in _MARKS or (name in ("page", "woocommerce") and said not in _IN_BODY):
            return None
        found.add(name)
    return frozenset(found)


def excerpt(page: bytes, wanted: frozenset[str]) -> bytes | None:
    """The head with the body's tag, the headings, and the scripts that the wanted sources stand in; None when the page
    has no such parts."""
    body = page.find(b"<body", 0, LARGEST_HEAD)
    begun = page.find(b">", body) + 1
    if body < 0 or not begun:
        return None
    parts = [page[:begun]]
    size = begun
    for mark in sorted(mark for name in wanted for mark in _MARKS[name]):
        at = page.find(mark, begun)
        while at >= 0:
            start, end = page.rfind(b"<script", begun, at), page.find(b"</script>", at)
            if end < 0:
                return None
            if start >= 0 and page.find(b"</script>", start, at) < 0:
                parts.append(page[start : end + 9])
                size += end - start
            if size > LARGEST:
                return None
            at = page.find(mark, end)
    at = page.find(b"<h1", begun)
    for _ in range(MOST_HEADINGS):
        if at < 0:
            break
        end = page.find(b"</h1>", at, at + 4000)
        if end < 0:
            return None
        parts.append(page[at : end + 5])
        at = page.find(b"<h1", end)
    return b"".join(dict.fromkeys(parts))


def same(short: Facts, whole: Facts) -> bool:
    """Do two readings say the same of the product?"""
    return short.is_product == whole.is_product and short.product == whole.product and short.sources == whole.sources


class Record:
    """How a shop's pages of one kind have read so far. ``wanted``: the sources that settle them."""

    __slots__ = ("doubted", "pages", "wanted")

    def __init__(self) -> None:
        self.wanted: frozenset[str] = frozenset()
        self.pages: set[str] = set()
        self.doubted = 0.0


class Trust:
    """Whose short readings are believed, by shop and kind of page. Safe between threads."""

    def __init__(self) -> None:
        self._records: LRUCache[tuple[Any, ...], Record] = LRUCache(2_000)
        self._lock = Lock()

    def wanted(self, key: tuple[Any, ...]) -> frozenset[str] | None:
        """The sources to read, None when the whole page is to be read."""
        with self._lock:
            record = self._records.get(key)
        if record is None or len(record.pages) < PROOFS or record.doubted > time.monotonic():
            return None
        return record.wanted

    def due(self, key: tuple[Any, ...], path: str) -> bool:
        """Would it help to compare the two readings of this page?"""
        with self._lock:
            record = self._records.get(key)
        return record is None or (
            len(record.pages) < PROOFS and path not in record.pages and record.doubted <= time.monotonic()
        )

    def prove(self, key: tuple[Any, ...], path: str, wanted: frozenset[str]) -> None:
        """Both readings of a page said the same."""
        with self._lock:
            record = self._records.setdefault(key, Record())
            if record.wanted != wanted:
                record.pages.clear()
            record.wanted = wanted
            if len(record.pages) < PROOFS:
                record.pages.add(path)

    def doubt(self, key: tuple[Any, ...]) -> None:
        """They differed: for an hour, the shop's pages of this kind are read whole."""
        with self._lock:
            record = self._records.setdefault(key, Record())
            record.pages.clear()
            record.doubted = time.monotonic() + DOUBT


def kind_of(path: str) -> tuple[int, str]:
    """What addresses of one kind of page have in common: their depth and their first step."""
    steps = path.strip("/").split("/")
    return len(steps), steps[0] if len(steps) > 1 else ""
