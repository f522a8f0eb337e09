"""What a JSON answer tells of the products that a request named: name, price and currency of what no page has shown
yet.

A price counts only where its unit is sure: with decimals, with its number of decimals beside it, or as text with a
mark. A bare whole number may be kronor or öre, so it is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from capi_middleware.settings.words import bare, field_kinds

from . import currency, money
from .line import Line, clean_id, quantity_of

_DEEPEST = 7
_MOST = 2_000
_PRICES = (
    "price", "unitprice", "itemprice", "priceamount", "finalprice", "salesprice", "priceeachasnumber", "priceincltax",
    "priceinclvat", "unitpriceincltax", "pris", "preis", "prix", "prijs", "hinta", "precio", "prezzo", "cena",
)  # fmt: skip
_NAMES = ("name", "productname", "title", "producttitle", "namn", "productnamn")
_CODES = ("currency", "currencycode", "currencyisocode", "pricecurrency", "valuta")
_MINOR = ("currencyminorunit",)


def told_of(line: Line, document: Any, code: str) -> Mapping[str, Any]:
    """``content_name``, ``value`` (of one), ``currency``, as far as they are told. ``code``: the shop's currency, where
    the answer names none."""
    if not isinstance(document, (dict, list)):
        return {}
    wanted = set(line.ids.values())
    for node, outer in _nodes(document, "", 0, [_MOST]):
        if wanted & {clean_id(value) for name, value in node.items() if "id" in field_kinds(name)}:
            found = _read(node, outer or code)
            if found:
                return found
    return {}


def holds_line(lines: Iterable[Line], document: Any) -> bool:
    """Whether the answer shows one of these lines as a cart does: its id, what it costs, and at least as many as were
    asked for (a refusal may tell what is left)."""
    if not isinstance(document, (dict, list)):
        return False
    wanted = {content_id: line.quantity or 1 for line in lines for content_id in line.ids.values()}
    return bool(wanted) and any(_is_line(node, wanted) for node, _ in _nodes(document, "", 0, [_MOST]))


def _is_line(node: Mapping[str, Any], wanted: Mapping[str, float]) -> bool:
    least: float | None = None
    count, priced = 0.0, False
    for name, value in node.items():
        kinds = field_kinds(name)
        if "id" in kinds:
            least = wanted.get(clean_id(value), least)
        elif "quantity" in kinds:
            count = max(count, quantity_of(value) or 0)
        else:
            word = bare(name)
            priced = priced or (("price" in word or word.endswith("total")) and value not in (None, "", 0))
    return least is not None and count >= least and priced


def _nodes(document: Any, code: str, depth: int, left: list[int]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The answer's objects, outer ones first, each with the currency that stands in or around it."""
    left[0] -= 1
    if depth > _DEEPEST or left[0] < 0:
        return
    if isinstance(document, list):
        for part in document[:200]:
            yield from _nodes(part, code, depth + 1, left)
    elif isinstance(document, dict):
        node = {str(name): value for name, value in list(document.items())[:200]}
        code = _code(node) or code
        yield node, code
        for value in node.values():
            if isinstance(value, (dict, list)):
                yield from _nodes(value, code, depth + 1, left)


def _read(node: Mapping[str, Any], code: str) -> dict[str, Any]:
    by_name = {bare(name): value for name, value in node.items()}
    found: dict[str, Any] = {}
    name = next((by_name[key] for key in _NAMES if isinstance(by_name.get(key), str)), "")
    if name.strip():
        found["content_name"] = " ".join(name.split())[:500]
    inner = next((by_name[key] for key in ("prices", "price") if isinstance(by_name.get(key), dict)), None)
    for prices in (by_name, {bare(key): value for key, value in inner.items()} if inner else {}):
        value, beside = _price(prices)
        settled = _code(prices) or beside or code
        if value is not None and settled:
            found["value"], found["currency"] = value, settled
            break
    return found


def _price(node: Mapping[str, Any]) -> tuple[float | None, str]:
    digits = next((node[key] for key in _MINOR if isinstance(node.get(key), int)), None)
    for key in _PRICES:
        raw = node.get(key)
        if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
            continue
        if digits is not None and str(raw).isdecimal() and 0 <= digits <= 4:
            return float(raw) / 10**digits, ""
        if isinstance(raw, float) and not raw.is_integer() and 0 < raw < 1e9:
            return raw, ""
        if isinstance(raw, str) and not raw.strip().isdecimal():
            amount = money.machine(raw)
            if amount is not None and amount.value > 0:
                return float(amount.value), currency.code(amount.mark) if amount.mark else ""
    return None, ""


def _code(node: Mapping[str, Any]) -> str:
    for name, value in node.items():
        if bare(name) in _CODES and isinstance(value, str) and (code := currency.code(value)):
            return code
    return ""
