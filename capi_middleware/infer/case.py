"""All that one page's sources say, gathered once, and what was asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from . import buybox, currency, datalayer, heading, jsonld, microdata, opengraph, schema, storefront
from .address import cut
from .item import Item, clean_name
from .markup import Markup


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known before the page is read: its address, and the owner's settings."""

    host: str = ""
    path: str = "/"
    query: str = ""
    platform: str = "auto"
    currency: str = ""
    language: str = ""
    country: str = ""
    vat: str = "auto"

    @property
    def address(self) -> str:
        return f"{self.path}?{self.query}"


@dataclass(slots=True)
class Reading:
    """All that was read of one page. ``score`` and ``reasons``: whether it is a product's page, and why. ``several``:
    its sources tell different prices."""

    product: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    is_product: bool = False
    score: float = 0.0
    reasons: list[str] = field(default_factory=list)
    title: str = ""
    platform: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    canonical: str = ""
    items: list[Item] = field(default_factory=list)
    boxes: list[buybox.Box] = field(default_factory=list)
    variants: tuple[dict[str, Any], ...] = ()
    place: currency.Place = currency.Place()
    vat: str = "auto"
    several: bool = False
    spans: list[tuple[int, int]] = field(default_factory=list)


class Case:
    """One page being weighed. ``graphs``: its structured data, best syntax first. ``meta``: the product of its head's
    tags. ``layer``: the view events of its scripts. ``names``: what the page calls itself, surest first."""

    def __init__(self, page: Markup, asked: Asked) -> None:
        self.page = page
        self.asked = asked
        self.head = opengraph.read(page)
        self.store = storefront.read(page, asked.query)
        if asked.platform not in ("auto", "none", ""):
            self.store.platform = asked.platform
        self.heading = heading.main(page, self.head.metas.get("og:title") or self.head.title)
        self.boxes = buybox.boxes(page)
        self.graphs = [
            schema.Reader("jsonld").read(jsonld.nodes(page)),
            schema.Reader("microdata").read(microdata.nodes(page, microdata.MICRODATA)),
        ]
        if page.holds(b"typeof="):
            self.graphs.append(schema.Reader("rdfa").read(microdata.nodes(page, microdata.RDFA)))
        self.meta = opengraph.item(self.head)
        self.layer = datalayer.items(page)
        said = (
            self.heading.text if self.heading else "",
            clean_name(self.head.metas.get("og:title", "")),
            heading.from_title(self.head.title),
        )
        self.names = [name for name in said if name]
        self._here = {_path(asked.path), _path_of(self.head.canonical)} - {"/"}

    @property
    def heading_at(self) -> int:
        """Where the heading stands in the page, -1 when there is none."""
        return self.page.starts[self.heading.at] if self.heading is not None else -1

    def named(self, name: str) -> bool:
        """Is this one of the page's own names?"""
        return any(heading.alike(name, one) for one in self.names)

    def is_here(self, address: str) -> bool:
        """Is this address the page's own?"""
        query = cut(address).query
        if _path_of(address) not in self._here:
            return False
        return not query or query in self.asked.query or "=" not in self.asked.query


def _path(path: str) -> str:
    return (unquote(path).rstrip("/") or "/").lower()


def _path_of(address: str) -> str:
    return _path(cut(address).path)
