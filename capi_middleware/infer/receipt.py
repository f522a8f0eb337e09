"""What a checkout or thank-you page says of the order: its number, what it comes to, what is in it."""

from __future__ import annotations

import bisect
import functools
import html as html_module
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from capi_middleware.settings.words import fold, phrases

from . import charset, currency, document, loose, money
from .lazy import regex
from .line import clean_id, quantity_of

LARGEST = 512 * 1024
_MOST_CHUNKS = 4000
_MOST_LINES = 50
_ASIDE = regex(
    rb"<(script|style|noscript|svg|template|select|textarea)\b.*?(?:</\1\s*>|$)|<!--.*?(?:-->|$)", re.S | re.I
)
# Possessive, and closed by the end too: no page makes them go back.
_TAG = regex(rb"<[^>]*+(?:>|$)")
_SCRIPT = regex(rb"<script\b([^>]{0,1000}+)>(.*?)(?:</script|$)", re.S | re.I)
_LANGUAGE = regex(rb"<html[^>]{0,300}?\blang\s*=\s*[\"']?([A-Za-z-]{2,12})", re.I)
_NUMBER = regex(
    r"[\s:;#.,=№°º()-]*(?:(?:no|nr|nummer|number|id)\b[\s:.#]*)?(?:is|är|ist|est|er|on|è|es|to)?[\s:#]*([A-Z0-9][A-Z0-9_/.-]{1,38})\b",
    re.I,
)
_CODE = regex(r"#?([A-Z0-9][A-Z0-9_/-]{1,38})", re.I)
_BRACKETS = regex(r"\([^()]{0,80}\)")
_REMARK = regex(  # "(of which tax 25.00)", "(3 items)"
    r"\([^()]{0,60}\d[.,]\d\d?(?!\d)[^()]{0,20}\)|\(\s*\d{1,3}\s?[^\W\d][^()%\d]{0,20}\)"
)
_SPACES = regex(r"[\s\x1f]+")
_FIRST = regex(r"[^\W\d_]+")
_DATE = regex(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_PURCHASE = regex(
    r"""["']?event["']?\s*[:,]\s*["'](?:purchase|order_?completed?|transaction)["']|["']purchase["']|ecommerce:purchase|transactionId|transaction_id"""
    r"""|ec:setAction""",
    re.I,
)
_CHECKOUT = regex(
    r"""["']?event["']?\s*[:,]\s*["'](?:begin_checkout|view_cart|checkout|add_shipping_info|add_payment_info)["']"""
    r"""|gtag\(\s*["']event["']\s*,\s*["'](?:begin_checkout|view_cart)["']""",
    re.I,
)
_ORDER_KEY = regex(
    r"""["']?(?:transaction_id|transactionId|order_?number|order_?id|orderNo)["']?\s*[:=]\s*["']?([A-Za-z0-9][\w/.-]{0,60})""",
    re.I,
)
_REVENUE = regex(
    r"""["']?(?:transactionTotal|revenue|order_?total|total_?price|value)["']?\s*[:=]\s*["']?(\d{1,9}(?:\.\d{1,20})?)(?![.,]?\d)""",
    re.I,
)
_CURRENCY = regex(r"""["']?(?:transactionCurrency|currency_?code|currency)["']?\s*[:=]\s*["']([A-Za-z]{3})["']""", re.I)
_ITEMS = regex(r"""["']?(?:items|products|transactionProducts)["']?\s*[:=]\s*(?=\[)""")
_NOT_TOTAL = regex(
    r"sub|del|zwischen|netto|net\b|excl|exkl|ex\.|vat|moms|mwst|tva|iva|tax|ship|frakt|versand|livraison|rabatt|discount|items|artik|sav|spar|ersparnis|korting|descuento|sconto|points|poäng"
)


class Receipt(NamedTuple):
    """Empty where the page says nothing. ``lines``: ``(content_id, quantity, price or None)``; ``sources``: for
    ``order_id``, ``value``, ``currency``, ``contents``."""

    order_id: str = ""
    value: float | None = None
    currency: str = ""
    lines: tuple[tuple[str, int, float | None], ...] = ()
    sources: Mapping[str, str] = {}


class Page(NamedTuple):
    """What of a page is read. ``place``: for currencies that are written ``kr`` or ``$``. ``placed``: whether it tells
    of an order that was placed, rather than of a cart."""

    html: bytes
    place: currency.Place
    placed: bool = True


def place_of(html: bytes, host: str, country: str, code: str, language: str, before: str = "") -> currency.Place:
    """Where the shop sells, as far as page and settings tell. ``before``: the currency of the cart that the visitor
    was shown last, for a page that names none."""
    found = _LANGUAGE.search(html[:4096])
    languages = (found[1].decode("ascii"),) if found else (language,) if language else ()
    codes = currency.named(html) or ((before,) if before else ())
    return currency.Place(languages, host, country, code, codes)


def read(page: Page) -> Receipt:
    """All that can be found; scripts for analytics first, JSON-LD next, then the text."""
    html = page.html[:LARGEST]
    found: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for part in (
        _from_scripts(html, _PURCHASE if page.placed else _CHECKOUT),
        _from_json_ld(html),
        _from_text(html, page.place),
    ):
        for field, (value, source) in part.items():
            if (
                field == "currency"
                and "value" in found
                and sources["value"].partition(":")[0] != source.partition(":")[0]
            ):
                continue  # a value and its currency come from the same source
            if field not in found:
                found[field], sources[field] = value, source
        if "value" in found and "currency" not in found:
            settled, by = currency.settle("", page.place)
            if settled:
                found["currency"], sources["currency"] = settled, by
            else:
                del found["value"], sources["value"]
        elif "currency" in found and "value" not in found:
            del found["currency"], sources["currency"]  # it would be given to another source's value
    return Receipt(
        found.get("order_id", ""), found.get("value"), found.get("currency", ""), found.get("contents", ()), sources
    )


Parts = dict[str, tuple[Any, str]]


def _from_scripts(html: bytes, marks: re.Pattern[str]) -> Parts:
    found: Parts = {}
    for script in _SCRIPT.finditer(html):
        if b"ld+json" in script[1] or len(script[2]) > LARGEST // 2:
            continue
        text = script[2].decode("utf-8", "replace")
        mark = marks.search(text)
        if mark is None:
            continue
        near = text[max(0, mark.start() - 600) : mark.end() + 20_000]
        order = _ORDER_KEY.search(near)
        if order and order[1].lower() not in ("null", "undefined", "false", "true", "order", "transaction"):
            found.setdefault("order_id", (order[1], "script:transaction_id"))
        revenue = _REVENUE.search(near)
        if revenue and float(revenue[1]) > 0:
            found.setdefault("value", (float(revenue[1]), "script:value"))
        code = _CURRENCY.search(near)
        if code and currency.code(code[1]):
            found.setdefault("currency", (currency.code(code[1]), "script:currency"))
        lines = _script_lines(near)
        if lines:
            found.setdefault("contents", (lines, "script:items"))
    return found


def _script_lines(text: str) -> tuple[tuple[str, int, float | None], ...]:
    opening = _ITEMS.search(text)
    if opening is None:
        return ()
    rows, _ = loose.literal(text, opening.end())
    lines = []
    for row in rows[:_MOST_LINES] if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        content_id = next(
            (clean for key in ("item_id", "id", "sku", "productId") if (clean := clean_id(row.get(key)))), ""
        )
        if content_id:
            amount = money.machine(row.get("price"))
            quantity = quantity_of(row.get("quantity", 1)) or 1
            lines.append((content_id, max(1, round(quantity)), float(amount.value) if amount else None))
    return tuple(lines)


def _from_json_ld(html: bytes) -> Parts:
    found: Parts = {}
    for node in document.json_ld(html):
        if not isinstance(node, dict) or str(node.get("@type", "")).rpartition("/")[2] != "Order":
            continue
        if node.get("orderNumber"):
            found["order_id"] = str(node["orderNumber"]), "jsonld:orderNumber"
        amount = money.machine(node.get("price"))
        code = currency.code(node.get("priceCurrency"))
        if amount and code:
            found["value"] = float(amount.value), "jsonld:price"
            found["currency"] = code, "jsonld:priceCurrency"
    return found


def chunks(html: bytes) -> list[str]:
    """The texts that people read, in order, without what scripts and menus of choices hold."""
    body = html[html.find(b"<body") :] if b"<body" in html else html
    text = _TAG.sub(b"\x00", _ASIDE.sub(b"\x00", body)).decode(charset.of(html), "replace")
    text = _SPACES.sub(" ", html_module.unescape(text) if "&" in text else text)
    return [part for part in map(str.strip, text.split("\x00")) if part][:_MOST_CHUNKS]


def _from_text(html: bytes, place: currency.Place) -> Parts:
    texts = chunks(html)
    folded = fold("\x1f".join(texts)).split("\x1f")
    found: Parts = {}
    number = _order_number(texts, folded)
    if number:
        found["order_id"] = number, "page:order number"
    total = _total(texts, folded, place)
    if total:
        found["value"], found["currency"] = (total[0], f"page:{total[2]}"), (total[1], f"page:{total[2]}")
    return found


@functools.cache
def _stems() -> tuple[str, ...]:
    """The shortest pieces that stand in every phrase for an order's number."""
    words = sorted(phrases("order_number"), key=len)
    return tuple(word for n, word in enumerate(words) if not any(shorter in word for shorter in words[:n]))


def _holding(folded: list[str], stems: tuple[str, ...]) -> list[int]:
    """Which of the texts hold any of the stems, in order: found in the whole first, most texts hold none."""
    whole = "\x1f".join(folded)
    if len(whole) > LARGEST or not any(stem in whole for stem in stems):
        return []
    ends = list(itertools.accumulate(len(text) + 1 for text in folded))
    found: set[int] = set()
    for stem in stems:
        at = whole.find(stem)
        while at >= 0:
            index = bisect.bisect_right(ends, at)
            found.add(index)
            at = whole.find(stem, ends[index])
    return sorted(found)


def _order_number(texts: list[str], folded: list[str]) -> str:
    words = phrases("order_number")
    for index in _holding(folded, _stems()):
        text, low = texts[index][:200], folded[index][:200]
        for word in words:
            at = low.find(word)
            if at < 0 or (at and low[at - 1].isalpha()):
                continue
            written = text if len(low) == len(text) else low  # folding may change the length
            rest = written[at + len(word) :]
            number = _numbered(rest) or (_next_number(texts, index) if len(rest) <= 4 else "")
            if number:
                return number
    return ""


def _numbered(rest: str) -> str:
    found = _NUMBER.match(rest)
    if found is None or _DATE.match(found[1]):
        return ""
    code = found[1].rstrip("./-_")
    return code if any(map(str.isdigit, code)) and len(code) >= 2 and not _priced(rest, found.end(1)) else ""


def _priced(text: str, end: int) -> bool:
    return (
        bool(currency.mark_after(text[end : end + 8]))
        or text[end : end + 1] in (",", ".")
        and text[end + 1 : end + 2].isdigit()
    )


def _next_number(texts: list[str], index: int) -> str:
    for text in texts[index + 1 : index + 3]:
        found = _CODE.fullmatch(text.strip(" :.#"))
        if found and any(map(str.isdigit, found[1])) and not _DATE.match(found[1]):
            return found[1]
    return ""


def _total(texts: list[str], folded: list[str], place: currency.Place) -> tuple[float, str, str] | None:
    """Value, currency and the words beside them. What is to be paid counts before what is called a total; of several
    totals the largest, since parts of it are called that too."""
    best: tuple[int, float, str, str] | None = None
    for rank, value, code, words in _totals(texts, folded, place):
        if best is None or (rank, -value) < (best[0], -best[1]):
            best = (rank, value, code, words)
    return None if best is None else best[1:]


@functools.cache
def _first_words() -> Mapping[str, tuple[str, ...]]:
    """The phrases for a total by their first word."""
    found: dict[str, list[str]] = {}
    for phrase in phrases("total"):
        found.setdefault(_FIRST.match(phrase)[0], []).append(phrase)  # type: ignore[index]
    return {word: tuple(known) for word, known in found.items()}


def _totals(texts: list[str], folded: list[str], place: currency.Place) -> Iterator[tuple[int, float, str, str]]:
    words = _first_words()
    for index, low in enumerate(folded):
        first = _FIRST.match(low)
        if first is None or first[0] not in words or len(low) > 80:
            continue
        word = next((word for word in words[first[0]] if _begins(low, word)), "")
        inclusive = "inkl" in low or "incl" in low
        if not word or (not inclusive and _NOT_TOTAL.search(_REMARK.sub(" ", low)[:40])):
            continue
        rest, after = texts[index][len(word) :], texts[index + 1 : index + 6]
        amount = money.human(_told(rest, after))
        if amount is None or amount.value <= 0 or not (amount.mark or place.currency):
            continue
        code, _ = currency.settle(amount.mark, place)
        if code:
            yield (0 if " " in word else 1, float(amount.value), code, word)


def _told(rest: str, after: list[str]) -> str:
    """Where the amount stands: behind the words, else in the next texts. A remark in brackets ("of which tax 25.00")
    is passed over, unless nothing else tells an amount."""
    near, far = " ".join((rest, *after[:3])), " ".join((rest, *after))
    for text in (_BRACKETS.sub(" ", rest), _BRACKETS.sub(" ", far if "(" in near else near), rest):
        if money.amounts(text):
            return text
    return near


def _begins(folded: str, word: str) -> bool:
    return folded.startswith(word) and not folded[len(word) : len(word) + 1].isalpha()
