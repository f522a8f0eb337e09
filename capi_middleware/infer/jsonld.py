"""JSON-LD blocks of a page."""

from __future__ import annotations

from typing import Any

from . import loose
from .item import Item
from .lazy import regex
from .markup import Markup
from .money import machine

MOST_BLOCKS = 32
LONGEST = 1024 * 1024

_LAST_RESORT = regex(
    r"""["'](sku|price|lowPrice|priceCurrency|name)["']\s*:\s*(?:"([^"\n]{1,300})"|'([^'\n]{1,300})'|([\d.]{1,20}))"""
)


def blocks(page: Markup) -> list[tuple[int, str]]:
    """The text of each JSON-LD script and where it stands."""
    found: list[tuple[int, str]] = []
    for script in page.scripts:
        if b"ld+json" in script.attributes.lower() and script.end - script.start <= LONGEST:
            found.append((script.start, page.page[script.start : script.end].decode(page.text_charset, "replace")))
            if len(found) == MOST_BLOCKS:
                break
    return found


def nodes(page: Markup) -> list[Any]:
    """The values of all blocks, in order."""
    found: list[Any] = []
    for _, text in blocks(page):
        found.extend(loose.values(text))
    return found


def scraps(page: Markup) -> Item | None:
    """The last resort, of a block that even the loose reader got no product out of: single fields by their names."""
    for at, text in blocks(page):
        if '"Product"' not in text and "'Product'" not in text:
            continue
        item = Item("jsonld", at=at)
        fields = {
            match[1]: match[2] or match[3] or match[4] for match in reversed(list(_LAST_RESORT.finditer(text[:60_000])))
        }
        item.set_name(fields.get("name"), "name")
        item.add_id("sku", fields.get("sku"), "sku")
        item.set_price(
            machine(fields.get("price") or fields.get("lowPrice")), fields.get("priceCurrency"), "offers.price"
        )
        if item.name:
            return item
    return None
