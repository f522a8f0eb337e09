"""The price that a page shows: the one nearest to what is bought, not an old one, not another product's."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import NamedTuple

from . import currency, money, vocabulary
from .lazy import regex
from .markup import Markup, strip

LONGEST = 900
MOST = 400

_STRUCK = regex(r"<(del|s|strike)\b[^>]*+>.*?</\1\s*>", re.S | re.I)
_STRIKES = regex(r"<[dDsS]")
_RAISES = regex(r"[\d.,]\s*<(?:sup|small|span|i|em|b)\b|<sup", re.I)
_OLD_PART = regex(
    r"<(span|div|p|small|em|i|b|strong|ins|bdi|li|td|dd|label)\b[^<>]*?\b(?:class"
    r"|id)\s*=\s*[\"']?([^\"'<>]*)[^<>]*+>(?:[^<]*+(?:<(?!/?\1\b)[^<]*+){0,12})</\1\s*>",
    re.S | re.I,
)
_NAMES = regex(r"\b(?:class|id)\s*=\s*[\"']?([^\"'<>]*)", re.I)
_SMALL = regex(r"(\d)\s*<(?:sup|small|span|i|em|b)\b[^<>]*+>\s*(?=(\d\d)(?:\s*<|\s*$|\D))(?!\d{3})", re.I)
_POINTED = regex(r"(?<=[.,])\s*<(?:sup|small|span|i|em|b)\b[^<>]*+>\s*(?=\d\d\b)", re.I)
_SUP = regex(r"<sup\b[^<>]*+>\s*(?=\d\d\s*<)", re.I)
_SKIPPED = frozenset(
    [
        "script",
        "style",
        "option",
        "select",
        "head",
        "title",
        "meta",
        "link",
        "textarea",
        "noscript",
        "svg",
        "html",
        "body",
        "form",
        "main",
        "table",
        "tbody",
        "nav",
        "header",
        "footer",
        "aside",
    ]
)
_PERCENT = regex(r"(\d{1,2})(?:[.,]\d)?\s?%")
_MONTHLY = regex(
    r"/\s?(?:mo|mån|month|md|mth|mois|monat|mnd)\b|per (?:month|månad|måned|monat|week|day)|mtl\.|monatlich|/mån"
    r"|x\s?\d+\s?(?:mån|mo)",
    re.I,
)
_INCLUSIVE = regex(
    r"in(?:k|c|kl|cl)l?\.?\s?(?:moms|vat|mwst|ust|dph|btw|tva|iva|gst|tax|mva|alv|pvn)|ttc|tvac|s dph|včetně dph|inkl",
    re.I,
)
_EXCLUSIVE = regex(
    r"ex(?:k|c|kl|cl)l?\.?\s?(?:moms|vat|mwst|ust|dph|btw|tva|iva|gst|tax|mva|alv|pvn)|(?<![a-z])ht(?![a-z])"
    r"|bez dph|zzgl|netto|ex moms",
    re.I,
)


class Tag(NamedTuple):
    """``at``: the element. ``weight``: how surely it is the price to pay. ``reduced``: a percentage on
    the page says so. ``tax``: ``incl`` or ``excl``, where the page says it."""

    at: int
    amount: money.Amount
    weight: float
    why: str
    reduced: bool = False
    tax: str = ""


_BY_TAX = {"incl": 1.0, "excl": -2.0}
_BY_TAX_LEFT_OUT = {"incl": -2.0, "excl": 1.0}


def tags(
    page: Markup, start: int, stop: int, heading: int, button: int, ids: tuple[str, ...] = (), vat: str = "auto"
) -> list[Tag]:
    """Prices shown between two places of the page, surest first. ``heading``, ``button``: where those stand, or -1.
    ``ids``: the product's, which elements of its price may be named after. ``vat``: the owner's setting, ``excl`` for
    prices without tax."""
    by_tax = _BY_TAX_LEFT_OUT if vat == "excl" else _BY_TAX
    found: list[Tag] = []
    taken_until = -1
    for index in range(bisect_left(page.starts, start), len(page)):
        name, at = page.names[index], page.starts[index]
        if at >= stop or len(found) >= MOST:
            break
        if name in _SKIPPED or page.ends[index] <= taken_until:
            continue
        end = page.ends[index]
        closed = page.close(index)
        size = closed - end
        shows = 0 < size <= LONGEST and page.has_digit(end, closed)
        if not shows and page.page.find(b"data-", at, end) < 0:
            continue
        tag = page.tag(index)
        if b"data-" in tag and b"price" in tag.lower():
            read = _from_data(page, index)
            if read is not None:
                weight, why = _weigh(page, index, read, heading, button)
                found.append(Tag(index, read, weight + 1, "data " + why))
        if not shows:
            continue
        if size > 160 and b"r" not in tag.lower()[5:]:
            continue
        given = page.attributes(index)
        own = f"{given.get('class', '')} {given.get('id', '')} {given.get('itemprop', '')}"
        priced = vocabulary.traits(own[:200]).price
        raw = page.page[page.ends[index] : closed].decode(page.text_charset, "replace")
        if not priced and (size > 160 or _has_priced_child(page, index)):
            continue
        text = shown(raw)
        if len(text) > 90 or not (priced or currency.may_mark(text)):
            continue
        amount = read_price(text)
        if amount is None or amount.unit or amount.value <= 0 or _MONTHLY.search(text):
            continue
        if not amount.mark and not priced:
            continue
        if priced and _splits(page, index):
            continue
        if priced or amount.mark:
            weight, why = _weigh(page, index, amount, heading, button)
            label = _label(page, index)
            if ids and any(one in own for one in ids):
                weight += 2
                why += " its id"
            if label and money.is_old(label):
                weight -= 4
                why += " labelled old"
            if label.endswith("+") or text.startswith("+"):
                weight -= 6
                why += " a surcharge"
            tax = _tax(page, index, (text, label, _note(page, index)))
            found.append(Tag(index, amount, weight + by_tax.get(tax, 0.0), why, tax=tax))
            if priced and weight > 0:
                taken_until = closed
    found.sort(key=lambda tag: -tag.weight)
    return _reduced(page, found)


def _reduced(page: Markup, found: list[Tag]) -> list[Tag]:
    """Where a price, a lower one and the percentage between them stand together, the lower one is to be paid."""
    if len(found) < 2 or found[0].weight <= 0:
        return found
    top = found[0]
    for number, other in enumerate(found[1:12], 1):
        if other.amount.value >= top.amount.value or other.weight < top.weight - 6:
            continue
        low, high = sorted((page.starts[top.at], page.starts[other.at]))
        if high - low > 1500:
            continue
        between = strip(page.page[max(0, low - 300) : high + 400].decode(page.text_charset, "replace"))
        share = 100 - 100 * float(other.amount.value / top.amount.value)
        if any(abs(float(percent) - share) <= 1 for percent in _PERCENT.findall(between)):
            lower = other._replace(weight=top.weight + 0.5, why=other.why + " reduced", reduced=True)
            return [lower, *found[:number], *found[number + 1 :]]
    return found


def _tax(page: Markup, index: int, texts: tuple[str, ...]) -> str:
    """What the price's text and those around it, its names or those of the elements around it say of value added tax:
    the first that says something."""
    for text in texts:
        if _INCLUSIVE.search(text):
            return "incl"
        if _EXCLUSIVE.search(text):
            return "excl"
    for depth, element in enumerate((index, *page.ancestors(index))):
        if depth > 3:
            break
        names = page.get(element, "class") + " " + page.get(element, "id")
        said = vocabulary.traits(names[:200]).tax if len(names) > 2 else ""
        if said:
            return said
    return ""


def _label(page: Markup, index: int) -> str:
    """What stands right before an element, within its block: "Ord. pris:", "Price in other shops:"."""
    at = page.starts[index]
    raw = page.page[max(0, at - 240) : at]
    for cut in (b"<div", b"</div", b"<p", b"<li", b"</li", b"<tr", b"</tr", b"<br", b"</h", b"</form", b"</p"):
        place = raw.rfind(cut)
        if place >= 0 and strip(raw[raw.find(b">", place) + 1 :].decode(page.text_charset, "replace")):
            raw = raw[raw.find(b">", place) + 1 :]
    place = raw.find(b">")
    if b"<" not in raw[: place + 1]:
        raw = raw[place + 1 :]
    text = strip(raw.decode(page.text_charset, "replace"))[-40:]
    return "" if any(map(str.isdigit, text)) else text


def _note(page: Markup, index: int) -> str:
    """What stands right after an element, before the next figure: "incl. VAT"."""
    closed = page.close(index)
    text = strip(page.page[closed : closed + 90].decode(page.text_charset, "replace"))[:24]
    return text[: next((at for at, character in enumerate(text) if character.isdigit()), len(text))]


def read_price(text: str) -> money.Amount | None:
    """A tag's amount; where all of them are called regular or list prices, that one is what is asked."""
    return money.human(text) or money.human(re.sub(r"^[^\d€£$¥₹]{0,40}", "", text))


def shown(raw: str) -> str:
    """The text of a price's markup: old amounts taken out, raised decimals joined to their whole."""
    if "<" in raw:
        if _STRIKES.search(raw):
            raw = _STRUCK.sub(" ", raw)
        if any(map(_is_old, _NAMES.findall(raw))):
            raw = _OLD_PART.sub(_keep, raw)
        if _RAISES.search(raw):
            raw = _POINTED.sub("", raw)
            raw = _SUP.sub(".", raw)
            raw = _SMALL.sub(r"\1.", raw)
    return strip(raw)


@lru_cache(4096)
def _is_old(names: str) -> bool:
    return vocabulary.OLD.search(names) is not None


def _keep(match: re.Match[str]) -> str:
    names = match[2]
    if _is_old(names) and not vocabulary.SALE.search(names):
        rest = match.string[: match.start()] + match.string[match.end() :]
        return " " if re.search(r"\d", strip(rest)) else match[0]
    return match[0]


def _has_priced_child(page: Markup, index: int) -> bool:
    for number, inner in enumerate(page.inside(index)):
        if number > 12:
            return True
        if b"ri" in page.tag(inner) and vocabulary.PRICE.search(page.get(inner, "class") + page.get(inner, "id")):
            return True
    return False


def _splits(page: Markup, index: int) -> bool:
    """Does the element hold several prices in elements of their own?"""
    count = 0
    for number, inner in enumerate(page.inside(index)):
        if number > 30:
            break
        tag = page.tag(inner)
        if (b"rice" in tag or b"pris" in tag) and page.has_digit(page.ends[inner], page.close(inner)):
            count += 1
    return count > 1


def _from_data(page: Markup, index: int) -> money.Amount | None:
    given = page.attributes(index)
    if given.get("data-price-type", "finalPrice") not in ("finalPrice", ""):
        return None
    for key in (
        "data-price-amount",
        "data-product-price",
        "data-price",
        "data-item-price",
        "data-final-price",
        "data-sale-price",
    ):
        if key in given and len(given[key]) < 24:
            amount = money.machine(given[key])
            if amount is not None and amount.value > 0:
                return amount
    return None


def _weigh(page: Markup, index: int, amount: money.Amount, heading: int, button: int) -> tuple[float, str]:
    given = page.attributes(index)
    own = " ".join((given.get("class", ""), given.get("id", "")))
    weight, why = 0.0, []
    said = vocabulary.traits(own[:200])
    if said.price:
        weight += 3
        why.append("class")
    if given.get("itemprop") in ("price", "lowPrice"):
        weight += 4
    if amount.mark:
        weight += 1 if currency.may_measure(amount.mark) else 3
        why.append("currency")
    if said.sale:
        weight += 1.5
        why.append("sale")
    elif said.old:
        weight -= 4 if said.older else 1.5  # "regular" is also what a price is called that is not reduced
        why.append("old")
    if said.other:
        weight -= 5
        why.append("other")
    for depth, parent in enumerate(page.ancestors(index)):
        if depth > 12:
            break
        name = page.names[parent]
        low, high = page.starts[parent], page.close(parent)
        if low < heading < high or low < button < high:
            break  # what holds the heading or the button too is the product's own
        if name in ("del", "s", "strike"):
            return -20, "struck"
        if name in ("nav", "footer", "aside"):
            weight -= 5
            why.append(name)
        if name in ("body", "html"):
            break
        outer = page.get(parent, "class") + " " + page.get(parent, "id")
        if len(outer) < 2:
            continue
        near = depth < 4
        said = vocabulary.traits(outer[:200])
        if near and said.older and not said.sale:
            weight -= 3
            why.append("in old")
        elif near and said.sale and said.price:
            weight += 0.7
        if near and said.other:
            weight -= 4
            why.append("in other")
        if said.apart:
            weight -= 2.5 if depth < 8 else 1
            why.append("apart")
    if page.names[index] in ("h1", "h2", "strong", "b", "ins"):
        weight += 0.5
    if button >= 0:
        weight -= min(4.0, abs(bisect_right(page.starts, button) - index) / 80)
    if heading >= 0:
        weight -= min(4.0, abs(index - bisect_right(page.starts, heading)) / 100)
        if page.starts[index] < heading:
            weight -= 1
    return weight, " ".join(why)
