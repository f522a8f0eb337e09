"""From a visit and the shop's answer to events, by rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs

from capi_middleware.settings import Settings
from capi_middleware.visit.visit import Asker, Visit

from .types import Conclusion, Facts, Inferred, Response

_BODY_LIMIT = 256 * 1024
_ADD = re.compile(r"/(?:cart|basket|kundvagn|varukorg|add)[^/]*(?:/add|/lagg-till)?(?:/|$)", re.I)
_CHECKOUT = re.compile(r"/(?:checkout|kassa|kassan)/?(?:shipping-address/?)?$", re.I)
_THANKS = re.compile(r"/(?:thank-you|thankyou|tack|order-received|orderbekraftelse|success)(?:/([^/]+))?/?$", re.I)
_IDS = ("product_id", "product", "sku", "id", "variant_id", "add-to-cart")
_AMOUNTS = ("quantity", "qty", "antal", "amount")


class Products(Protocol):
    """What the shop has shown of its products (:class:`~capi_middleware.infer.memory.ProductMemory`)."""

    def by_id(self, host: str, content_id: str) -> Mapping[str, Any] | None: ...
    def by_url(self, host: str, address: str) -> Facts | None: ...


class Inference:
    """One shop's rules, compiled once; shared by all threads."""

    def __init__(self, settings: Settings, products: Products | None = None) -> None:
        self.settings = settings
        self.products = products

    def plan(self, visit: Visit, content_type: str = "", content_length: int | None = None) -> Plan:
        """Which rules may fire for this request, and what they need. ``content_type``, ``content_length``: of the
        request's body."""
        acts = visit.asker in (Asker.PERSON, Asker.SCRIPT)
        page_view = visit.asker is Asker.PERSON and visit.method in ("GET", "POST")
        adds = acts and visit.method == "POST" and _ADD.search(visit.path) is not None
        form = content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"
        wants_body = adds and form and (content_length or 0) <= _BODY_LIMIT
        return Plan(self, visit, page_view, wants_body, page_view, adds, adds)


class Plan(NamedTuple):
    """What one request needs. ``page_view``: a PageView if the answer is a full page. ``wants_body``: tee the request's
    body; ``wants_page``: read facts; ``wants_json``: keep a JSON answer, all within bounds."""

    inference: Inference
    visit: Visit
    page_view: bool
    wants_body: bool
    wants_page: bool
    wants_json: bool
    adds: bool

    @property
    def wanted(self) -> frozenset[str]:
        """Parts of a page to read: of ``"product"``, ``"notices"`` and ``"html"`` (the page's bytes, up to 1 MiB, in
        ``Facts.more["html"]``: thank-you pages, CSS selectors of rules, a platform not yet recognised)."""
        return frozenset(("product", "notices"))

    def conclude(self, response: Response) -> Conclusion:
        """The events of this request, now that its answer is known; PageView, if any, is the first of them."""
        events: list[Inferred] = []
        if self.adds and response.status in (301, 302, 303):
            events.append(self._add_to_cart(response))
        if self.page_view and response.status == 200 and response.facts is not None:
            events += self._page(response.facts)
        return Conclusion(tuple(events))

    def _page(self, facts: Facts) -> list[Inferred]:
        events = [Inferred("PageView", {}, {}, "page")]
        if facts.is_product:
            events.append(Inferred("ViewContent", facts.product, facts.sources, "product page"))
        thanks = _THANKS.search(self.visit.path)
        order = thanks[1] if thanks else None
        if order and "value" in facts.more:
            data = {"order_id": order, "value": facts.more["value"], "currency": facts.more["currency"]}
            sources = {"order_id": "path:order", "value": "page:total", "currency": "page:total"}
            events.append(Inferred("Purchase", data, sources, "thank-you page", key=order))
        elif _CHECKOUT.search(self.visit.path):
            events.append(Inferred("InitiateCheckout", {}, {}, "checkout page"))
        return events

    def _add_to_cart(self, response: Response) -> Inferred:
        form = parse_qs((response.body or b"").decode("utf-8", "replace"))
        data: dict[str, Any] = {}
        sources: dict[str, str] = {}
        content_id = next((form[name][0] for name in _IDS if name in form), "")
        sources["content_ids"] = "form"
        if not content_id:
            digits = re.search(r"/(\d+)/?$", self.visit.path)
            content_id = digits[1] if digits else ""
            sources["content_ids"] = "path"
        quantity = next((int(form[name][0]) for name in _AMOUNTS if name in form and form[name][0].isdigit()), 1)
        products = self.inference.products
        known = products.by_id(self.visit.host, content_id) if products and content_id else None
        if known:
            for field in ("content_name", "currency"):
                if field in known:
                    data[field], sources[field] = known[field], "product memory"
            if "value" in known:
                data["value"], sources["value"] = round(known["value"] * quantity, 2), "product memory x quantity"
        if content_id:
            data["content_ids"], data["content_type"] = [content_id], "product"
            data["contents"] = [{"id": content_id, "quantity": quantity}]
        else:
            del sources["content_ids"]
        return Inferred("AddToCart", data, sources, "form to the cart")
