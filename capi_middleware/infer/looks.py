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
from .lazy import regex
from .line import lines_of, lines_of_pairs

_VETO = regex(
    r"(?:^|[^a-z])(?:remove|delete|updates?|coupons?|voucher|discount|compare|wish|wishlist|review|estimate|ta_?bort"
    r"|entfernen|supprimer|fjern|poista|verwijder|eliminar|rimuovi|usun|password|passwd|email|e-mail|comment|message"
    r"|meddelande|search|newsletter|card|cardnumber|card_?no|cvc|cvv|iban|expir[a-z]*|ssn|personnummer|phone|telefon"
    r"|address|street|zip|postcode|postal_?code|firstname|lastname|first_name|last_name|surname)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_VERBS = frozenset({
    "action", "task", "do", "cmd", "command", "op", "mode", "act", "method", "type", "event", "func", "function", "exe",
})  # fmt: skip
_DOWN = frozenset({"down", "minus", "decrease", "remove", "delete", "update", "change", "show", "subtract"})
_ADDS = frozenset({"cart", "add"})
_PASSWORD = regex(
    r"passw|pwd|losenord|kennwort|motdepasse|wachtwoord|contrasena|haslo|salasana|adgangskode|passord|clave"
)
_LETTER = regex(
    r"newsletter|nyhetsbrev|nyhedsbrev|nieuwsbrief|uutiskirje|infolettre|lettredinformation|boletin|mailinglist|subscribe"
    r"|prenumer|inschrijv|iscrizione|abonnier"
)
_MORE = regex(r"passw|message|meddelande|comment|subject|phone|telefon|street|address1|zip|postal|quantity|qty")
_MOST = 200
_DEEPEST = 6
_REFUSED = frozenset({"wishlist", "~wishlist", "login", "register", "search", "newsletter"})


def adds_to_cart(context: Context) -> bool:
    """Whether the request asks for something to be put into a cart."""
    kinds = context.kinds
    if not kinds.isdisjoint(_REFUSED):
        return False
    fields = list(_fields(context))
    if any(value.strip() and _VETO.search(name) for name, value in fields):
        return False
    verbs = _verbs(fields)
    if "change" in verbs or ("add" not in verbs and not kinds.isdisjoint({"change", "~change"})):
        return False
    cart = "cart" in kinds or "~cart" in kinds or "cart" in verbs
    add = "add" in kinds or "~add" in kinds or "add" in verbs
    if "checkout" in kinds and not (cart or add):
        return False
    lines = lines_of(context.body) or lines_of_pairs(context.query)
    if lines and all(line.quantity == 0 for line in lines):
        return False
    if len(lines) > 1 and not add:
        return False  # a cart page's own form, which sends all its lines
    counted = any(line.quantity is not None for line in lines)
    if context.visit.method == "GET":
        return (cart or "add" in verbs) and (counted or (add and bool(lines)) or (cart and "add" in verbs))
    if counted and (cart or add or context.body.fields):
        return True
    if cart:
        return bool(lines) or add
    if add and "checkout" in kinds and lines:
        return True
    return add and any("quantity" in field_kinds(name) for name, _ in fields)


def _verbs(fields: list[tuple[str, str]]) -> frozenset[str]:
    """What the form's own words ask for: ``action=add``, ``basket_action=add_product``, ``exe=cart.add``."""
    found: set[str] = set()
    words = path_words()
    for name, value in fields:
        word = bare(name.rpartition("[")[2].rstrip("]"))
        if not value or len(value) > 40:
            continue
        if word in _VERBS or word.endswith("action"):
            text = bare(value)
            if text in _DOWN:
                return frozenset({"change"})
            for part in re.split(r"[-_./ ]+", value):
                found.update(words.get(bare(part), NONE))
            found.update(words.get(text, NONE))
            if "cart" in word or "basket" in word:
                found.add("cart")
        elif words.get(word, NONE) >= _ADDS or word in ("buynow", "add2cart"):
            found.update(_ADDS)
    return frozenset(found)


def _fields(context: Context) -> Iterator[tuple[str, str]]:
    yield from context.body.fields
    if context.visit.method == "GET":
        yield from context.query
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
    names = [_bare_name(name) for name, value in _fields(context) if value.strip()]
    return any("mail" in name or "message" in name or "meddelande" in name or "phone" in name for name in names)


def subscribes(context: Context) -> bool:
    """Whether a form was posted that asks for a newsletter: an e-mail address, little else, and a word for it."""
    names = {_bare_name(name) for name, value in _fields(context) if value.strip()}
    if not any("mail" in name for name in names) or any(map(_MORE.search, names)):
        return False
    if not context.kinds.isdisjoint({"newsletter", "~newsletter"}):
        return True
    said = [*names, *(bare(value) for _, value in _fields(context) if 3 < len(value) <= 40)]
    return any(map(_LETTER.search, said))


def registers(context: Context) -> bool:
    """Whether a form was posted that makes an account: an address and a password, at an address that says so or with
    the password twice."""
    names = [_bare_name(name) for name, value in _fields(context) if value.strip()]
    passwords = sum(1 for name in names if _PASSWORD.search(name))
    if not passwords or not any("mail" in name for name in names):
        return False
    return "register" in context.kinds or "~register" in context.kinds or passwords > 1


def _bare_name(name: str) -> str:
    inner = name.rpartition("[")[2].rstrip("]")
    return bare(inner or name)


LOOKS_AT_QUERY = frozenset({"adds to cart", "searches"})
"""Those that never fit a request without a body whose address has no query."""

LOOKS: Mapping[str, Callable[[Context], bool]] = {
    "adds to cart": adds_to_cart,
    "searches": searches,
    "writes": writes,
    "registers": registers,
    "subscribes": subscribes,
}
