"""Where a page lets people put something into the cart: its forms and buttons, and the ids that they carry."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import orderform, vocabulary
from .box import Box, is_button, says_buy
from .lazy import regex
from .markup import Markup

__all__ = ["Box", "boxes"]

MOST_FORMS = 120
MOST_BUTTONS = 200

_CALL_ID = regex(
    r"(?:cart|basket|bag|buy|kop|order|korb|panier|product"
    r"|item)\w*\s*\(\s*(?:this\s*,\s*)?['\"]?([A-Za-z]{0,6}[-_.]?\d[\w.-]{0,40})['\"]?",
    re.I,
)

_SUBMITS = regex(rb"type\s*=\s*[\"']?(?:submit|button|image)", re.I)


def boxes(page: Markup) -> list[Box]:
    """All of them, in document order."""
    found: list[Box] = []
    covered: list[tuple[int, int]] = []
    forms = list(page.named("form"))[:MOST_FORMS]
    for number, index in enumerate(forms):
        stop = page.close(index)
        if number + 1 < len(forms):
            stop = min(stop, page.starts[forms[number + 1]])
        box = orderform.read(page, index, stop)
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


def _buttons(page: Markup) -> Iterator[Box]:
    count = 0
    for index, name in enumerate(page.names):
        if name not in ("button", "a", "input", "div", "span", "img"):
            continue
        tag = page.tag(index)
        if name == "input" and not _SUBMITS.search(tag):
            continue
        if name in ("div", "span", "img") and not (
            (b"onclick" in tag or b"role=" in tag or b"data-" in tag) and is_button(tag)
        ):
            continue
        if name == "a" and page.close(index) - page.ends[index] > 1500 and not is_button(tag):
            continue
        if not says_buy(page, index):
            continue
        count += 1
        if count > MOST_BUTTONS:
            return
        given = page.attributes(index)
        box = Box(index, page.starts[index], page.starts[index], page.close(index))
        box.spans.append((page.starts[index], page.ends[index]))
        box.add_from_data(given)
        if name == "a":
            box.add_from_address(given.get("href", ""))
        if given.get("name") and given.get("value") and vocabulary.id_kind(given["name"]):
            box.add(vocabulary.id_kind(given["name"]), given["value"], f"form:{given['name']}")
        call = _CALL_ID.search(given.get("onclick", "")[:500])
        if call and not call[1].startswith("ctl"):
            box.add("product_id", call[1], "data:onclick")
        for depth, parent in enumerate(page.ancestors(index)):
            if depth > 6 or page.close(parent) - page.starts[parent] > 40_000:
                break
            if b"data-" in page.tag(parent):
                box.add_from_data(page.attributes(parent))
        box.likeness = "button~" + re.sub(r"\d+", "#", given.get("class", "") + given.get("href", "")[:30])
        box.strength = 3.0 + 2.0 * bool(box.ids)
        yield box
