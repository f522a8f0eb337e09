"""The state that pages of a script's making carry along: JSON scripts, assignments, JSON in attributes."""

from __future__ import annotations

from typing import Any

from . import loose, money
from .item import Item, clean_name
from .lazy import regex
from .markup import Markup

_STATE = regex(
    r"(?:window\.)?(?:__INITIAL_STATE__|__PRELOADED_STATE__|__NUXT__|__APOLLO_STATE__|__STATE__|initialState"
    r"|__data)\s*=\s*(?=\{)"
)
# Whatever a framework calls it: a script that begins by giving a whole object to one name.
_ASSIGNED = regex(
    rb"\s*(?:(?:var|let|const)\s+|(?:window|self|globalThis)\s*\.\s*)[A-Za-z_$][\w$]{1,60}\s*=\s*(?=\{\")"
)


def find(page: Markup, name: str) -> Item | None:
    """The product of this name in a page's state (``__NEXT_DATA__`` and the like, JSON scripts, JSON in attributes):
    the object that carries the name, and beside it an id and a price."""
    wanted = " ".join(name.casefold().split())
    if not wanted:
        return None
    for script in page.scripts:
        size = script.end - script.start
        if not 60 < size <= 1_500_000 or b"ld+json" in script.attributes:
            continue
        if b"json" in script.attributes or b"__NEXT_DATA__" in script.attributes:
            text = page.page[script.start : script.end].decode(page.text_charset, "replace")
            start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
            if start < 0 or start > 200:
                continue
            value = _sound(text, start)
        elif (
            page.page.find(b"STATE__", script.start, script.start + 4000) >= 0
            or page.page.find(b"nitialState", script.start, script.start + 4000) >= 0
        ):
            text = page.page[script.start : script.end].decode(page.text_charset, "replace")
            match = _STATE.search(text)
            value = _sound(text, match.end()) if match else None
        elif _priced(page.page, script.start, script.end):
            assigned = _ASSIGNED.match(page.page, script.start, script.end)
            if assigned is None:
                continue
            value = _sound(page.page[assigned.end() : script.end].decode(page.text_charset, "replace"), 0)
        else:
            continue
        item = _search(value, wanted)
        if item:
            return item
    for index in range(len(page)):
        tag = page.tag(index)
        if 200 < len(tag) < 200_000 and (
            b"product-data" in tag
            or b":product=" in tag
            or b"data-product-json" in tag
            or b"data-props" in tag
            or b"data-product=" in tag
        ):
            for key in (":product-data", ":product", "data-product-json", "data-props", "data-product", "product-data"):
                raw = page.get(index, key)
                if raw[:1] in ("{", "["):
                    item = _search(_sound(raw, 0), wanted)
                    if item:
                        return item
    return None


def _priced(raw: bytes, start: int, end: int) -> bool:
    return raw.find(b'"price"', start, end) >= 0 and (
        raw.find(b'"sku"', start, end) >= 0 or raw.find(b'"productId"', start, end) >= 0
    )


def _sound(text: str, start: int) -> Any:
    value, _ = loose.literal(text, start)
    return value


_TITLES = ("name", "title", "productName", "product_name", "displayName", "Name", "Title", "productTitle", "item_name")
_PRICES = (
    "price",
    "product_price",
    "salePrice",
    "currentPrice",
    "finalPrice",
    "priceInclVat",
    "sellingPrice",
    "priceAsNumber",
    "amount",
    "minPrice",
    "lowPrice",
    "product_display_price",
)
# What a price that is an object holds, what is paid first.
_OF_A_PRICE = ("amount", "value", "price", "current", "final", "special", "sale", "regular")


def _search(value: Any, wanted: str) -> Item | None:
    stack = [value]
    budget = 6_000
    best: Item | None = None
    while stack and budget > 0:
        one = stack.pop()
        budget -= 1
        if isinstance(one, list):
            stack.extend(reversed(one[:200]))
        elif isinstance(one, dict):
            for key in _TITLES:
                raw = one.get(key)
                if isinstance(raw, str) and len(raw) < 400 and " ".join(clean_name(raw).casefold().split()) == wanted:
                    item = _described(one)
                    if item and (best is None or (item.price and not best.price)):
                        best = item
                        if item.price and item.ids:
                            return best
                    break
            stack.extend(reversed([inner for inner in one.values() if isinstance(inner, (list, dict))]))
    return best


def _described(one: dict[str, Any]) -> Item | None:
    item = Item("state")
    for key in ("sku", "productSku", "articleNumber", "itemNumber", "productNumber"):
        item.add_id("sku", one.get(key), key)
    for key in ("productId", "product_id", "id", "legacyId", "uid", "objectID"):
        item.add_id("product_id", one.get(key), key)
    item.set_name(next((one[key] for key in _TITLES if isinstance(one.get(key), str)), ""), "name")
    code = next(
        (one[key] for key in ("currency", "currencyCode", "priceCurrency") if isinstance(one.get(key), str)), ""
    )
    for key in _PRICES:
        raw = one.get(key)
        if isinstance(raw, dict):
            code = code or str(raw.get("currency") or raw.get("currencyCode") or "")
            raw = next((raw[name] for name in _OF_A_PRICE if raw.get(name)), None)
        if isinstance(raw, dict):
            raw = raw.get("amount") or raw.get("value")
        if isinstance(raw, (str, int, float)):
            item.set_price(money.machine(raw), code, key)
    return item if item.ids or item.price else None
