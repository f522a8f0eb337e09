"""Product facts from a page as its bytes pass by."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from capi_middleware.settings.settings import ShopSettings
from capi_middleware.visit.visit import Visit

from .memory import ProductMemory
from .types import Facts

HELD = 60 * 1024
IN_PLACE = 1024 * 1024

_META = re.compile(rb"<meta\s[^>]{1,2000}>", re.I)
_ATTRIBUTE = re.compile(rb"""([a-zA-Z:_-]{1,40})\s{0,4}=\s{0,4}(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""")
_LD = re.compile(rb"<script[^>]{0,300}application/ld\+json[^>]{0,300}>", re.I)
_H1 = re.compile(rb"<h1(?:\s[^>]{0,500})?>(.{0,2000}?)</h1", re.I | re.S)
_TITLE = re.compile(rb"<title(?:\s[^>]{0,200})?>([^<]{0,1000})", re.I)
_TAG = re.compile(r"<[^>]*>")
_PROP = re.compile(
    rb"<([a-z0-9]{1,12})\s[^>]{0,500}itemprop=[\"'](name|sku|productID|price|priceCurrency)[\"'][^>]{0,500}>", re.I
)
_PRICE = re.compile(
    rb"<[a-z]{1,9}\s[^>]{0,300}class=[\"'][^\"'>]{0,200}price[^>]{0,300}>([^<]{0,40}\d[^<]{0,40})<", re.I
)


class FactReader:
    """Reads ``Facts`` from a page's decoded bytes, chunk by chunk. Never raises; holds at most 64 KiB of a streamed
    page (a page that comes as one chunk is looked at in place, up to 1 MiB).

    ``wanted``: which parts are asked for, of ``"product"``, ``"notices"``; ``None`` is all.
    """

    __slots__ = ("_chunks", "_facts", "_held", "_shop", "_visit", "_wanted")

    def __init__(
        self,
        visit: Visit,
        shop: ShopSettings,
        wanted: Collection[str] | None = None,
        memory: ProductMemory | None = None,
    ) -> None:
        self._visit = visit
        self._shop = shop
        self._wanted = wanted
        self._chunks: list[bytes] = []
        self._held = 0
        self._facts: Facts | None = None

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the page."""
        if not self._chunks:
            self._chunks.append(chunk[:IN_PLACE])
            self._held = len(chunk)
        elif self._held < HELD:
            self._chunks.append(chunk[: HELD - self._held])
            self._held += len(chunk)

    def facts(self) -> Facts:
        """What the page said. May be asked more than once."""
        if self._facts is None:
            try:
                self._facts = read(b"".join(self._chunks), self._shop)
            except Exception:
                self._facts = Facts()
            self._chunks = []
        return self._facts


def read(page: bytes, shop: ShopSettings) -> Facts:
    metas = _metas(page)
    title = _title(page)
    for source in (_from_jsonld, _from_meta, _from_microdata, _from_page):
        product, sources = source(page, metas)
        if product:
            break
    else:
        return Facts(title=title)
    if "value" in product and "currency" not in product:
        if shop.currency:
            product["currency"] = shop.currency
            sources["currency"] = "settings"
        else:
            del product["value"]
    product.setdefault("content_type", "product")
    return Facts(product=product, sources=sources, is_product=True, title=title)


def _title(page: bytes) -> str:
    found = _TITLE.search(page)
    return html.unescape(found[1].decode("utf-8", "replace")).strip() if found else ""


def _metas(page: bytes) -> dict[str, str]:
    metas: dict[str, str] = {}
    for found in _META.finditer(page):
        pairs = {
            name.lower(): (double or single or bare).decode("utf-8", "replace")
            for name, double, single, bare in _ATTRIBUTE.findall(found[0])
        }
        name = pairs.get(b"property") or pairs.get(b"name") or pairs.get(b"itemprop") or ""
        if name and b"content" in pairs:
            metas.setdefault(name.lower(), html.unescape(pairs[b"content"]).strip())
    return metas


def _products(node: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    if depth > 16:
        return
    if isinstance(node, list):
        for part in node[:50]:
            yield from _products(part, depth + 1)
    elif isinstance(node, dict):
        kind = node.get("@type")
        kinds = kind if isinstance(kind, list) else [kind]
        if any(str(one).rpartition("/")[2] in ("Product", "ProductGroup") for one in kinds):
            yield node
        else:
            yield from _products(node.get("@graph"), depth + 1)
            yield from _products(node.get("mainEntity"), depth + 1)


def _number(raw: Any) -> float | None:
    try:
        number = float(str(raw).replace(" ", "").replace(",", "."))
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None


def _from_jsonld(page: bytes, metas: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    found: list[Mapping[str, Any]] = []
    for opened in _LD.finditer(page):
        end = page.find(b"</script", opened.end())
        try:
            found.extend(_products(json.loads(page[opened.end() : end].decode("utf-8", "replace"), strict=False)))
        except ValueError:
            continue
    if len(found) != 1:
        return {}, {}
    node = found[0]
    product: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for key in ("sku", "productID", "productGroupID"):
        if node.get(key):
            product["content_ids"] = [str(node[key])]
            sources["content_ids"] = f"jsonld:{key}"
            break
    if node.get("name"):
        product["content_name"] = html.unescape(str(node["name"])).strip()
        sources["content_name"] = "jsonld:name"
    offers = node.get("offers")
    offer = offers[0] if isinstance(offers, list) and offers else offers
    if isinstance(offer, dict):
        for key in ("price", "lowPrice"):
            value = _number(offer.get(key))
            if value is not None:
                product["value"] = value
                sources["value"] = f"jsonld:offers.{key}"
                break
        if offer.get("priceCurrency"):
            product["currency"] = str(offer["priceCurrency"]).upper()
            sources["currency"] = "jsonld:offers.priceCurrency"
    return product, sources


def _from_meta(page: bytes, metas: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    if "product" not in metas.get("og:type", ""):
        return {}, {}
    product: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for field, keys in (
        ("content_name", ("og:title",)),
        ("content_ids", ("product:retailer_item_id", "product:sku")),
        ("value", ("product:price:amount", "og:price:amount")),
        ("currency", ("product:price:currency", "og:price:currency")),
    ):
        for key in keys:
            value: Any = metas.get(key)
            if field == "value" and value:
                value = _number(value)
            if value not in (None, ""):
                product[field] = [value] if field == "content_ids" else value
                sources[field] = f"meta:{key}"
                break
    return product, sources


def _from_microdata(page: bytes, metas: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    if page.count(b"schema.org/Product") != 1:
        return {}, {}
    product: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for found in _PROP.finditer(page, page.find(b"schema.org/Product")):
        prop = found[2].decode()
        attributes = {k.lower(): a or b or c for k, a, b, c in _ATTRIBUTE.findall(found[0])}
        raw = attributes.get(b"content") or page[found.end() : page.find(b"<", found.end())]
        text = html.unescape(raw.decode("utf-8", "replace")).strip()
        field = {"name": "content_name", "price": "value", "priceCurrency": "currency"}.get(prop, "content_ids")
        value: Any = _number(text) if field == "value" else [text] if field == "content_ids" else text
        if text and value is not None and field not in product:
            product[field] = value
            sources[field] = f"microdata:{prop}"
    return product, sources


def _from_page(page: bytes, metas: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    heading = _H1.search(page)
    price = _PRICE.search(page, heading.end()) if heading else None
    if not heading or not price or b"<form" not in page:
        return {}, {}
    name = html.unescape(_TAG.sub("", heading[1].decode("utf-8", "replace"))).strip()
    digits = re.search(r"\d[\d ]*(?:[.,]\d{1,2})?", price[1].decode("utf-8", "replace"))
    value = _number(digits[0]) if digits else None
    product: dict[str, Any] = {"content_name": name}
    sources = {"content_name": "page:h1"}
    if value is not None:
        product["value"] = value
        sources["value"] = "page:price"
        if "£" in price[1].decode("utf-8", "replace"):
            product["currency"] = "GBP"
            sources["currency"] = "page:price"
    return product, sources
