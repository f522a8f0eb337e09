"""One rule: which requests it matches, what proves that they succeeded, which event they are, with which values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .condition import Glob, Test
from .pattern import Pattern
from .value import Value

_EMPTY: Mapping[str, Any] = MappingProxyType({})

PAGE_EVENTS = frozenset({"PageView", "ViewContent", "Search", "InitiateCheckout", "Purchase"})
"""Events that a page is: without ``when`` they need a full page that a person opened."""
ACTION_EVENTS = frozenset({"AddToCart", "AddToWishlist", "AddPaymentInfo"})
"""Events that a request does: without ``method`` they are looked for in POST, PUT and PATCH."""

STANDARD_NAMES = (
    "AddPaymentInfo",
    "AddToCart",
    "AddToWishlist",
    "CompleteRegistration",
    "Contact",
    "CustomizeProduct",
    "Donate",
    "FindLocation",
    "InitiateCheckout",
    "Lead",
    "PageView",
    "Purchase",
    "Schedule",
    "Search",
    "StartTrial",
    "SubmitApplication",
    "Subscribe",
    "ViewContent",
)
"""Meta Pixel Reference, "Standard events", and PageView, the base code's own."""
CUSTOM_DATA = (
    "content_ids",
    "content_name",
    "content_category",
    "content_type",
    "contents",
    "currency",
    "value",
    "num_items",
    "order_id",
    "search_string",
    "status",
    "predicted_ltv",
    "net_revenue",
    "delivery_category",
)
"""Meta's own names in ``custom_data`` (Conversions API, Custom Data Parameters)."""
OWN_DATA = ("quantity", "price", "minor_price")
"""Ours: they become ``contents`` and ``value``. ``minor_price``: a price in hundredths (or as the currency has it)."""


@dataclass(frozen=True, slots=True)
class When:
    """What must be seen for the event to count; all of it.

    ``statuses``: accepted status codes as ranges. ``redirect``: None for any, True or False for whether there is one,
    or patterns of which its target fulfils one. ``notice``: the message that the page must show, ``success`` or
    ``error``, or ``none`` where it must show none of an error.
    ``cart``: whether the following page's cart must hold something.
    """

    statuses: tuple[tuple[int, int], ...] = ()
    redirect: bool | tuple[Pattern, ...] | None = None
    redirect_query: tuple[Test, ...] = ()
    json: tuple[Test, ...] = ()
    cookie: tuple[Test, ...] = ()
    header: tuple[Test, ...] = ()
    css: tuple[Test, ...] = ()
    notice: str = ""
    product: bool | None = None
    page: bool | None = None
    proof: bool = False
    cart: bool = False

    @property
    def wants(self) -> frozenset[str]:
        """Parts of the answer that must be read: ``json``, ``notices``, ``product``, ``html``."""
        found = set()
        if self.json or self.proof:
            found.add("json")
        if self.notice or self.proof or self.cart:
            found.add("notices")
        if self.product is not None:
            found.add("product")
        if self.css:
            found.add("html")
        return frozenset(found)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A checked rule; equal to another that was written alike in the same place.

    ``when`` and ``paths``: any of them; empty: every one. ``table``: as it was written.
    ``once``: ``""``, ``visitor``, ``cart`` or ``order``: how often it may count. ``notice``: the request comes from a
    payment provider's server. ``shipped``: a preset's or a general one. ``looks``: a built-in test of the request, in
    shipped rules only.
    """

    event: str
    name: str
    methods: frozenset[str] = frozenset()
    paths: tuple[Pattern, ...] = ()
    hosts: tuple[Glob, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    query: tuple[Test, ...] = ()
    form: tuple[Test, ...] = ()
    json: tuple[Test, ...] = ()
    graphql: tuple[Glob, ...] = ()
    when: tuple[When, ...] = ()
    next: tuple[When, ...] = ()
    data: Mapping[str, Value] = field(default_factory=lambda: _EMPTY)
    key: Value | None = None
    remember: Value | None = None
    once: str = ""
    order: int = 0
    send: bool = True
    server_only: bool = False
    notice: bool = False
    shipped: bool = False
    looks: str = ""
    file: str = ""
    line: int = 0
    table: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rule):
            return NotImplemented
        return (self.file, self.line, self.table) == (other.file, other.line, other.table)

    def __hash__(self) -> int:
        return hash((self.event, self.name, self.file, self.line))

    @property
    def sources(self) -> frozenset[str]:
        """Kinds of sources that its values come from."""
        values = [*self.data.values(), self.key or Value(), self.remember or Value()]
        return frozenset().union(*(one.wants for one in values))
