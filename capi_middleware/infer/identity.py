"""Which id of the product goes to Meta: the one that the shop's catalogue most likely holds."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from . import vocabulary
from .address import cut, pairs
from .buybox import Box
from .case import Case
from .item import Item, clean_id
from .lazy import regex
from .markup import strip

_DEFAULTS: dict[str, list[tuple[str, bool]]] = {
    "woocommerce": [("product_id", True), ("form.product_id", True)],
    "opencart": [("form.product_id", False)],
    "magento": [("sku", False), ("form.sku", False)],
    "shopify": [("variant.variant_id", False), ("product_id", True)],
}
_ID_MARKS = (
    b"data-product",
    b"data-sku",
    b"data-pid",
    b"data-item",
    b"data-article",
    b"data-prod",
    b"data-artnr",
    b"data-variant",
)
_LABELLED = regex(
    r"(?<!\w)(?:SKU|Art(?:ikel|icle)?\.?[ -]?(?:nr|no|nummer|number|num|n[°º])\.?|Item ?(?:#|no\.?|number|code|id)"
    r"|Product ?(?:code|number|no\.?|id|#)"
    r"|Produkt-?(?:nr|nummer|kode|kod|id)\.?|Prod\.? ?(?:nr|no)\.?|Varenr\.?|Varenummer|Bestell-?(?:nr|nummer)\.?"
    r"|Best\.-?Nr\.?|R[ée]f(?:[ée]rence)?\.?|Kod produktu|Kód(?: (?:produktu|zboží|tovaru))?"
    r"|Šifra|Codice(?: prodotto| articolo)?|C[óo]digo|Artikelcode|Tuote(?:koodi|numero)|Cikkszám|Cod produs|Артикул"
    r"|Код товара|Model(?: No\.?| number| #)?|Part (?:no\.?|number|#)|Katalogové číslo|Stock (?:code|no\.?|#)|EAN"
    r"|ISBN(?:-1[03])?)"
    r"[ \t]*[.:#]{0,2}[ \t]*([A-Za-z0-9][A-Za-z0-9./_-]{1,30})",
    re.I,
)


class Identity(NamedTuple):
    """``chosen``: the id, "" when the page has none; ``source``; ``group``: it is a parent's, not one variant's.
    ``ids``: all that were found, by kind."""

    chosen: str
    source: str
    group: bool
    ids: dict[str, str]


_Known = dict[str, tuple[str, str]]


def find(case: Case, order: list[Item], variant: Item | None, box: Box | None) -> Identity:
    """The product's id, its source before the others' as platforms.md ranks them."""
    known: _Known = {}
    for one in order:
        for kind, value in one.ids.items():
            known.setdefault(kind, (value, one.paths.get(f"id.{kind}", one.source)))
    if box is not None:
        for kind, (value, path) in box.ids.items():
            known.setdefault(f"form.{kind}", (value, path))
    if variant is not None:
        for kind, value in variant.ids.items():
            known[f"variant.{kind}"] = (value, variant.paths.get(f"id.{kind}", variant.source))
    grouped = any(one.group for one in order if one.source in ("jsonld", "shopify", "woocommerce"))
    chosen = (
        _by_platform(case.store.platform, known)
        or _by_data(known, order, variant)
        or _by_form(known)
        or _by_script(known)
    )
    if chosen is None:
        found = _marked(case, box) or _labelled(case) or _by_address(case)
        chosen = (*found, False) if found else ("", "", False)
    value, source, parent = chosen
    return Identity(value, source, parent and grouped, _by_kind(known))


def _by_platform(platform: str, known: _Known) -> tuple[str, str, bool] | None:
    """What the page's own pixel call says, else what the platform's plugin for Meta puts into the catalogue."""
    if "content_id" in known:
        return (*known["content_id"], False)
    if platform == "prestashop" and "product_id" in known:
        attribute = known.get("variant_id") or known.get("form.variant_id")
        value, source = known["product_id"]
        return f"{value}-{attribute[0]}" if attribute else value, source, False
    for kind, parent in _DEFAULTS.get(platform, []):
        if kind in known:
            return (*known[kind], parent)
    return None


def _by_data(known: _Known, order: list[Item], variant: Item | None) -> tuple[str, str, bool] | None:
    if variant is not None:
        for kind in ("variant.sku", "variant.variant_id", "variant.product_id"):
            if kind in known:
                return (*known[kind], False)
    for source, kinds in _BY_SOURCE:
        for kind in kinds:
            for one in order:
                if one.source == source and kind in one.ids:
                    parent = kind == "group_id" or bool(one.variants)
                    return one.ids[kind], one.paths.get(f"id.{kind}", source), parent
    return None


_BY_SOURCE = (
    ("jsonld", ("sku", "product_id", "group_id", "node_id", "identifier")),
    ("rdfa", ("sku", "product_id", "identifier")),
    ("meta", ("retailer_id", "sku", "product_id", "group_id")),
    ("microdata", ("product_id", "sku", "group_id", "identifier")),
)


def _by_form(known: _Known) -> tuple[str, str, bool] | None:
    for kind in ("form.product_id", "form.sku", "form.variant_id", "form.any_id"):
        if kind in known:
            return (*known[kind], False)
    return None


def _by_script(known: _Known) -> tuple[str, str, bool] | None:
    for kind in ("product_id", "sku", "variant_id", "identifier", "group_id"):
        if kind in known:
            return (*known[kind], kind in ("product_id", "group_id"))
    return None


def _marked(case: Case, box: Box | None) -> tuple[str, str] | None:
    """The id in a data attribute, of an element around the heading or the button, or the only one of the page."""
    page = case.page
    places = [place for place in (case.heading_at, box.at if box is not None else -1) if place >= 0]
    values: dict[str, str] = {}
    for index in page.marked(*_ID_MARKS)[:200]:
        around = any(page.starts[index] <= place < page.close(index) for place in places)
        for name, raw in page.attributes(index).items():
            if not name.startswith("data-") or vocabulary.id_kind(name[5:]) in ("", "any_id") or len(raw) > 64:
                continue
            value = clean_id(raw)
            if value and " " not in value and "{" not in value:
                if around:
                    return value, f"data:{name}"
                values.setdefault(value, name)
    if len(values) == 1:
        value, name = next(iter(values.items()))
        return value, f"data:{name}"
    return None


def _labelled(case: Case) -> tuple[str, str] | None:
    """The article number that the page shows beside its label, near the heading."""
    page, at = case.page, max(0, case.heading_at)
    text = strip(page.page[max(0, at - 1500) : at + 14_000].decode(page.text_charset, "replace"))
    found = _LABELLED.search(text)
    value = clean_id(found[1]) if found else ""
    return (value, "page:sku") if value and any(map(str.isdigit, value)) else None


def _by_address(case: Case) -> tuple[str, str] | None:
    found = from_address(case.asked.path, case.asked.query)
    if not found and case.head.canonical:
        parts = cut(case.head.canonical)
        found = from_address(parts.path, parts.query)
    return found


def from_address(path: str, query: str) -> tuple[str, str] | None:
    """The id that an address of a product's page carries and by which shape; None when it carries none."""
    for name, value in pairs(query):
        if name.lower() in (
            "product_id",
            "products_id",
            "id_product",
            "productid",
            "product",
            "pid",
            "prodid",
            "sku",
            "item",
            "itemid",
            "artnr",
            "p",
            "id",
        ):
            digits = re.match(r"[\w.-]{1,40}", value)
            if digits and any(map(str.isdigit, value)):
                return digits[0], f"url:?{name}"
    last = unquote(path.rstrip("/").rpartition("/")[2])[:300]
    for pattern, why in _ADDRESSES:
        match = pattern.search(path if why.startswith("/") else last)
        if match:
            return match[1], f"url:{why}"
    return None


_ADDRESSES = (
    (regex(r"/(?:dp|gp/product)/([A-Z0-9]{10})(?:/|$)"), "/dp/id"),
    (regex(r"/catalog/product/view/id/(\d+)"), "/catalog/product/view/id"),
    (
        regex(
            r"/(?:p|product|products|produkt|produit|producto|artikel|item|itm|vare|tuote|prod|pd|detail"
            r"|productdetail)/(?:[^/]+/)?(\d{2,12}|[A-Z0-9]{6,14})(?:[/.]|$)"
        ),
        "/product/id",
    ),
    (regex(r"[-_](?:p|pr|prod|a|art|i|pid|itm|sku|pg|pn)[-_]?(\d{2,12})(?:\.\w{2,5})?$", re.I), "slug-p-id"),
    (regex(r"^(\d{1,9})-[a-z0-9]"), "id-slug"),
    (regex(r"_(\d{1,12})(?:\.\w{2,5})?$"), "slug_id"),
    (regex(r"-(\d{4,14})(?:\.\w{2,5})?$"), "slug-id"),
    (regex(r"^(\d{3,14})(?:\.\w{2,5})?$"), "id"),
)


def _by_kind(known: dict[str, tuple[str, str]]) -> dict[str, str]:
    """The page's ids by plain kind, the chosen variant's before the product's, those of scripts before the form's."""
    ids: dict[str, str] = {}
    for kind in ("sku", "product_id", "variant_id", "group_id", "mpn", "gtin"):
        for key in (f"variant.{kind}", kind, f"form.{kind}"):
            if key in known:
                ids[kind] = known[key][0]
                break
    if "product_id" not in ids and "form.any_id" in known:
        ids["product_id"] = known["form.any_id"][0]
    return ids
