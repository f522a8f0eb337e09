"""A form or a button that may put something into the cart, and the ids that it carries."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from . import money, vocabulary
from .address import cut, pairs
from .item import clean_id
from .lazy import regex
from .markup import Markup

BUTTON_MARK = regex(
    rb"add[-_]?(?:item[-_]?)?(?:to|2)?[-_]?(?:the[-_]?)?(?:cart|basket|bag)|btn[-_]?(?:cart|buy)|buy[-_]?(?:now|btn"
    rb"|button)|(?:cart|buy|basket)[-_]?(?:btn|button)|in[-_]?(?:den[-_]?)?warenkorb"
    rb"|kop[-_]?knapp|buybutton|productform|product-form|lagg-?i|tocart|handlekurv|kundvagn|varukorg|winkelwagen"
    rb"|panier|carrito",
    re.I,
)
# One of these stands in whatever that pattern finds.
_BUTTON_WORDS = (
    *(b"cart", b"basket", b"bag", b"buy", b"warenkorb", b"kop", b"productform", b"product-form", b"lagg"),
    *(b"handlekurv", b"kundvagn", b"varukorg", b"winkelwagen", b"panier", b"carrito"),
)
_PATH_ID = regex(
    r"(?:add[-_]?to[-_]?(?:cart|basket|bag)|cart|basket|bag|kundvagn|varukorg|korg|warenkorb|panier|carrito"
    r"|handlekurv|winkelwagen|kurv|checkout|order|buy|product|uenc|details|catalog)"
    r"(?:/|\.)(?:(?:[\w.%=~,-]*/){0,5}?)?(?:add|lagg-till|lagg|ajouter|toevoegen|add-item|product|id|item|add_item"
    r"|details|catalog)?/?(?P<id>\d{1,18})(?=/|$|\?)",
    re.I,
)
_TALKED = regex(
    r"^\W*(?:my )?(?:orders?|bestellung(?:en)?|commandes?|purchases?|how to|why|where|what|track|shipping|buying"
    r"|about|order (?:status|history|form))\b(?! now)",
    re.I,
)
_DATA = regex(r"^data-(?:\w+-)?(product|item|article|variant|sku|pid|id|code|prod|artikel|goods|entry)", re.I)


@dataclass(slots=True)
class Box:
    """A form or a button. ``ids``: by kind, each with its path. ``strength``: how surely it adds to the cart.
    ``at``: where its button (or the form) stands in the page. ``likeness``: equal for boxes made by one template."""

    index: int
    at: int
    start: int
    end: int
    ids: dict[str, tuple[str, str]] = field(default_factory=dict)
    price: money.Amount | None = None
    currency: str = ""
    strength: float = 0.0
    likeness: str = ""
    quantity: bool = False
    options: int = 0
    name: str = ""
    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, kind: str, raw: object, path: str) -> None:
        value = clean_id(raw)
        if value and " " not in value and len(value) <= 64 and kind not in self.ids:
            self.ids[kind] = (value, path)

    def add_from_address(self, address: str) -> None:
        """Ids in the query or the path of a form's action or a link."""
        if not address or len(address) > 2000:
            return
        parts = cut(address)
        for name, value in pairs(parts.query):
            kind = vocabulary.id_kind(name)
            if kind and any(map(str.isdigit, value)):
                self.add(kind, value, f"form:action?{name}")
        found = _PATH_ID.search(parts.path)
        if found and not vocabulary.VETO.search(parts.path):
            self.add("product_id", found["id"], "form:action")

    def add_from_data(self, attributes: dict[str, str]) -> None:
        """Ids in data attributes."""
        for name, value in attributes.items():
            if name.startswith("data-") and 0 < len(value) <= 64 and _DATA.match(name):
                kind = vocabulary.id_kind(name[5:])
                if kind:
                    self.add("any_id" if name == "data-id" else kind, value, f"data:{name}")


def is_button(tag: bytes) -> bool:
    """Do a tag's names and values call it a button to buy with?"""
    low = tag.lower()
    return any(word in low for word in _BUTTON_WORDS) and BUTTON_MARK.search(tag) is not None


@lru_cache(2048)
def _may_buy(raw: bytes, charset: str) -> bool:
    """Remembered, since a shop's pages repeat their links."""
    return vocabulary.may_buy(raw.decode(charset, "replace"))


def says_buy(page: Markup, index: int) -> bool:
    """Does a button or link say that it buys: by its words, else by its names?"""
    raw = page.tag(index)[:600]
    if page.names[index] != "input":  # what it says stands behind its tag, which utility classes make long
        end = page.ends[index]
        raw += page.page[end : min(page.close(index), end + 400)]
    if not _may_buy(raw, page.text_charset):
        return False
    given = page.attributes(index)
    said = " ".join(
        (
            given.get("value", "") if page.names[index] == "input" else page.text(index, 400)[:80],
            given.get("title", ""),
            given.get("aria-label", ""),
            given.get("alt", ""),
        )
    )[:200]
    if page.names[index] == "a" and len(said.strip()) > 48:
        said = ""
    if vocabulary.BUY.search(said) and not (page.names[index] == "a" and _TALKED.search(said)):
        return not vocabulary.NOT_BUY.search(said) or bool(re.search(r"add|köp|lägg|kaufen", said, re.I))
    named = " ".join(
        (
            given.get("name", ""),
            given.get("id", ""),
            given.get("class", ""),
            given.get("onclick", ""),
            given.get("src", ""),
            given.get("data-action", ""),
        )
    )[:400]
    return bool(BUTTON_MARK.search(named.encode("utf-8", "replace"))) and not vocabulary.NOT_BUY.search(
        said + " " + named
    )
