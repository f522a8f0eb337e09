"""What a page says in its head: ``og:`` and ``product:`` tags, language, canonical address, title."""

from __future__ import annotations

from typing import NamedTuple

from . import money
from .item import Item, clean_name
from .markup import Markup

MOST_TAGS = 300

_PRICES = (
    ("product:sale_price:amount", "product:sale_price:currency"),
    ("product:price:amount", "product:price:currency"),
    ("og:price:amount", "og:price:currency"),
    ("og:product:price:amount", "og:product:price:currency"),
    ("product:price", "product:price:currency"),
    ("og:price", "og:price:currency"),
    ("product.price.amount", "product.price.currency"),
    ("price", "currency"),
)
_CURRENCIES = (
    "product:price:currency",
    "og:price:currency",
    "og:product:price:currency",
    "product:sale_price:currency",
    "currency",
)
_IDS = (
    ("retailer_id", ("product:retailer_item_id", "og:product:retailer_item_id", "product.retailer_item_id")),
    ("sku", ("product:sku", "og:sku", "product:retailer_part_no", "sku", "og:product:sku", "product_sku")),
    ("product_id", ("product:id", "product_id", "productid", "product-id", "og:product_id", "ecomm_prodid", "item_id")),
    ("group_id", ("product:item_group_id", "og:product:item_group_id")),
    ("mpn", ("product:mfr_part_no", "product:mpn")),
    ("gtin", ("product:ean", "product:upc", "product:isbn", "product:gtin")),
)


class Head(NamedTuple):
    """``metas``: by name in lower case, the first of a name. ``languages``: strongest first."""

    metas: dict[str, str]
    title: str
    canonical: str
    languages: tuple[str, ...]
    kind: str
    spans: tuple[tuple[int, int], ...] = ()


def read(page: Markup) -> Head:
    """The head's tags, wherever in the document they stand."""
    metas: dict[str, str] = {}
    title = canonical = language = ""
    spans: list[tuple[int, int]] = []
    for index in page.named("meta", "title", "link", "html"):
        name = page.names[index]
        if name == "title":
            if not title and "svg" not in (page.names[one] for one in page.ancestors(index)):
                title = clean_name(page.text(index, 1000))
                spans.append((page.starts[index], page.close(index)))
        elif name == "html":
            language = language or page.get(index, "lang") or page.get(index, "xml:lang")
        elif name == "link":
            if not canonical and page.get(index, "rel").lower() == "canonical":
                canonical = page.get(index, "href").strip()
        elif len(metas) < MOST_TAGS:
            attributes = page.attributes(index)
            key = attributes.get("property") or attributes.get("name") or attributes.get("http-equiv") or ""
            content = attributes.get("content", "").strip()
            if key and content and "itemprop" not in attributes:
                key = key.strip().lower()
                if (
                    key not in metas
                    and ("product" in key or "price" in key or key in ("og:title", "og:type"))
                    and len(spans) < 40
                ):
                    spans.append((page.starts[index], page.ends[index]))
                metas.setdefault(key, content)
    spoken = tuple(
        one.strip()
        for one in (language, metas.get("og:locale", ""), metas.get("content-language", ""), metas.get("language", ""))
        if one.strip()
    )
    return Head(metas, title, canonical, spoken, metas.get("og:type", "").lower(), tuple(spans))


def item(head: Head) -> Item | None:
    """The product that the tags describe: None when none of them is about a product."""
    metas = head.metas
    found = Item("meta")
    for key, currency in _PRICES:
        raw = metas.get(key)
        if raw:
            written = metas.get(currency) or next((metas[one] for one in _CURRENCIES if one in metas), "")
            found.set_price(money.machine(raw), written, key)
    for kind, keys in _IDS:
        for key in keys:
            if key in metas:
                found.add_id(kind, metas[key], key)
    if "product" in head.kind or found.price is not None or found.ids:
        found.set_name(metas.get("og:title"), "og:title")
        found.url = metas.get("og:url", "")
        category = clean_name(metas.get("product:category") or metas.get("og:category") or "")
        found.category = category
        if found.price is None and not found.currency:
            found.currency = next((metas[one] for one in _CURRENCIES if one in metas), "")
        return found
    if "twitter:data1" in metas and "price" in metas.get("twitter:label1", "").lower():
        amount = money.human(metas["twitter:data1"])
        if amount is not None:
            found.set_price(amount, "", "twitter:data1")
            found.set_name(metas.get("twitter:title"), "twitter:title")
            return found
    return None
