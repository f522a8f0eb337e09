"""Where a page lets people put something into the cart: its forms and buttons, and the ids that they carry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from . import money, vocabulary
from .item import clean_id
from .markup import Markup

MOST_FORMS = 120
MOST_FIELDS = 400
MOST_BUTTONS = 200

_BUTTON_MARK = re.compile(
    rb"add[-_]?(?:item[-_]?)?(?:to|2)?[-_]?(?:the[-_]?)?(?:cart|basket|bag)|btn[-_]?(?:cart|buy)|buy[-_]?(?:now|btn"
    rb"|button)|(?:cart|buy|basket)[-_]?(?:btn|button)|in[-_]?(?:den[-_]?)?warenkorb"
    rb"|kop[-_]?knapp|buybutton|productform|product-form|lagg-?i|tocart|handlekurv|kundvagn|varukorg|winkelwagen"
    rb"|panier|carrito",
    re.I,
)
_PATH_ID = re.compile(
    r"(?:add[-_]?to[-_]?(?:cart|basket|bag)|cart|basket|bag|kundvagn|varukorg|korg|warenkorb|panier|carrito"
    r"|handlekurv|winkelwagen|kurv|checkout|order|buy|product|uenc|details|catalog)"
    r"(?:/|\.)(?:(?:[\w.%=~,-]*/){0,5}?)?(?:add|lagg-till|lagg|ajouter|toevoegen|add-item|product|id|item|add_item"
    r"|details|catalog)?/?(?P<id>\d{1,18})(?=/|$|\?)",
    re.I,
)
_CALL_ID = re.compile(
    r"(?:cart|basket|bag|buy|kop|order|korb|panier|product"
    r"|item)\w*\s*\(\s*(?:this\s*,\s*)?['\"]?([A-Za-z]{0,6}[-_.]?\d[\w.-]{0,40})['\"]?",
    re.I,
)
_HIDDEN_PRICE = re.compile(
    r"^(?:product_?price|price|item_?price|unit_?price|amount|pris|preis|prix|a_price|final_?price|product\[price\]"
    r"|sale_?price|price_\d+)$",
    re.I,
)
_HIDDEN_NAME = re.compile(
    r"^(?:item_?name|product_?name|product_?title|productname|prod_?name|a_name|artikelname|name_product)$", re.I
)
_HIDDEN_CURRENCY = re.compile(r"^(?:currency|currency_?code|currency_?id|waehrung|valuta)$", re.I)
# Fields of a form that surely buys, of which one may be the id when none has a usual name.
_LIKE_ID = re.compile(r"(?:product|prod|item|article|artikel|art|sku|code|nr|no|num|number|id)s?\d*$", re.I)
_NO_ID = re.compile(
    r"sess|token|csrf|form|user|customer|member|cart|basket|page|shop|categ|^cat|lang|curr|store|return|merch|site"
    r"|step|view|ship"
    r"|price|tax|group|type|option|attrib|color|size|affil|partner|account|visitor|order|promo|coupon|quid|guid"
    r"|tracking",
    re.I,
)
_TALKED = re.compile(
    r"^\W*(?:my )?(?:orders?|bestellung(?:en)?|commandes?|purchases?|how to|why|where|what|track|shipping|buying"
    r"|about|order (?:status|history|form))\b(?! now)",
    re.I,
)
_DATA = re.compile(r"^data-(?:\w+-)?(product|item|article|variant|sku|pid|id|code|prod|artikel|goods|entry)", re.I)


@dataclass(slots=True)
class Box:
    """A form or a button. ``ids``: by kind, each with its path. ``strength``: how surely it adds to the cart.
    ``at``: where its button (or the form) stands in the page. ``likeness``: equal for boxes made by one template."""

    index: int
    at: int
    start: int
    end: int
    ids: dict[str, tuple[str, str]] = field(default_factory=dict)
    price: money.Amount | None = None
    currency: str = ""
    strength: float = 0.0
    likeness: str = ""
    quantity: bool = False
    options: int = 0
    name: str = ""
    spans: list[tuple[int, int]] = field(default_factory=list)

    def add(self, kind: str, raw: object, path: str) -> None:
        value = clean_id(raw)
        if value and " " not in value and len(value) <= 64 and kind not in self.ids:
            self.ids[kind] = (value, path)


def boxes(page: Markup) -> list[Box]:
    """All of them, in document order."""
    found: list[Box] = []
    covered: list[tuple[int, int]] = []
    forms = list(page.named("form"))[:MOST_FORMS]
    for number, index in enumerate(forms):
        stop = page.close(index)
        if number + 1 < len(forms):
            stop = min(stop, page.starts[forms[number + 1]])
        box = _form(page, index, stop)
        if box is None:
            continue
        covered.append((box.start, box.end))
        if box.strength >= 4:
            found.append(box)
    for box in _buttons(page):
        if not any(start <= box.start < end for start, end in covered) or not any(
            one.start <= box.start < one.end for one in found
        ):
            found.append(box)
    found.sort(key=lambda box: box.start)
    return found


def _form(page: Markup, index: int, stop: int) -> Box | None:
    attributes = page.attributes(index)
    action = attributes.get("action", "")
    box = Box(index, page.starts[index], page.starts[index], stop)
    label = " ".join((action, attributes.get("id", ""), attributes.get("class", ""), attributes.get("name", "")))
    names: list[str] = []
    cart_field = bought = refused = False
    fields = 0
    for inner in page.inside(index):
        if page.starts[inner] >= stop:
            break
        name = page.names[inner]
        if name not in ("input", "button", "select", "textarea", "a"):
            continue
        fields += 1
        known = len(box.ids) + (box.price is not None)
        if fields > MOST_FIELDS:
            return None  # the whole page is one form
        if name == "a":
            if b"ref=" in page.tag(inner) and not bought and _says_buy(page, inner):
                bought = True
                box.at = page.starts[inner]
            continue
        given = page.attributes(inner)
        kind = given.get("type", "").lower()
        field_name = given.get("name", "")
        value = given.get("value", "")
        if name == "button" or kind in ("submit", "button", "image"):
            if _says_buy(page, inner):
                if not bought:
                    box.at = page.starts[inner]
                bought = True
                if field_name and value and vocabulary.id_kind(field_name):
                    box.add(vocabulary.id_kind(field_name), value, f"form:{field_name}")
                _from_data(box, given)
                box.spans.append((page.starts[inner], page.ends[inner]))
            elif vocabulary.NOT_BUY.search(
                " ".join((value, given.get("class", ""), field_name, page.text(inner, 200)))[:300]
            ):
                refused = True
            if vocabulary.CART.search(field_name) and not vocabulary.VETO.search(field_name):
                cart_field = True
            continue
        if not field_name:
            continue
        if kind in ("password", "email"):
            return None
        names.append(re.sub(r"\d+", "#", field_name)[:40])
        if vocabulary.QUANTITY.search(field_name) and kind != "radio":
            box.quantity = True
        elif name == "select" or kind in ("radio", "checkbox"):
            box.options += 1
        if vocabulary.CART.search(field_name) and not vocabulary.VETO.search(field_name):
            cart_field = True
        if (
            name == "input"
            and kind not in ("checkbox", "text", "search", "number", "tel")
            or (kind == "text" and not given.get("placeholder"))
        ):
            _from_field(box, field_name, value, kind)
        elif name == "select" and vocabulary.id_kind(field_name) in ("variant_id", "any_id", "sku"):
            kind = vocabulary.id_kind(field_name)
            box.add("variant_id" if kind == "any_id" else kind, _selected(page, inner), f"form:{field_name}")
        if len(box.ids) + (box.price is not None) > known:
            box.spans.append((page.starts[inner], page.ends[inner]))
    _from_action(box, action)
    _from_data(box, attributes)
    veto = bool(vocabulary.VETO.search(label)) and not re.search(r"add", action, re.I)
    cart = bool(vocabulary.CART.search(label)) and not veto
    box.likeness = "|".join(sorted(set(names))) + "~" + re.sub(r"\d+|[0-9a-f]{8,}", "#", action.split("?")[0])[-60:]
    spare = [found for found in (box.ids.pop("spare", None), box.ids.pop("last", None)) if found]
    if bought and not box.ids and spare:
        box.ids["any_id"] = spare[0]
    identified = bool(box.ids)
    if veto and not bought:
        return box
    box.strength = 2.0 * identified + 2.0 * box.quantity + 2.0 * cart + 2.0 * bought + 1.0 * cart_field
    if refused and not bought:
        box.strength -= 2
    if not bought and not (identified and (box.quantity or cart)) and not (cart and (box.quantity or cart_field)):
        box.strength = 0
    if bought and not identified and not box.quantity and not cart:
        box.strength = 3.5 if cart_field else 3
    return box


def _selected(page: Markup, index: int) -> str:
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


def _from_action(box: Box, address: str) -> None:
    if not address or len(address) > 2000:
        return
    try:
        cut = urlsplit(address)
        pairs = parse_qsl(cut.query, max_num_fields=40)
    except ValueError:
        return
    for name, value in pairs:
        kind = vocabulary.id_kind(name)
        if kind and any(map(str.isdigit, value)):
            box.add(kind, value, f"form:action?{name}")
    found = _PATH_ID.search(cut.path)
    if found and not vocabulary.VETO.search(cut.path):
        box.add("product_id", found["id"], "form:action")


def _from_data(box: Box, attributes: dict[str, str]) -> None:
    for name, value in attributes.items():
        if name.startswith("data-") and 0 < len(value) <= 64 and _DATA.match(name):
            kind = vocabulary.id_kind(name[5:])
            if kind:
                box.add("any_id" if name == "data-id" else kind, value, f"data:{name}")


def _says_buy(page: Markup, index: int) -> bool:
    start = page.starts[index]
    raw = page.page[start : min(page.close(index), start + 600)] if page.names[index] != "input" else page.tag(index)
    if not vocabulary.may_buy(raw.decode(page.text_charset, "replace")):
        return False
    given = page.attributes(index)
    said = " ".join(
        (
            given.get("value", "") if page.names[index] == "input" else page.text(index, 400)[:80],
            given.get("title", ""),
            given.get("aria-label", ""),
            given.get("alt", ""),
        )
    )[:200]
    if page.names[index] == "a" and len(said.strip()) > 48:
        said = ""
    if vocabulary.BUY.search(said) and not (page.names[index] == "a" and _TALKED.search(said)):
        return not vocabulary.NOT_BUY.search(said) or bool(re.search(r"add|köp|lägg|kaufen", said, re.I))
    named = " ".join(
        (
            given.get("name", ""),
            given.get("id", ""),
            given.get("class", ""),
            given.get("onclick", ""),
            given.get("src", ""),
            given.get("data-action", ""),
        )
    )[:400]
    return bool(_BUTTON_MARK.search(named.encode("utf-8", "replace"))) and not vocabulary.NOT_BUY.search(
        said + " " + named
    )


def _buttons(page: Markup) -> Iterator[Box]:
    count = 0
    for index, name in enumerate(page.names):
        if name not in ("button", "a", "input", "div", "span", "img"):
            continue
        tag = page.tag(index)
        if name == "input" and not re.search(rb"type\s*=\s*[\"']?(?:submit|button|image)", tag, re.I):
            continue
        if name in ("div", "span", "img") and not (
            (b"onclick" in tag or b"role=" in tag or b"data-" in tag) and _BUTTON_MARK.search(tag)
        ):
            continue
        if name == "a" and page.close(index) - page.ends[index] > 1500 and not _BUTTON_MARK.search(tag):
            continue
        if not _says_buy(page, index):
            continue
        count += 1
        if count > MOST_BUTTONS:
            return
        given = page.attributes(index)
        box = Box(index, page.starts[index], page.starts[index], page.close(index))
        box.spans.append((page.starts[index], page.ends[index]))
        _from_data(box, given)
        if name == "a":
            _from_action(box, given.get("href", ""))
        if given.get("name") and given.get("value") and vocabulary.id_kind(given["name"]):
            box.add(vocabulary.id_kind(given["name"]), given["value"], f"form:{given['name']}")
        call = _CALL_ID.search(given.get("onclick", "")[:500])
        if call and not call[1].startswith("ctl"):
            box.add("product_id", call[1], "data:onclick")
        for depth, parent in enumerate(page.ancestors(index)):
            if depth > 6 or page.close(parent) - page.starts[parent] > 40_000:
                break
            if b"data-" in page.tag(parent):
                _from_data(box, page.attributes(parent))
        box.likeness = "button~" + re.sub(r"\d+", "#", given.get("class", "") + given.get("href", "")[:30])
        box.strength = 3.0 + 2.0 * bool(box.ids)
        yield box
