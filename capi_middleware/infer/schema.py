"""schema.org products, from whatever syntax they were written in (JSON-LD, microdata, RDFa).

A node is a mapping of property names to values, lists of values or nodes, with ``@type``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from . import money
from .item import Item, clean_name

MOST_NODES = 4_000
DEEPEST = 16

_PRODUCTS = frozenset(
    {"product", "productgroup", "individualproduct", "productmodel", "someproducts", "vehicle", "car", "offering"}
)
# Sold as products when they carry an offer, articles or facts otherwise.
_SOLD = frozenset(
    {
        "book",
        "audiobook",
        "musicalbum",
        "movie",
        "videogame",
        "game",
        "softwareapplication",
        "creativework",
        "course",
        "drug",
    }
)
_RELATED = frozenset(
    {
        *("isrelatedto", "issimilarto", "isaccessoryorsparepartfor", "isconsumablefor", "mentions", "isvariantof"),
        *("itemreviewed", "review", "reviews", "hasvariant", "model", "about", "makesoffer", "hasoffercatalog"),
        *("subjectof", "ispartof", "additionaltype"),
    }
)
_LISTS = frozenset({"itemlist", "offercatalog", "collectionpage", "searchresultspage", "collection"})
_LISTED = frozenset({"itemlistelement", "listitem", "hasoffercatalog"})
_STRUCK = (
    "listprice",
    "strikethroughprice",
    "msrp",
    "srp",
    "suggestedretailprice",
    "regularprice",
    "minimumadvertisedprice",
    "invoiceprice",
)


@dataclass(slots=True)
class Graph:
    """What a page's structured data say. ``types``: the types of top-level nodes, lower case, products left out.
    ``category``: from the breadcrumb. ``countries`` and ``currencies``: of the seller, in the order met."""

    items: list[Item] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    trail: list[str] = field(default_factory=list)
    countries: list[str] = field(default_factory=list)
    currencies: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)


class Node(dict[str, Any]):
    """A node that was read from the page's markup. ``at``: where it begins; ``spans``: where its values stand."""

    def __init__(self, types: list[str], at: int) -> None:
        super().__init__({"@type": types})
        self.at = at
        self.spans: list[tuple[int, int]] = []


def _spans(node: Mapping[str, Any]) -> list[tuple[int, int]]:
    return node.spans if isinstance(node, Node) else []


def kinds(node: Mapping[str, Any]) -> list[str]:
    """The node's types in lower case, without vocabulary prefix."""
    raw = node.get("@type") or node.get("type") or ()
    many = raw if isinstance(raw, (list, tuple)) else (raw,)
    found: list[str] = []
    for one in many:
        if isinstance(one, str):
            for part in one.split()[:8]:
                found.append(_last_step(part))
    return found


@lru_cache(1024)
def _last_step(kind: str) -> str:
    return kind.rstrip("/").replace("#", "/").replace(":", "/").rpartition("/")[2].lower()


def lower(node: Mapping[str, Any]) -> dict[str, Any]:
    """The node with its keys in lower case and without prefix (``schema:name``)."""
    return {_plain(key): value for key, value in node.items()}


@lru_cache(2048)
def _plain(key: object) -> str:
    return str(key).rpartition(":")[2].lower()


def each(value: Any) -> Sequence[Any]:
    """A value, or each of a list's."""
    if isinstance(value, (list, tuple)):
        return value
    return () if value is None else (value,)


def first(value: Any) -> Any:
    """A scalar out of a value, a list or a ``{"@value": …}``."""
    for one in each(value):
        if isinstance(one, dict):
            one = one.get("@value") or one.get("name") or one.get("@id")
        if one not in (None, ""):
            return one
    return None


class Reader:
    """Walks the nodes of one page."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.graph = Graph()
        self._ids: dict[str, Mapping[str, Any]] = {}
        self._budget = MOST_NODES
        self._seen: dict[int, Any] = {}  # the nodes too: a freed one's id would be given to the next

    def read(self, values: list[Any]) -> Graph:
        for value in values:
            self._index(value, 0)
        self._budget = MOST_NODES
        for value in values:
            self._walk(value, "main", 0, top=True)
        return self.graph

    def _index(self, value: Any, depth: int) -> None:
        if depth > 6 or self._budget <= 0:
            return
        if isinstance(value, list):
            for one in value:
                self._index(one, depth + 1)
        elif isinstance(value, dict):
            self._budget -= 1
            name = value.get("@id")
            if isinstance(name, str) and len(value) > 1:
                known = self._ids.get(name)
                if known is None or len(value) > len(known):
                    self._ids[name] = value
            for one in value.values():
                if isinstance(one, (list, dict)):
                    self._index(one, depth + 1)

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, dict) and len(value) == 1 and isinstance(value.get("@id"), str):
            return self._ids.get(value["@id"], value)
        if isinstance(value, str) and value in self._ids and value.startswith(("#", "http", "_:")):
            return self._ids[value]
        return value

    def _walk(self, value: Any, role: str, depth: int, *, top: bool = False) -> None:
        if depth > DEEPEST or self._budget <= 0:
            return
        if isinstance(value, list):
            for one in value:
                self._walk(one, role, depth + 1, top=top)
            return
        if not isinstance(value, dict):
            return
        self._budget -= 1
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        types = kinds(value)
        low = lower(value)
        if any(kind in _PRODUCTS for kind in types) or (any(kind in _SOLD for kind in types) and low.get("offers")):
            self.graph.items.append(self._product(value, low, types, role))
            self._parts(low, depth)
            return
        if top and types:
            self.graph.types.update(types)
        self._gather(types, low)
        if any(kind in _LISTS for kind in types):
            role = "list"
        elif any(kind in ("offer", "aggregateoffer") for kind in types) and isinstance(low.get("itemoffered"), dict):
            self._offered(low, role, depth)
            return
        for key, one in low.items():
            if isinstance(one, (list, dict)) and key != "breadcrumb":
                inner = self._resolve(one)
                if key in ("@graph", "mainentity", "mainentityofpage", "item"):
                    self._walk(inner, role, depth + 1, top=top and key == "@graph")
                elif key in _LISTED:
                    self._walk(inner, "list", depth + 1)
                elif key == "itemreviewed":
                    self._walk(inner, "reviewed", depth + 1)
                elif key in _RELATED:
                    self._walk(inner, "related", depth + 1)
                else:
                    self._walk(inner, role if role != "main" else "nested", depth + 1)

    def _offered(self, low: dict[str, Any], role: str, depth: int) -> None:
        for one in each(self._resolve(low["itemoffered"])):
            if isinstance(one, dict):
                product = copy(one)
                product["@type"] = one.get("@type") or "Product"
                product["offers"] = one.get("offers") or {key: low[key] for key in low if key != "itemoffered"}
                self._walk(product, role, depth + 1)

    def _parts(self, low: dict[str, Any], depth: int) -> None:
        """Products inside a product are related ones, its variants aside (those are read with it)."""
        for key, one in low.items():
            if key not in ("offers", "hasvariant", "review", "reviews", "brand", "model") and isinstance(
                one, (list, dict)
            ):
                self._walk(one, "related", depth + 1)

    def _gather(self, types: list[str], low: dict[str, Any]) -> None:
        if "breadcrumblist" in types and not self.graph.trail:
            self.graph.trail = breadcrumb(low)
        address = low.get("address")
        for one in each(address):
            if isinstance(one, dict):
                country = first(lower(one).get("addresscountry"))
                if isinstance(country, str) and country:
                    self.graph.countries.append(country)
        accepted = low.get("currenciesaccepted")
        if isinstance(accepted, str):
            self.graph.currencies.extend(accepted.replace(",", " ").split()[:8])
        spoken = first(low.get("inlanguage"))
        if isinstance(spoken, str) and spoken:
            self.graph.languages.append(spoken)

    def _product(self, node: Mapping[str, Any], low: dict[str, Any], types: list[str], role: str) -> Item:
        item = Item(self.source, role=role, group="productgroup" in types, at=node.at if isinstance(node, Node) else 0)
        item.set_name(first(low.get("name") or low.get("title")), "name")
        _identify(item, low)
        if item.group:
            item.add_id("group_id", first(low.get("productgroupid")), "productGroupID")
        name = low.get("@id")
        if isinstance(name, str):
            item.add_id("node_id", name, "@id")
        item.url = str(first(low.get("url")) or "") or (
            name if isinstance(name, str) and name.startswith("http") else ""
        )
        item.category = _category(low.get("category"))
        item.spans.extend(_spans(node))
        self._offers(item, low.get("offers") or low.get("offer"), low)
        for variant in each(low.get("hasvariant")):
            variant = self._resolve(variant)
            if isinstance(variant, dict) and len(item.variants) < 300:
                inner = lower(variant)
                child = self._product(variant, inner, kinds(variant), "variant")
                for offer in each(inner.get("offers")):
                    if isinstance(offer, dict) and not child.url:
                        child.url = str(first(lower(offer).get("url")) or "")
                item.variants.append(child)
        return item

    def _offers(self, item: Item, raw: Any, low: dict[str, Any]) -> None:
        offers = [one for one in (self._resolve(one) for one in each(raw)) if isinstance(one, dict)][:300]
        path = "offers"
        aggregate = lower(offers[0]) if len(offers) == 1 else {}
        inner = [one for one in (self._resolve(one) for one in each(aggregate.get("offers"))) if isinstance(one, dict)][
            :300
        ]
        if aggregate and inner and _price(aggregate)[0] is None:
            offers, path = inner, "offers.offers"
        elif aggregate and inner:
            item.variants.extend(_variant(item.source, lower(one)) for one in inner)
        if len(offers) > 1:
            found = [_variant(item.source, lower(one), path) for one in offers]
            item.spans.extend(span for one in offers[:40] for span in _spans(one))
            item.variants.extend(found)
            return
        for one in offers:
            inside = lower(one)
            item.spans.extend(_spans(one))
            amount, currency, where = _price(inside)
            item.set_price(amount, currency, f"{path}.{where}")
            item.taxed = item.taxed or _taxed(inside)
            if not item.currency and currency:
                item.currency = str(currency)
            _identify(item, inside, f"{path}.")
            item.url = item.url or str(first(inside.get("url")) or "")
        if item.price is None:  # price given on the product itself, which the vocabulary does not know and shops write
            amount, currency, where = _price(low)
            item.set_price(amount, currency, where)


def _variant(source: str, offer: dict[str, Any], path: str = "offers") -> Item:
    child = Item(source, role="variant")
    amount, currency, where = _price(offer)
    child.set_price(amount, currency, f"{path}.{where}")
    child.taxed = _taxed(offer)
    if not child.currency and currency:
        child.currency = str(currency)
    child.set_name(first(offer.get("name")), f"{path}.name")
    child.url = str(first(offer.get("url")) or "")
    _identify(child, offer, f"{path}.")
    offered = offer.get("itemoffered")
    if isinstance(offered, dict):
        _identify(child, lower(offered), f"{path}.itemOffered.")
    return child


def _identify(item: Item, low: dict[str, Any], prefix: str = "") -> None:
    for kind, keys in (
        ("sku", ("sku",)),
        ("product_id", ("productid", "product_id")),
        ("mpn", ("mpn",)),
        ("gtin", ("gtin13", "gtin", "gtin14", "gtin12", "gtin8", "ean", "isbn")),
        ("identifier", ("identifier",)),
    ):
        for key in keys:
            value = low.get(key)
            if value:
                raw = first(value)
                labelled = str(raw).strip().lower()
                if key == "productid" and labelled.startswith(("mpn:", "isbn:", "gtin", "ean:", "upc:")):
                    kind = "mpn" if labelled.startswith("mpn") else "gtin"
                item.add_id(kind, raw, prefix + key)


def _price(low: dict[str, Any]) -> tuple[money.Amount | None, Any, str]:
    """The amount to pay of an offer, its currency, and the key it stood under."""
    currency = first(low.get("pricecurrency") or low.get("currency"))
    for key in ("price", "lowprice"):
        raw = low.get(key)
        for one in each(raw):
            if isinstance(one, dict):
                one = one.get("@value") or one.get("price")
            amount = money.machine(one)
            if amount is not None and amount.value > 0:
                return amount, currency or amount.mark, "price" if key == "price" else "lowPrice"
    found: list[tuple[int, money.Amount, Any]] = []
    for one in each(low.get("pricespecification") or low.get("haspricespecification")):
        if isinstance(one, dict):
            inside = lower(one)
            sort = str(first(inside.get("pricetype")) or "").rpartition("/")[2].lower()
            if "shipping" in "".join(kinds(one)) or "delivery" in "".join(kinds(one)):
                continue
            amount = money.machine(
                first(inside.get("price") or inside.get("minprice") or inside.get("hascurrencyvalue"))
            )
            if amount is None or amount.value <= 0:
                continue
            rank = 2 if sort.endswith(_STRUCK) else 1 if inside.get("referencequantity") and not sort else 0
            found.append((rank, amount, first(inside.get("pricecurrency") or inside.get("hascurrency")) or currency))
    if found:
        rank, amount, written = min(found, key=lambda one: (one[0], one[1].value))
        return amount, written, "priceSpecification.price"
    return None, currency, ""


def _taxed(low: dict[str, Any]) -> dict[str, money.Amount]:
    """An offer's prices with and without value added tax, where its specifications tell both."""
    found: dict[str, money.Amount] = {}
    for one in each(low.get("pricespecification")):
        inside = lower(one) if isinstance(one, dict) else {}
        included = str(first(inside.get("valueaddedtaxincluded"))).strip().rpartition("/")[2].lower()
        sort = str(first(inside.get("pricetype")) or "").rpartition("/")[2].lower()
        if included in ("true", "false") and not sort.endswith(_STRUCK) and not inside.get("referencequantity"):
            amount = money.machine(first(inside.get("price")))
            if amount is not None and amount.value > 0:
                found.setdefault("incl" if included == "true" else "excl", amount)
    return found if len(found) == 2 else {}


def _category(raw: Any) -> str:
    for one in each(raw):
        name = clean_name(one)
        if name and not name.startswith("http"):
            return name.replace(" / ", " > ").replace("/", " > ") if " > " not in name and name.count("/") > 1 else name
    return ""


def breadcrumb(low: Mapping[str, Any]) -> list[str]:
    """The names of a breadcrumb list, in order."""
    steps: list[tuple[float, int, str]] = []
    for number, one in enumerate(each(low.get("itemlistelement"))):
        if not isinstance(one, dict) or number > 20:
            continue
        inside = lower(one)
        item = inside.get("item")
        name = clean_name(first(inside.get("name"))) or (
            clean_name(first(lower(item).get("name"))) if isinstance(item, dict) else ""
        )
        try:
            position = float(str(first(inside.get("position"))))
        except ValueError:
            position = float(number)
        if name:
            steps.append((position, number, name))
    return [name for _, _, name in sorted(steps)]
