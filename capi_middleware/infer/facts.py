"""Product facts from a page as its bytes pass by: the thin shell around :mod:`product`, with bounds and memory."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from threading import Lock
from typing import Any, NamedTuple

from cachetools import LRUCache

from capi_middleware.settings import ShopSettings
from capi_middleware.visit import Visit

from . import cards, charset, notices, product
from .address import plain_query
from .markup import Markup
from .memory import ProductMemory
from .sieve import Sieve
from .types import Facts

HELD = 48 * 1024
IN_PLACE = 1024 * 1024
MOST_PAGES = 2_000
FRESH = 600.0
VARIANTS = 3

_log = logging.getLogger(__name__)


class Known(NamedTuple):
    """A page that was read. ``needles``: pieces of it, in order, that the facts rest on: while they are all there, the
    page says the same. ``until``: monotonic seconds. ``taught``: the memory that was told of it."""

    facts: Facts
    needles: tuple[bytes, ...]
    until: float
    taught: ProductMemory | None


class FactReader:
    """Reads ``Facts`` from a page's decoded bytes, chunk by chunk. Never raises; holds at most 64 KiB of a streamed
    page (a page that comes as one chunk is looked at in place, up to 1 MiB).

    ``wanted``: which parts are asked for, of ``"product"``, ``"notices"``, ``"html"`` (the bytes held, in
    ``Facts.more["html"]``); ``None`` is product and notices. ``memory``: learns what the page shows.
    """

    __slots__ = ("_chunks", "_facts", "_held", "_memory", "_shop", "_sieve", "_visit", "_wanted")

    def __init__(
        self,
        visit: Visit,
        shop: ShopSettings,
        wanted: Collection[str] | None = None,
        memory: ProductMemory | None = None,
    ) -> None:
        self._visit = visit
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
            if self._sieve is not None:
                self._sieve.feed(chunk)
            elif not self._chunks or self._held + len(chunk) <= HELD:
                self._chunks.append(chunk)
                self._held += len(chunk)
            elif chunk:
                self._sieve = Sieve()
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
            facts = remembered(page, visit.host, visit.path, visit.query, self._shop, self._memory)
        if "notices" in self._wanted:
            facts = facts._replace(notices=notices.read(page[:IN_PLACE]))
        if "html" in self._wanted:
            facts = facts._replace(more={**facts.more, "html": page[:IN_PLACE]})
        return facts


_pages: LRUCache[tuple[str, str, str, str, str, str, str], tuple[Known, ...]] = LRUCache(MOST_PAGES)
_lock = Lock()


def remembered(
    page: bytes, host: str, path: str, query: str, shop: ShopSettings, memory: ProductMemory | None = None
) -> Facts:
    """The page's facts: as they were, while what they rest on stands in the page unchanged; else read anew."""
    # All that the reading depends on; hashing the whole settings would cost as much as the rest.
    key = (host, path, plain_query(query), shop.platform, shop.currency, shop.language, shop.country)
    with _lock:
        known = _pages.get(key, ())
    now = time.monotonic()
    address = f"{path}?{query}" if query else path
    for one in known:
        if one.until > now and holds(page, one.needles):
            if memory is not one.taught and memory is not None:
                memory.learn(host, address, one.facts)
            return one.facts
    facts, needles = read(page, host, path, query, shop)
    stable = next((kept for one in known if one.facts == facts and (kept := _stable(facts, one.needles, needles))), ())
    if memory is not None:
        memory.learn(host, address, facts)
    if needles:
        others = tuple(one for one in known if one.until > now and one.facts != facts)[: VARIANTS - 1]
        with _lock:
            _pages[key] = (Known(facts, stable or needles, now + FRESH, memory), *others)
    return facts


def _stable(facts: Facts, before: tuple[bytes, ...], after: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """What two readings of one page have in common, when the facts are the same: a token that changes with every view
    is no evidence. Empty when too little is left: a price must rest on a piece that shows it."""
    common = tuple(needle for needle in after if needle in before)
    digits = str(int(facts.product.get("value", 0))).encode()[-3:]
    priced = "value" not in facts.product or any(digits in needle for needle in common)
    return common if len(common) >= 2 and priced else ()


def holds(page: bytes, needles: tuple[bytes, ...]) -> bool:
    """Do all the pieces stand in the page, in this order?"""
    position = 0
    for needle in needles:
        lead = needle[:48]
        for _ in range(12):
            position = page.find(lead, position)
            if position < 0:
                return False
            if page.startswith(needle, position):
                break
            position += 1
        else:
            return False
        position += len(needle)
    return True


def read(page: bytes, host: str, path: str, query: str, shop: ShopSettings) -> tuple[Facts, tuple[bytes, ...]]:
    """The facts of a page, without any memory, and the pieces of it that they rest on."""
    markup = Markup(page, IN_PLACE, charset.of(page))
    asked = product.Asked(host, path, query, shop.platform, shop.currency, shop.language, shop.country)
    reading = product.read(markup, asked)
    more: dict[str, Any] = {
        "ids": reading.ids,
        "platform": reading.platform,
        "score": reading.score,
        "why": tuple(reading.reasons),
        "canonical": reading.canonical,
    }
    if not reading.is_product:
        shown: tuple[Mapping[str, Any], ...] = cards.read(markup, reading)
        if shown:
            more["cards"] = shown
    elif reading.variants:
        more["variants"] = reading.variants
    facts = Facts(reading.product, reading.sources, reading.is_product, reading.title, (), more)
    return facts, reading.needles(page)
