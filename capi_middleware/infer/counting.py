"""What counts once: double clicks, reloads, the steps of one checkout, one order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from capi_middleware.settings.rule import ACTION_EVENTS, Rule

from .context import Context
from .lazy import regex
from .once import Once

DOUBLE_CLICK = 5.0
"""Seconds within which the same request of the same visitor is a double click or a retry."""
SAME_SEARCH = 300.0
"""Seconds within which the same words are the same search: its pages, its filters, its reloads."""
ONE_CART = 1800.0
"""Seconds for which a visitor's checkout is one checkout, unless an order ends it before."""
ONE_VISIT = 1800.0
ONE_ORDER = 30 * 86400.0

_SESSION = regex(r"sess|sid$|^sid|basket|cart|token|customer|visitor|client", re.IGNORECASE)
_CHECKOUT = "checkout"


def visitor_of(context: Context) -> str:
    """Who it is, for as long as a shopping trip: the pixel's cookie, else a session's, else address and browser.

    Only ever hashed, and only kept for minutes.
    """
    visit = context.visit
    fbp = visit.cookies.get("_fbp") or context.answer.response.visitor
    if fbp:
        return fbp
    for name, value in visit.cookies.items():
        if value and _SESSION.search(name):
            return f"{name}={value}"
    return f"{visit.address}|{visit.user_agent}"


class Counting:
    """Decides whether an event counts. ``once``: None counts everything (``explain``)."""

    def __init__(self, once: Once | None) -> None:
        self._once = once

    def refusal(self, rule: Rule, context: Context, data: Mapping[str, Any], key: str) -> str:
        """ "" where the event counts (and is remembered as counted), else why it does not. Nothing is remembered of a
        visit that Meta may not be told of: the event is only held, and comes again once it may."""
        once = self._once
        if once is None:
            return ""
        visit = context.visit
        span = _span(rule, context, data, key)
        if span is None:
            return ""
        name, seconds, why = span
        mark = f"{visit.host}|{rule.event}|{name}"
        if not visit.consent.allowed:
            return "" if not once.seen(mark) else why
        if not once.first(mark, seconds):
            return why
        if rule.event == "InitiateCheckout":
            once.first(_checkout(context), ONE_CART)
        return ""

    def ordered(self, context: Context) -> None:
        """An order ends the visitor's cart: the next checkout is another one."""
        if self._once is not None and context.visit.consent.allowed:
            visitor = visitor_of(context)
            for event in ("InitiateCheckout", "AddPaymentInfo"):
                self._once.forget(f"{context.visit.host}|{event}|{visitor}")
            self._once.forget(_checkout(context))
            self._once.forget(_total(context))

    def note_total(self, context: Context, value: float, code: str) -> None:
        """What the visitor's cart or checkout page said the cart comes to."""
        if self._once is not None and context.visit.consent.allowed and 0 < value < 1e12:
            self._once.note(_total(context), value, code, ONE_CART)
            self.note_currency(context, code)

    def note_currency(self, context: Context, code: str) -> None:
        """In which currency the visitor's cart or checkout page spoke; a change to the cart leaves it as it is."""
        if self._once is not None and context.visit.consent.allowed:
            self._once.note(_currency(context), 1.0, code, ONE_CART)

    def noted_currency(self, context: Context) -> str:
        """The last of them, "" where there was none lately."""
        noted = self._once.noted(_currency(context)) if self._once is not None else None
        return noted[1] if noted is not None else ""

    def forget_total(self, context: Context) -> None:
        """The cart has changed since a page told what it comes to."""
        if self._once is not None and context.visit.consent.allowed:
            self._once.forget(_total(context))

    def noted_total(self, context: Context) -> tuple[float, str] | None:
        """The last of them, None where there was none lately."""
        return self._once.noted(_total(context)) if self._once is not None else None

    def was_at_checkout(self, context: Context) -> bool:
        """Whether this visitor went to the checkout lately: what an order without a number rests on."""
        return self._once is None or self._once.seen(_checkout(context))

    def notice(self, host: str, event: str, order: str) -> bool:
        """Whether a payment provider's notice of this order is the first word of it. The visitor's own thank-you page
        still counts after it, under the same event ID: only it has a browser's half."""
        once = self._once
        if once is None:
            return True
        return not once.seen(f"{host}|{event}|order|{order}") and once.first(
            f"{host}|{event}|notice|{order}", ONE_ORDER
        )


def _total(context: Context) -> str:
    return f"{context.visit.host}|total|{visitor_of(context)}"


def _currency(context: Context) -> str:
    return f"{context.visit.host}|currency|{visitor_of(context)}"


def _checkout(context: Context) -> str:
    return f"{context.visit.host}|{_CHECKOUT}|{visitor_of(context)}"


def _span(rule: Rule, context: Context, data: Mapping[str, Any], key: str) -> tuple[str, float, str] | None:
    """What is remembered, for how long, and what is said when it comes again; None for what counts each time, as a page
    that is opened again does."""
    visitor = visitor_of(context)
    once = rule.once or _DEFAULTS.get(rule.event, "")
    if once == "order" and key:
        return f"order|{key}", ONE_ORDER, f"{rule.event} of {key} was counted before"
    if once == "order":
        return visitor, ONE_CART, "counted before in this visit"
    if once == "cart":
        return visitor, ONE_CART, "counted before for this cart"
    if once == "visitor":
        return visitor, ONE_VISIT, "counted before in this visit"
    if rule.event == "Search":
        return f"{visitor}|{data.get('search_string', '')}", SAME_SEARCH, "the same words were just searched for"
    if context.visit.method == "GET" and rule.event not in ACTION_EVENTS:
        return None
    content = repr((context.visit.method, context.visit.path, context.visit.query, data, context.body.fields))
    digest = hashlib.blake2b(content.encode("utf-8", "replace"), digest_size=12).hexdigest()
    return f"{visitor}|{digest}", DOUBLE_CLICK, "the same request came twice within seconds"


_DEFAULTS = {"Purchase": "order", "InitiateCheckout": "cart", "AddPaymentInfo": "cart"}
