"""A form, read as one that may put something into the cart."""

from __future__ import annotations

import re

from . import money, vocabulary
from .box import Box, says_buy
from .lazy import regex
from .markup import Markup

MOST_FIELDS = 400

_HIDDEN_PRICE = regex(
    r"^(?:product_?price|price|item_?price|unit_?price|amount|pris|preis|prix|a_price|final_?price|product\[price\]"
    r"|sale_?price|price_\d+)$",
    re.I,
)
_HIDDEN_NAME = regex(
    r"^(?:item_?name|product_?name|product_?title|productname|prod_?name|a_name|artikelname|name_product)$", re.I
)
_HIDDEN_CURRENCY = regex(r"^(?:currency|currency_?code|currency_?id|waehrung|valuta)$", re.I)
# Fields of a form that surely buys, of which one may be the id when none has a usual name.
_LIKE_ID = regex(r"(?:product|prod|item|article|artikel|art|sku|code|nr|no|num|number|id)s?\d*$", re.I)
_NO_ID = regex(
    r"sess|token|csrf|form|user|customer|member|cart|basket|page|shop|categ|^cat|lang|curr|store|return|merch|site"
    r"|step|view|ship"
    r"|price|tax|group|type|option|attrib|color|size|affil|partner|account|visitor|order|promo|coupon|quid|guid"
    r"|tracking",
    re.I,
)
_TYPED = ("checkbox", "text", "search", "number", "tel")


def read(page: Markup, index: int, stop: int) -> Box | None:
    """The form as a box with its strength; None when it is something else (a login, the whole page's form)."""
    reading = _Reading(page, index, stop)
    for inner in page.inside(index):
        if page.starts[inner] >= stop:
            break
        if page.names[inner] in ("input", "button", "select", "textarea", "a") and not reading.take(inner):
            return None
    return reading.box_of_all()


class _Reading:
    """One form while it is read, field by field."""

    def __init__(self, page: Markup, index: int, stop: int) -> None:
        self._page = page
        self._given = page.attributes(index)
        self._box = Box(index, page.starts[index], page.starts[index], stop)
        self._names: set[str] = set()
        self._fields = 0
        self._cart_field = self._bought = self._refused = False

    def take(self, inner: int) -> bool:
        """Read one element; False when the form cannot be one to buy with."""
        page, box = self._page, self._box
        self._fields += 1
        if self._fields > MOST_FIELDS:
            return False
        name, given = page.names[inner], page.attributes(inner)
        if name == "a":
            if "href" in given and not self._bought and says_buy(page, inner):
                self._buys(inner)
            return True
        kind, field_name = given.get("type", "").lower(), given.get("name", "")
        if vocabulary.CART.search(field_name) and not vocabulary.VETO.search(field_name):
            self._cart_field = True
        if name == "button" or kind in ("submit", "button", "image"):
            self._button(inner, given)
        elif kind in ("password", "email"):
            return False
        elif field_name:
            known = len(box.ids) + (box.price is not None)
            self._field(inner, field_name, kind, given)
            if len(box.ids) + (box.price is not None) > known:
                box.spans.append((page.starts[inner], page.ends[inner]))
        return True

    def _buys(self, inner: int) -> None:
        if not self._bought:
            self._box.at = self._page.starts[inner]
        self._bought = True

    def _button(self, inner: int, given: dict[str, str]) -> None:
        page, box, name, value = self._page, self._box, given.get("name", ""), given.get("value", "")
        if says_buy(page, inner):
            self._buys(inner)
            if value and vocabulary.id_kind(name):
                box.add(vocabulary.id_kind(name), value, f"form:{name}")
            box.add_from_data(given)
            box.spans.append((page.starts[inner], page.ends[inner]))
        elif vocabulary.NOT_BUY.search(" ".join((value, given.get("class", ""), name, page.text(inner, 200)))[:300]):
            self._refused = True

    def _field(self, inner: int, name: str, kind: str, given: dict[str, str]) -> None:
        box, element = self._box, self._page.names[inner]
        self._names.add(re.sub(r"\d+", "#", name)[:40])
        if vocabulary.QUANTITY.search(name) and kind != "radio":
            box.quantity = True
        elif element == "select" or kind in ("radio", "checkbox"):
            box.options += 1
        if (element == "input" and kind not in _TYPED) or (kind == "text" and not given.get("placeholder")):
            _from_field(box, name, given.get("value", ""), kind)
        elif element == "select":
            sort = vocabulary.id_kind(name)
            if sort in ("variant_id", "any_id", "sku"):
                box.add("variant_id" if sort == "any_id" else sort, _selected(self._page, inner), f"form:{name}")

    def box_of_all(self) -> Box:
        """The whole form's box."""
        box, action = self._box, self._given.get("action", "")
        box.add_from_address(action)
        box.add_from_data(self._given)
        made_by = re.sub(r"\d+|[0-9a-f]{8,}", "#", action.split("?")[0])[-60:]
        box.likeness = "|".join(sorted(self._names)) + "~" + made_by
        spare = [found for found in (box.ids.pop("spare", None), box.ids.pop("last", None)) if found]
        if self._bought and not box.ids and spare:
            box.ids["any_id"] = spare[0]
        box.strength = self._strength(action)
        return box

    def _strength(self, action: str) -> float:
        box = self._box
        label = " ".join((action, *(self._given.get(name, "") for name in ("id", "class", "name"))))
        veto = bool(vocabulary.VETO.search(label)) and not re.search(r"add", action, re.I)
        cart = bool(vocabulary.CART.search(label)) and not veto
        identified, bought = bool(box.ids), self._bought
        if veto and not bought:
            return 0.0
        if bought and not identified and not box.quantity and not cart:
            return 3.5 if self._cart_field else 3.0
        if (
            not bought
            and not (identified and (box.quantity or cart))
            and not (cart and (box.quantity or self._cart_field))
        ):
            return 0.0
        strength = 2.0 * identified + 2.0 * box.quantity + 2.0 * cart + 2.0 * bought + 1.0 * self._cart_field
        return strength - 2.0 * (self._refused and not bought)


def _selected(page: Markup, index: int) -> str:
    """The value of the option that is chosen, else of the first that can be."""
    first = ""
    for inner in page.inside(index):
        if page.names[inner] == "option":
            given = page.attributes(inner)
            value = given.get("value", "")
            if "selected" in given and value:
                return value
            first = first or ("" if "disabled" in given else value)
    return first


def _from_field(box: Box, name: str, value: str, kind: str) -> None:
    if not value:
        return
    sort = vocabulary.id_kind(name)
    if sort and kind != "radio":
        box.add(sort, value, f"form:{name}")
    elif (
        kind in ("hidden", "")
        and any(map(str.isdigit, value))
        and len(value) < 40
        and _LIKE_ID.search(name)
        and not _NO_ID.search(name)
    ):
        place = "spare" if re.search(r"prod|item|art", name, re.I) else "last"
        box.add(place, value, f"form:{name}")
    elif _HIDDEN_PRICE.match(name) and kind in ("hidden", ""):
        amount = money.machine(value)
        if box.price is None and amount is not None and amount.value > 0:
            box.price = amount
    elif _HIDDEN_NAME.match(name) and kind in ("hidden", ""):
        box.name = box.name or value
    elif _HIDDEN_CURRENCY.match(name):
        box.currency = box.currency or value
