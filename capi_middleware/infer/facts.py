"""Product facts from a page as its bytes pass by: the thin shell around :mod:`product`, with bounds and memory."""

from __future__ import annotations

import logging
import time
from array import array
from collections.abc import Collection, Mapping
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

from cachetools import LRUCache

from capi_middleware.settings import ShopSettings
from capi_middleware.visit import Visit

from . import cards, charset, needles, notices, product, settled
from .address import plain_query
from .later import Later
from .markup import Markup
from .memory import ProductMemory
from .sieve import ORDER, PRODUCT, Sieve
from .types import Facts

HELD = 48 * 1024
IN_PLACE = 1024 * 1024
MOST_KEPT = 24 * 1024 * 1024
"""Bytes, nearly, of all that is remembered of pages: some four thousand of usual ones."""
LONGEST_ADDRESS = 4096
"""Characters; of a page at a longer one nothing is remembered."""
FRESH = 600.0
STALE = 3600.0
"""Seconds for which a page that is due to be read again may first be answered with what it said before."""
VARIANTS = 3

_log = logging.getLogger(__name__)


class Known(NamedTuple):
    """A page that was read. ``needles``: what of it the facts rest on: while they are all there, in their order, the
    page says the same. ``marks``: of the pieces that the needles are made of. ``until``: monotonic seconds, after which
    it is read again. ``taught``: the memory that was told of it."""

    facts: Facts
    needles: tuple[bytes, ...]
    marks: array[int]
    until: float
    taught: ProductMemory | None


class FactReader:
    """Reads ``Facts`` from a page's decoded bytes, chunk by chunk. Never raises; holds at most 64 KiB of a streamed
    page, 166 KiB where ``"html"`` is wanted (a page that comes as one chunk is looked at in place, up to 1 MiB; a
    larger one as if it streamed).

    ``wanted``: which parts are asked for, of ``"product"``, ``"notices"``, ``"html"`` (the bytes held, in
    ``Facts.more["html"]``); ``None`` is product and notices. ``memory``: learns what the page shows.
    ``whole``: a page is never read short at first, so that all that speaks for and against it is told.
    """

    __slots__ = ("_chunks", "_facts", "_held", "_memory", "_shop", "_sieve", "_visit", "_wanted", "_whole")

    def __init__(
        self,
        visit: Visit,
        shop: ShopSettings,
        wanted: Collection[str] | None = None,
        memory: ProductMemory | None = None,
        *,
        whole: bool = False,
    ) -> None:
        self._visit = visit
        self._whole = whole
        self._shop = shop
        self._wanted = ("product", "notices") if wanted is None else wanted
        self._memory = memory
        self._chunks: list[bytes] = []
        self._held = 0
        self._sieve: Sieve | None = None
        self._facts: Facts | None = None

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the page."""
        try:
            if not chunk:  # else a page that follows in one piece would be read as one in several
                return
            if self._sieve is not None:
                self._sieve.feed(chunk)
            elif self._held + len(chunk) <= (HELD if self._chunks else IN_PLACE):
                self._chunks.append(chunk)
                self._held += len(chunk)
            else:
                self._sieve = Sieve(ORDER if "html" in self._wanted else PRODUCT)
                self._chunks.reverse()
                while self._chunks:
                    self._sieve.feed(self._chunks.pop())
                self._sieve.feed(chunk)
        except Exception:
            _log.exception("The page was not read for product facts.")
            self._chunks, self._sieve = [], None

    def facts(self) -> Facts:
        """What the page said. May be asked more than once."""
        if self._facts is None:
            try:
                self._facts = self._read()
            except Exception:
                _log.exception("The page was not read for product facts.")
                self._facts = Facts()
            self._chunks, self._sieve = [], None
        return self._facts

    def _read(self) -> Facts:
        if self._sieve is not None:
            page = self._sieve.page()
        else:
            page = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        facts = Facts()
        if "product" in self._wanted:
            visit = self._visit
            facts = remembered(page, visit.host, visit.path, visit.query, self._shop, self._memory, whole=self._whole)
        if "notices" in self._wanted:
            facts = facts._replace(notices=notices.read(page[:IN_PLACE]))
        if "html" in self._wanted:
            facts = facts._replace(more={**facts.more, "html": page[:IN_PLACE]})
        return facts


def _size(known: tuple[Known, ...]) -> int:
    """Bytes, nearly, that readings of a page take: needles are a page's own text, which may be long."""
    size = 0
    for one in known:
        more = one.facts.more
        size += 3_000 + 700 * (len(more.get("cards", ())) + len(more.get("variants", ())))
        size += 8 * len(one.marks) + sum(map(len, one.needles))
    return size


_pages: LRUCache[tuple[str, ...], tuple[Known, ...]] = LRUCache(MOST_KEPT, _size)
_lock = Lock()
_trust = settled.Trust()
later = Later()
"""Reads pages whole after their short reading, and again after ten minutes."""


class Place(NamedTuple):
    """Where a page stands, and all else that its reading depends on."""

    host: str
    path: str
    query: str
    shop: ShopSettings
    memory: ProductMemory | None

    def key(self) -> tuple[str, ...]:
        shop = self.shop  # hashing the whole settings would cost as much as the rest
        return (self.host, self.path, plain_query(self.query), *_of_shop(shop))

    def kind(self) -> tuple[Any, ...]:
        return (self.host, settled.kind_of(self.path), *_of_shop(self.shop))

    def learn(self, facts: Facts) -> None:
        if self.memory is not None:
            self.memory.learn(self.host, self._address(), facts)

    def learn_first(self, facts: Facts) -> None:
        """What a page says in short, where nothing is known of it: its visitor's browser may ask before the rest is
        read."""
        if self.memory is not None and self.memory.by_url(self.host, self._address()) is None:
            self.memory.learn(self.host, self._address(), facts)

    def _address(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def _of_shop(shop: ShopSettings) -> tuple[str, ...]:
    return (shop.platform, shop.currency, shop.language, shop.country, shop.vat)


def remembered(
    page: bytes,
    host: str,
    path: str,
    query: str,
    shop: ShopSettings,
    memory: ProductMemory | None = None,
    *,
    whole: bool = False,
) -> Facts:
    """The page's facts: as they were, while what they rest on stands in the page unchanged; else read anew, in short
    where that has proved enough for the shop's pages of this kind, and then whole afterwards."""
    place = Place(host, path, query, shop, memory)
    key = place.key()
    with _lock:
        known = _pages.get(key, ())
    now = time.monotonic()
    for one in known:
        late = now - one.until
        if late < STALE and needles.hold(page, one.needles):
            if memory is not one.taught and memory is not None:
                place.learn(one.facts)
            if late >= 0:
                later.put(key, partial(_read_whole, page, place, key))
            return one.facts
    facts = None if whole else _read_short(page, place, key)
    if facts is None:
        facts = _read_whole(page, place, key)
        wanted = None if key[2] or len(path) > LONGEST_ADDRESS else _trust.due(place.kind(), path, facts)
        if wanted is not None:
            later.put(("proof", key), partial(_compare, page, place, facts, wanted))
    return facts


def _read_short(page: bytes, place: Place, key: tuple[str, ...]) -> Facts | None:
    """The facts by the part of a page that is known to settle such pages; None where none is, or this page's differ."""
    if key[2]:  # a query may name a variant
        return None
    kind = place.kind()
    wanted = _trust.proved(kind)
    excerpt = settled.excerpt(page, wanted) if wanted is not None else None
    if excerpt is None:
        return None
    facts, _ = read(excerpt, place.host, place.path, place.query, place.shop)
    if settled.sources(facts) != wanted or facts.more["several"]:  # a sale may have begun
        return None

    def confirm() -> None:
        whole = _read_whole(page, place, key)
        if not settled.same(facts, whole):
            _trust.doubt(kind, whole)

    if not later.put(key, confirm):
        return None
    place.learn_first(facts)
    return facts


def _compare(page: bytes, place: Place, whole: Facts, wanted: settled.Sources) -> None:
    """Would the short reading of a page have said the same?"""
    excerpt = settled.excerpt(page, wanted)
    if excerpt is None:
        return
    short, _ = read(excerpt, place.host, place.path, place.query, place.shop)
    if settled.same(short, whole):
        _trust.prove(place.kind(), place.path, wanted)
    else:
        _trust.doubt(place.kind(), whole)


def _read_whole(page: bytes, place: Place, key: tuple[str, ...]) -> Facts:
    """Read the page, and keep what it says with what that rests on."""
    facts, spans = read(page, place.host, place.path, place.query, place.shop)
    cut = needles.pieces(page, spans)
    now = time.monotonic()
    with _lock:
        known = _pages.get(key, ())
    kept = cut
    for one in known:
        if one.facts == facts:
            kept = _stable(facts, page, needles.common(page, cut, one.marks)) or cut
            break
    place.learn(facts)
    if kept and len(place.path) + len(place.query) <= LONGEST_ADDRESS:
        fresh = Known(
            facts,
            needles.joined(page, kept),
            needles.marks(page, kept),
            now + FRESH,
            place.memory,
        )
        others = tuple(one for one in known if one.until + STALE > now and one.facts != facts)[: VARIANTS - 1]
        with _lock:
            _pages[key] = (fresh, *others)
    return facts


def _stable(facts: Facts, page: bytes, common: needles.Pieces) -> needles.Pieces:
    """What two readings of one page have in common, when the facts are the same: a token that changes with every view
    is no evidence. Empty when too little is left: a price must rest on a piece that shows it."""
    digits = str(int(facts.product.get("value", 0))).encode()[-3:]
    priced = "value" not in facts.product or any(digits in page[start:end] for start, end in common)
    return common if len(common) >= 2 and priced else ()


def read(page: bytes, host: str, path: str, query: str, shop: ShopSettings) -> tuple[Facts, list[tuple[int, int]]]:
    """The facts of a page, without any memory, and the places of it that they rest on."""
    markup = Markup(page, IN_PLACE, charset.of(page))
    asked = product.Asked(host, path, query, shop.platform, shop.currency, shop.language, shop.country, shop.vat)
    reading = product.read(markup, asked)
    more: dict[str, Any] = {
        "ids": reading.ids,
        "platform": reading.platform,
        "score": reading.score,
        "why": tuple(reading.reasons),
        "canonical": reading.canonical,
        "several": reading.several,
    }
    if not reading.is_product:
        shown: tuple[Mapping[str, Any], ...] = cards.read(markup, reading)
        if shown:
            more["cards"] = shown
    elif reading.variants:
        more["variants"] = reading.variants
    facts = Facts(reading.product, reading.sources, reading.is_product, reading.title, (), more)
    return facts, reading.spans
