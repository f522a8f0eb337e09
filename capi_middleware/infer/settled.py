"""First views read short: a product's page by its head, its heading and the scripts that its facts stand in; a page
that is no product's by its head and what stands around its heading.

Whether that is enough is no question of one page but of a shop: there are shops whose pages show a lower price than
their data. So a shop's pages are read whole until the short reading of some of them has said the same as the whole one,
and each page that was read short is read whole afterwards: where they differ, the short reading is no longer believed.
Where pages of a kind have been products', none of that kind is taken for something else without being read whole.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Lock
from typing import Any

from cachetools import LRUCache

from .types import Facts

PROOFS = 3
PROOFS_OF_NONE = 8
MOST_PROOFS = 12
DOUBT = 6 * 3600.0
LARGEST_HEAD = 128 * 1024
LARGEST = 96 * 1024
BEFORE = 2 * 1024
AFTER = 10 * 1024
_ALL = ("content_name", "value", "currency", "content_ids")
# Where what a source says is looked for, beside the head. For sources that are not here the whole page is read.
_MARKS: Mapping[str, tuple[bytes, ...]] = {
    "jsonld": (b"ld+json",),
    "meta": (),
    "shopify": (b"var meta",),
    "datalayer": (b"ataLayer",),
    "fbq": (b"ViewContent",),
    "heading": (),
    "body": (),
}
_NAMES = {"page:h1": "heading", "woocommerce:body.postid": "body"}
Sources = frozenset[str]
NONE: Sources = frozenset({"none"})
"""What settles a page that is no product's."""


def sources(facts: Facts) -> Sources | None:
    """Where a product's facts came from, as far as it matters for finding them; ``NONE`` where there is no product;
    None where something is missing, or was found in the page's text."""
    if not facts.is_product:
        return NONE
    if any(field not in facts.product for field in _ALL):
        return None
    said = (facts.sources[field].partition(" (")[0] for field in _ALL)
    names = frozenset(_NAMES.get(one, one.partition(":")[0]) for one in said)
    return names if names <= _MARKS.keys() else None


def excerpt(page: bytes, wanted: Sources) -> bytes | None:
    """The head with the body's tag, the first heading (or the page around it), and the scripts that the wanted sources
    stand in; None when the page has no such parts."""
    body = page.find(b"<body", 0, LARGEST_HEAD)
    begun = page.find(b">", body) + 1
    if body < 0 or not begun:
        return None
    start = page.find(b"<h1", begun)
    end = page.find(b"</h1>", start, start + 4000) + 5 if start >= 0 else 0
    if start >= 0 and end < 5:
        return None
    parts = [page[:begun]]
    if wanted == NONE:
        if start < 0:
            return None
        low = page.find(b"<", max(begun, start - BEFORE))
        parts.append(page[low : page.rfind(b">", 0, end + AFTER) + 1])
    elif start >= 0:
        parts.append(page[start:end])
    size, taken = sum(map(len, parts)), {-1}
    for mark in sorted(mark for name in wanted - NONE for mark in _MARKS[name]):
        at = page.find(mark, begun)
        while at >= 0:
            start, end = page.rfind(b"<script", begun, at), page.find(b"</script>", at)
            if end < 0:
                return None
            if start not in taken and page.find(b"</script>", start, at) < 0:
                parts.append(page[start : end + 9])
                taken.add(start)
                size += end - start
            if size > LARGEST:
                return None
            at = page.find(mark, end)
    return b"".join(parts) if size <= LARGEST else None


def same(short: Facts, whole: Facts) -> bool:
    """Do two readings say the same of the product?"""
    return short.is_product == whole.is_product and short.product == whole.product and short.sources == whole.sources


class Record:
    """How a shop's pages of one kind have read so far. ``proofs``: by what settled them, the pages that read alike.
    ``products``: some were products'."""

    __slots__ = ("doubted", "products", "proofs")

    def __init__(self) -> None:
        self.proofs: dict[Sources, set[str]] = {}
        self.products = False
        self.doubted = 0.0

    def proved(self) -> Sources | None:
        """What has been seen to settle such pages."""
        if self.doubted > time.monotonic():
            return None
        if not self.products:
            return NONE if len(self.proofs.get(NONE, ())) >= PROOFS_OF_NONE else None
        return next((one for one, pages in self.proofs.items() if one != NONE and len(pages) >= PROOFS), None)


class Trust:
    """Whose short readings are believed, by shop and kind of page. Safe between threads."""

    def __init__(self) -> None:
        self._records: LRUCache[tuple[Any, ...], Record] = LRUCache(2_000)
        self._lock = Lock()

    def proved(self, key: tuple[Any, ...]) -> Sources | None:
        """What settles such pages, None when they are to be read whole."""
        with self._lock:
            record = self._records.get(key)
            return record.proved() if record is not None else None

    def due(self, key: tuple[Any, ...], path: str, whole: Facts) -> Sources | None:
        """What to compare the page's whole reading with; None where that would help nobody."""
        wanted = sources(whole)
        with self._lock:
            record = self._records.setdefault(key, Record())
            record.products = record.products or whole.is_product
            if wanted is None or (wanted == NONE and record.products) or record.doubted > time.monotonic():
                return None
            pages = record.proofs.get(wanted, ())
            enough = PROOFS_OF_NONE if wanted == NONE else PROOFS
            return wanted if len(pages) < enough and path not in pages else None

    def prove(self, key: tuple[Any, ...], path: str, wanted: Sources) -> None:
        """Both readings of a page said the same."""
        with self._lock:
            record = self._records.setdefault(key, Record())
            if len(record.proofs) < MOST_PROOFS or wanted in record.proofs:
                record.proofs.setdefault(wanted, set()).add(path)

    def doubt(self, key: tuple[Any, ...], whole: Facts) -> None:
        """They differed: for some hours, the shop's pages of this kind are read whole."""
        with self._lock:
            record = self._records.setdefault(key, Record())
            record.proofs.clear()
            record.products = record.products or whole.is_product
            record.doubted = time.monotonic() + DOUBT


def kind_of(path: str) -> tuple[int, str]:
    """What addresses of one kind of page have in common: their depth and their first step."""
    steps = path.strip("/").split("/")
    return len(steps), steps[0] if len(steps) > 1 else ""
