"""The values that inference takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Facts(NamedTuple):
    """What a page says about its product and itself; every value with its source (``jsonld:offers.price``).

    ``product``: custom_data keys found (content_ids, content_name, content_type, content_category, value, currency, …)
    when the page *is* a product's page, else empty. ``title``: the page's title.
    ``notices``: what the page says of the request before it, each as ``"success: text"``, ``"error: text"`` or
    ``"cart: 3"`` (the count that its cart shows).
    ``more``: ``"ids"``: a mapping of ``sku``, ``product_id``, ``variant_id``, ``mpn``, ``gtin`` to the page's own id of
    that kind (text), which ``content_id`` templates are filled from and product memory finds the product by;
    ``"html"``: the page's bytes as far as they were held, only where a plan wanted them.
    """

    product: Mapping[str, Any] = {}
    sources: Mapping[str, str] = {}
    is_product: bool = False
    title: str = ""
    notices: Sequence[str] = ()
    more: Mapping[str, Any] = {}


class Inferred(NamedTuple):
    """An event as the rules see it, before it has a visitor, an ID and a time.

    ``key``: what the event ID is derived from (an order number), "" for a random ID. ``browser``: False for events
    that can have no browser leg (a payment provider's notice). ``why``: what proved it, in words. ``order``: "" or, for
    a payment provider's notice, the reference under which the visitor of that order was remembered: the event is that
    visitor's, and without them there is none.
    """

    event_name: str
    custom_data: Mapping[str, Any]
    sources: Mapping[str, str]
    rule: str
    key: str = ""
    browser: bool = True
    why: str = ""
    order: str = ""


class Refused(NamedTuple):
    """An event whose rule matched and which did not count. ``why``: in words."""

    event_name: str
    rule: str
    why: str


class Response(NamedTuple):
    """What the app answered, as far as a plan asked for it. ``headers`` as given to ``start_response``.

    ``facts``: None when the page was not read. ``json``: the body of a JSON answer within bounds, else None.
    ``body``: the request's body within bounds, else None. ``pending``: what an earlier response left to be confirmed.
    ``visitor``: the ``_fbp`` that the visitor is given with this answer, "" where it came with the request or there is
    none.
    """

    status: int
    headers: Sequence[tuple[str, str]]
    facts: Facts | None = None
    json: bytes | None = None
    body: bytes | None = None
    pending: Sequence[Mapping[str, Any]] = ()
    visitor: str = ""


class Reference(NamedTuple):
    """An order that this visitor goes to pay for. ``custom_data``: what it comes to, as far as that is known."""

    order: str
    custom_data: Mapping[str, Any] = {}


class Conclusion(NamedTuple):
    """``events``: what happened. ``pending``: JSON values to be given back with the visitor's next page.
    ``refused``: what did not count, for ``explain``. ``remember``: orders under which this visitor is to be kept, for a
    payment provider's notice."""

    events: tuple[Inferred, ...] = ()
    pending: tuple[Mapping[str, Any], ...] = ()
    refused: tuple[Refused, ...] = ()
    remember: tuple[Reference, ...] = ()
