"""Microdata and RDFa of a page, as nodes of schema.org."""

from __future__ import annotations

from typing import Any, NamedTuple

from .markup import Markup
from .schema import Node

MOST_PROPERTIES = 3_000
LONGEST_TEXT = 600

_ADDRESSES = {
    "a": "href",
    "link": "href",
    "area": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "embed": "src",
    "video": "src",
    "audio": "src",
}


class Syntax(NamedTuple):
    """How a syntax spells its three attributes, the bytes that tell that a page uses it, and those of its tags."""

    name: str
    scope: str
    type: str
    property: str
    marks: tuple[bytes, ...]
    tags: tuple[bytes, ...]


MICRODATA = Syntax(
    "microdata",
    "itemscope",
    "itemtype",
    "itemprop",
    (b"itemprop", b"itemtype", b"ITEMPROP", b"itemProp", b"itemType"),
    (b"itemprop", b"itemscope", b"itemtype", b"ITEMPROP", b"ITEMSCOPE", b"itemProp", b"itemScope"),
)
RDFA = Syntax("rdfa", "typeof", "typeof", "property", (b"typeof=",), (b"typeof=", b"property=", b"rel="))


def nodes(page: Markup, syntax: Syntax) -> list[Node]:
    """The top-level nodes; properties that stand in no scope go to the product before them."""
    if not page.holds(*syntax.marks):
        return []
    owners: dict[int, Node] = {}
    tops: list[Node] = []
    last_product: Node | None = None
    budget = MOST_PROPERTIES
    for index in page.marked(*syntax.tags):
        budget -= 1
        if budget <= 0:
            break
        attributes = page.attributes(index)
        names = attributes.get(syntax.property, "").split()[:4]
        if not names and syntax is RDFA and ":" in attributes.get("rel", ""):
            names = attributes["rel"].split()[:4]
        if not names and syntax is RDFA and "typeof" in attributes and page.parents[index] >= 0:
            rel = page.get(page.parents[index], "rel")
            names = rel.split()[:4] if ":" in rel else []
        opens = syntax.scope in attributes or (syntax is MICRODATA and "itemtype" in attributes)
        owner = _owner(page, index, owners)
        node: Node | None = None
        if opens:
            node = Node(attributes.get(syntax.type, "").split(), page.starts[index])
            name = attributes.get("itemid") or attributes.get("resource") or attributes.get("about")
            if name:
                node["@id"] = name
            owners[index] = node
            if not names or owner is None:
                if owner is not None and any("PriceSpecification" in kind for kind in node["@type"]):
                    owner.setdefault("pricespecification", []).append(node)
                elif owner is not None and _is_product(owner) and _is_product(node):
                    owner.setdefault("isrelatedto", []).append(node)
                else:
                    tops.append(node)
            if _is_product(node):
                last_product = node
        if not names:
            continue
        target = owner if owner is not None else last_product if syntax is MICRODATA else None
        if target is None or target is node:
            continue
        value: Any = node if node is not None else _value(page, index, attributes)
        if owner is None and node is not None:
            if _is_product(node) or not any("offer" in kind.lower() for kind in node["@type"]):
                continue  # already a node of its own; only a stray offer belongs to the product before it
            tops.remove(node)
        if node is None and len(target.spans) < 60:
            target.spans.append(
                (page.starts[index], min(max(page.close(index), page.ends[index]), page.ends[index] + 300))
            )
        for name in names:
            key = name.rpartition("/")[2].rpartition(":")[2]
            if ":" in name and name.partition(":")[0] in ("og", "product", "fb", "twitter", "article"):
                continue
            values = target.setdefault(key, [])
            if isinstance(values, list) and len(values) < 400:
                values.append(value)
    return tops


def _is_product(node: Node) -> bool:
    return any(
        kind.rpartition("/")[2].rpartition(":")[2].lower()
        in ("product", "productgroup", "individualproduct", "offering")
        for kind in node["@type"]
    )


def _owner(page: Markup, index: int, owners: dict[int, Node]) -> Node | None:
    for parent in page.ancestors(index):
        node = owners.get(parent)
        if node is not None:
            return node
    return None


def _value(page: Markup, index: int, attributes: dict[str, str]) -> str:
    content = attributes.get("content")
    if content is not None and (content or page.names[index] == "meta"):
        return content
    name = page.names[index]
    key = _ADDRESSES.get(name)
    if key and key in attributes:
        return attributes[key]
    if name in ("data", "meter", "input") and "value" in attributes:
        return attributes["value"]
    if name == "time" and "datetime" in attributes:
        return attributes["datetime"]
    return page.seen(index, LONGEST_TEXT)
