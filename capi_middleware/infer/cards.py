"""The products that a listing shows, each with its id: what an add to cart from a category page is told by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import currency, money, pricetag, vocabulary
from .buybox import Box
from .case import Reading
from .item import clean_name
from .markup import Markup

MOST = 60
WIDEST = 12_000
_HEADINGS = frozenset({"h2", "h3", "h4", "h5", "h6"})
_NAMING = _HEADINGS | {"a", "strong", "p", "div", "span"}


def read(page: Markup, reading: Reading) -> tuple[Mapping[str, Any], ...]:
    """For each: ``content_ids``, ``content_name``, ``value``, ``currency`` as far as the card shows them, ``ids``."""
    found: list[Mapping[str, Any]] = []
    boxes = [box for box in reading.boxes if box.ids][:MOST]
    for number, box in enumerate(boxes):
        card = _card(
            page,
            reading,
            box,
            boxes[number - 1].start if number else -1,
            boxes[number + 1].start if number + 1 < len(boxes) else len(page.page),
        )
        if card:
            found.append(card)
    for item in reading.items:
        if item.role in ("list", "main") and item.name and item.ids and len(found) < 2 * MOST:
            one: dict[str, Any] = {
                "content_ids": [next(iter(item.ids.values()))],
                "content_name": item.name,
                "ids": dict(item.ids),
            }
            code = currency.code(item.currency)
            if item.price is not None and code:
                one["value"], one["currency"] = float(round(item.price.value, currency.EXPONENTS.get(code, 2))), code
            found.append(one)
    return tuple(found)


def _card(page: Markup, reading: Reading, box: Box, before: int, after: int) -> Mapping[str, Any] | None:
    """The smallest element around a form or button that holds a name, and no other one's button."""
    holder = -1
    for depth, parent in enumerate(page.ancestors(box.index)):
        if (
            depth > 12
            or page.starts[parent] <= before
            or page.close(parent) >= after
            or page.close(parent) - page.starts[parent] > WIDEST
        ):
            break
        holder = parent
    if holder < 0:
        return None
    name = _name(page, holder) or clean_name(box.name)
    value, _ = next(iter(box.ids.values()))
    found: dict[str, Any] = {"content_ids": [value], "ids": {key: one for key, (one, _) in box.ids.items()}}
    if name:
        found["content_name"] = name
    tags = pricetag.tags(page, page.starts[holder], page.close(holder), -1, box.at, vat=reading.vat)
    amount: money.Amount | None = tags[0].amount if tags and tags[0].weight > 0 else box.price
    if amount is not None:
        code, _ = currency.settle(amount.mark or box.currency, reading.place)
        if code:
            found["value"], found["currency"] = float(round(amount.value, currency.EXPONENTS.get(code, 2))), code
    return found if len(found) > 2 else None


def _name(page: Markup, holder: int) -> str:
    """What a card calls its product: its heading, else an element whose class says so, else a link's title."""
    for inner in page.inside(holder):
        label = page.names[inner]
        if label not in _NAMING or page.close(inner) - page.ends[inner] >= 800:
            continue
        names = page.get(inner, "class")
        if label in _HEADINGS or "title" in names or "name" in names:
            text = clean_name(page.text(inner, 800))
        else:
            text = clean_name(page.get(inner, "title")) if label == "a" else ""
        if len(text) > 2 and not vocabulary.BUY.fullmatch(text):
            return text
    return ""
