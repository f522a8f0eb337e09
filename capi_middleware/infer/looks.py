"""Built-in tests of a request, for the general rules: does this form put something into a cart?

Measured on hand-labelled forms (reference: platforms, 0.6): an id beside a quantity, or an id sent to an address that
speaks of a cart; and words that veto it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from capi_middleware.settings.words import NONE, bare, field_kinds, path_words

from .context import Context
from .line import lines_of

_VETO = re.compile(
    r"(?:^|[^a-z])(?:remove|delete|updates?|coupons?|voucher|discount|compare|wish|wishlist|review|estimate|ta_?bort"
    r"|entfernen|supprimer|fjern|poista|verwijder|eliminar|rimuovi|usun|password|passwd|email|e-mail|comment|message"
    r"|meddelande|search|newsletter|card|cardnumber|card_?no|cvc|cvv|iban|expir[a-z]*|ssn|personnummer|phone|telefon"
    r"|address|street|zip|postcode|postal_?code|firstname|lastname|first_name|last_name|surname)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_VERBS = frozenset(
    {"action", "task", "do", "cmd", "command", "op", "mode", "act", "method", "type", "cartaction", "event"}
)
_DOWN = frozenset({"down", "minus", "decrease", "remove", "delete", "update", "change", "show", "subtract"})
_MOST = 200
_DEEPEST = 6


def adds_to_cart(context: Context) -> bool:
    """Whether the request asks for something to be put into a cart."""
    kinds = context.kinds
    if not kinds.isdisjoint(
        {"change", "~change", "wishlist", "~wishlist", "login", "register", "search", "newsletter"}
    ):
        return False
    fields = list(_fields(context))
    if any(_VETO.search(name) for name, _ in fields):
        return False
    verbs = _verbs(fields)
    if "change" in verbs:
        return False
    cart = "cart" in kinds or "~cart" in kinds or "cart" in verbs
    add = "add" in kinds or "~add" in kinds or "add" in verbs
    if "checkout" in kinds and not cart:
        return False
    lines = lines_of(context.body)
    if lines and all(line.quantity == 0 for line in lines):
        return False
    if len(lines) > 1 and not add:
        return False  # a cart page's own form, which sends all its lines
    if any(line.quantity is not None for line in lines) and (cart or add or context.body.fields):
        return True
    return cart and (bool(lines) or add)


def _verbs(fields: list[tuple[str, str]]) -> frozenset[str]:
    found: set[str] = set()
    for name, value in fields:
        word = bare(name.rpartition("[")[2].rstrip("]"))
        if word in _VERBS and len(value) <= 40:
            text = bare(value)
            if text in _DOWN:
                return frozenset({"change"})
            for part in re.split(r"[-_./ ]+", value):
                found.update(path_words().get(bare(part), NONE))
            found.update(path_words().get(text, NONE))
        elif bare(name) in ("addtocart", "addtobasket", "addtobag", "buynow"):
            found.update(("cart", "add"))
    return frozenset(found)


def _fields(context: Context) -> Iterator[tuple[str, str]]:
    yield from context.body.fields
    if context.body.json is not None:
        yield from _flat(context.body.json, 0)


def _flat(document: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(document, list):
        for part in document[:_MOST]:
            yield from _flat(part, depth + 1)
    elif isinstance(document, dict):
        for name, value in list(document.items())[:_MOST]:
            if isinstance(value, (dict, list)):
                yield from _flat(value, depth + 1)
            elif isinstance(name, str) and name not in ("query", "operationName"):
                yield name, "" if value is None else str(value)[:200]


def searches(context: Context) -> bool:
    """Whether the address asks a question: a search field in it that is not empty."""
    return any("search" in field_kinds(name) and value.strip() for name, value in context.query)


def writes(context: Context) -> bool:
    """Whether a form was posted in which somebody wrote to the shop: an address to answer to, or a message."""
    names = [bare(name.rpartition("[")[2].rstrip("]") or name) for name, value in _fields(context) if value.strip()]
    return any("mail" in name or "message" in name or "meddelande" in name or "phone" in name for name in names)


LOOKS: Mapping[str, Callable[[Context], bool]] = {
    "adds to cart": adds_to_cart,
    "searches": searches,
    "writes": writes,
}
