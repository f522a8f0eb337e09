"""Did it succeed? What an answer proves about the request before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from capi_middleware.settings.condition import Test, truthy
from capi_middleware.settings.problem import shown
from capi_middleware.settings.rule import When

from . import document
from .context import Context
from .lazy import regex
from .line import lines_of
from .told import holds_line


class Proof(Enum):
    """What the answer says of success."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


class Finding(NamedTuple):
    """``why``: a short sentence for ``explain``."""

    proof: Proof
    why: str


UNSURE = Finding(Proof.UNSURE, "no sign of success or failure")
_DEEPEST = 5
_MOST_PARTS = 64
_CART_COOKIE = regex(
    r"cart|basket|varukorg|kundvagn|warenkorb|panier|handlekurv|carrito|carrello|winkel(?:wagen|mand)|koszyk|ostoskori",
    re.IGNORECASE,
)
_NEGATIVE_KEYS = frozenset({
    "error", "errors", "haserror", "haserrors", "has_error", "has_errors", "user_errors", "usererrors", "exception",
    "fault", "failed", "failure", "validationerrors", "validation_errors",
})  # fmt: skip
_SUCCESS_KEYS = frozenset({"success", "ok", "issuccess", "succeeded", "successful", "added", "isadded"})
_STATUS_KEYS = frozenset({"status", "result", "type", "messagetype", "state", "code", "statuscode", "status_code"})
_BAD_WORDS = frozenset({
    "error", "errors", "fail", "failed", "failure", "invalid", "danger", "nok", "declined", "validation_failed", "spam",
})  # fmt: skip
_GOOD_WORDS = frozenset({
    "ok", "success", "successful", "succeeded", "added", "mail_sent", "sent", "done", "complete", "completed",
    "created",
})  # fmt: skip
_CART_KEYS = frozenset({
    "cart", "basket", "cart_hash", "fragments", "items_count", "item_count", "itemcount", "itemscount", "cart_quantity",
    "cartquantity", "cart_count", "cartcount", "totalitems", "total_items", "totalquantity", "line_items", "lineitems",
    "numitems", "cart_token", "selection",
})  # fmt: skip
_ANSWER_LISTS = frozenset({"responses", "data", "result"})
_NOT_ANSWERS = frozenset({"fragments", "sections", "extensions", "product", "products", "items"})


def holds(when: When, context: Context) -> str:
    """ "" where all of ``when`` is seen, else what is missing."""
    answer = context.answer
    if not _status(when, answer.status):
        return f"status {answer.status}"
    if when.page is not None and context.is_page is not when.page:
        return "not a full page opened by a person" if when.page else "a full page"
    missing = _redirect(when, context)
    if missing:
        return missing
    for test in when.json:
        found = test.find(answer.json) if answer.has_json else None
        if not answer.has_json or not test.holds([found]):
            return _told("json", test)
    for test in when.cookie:
        if not test.holds(_named(answer.cookies, test)):
            return f"cookie {test.name} is not set as wanted"
    for test in when.header:
        if not test.holds(_named(answer.headers, test, str.lower)):
            return _told("header", test)
    return _page(when, context)


def _page(when: When, context: Context) -> str:
    answer = context.answer
    notices = answer.notices
    if when.notice == "success" and "success" not in notices:
        return "the page shows no message of success"
    if when.notice == "error" and "error" not in notices:
        return "the page shows no message of an error"
    if when.notice in ("success", "none") and "error" in notices:
        return "the page shows a message of an error"
    if when.cart and not truthy(notices.get("cart", "")):
        return "the cart is empty, or shows no count"
    if when.product is not None and context.facts.is_product is not when.product:
        return "not a product's page" if when.product else "a product's page"
    for test in when.css:
        selector, attribute = test.find
        if not test.holds(document.select(answer.html, selector, attribute)):
            return _told("css", test)
    return ""


def _told(kind: str, test: Test) -> str:
    return f"{kind} {test.name} is not {shown(test.written)}"


def _status(when: When, status: int) -> bool:
    if when.statuses:
        return any(low <= status <= high for low, high in when.statuses)
    return 200 <= status < 400


def _redirect(when: When, context: Context) -> str:
    answer = context.answer
    if when.redirect is None and not when.redirect_query:
        return ""
    if when.redirect is False:
        return f"redirects to {answer.target}" if answer.redirects else ""
    if not answer.location:
        return "no redirect"
    if isinstance(when.redirect, tuple):
        for pattern in when.redirect:
            found = pattern.match(answer.target, context.target_kinds)
            if found is not None:
                context.redirect_arguments = found
                break
        else:
            return f"redirects to {answer.target}"
    for test in when.redirect_query:
        named = test.find or test.name.__eq__
        if not test.holds([value for name, value in answer.target_query if named(name)]):
            return _told("redirect", test)
    return ""


def _named(values: Mapping[str, str], test: Test, change: Any = None) -> Iterator[str]:
    name = change(test.name) if change else test.name
    if test.find is None:
        if name in values:
            yield values[name]
        return
    for known, value in values.items():
        if test.find(known):
            yield value


_TARGETS = {
    "AddToCart": frozenset({"cart", "checkout"}),
    "AddToWishlist": frozenset({"wishlist"}),
    "AddPaymentInfo": frozenset({"thanks", "checkout"}),
}
_THANKS = frozenset({"thanks"})


def proof(event: str, context: Context) -> Finding:
    """What can be told of this event without knowing the shop.

    Failure is looked for first: most shops answer a refusal with the status of a success (reference: platforms, 0).
    """
    answer = context.answer
    kinds = _TARGETS.get(event, _THANKS)
    if answer.status >= 400 or answer.status < 200:
        return Finding(Proof.NO, f"status {answer.status}")
    if answer.has_json:
        found = json_proof(answer.json)
        if found.proof is not Proof.UNSURE:
            return found
        if event == "AddToCart" and holds_line(lines_of(context.body), answer.json):
            return Finding(Proof.YES, "the answer holds what was asked for, with its price")
    notices = answer.notices
    if "error" in notices:
        return Finding(Proof.NO, "the page shows a message of an error")
    if "success" in notices:
        return Finding(Proof.YES, "the page shows a message of success")
    if answer.redirects:
        found = _redirect_proof(context, kinds)
        if found.proof is not Proof.UNSURE:
            return found
    if event == "AddToCart" and not context.is_page and truthy(notices.get("cart", "")):
        return Finding(Proof.YES, f"the answer shows a cart of {notices['cart']}")
    if event == "AddToCart":
        cookie = next((name for name in answer.cookies if _CART_COOKIE.search(name)), "")
        if cookie:
            return Finding(Proof.YES, f"the cookie {cookie} is set")
    if answer.status == 201:
        return Finding(Proof.YES, "status 201")
    return UNSURE


def _redirect_proof(context: Context, kinds: frozenset[str]) -> Finding:
    target = context.target_kinds
    path = context.answer.target
    if target & {"login", "refused"}:
        return Finding(Proof.NO, f"redirects to {path}")
    if target & kinds and not ("cart" not in kinds and context.leads_back()):
        return Finding(Proof.YES, f"redirects to {path}")
    return UNSURE


def after(event: str, context: Context) -> Finding:
    """What the page that follows says of the request before it."""
    notices = context.answer.notices
    if "error" in notices:
        return Finding(Proof.NO, "the following page shows a message of an error")
    if "success" in notices:
        return Finding(Proof.YES, "the following page shows a message of success")
    if event == "AddToCart" and truthy(notices.get("cart", "")):
        return Finding(Proof.YES, f"the following page shows a cart of {notices['cart']} and no error")
    return Finding(Proof.UNSURE, "the following page shows neither a message nor a cart")


def json_proof(document: Any) -> Finding:
    """What a JSON answer says, whatever shop it is from."""
    positive = ""
    for parts, (key, value) in enumerate(_pairs(document, 0)):
        if parts >= _MOST_PARTS * _DEEPEST:
            break
        low = key.lower()
        if low in _NEGATIVE_KEYS and truthy(value):
            return Finding(Proof.NO, f"json {key} is given")
        if low in _SUCCESS_KEYS and isinstance(value, (bool, int)):
            if not value:
                return Finding(Proof.NO, f"json {key} is false")
            positive = positive or f"json {key} is true"
        elif low in _SUCCESS_KEYS and truthy(value):
            positive = positive or f"json {key} is given"
        elif low in _STATUS_KEYS:
            word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
            if word in _BAD_WORDS or (low != "type" and word.isdecimal() and 400 <= int(word) < 600):
                return Finding(Proof.NO, f"json {key} is {word}")
            if word in _GOOD_WORDS:
                positive = positive or f"json {key} is {word}"
        elif low == "__typename" and isinstance(value, str) and re.search(r"Error(?:Result)?$", value):
            return Finding(Proof.NO, f"json __typename is {value}")
        elif low in _CART_KEYS and truthy(value):
            positive = positive or f"json {key} is given"
    return Finding(Proof.YES, positive) if positive else UNSURE


def _pairs(document: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Keys and values, outer ones first; of the insides, only what wraps an answer."""
    if depth >= _DEEPEST:
        return
    if isinstance(document, list):
        for part in document[:_MOST_PARTS]:
            yield from _pairs(part, depth + 1)
    elif isinstance(document, dict):
        parts = list(document.items())[:_MOST_PARTS]
        for key, value in parts:
            if isinstance(key, str):
                yield key, value
        for key, value in parts:
            wraps = isinstance(value, dict) or (isinstance(value, list) and key in _ANSWER_LISTS)
            if wraps and key.lower() not in _NOT_ANSWERS:
                yield from _pairs(value, depth + 1)
