"""What a page's scripts already tell analytics and advertising: dataLayer (GA4, Universal Analytics), gtag, fbq and the
like. Only literals are read; nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import loose, money
from .item import Item, clean_name
from .lazy import regex
from .markup import Markup

MOST_CALLS = 60
LONGEST_LITERAL = 64 * 1024
LONGEST_SCRIPT = 400 * 1024

_MARKS = (
    b"ecommerce",
    b"ViewContent",
    b"view_item",
    b"ec:addProduct",
    b"dataLayer",
    b"ecomm_prodid",
    b"viewItem",
    b"Viewed Product",
    b"utag_data",
    b"digitalData",
    b"ProductID",
    b"pagevisit",
    b"productdetail",
)
_CALL = regex(
    r"""(?:fbq\(\s*["']track(?:Single)?["']\s*,\s*(?:["']\d+["']\s*,\s*)?["'](?P<fbq>ViewContent)["']\s*,\s*"""
    r"""|(?:ttq\.track|pintrk|snaptr)\(\s*(?:["']track["']\s*,\s*)?["'](?P<other>ViewContent|pagevisit|VIEW_CONTENT)["']\s*,\s*"""
    r"""|gtag\(\s*["']event["']\s*,\s*["'](?P<gtag>view_item)["']\s*,\s*"""
    r"""|ga\(\s*["'](?:[\w.]+\.)?(?P<ga>ec:addProduct)["']\s*,\s*"""
    r"""|_learnq\.push\(\s*\[\s*["']track["']\s*,\s*["'](?P<klaviyo>Viewed Product)["']\s*,\s*"""
    r"""|(?:dataLayer|dl|gtmDataLayer|[\w$.]*[dD]ata[lL]ayer)(?:\.push\(\s*|\s*=\s*\[\s*)(?P<layer>)"""
    r"""|(?P<params>google_tag_params|utag_data|digitalData|productData|currentProduct|product_data)\s*=\s*"""
    r"""|["']?(?P<ecommerce>ecommerce)["']?\s*:\s*)(?=\{)"""
)


def items(page: Markup) -> list[Item]:
    """The products of view events, best source first; listings and carts are left out."""
    found: list[tuple[int, Item]] = []
    for body, start in scripts(page):
        for match in _calls(body):
            kind = next((name for name, value in match.groupdict().items() if value is not None), "")
            value, end = loose.literal(body, match.end(), LONGEST_LITERAL)
            if isinstance(value, dict):
                for rank, item in _from(kind, value):
                    item.at = start + len(body[: match.start()].encode(page.text_charset, "replace"))
                    item.spans.append(
                        (item.at, item.at + len(body[match.start() : end].encode(page.text_charset, "replace")))
                    )
                    found.append((rank, item))
    found.sort(key=lambda pair: pair[0])
    return [item for _, item in found]


def _calls(body: str) -> list[re.Match[str]]:
    """The calls in a script, in order; looked for around their words, the whole pattern being slow."""
    found: dict[int, re.Match[str]] = {}
    for word in _WORDS:
        position = body.find(word)
        count = 0
        while position >= 0 and count < 20:
            count += 1
            match = _CALL.search(body, max(0, position - 24), min(len(body), position + 160))
            if match and match.start() <= position < match.end() + 1:
                found.setdefault(match.start(), match)
            position = body.find(word, position + len(word))
    return [found[start] for start in sorted(found)][:MOST_CALLS]


_WORDS = (
    "ViewContent",
    "ecommerce",
    "ataLayer",
    "view_item",
    "ec:addProduct",
    "Viewed Product",
    "pagevisit",
    "VIEW_CONTENT",
    "google_tag_params",
    "utag_data",
    "digitalData",
    "productData",
    "currentProduct",
    "product_data",
)


def scripts(page: Markup, marks: tuple[bytes, ...] = _MARKS) -> Iterator[tuple[str, int]]:
    """The text of the inline scripts that carry one of the marks."""
    raw = page.page
    for script in page.scripts:
        size = script.end - script.start
        if 20 < size <= LONGEST_SCRIPT and b"json" not in script.attributes:
            body = raw[script.start : script.end]
            if _carries(body, marks):
                yield body.decode(page.text_charset, "replace"), script.start


_plain: set[tuple[int, int, int]] = set()


def _carries(body: bytes, marks: tuple[bytes, ...]) -> bool:
    """Does a script carry one of the marks? Those without are remembered: a shop's pages repeat their scripts."""
    key = (hash(body), len(body), hash(marks))
    if key in _plain:
        return False
    if any(mark in body for mark in marks):
        return True
    if len(_plain) >= 4096:
        _plain.clear()
    _plain.add(key)
    return False


def _from(kind: str, value: dict[str, Any]) -> Iterator[tuple[int, Item]]:
    if kind in ("fbq", "other"):
        item = _pixel(value, "fbq" if kind == "fbq" else "pixel")
        if item:
            yield (0 if kind == "fbq" else 2), item
    elif kind in ("ga", "klaviyo"):
        item = entry(value, "datalayer", "ec:addProduct" if kind == "ga" else "klaviyo")
        if item:
            yield 3, item
    elif kind == "params":
        page_type = str(value.get("ecomm_pagetype") or value.get("page_type") or value.get("pageType") or "").lower()
        single = not isinstance(value.get("ecomm_prodid"), list) or len(value["ecomm_prodid"]) == 1
        if (
            single
            and page_type in ("product", "detail", "offerdetail", "")
            and (item := entry(value, "datalayer", "params"))
        ):
            yield 4, item
    else:
        yield from _layer(value, kind == "gtag")


def _layer(value: dict[str, Any], view: bool) -> Iterator[tuple[int, Item]]:
    event = str(value.get("event") or "").lower()
    if event and (
        "list" in event
        or "cart" in event
        or "checkout" in event
        or "purchase" in event
        or "impression" in event
        or "promotion" in event
    ):
        return
    view = view or "view_item" in event or "detail" in event or "viewcontent" in event or "product" in event
    inner = value.get("ecommerce") if isinstance(value.get("ecommerce"), dict) else None
    box = inner if inner is not None else value
    detail = box.get("detail")
    code = box.get("currencyCode") or box.get("currency") or value.get("currency") or value.get("currencyCode")
    if isinstance(detail, dict):
        for shown in _maps(detail.get("products"))[:1]:
            item = entry(shown, "datalayer", "ecommerce.detail.products", code)
            if item:
                yield 1, item
        return
    listed = _maps(box.get("items")) or (_maps(box.get("products")) if view else [])
    if len(listed) == 1 or (view and listed):
        item = entry(listed[0], "datalayer", "ecommerce.items", code)
        if item:
            if item.price is None and len(listed) == 1:
                item.set_price(money.machine(box.get("value")), code, "ecommerce.value")
            yield (1 if view else 5), item
        return
    if listed or inner is not None:
        return
    page_type = str(value.get("pageType") or value.get("page_type") or value.get("ecomm_pagetype") or "").lower()
    for key in ("product", "productDetail", "productData", "item"):
        one = value.get(key)
        if isinstance(one, dict):
            item = entry(one, "datalayer", key, code)
            if item:
                yield 3, item
            return
    if any(
        key in value for key in ("productId", "productID", "product_id", "productSku", "productSKU", "ecomm_prodid")
    ) and ("product" in page_type or "detail" in page_type or not page_type):
        item = entry(value, "datalayer", "push", code)
        if item:
            yield 4, item


def _maps(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _pixel(value: dict[str, Any], source: str) -> Item | None:
    item = Item(source)
    contents = _maps(value.get("contents") or value.get("line_items"))
    ids = (
        value.get("content_ids")
        or value.get("content_id")
        or value.get("item_ids")
        or [one.get("id") or one.get("content_id") or one.get("product_id") for one in contents]
    )
    many = ids if isinstance(ids, list) else [ids]
    if len(many) > 1:
        return None
    for one in many:
        item.add_id("content_id", one, "content_ids")
    item.set_name(value.get("content_name"), "content_name")
    item.set_price(money.machine(value.get("value") or value.get("price")), value.get("currency"), "value")
    if value.get("content_type") == "product_group":
        item.group = True
    if isinstance(value.get("content_category"), str):
        item.category = clean_name(value["content_category"])
    return item if item.ids or (item.name and item.price) else None


_NAMES = (
    "item_name",
    "name",
    "productName",
    "product_name",
    "Name",
    "ProductName",
    "title",
    "product_title",
    "ecomm_pname",
)
_ID_KEYS = (
    ("sku", ("sku", "SKU", "item_sku", "productSku", "productSKU", "product_sku", "articleNumber", "reference")),
    (
        "product_id",
        (
            "item_id",
            "id",
            "productId",
            "productID",
            "product_id",
            "ProductID",
            "ProductId",
            "ecomm_prodid",
            "internal_item_id",
        ),
    ),
    ("variant_id", ("variant_id", "variantId", "item_variant_id", "variationId")),
)
_PRICE_KEYS = (
    "price",
    "Price",
    "productPrice",
    "product_price",
    "unit_price",
    "value",
    "ecomm_totalvalue",
    "item_price",
    "salePrice",
    "sale_price",
    "priceInclVat",
)
_CURRENCY_KEYS = ("currency", "currencyCode", "currency_code", "priceCurrency", "Currency")


def entry(value: Mapping[str, Any], source: str, path: str, currency: Any = None) -> Item | None:
    """One product object of a script: an item if it has an id or a name, and something else."""
    item = Item(source)
    for key in _NAMES:
        item.set_name(_scalar(value.get(key)), f"{path}.{key}")
    for kind, keys in _ID_KEYS:
        for key in keys:
            item.add_id(kind, _scalar(value.get(key)), f"{path}.{key}")
    code = next((value[key] for key in _CURRENCY_KEYS if isinstance(value.get(key), str)), currency)
    for key in _PRICE_KEYS:
        raw = value.get(key)
        if isinstance(raw, dict):
            raw = raw.get("value") or raw.get("amount") or raw.get("price")
        item.set_price(money.machine(_scalar(raw)), code, f"{path}.{key}")
    if not item.currency and isinstance(code, str):
        item.currency = code[:24]
    for key in ("item_category", "category", "productCategory"):
        if isinstance(value.get(key), str) and not item.category:
            item.category = clean_name(value[key].replace("/", " > "))
    return item if (item.ids or item.name) and (len(item.ids) + bool(item.name) + bool(item.price)) > 1 else None


def _scalar(value: Any) -> Any:
    if isinstance(value, list):
        return value[0] if len(value) == 1 else None
    return value if isinstance(value, (str, int, float)) else None
