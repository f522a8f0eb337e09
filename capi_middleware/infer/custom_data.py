"""``custom_data`` in the making: values as Meta wants them, each with its source, none that names a person."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from capi_middleware.visit import scrub_text

from . import currency, money, receipt
from .context import Context
from .lazy import regex
from .line import clean_id, quantity_of
from .value import Found

_CARD = regex(r"(?<!\d)(?:\d[ -]?){14,18}\d(?!\d)")
LONGEST = 500
_DEEPEST = 5
_MACHINE_SOURCES = frozenset({"json", "response-json", "jsonld", "meta", "const", "query", "form", "path", "header"})


class Data(NamedTuple):
    """``custom_data`` in the making, and its sources."""

    values: dict[str, Any]
    sources: dict[str, str]

    def put(self, name: str, value: Any, source: str) -> None:
        """Set a value, unless it is none."""
        if value not in (None, "", [], ()):
            self.values[name] = value
            self.sources[name] = source

    def drop(self, name: str) -> None:
        """Leave a value out."""
        self.values.pop(name, None)
        self.sources.pop(name, None)


def converted(name: str, value: Any) -> Any:
    """A rule's value as Meta wants it under this name (Custom Data Parameters): ``content_ids`` a list of texts,
    ``contents`` a list of objects, ``num_items`` a whole number, …; None where it can be none."""
    if name == "content_ids":
        return [clean for part in as_list(value) if (clean := clean_id(part))] or None
    if name == "contents":
        return [row for part in as_list(value) if (row := _row(part))] or None
    if name == "currency":
        return currency.code(as_list(value)[0]) or None
    if name == "num_items":
        found = quantity_of(as_list(value)[0])
        return round(found) if found is not None else None
    if name in ("predicted_ltv", "net_revenue"):
        amount = money.machine(as_list(value)[0])
        return float(amount.value) if amount is not None else None
    if isinstance(value, (bool, int, float)):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return text_of(value) or None
    if isinstance(value, list) and all(isinstance(part, (str, int, float)) for part in value):
        value = [text_of(part) if isinstance(part, str) else part for part in value]
        return (
            ", ".join(map(str, value))[:LONGEST] if name.startswith("content_") or name == "order_id" else value[:100]
        )
    fits = isinstance(value, dict) and len(str(value)) <= 4 * LONGEST and "@" not in str(value)
    return _plain(value, 0) if fits else None


def _plain(value: Any, depth: int) -> Any:
    """A table, its texts as they may be sent."""
    if isinstance(value, dict) and depth < _DEEPEST:
        return {str(name): _plain(part, depth + 1) for name, part in value.items()}
    if isinstance(value, list) and depth < _DEEPEST:
        return [_plain(part, depth + 1) for part in value]
    if isinstance(value, str):
        return text_of(value)
    return value if isinstance(value, (bool, int, float)) and math.isfinite(value) else None


def text_of(raw: str) -> str:
    """A text as it may be sent: one line, without what could name a person; "" where nothing else is in it."""
    text = _CARD.sub("", scrub_text(" ".join(raw.split())))
    return "" if text == "redacted" else text.strip()[:LONGEST]


def _row(part: Any) -> dict[str, Any] | None:
    if not isinstance(part, Mapping):
        return None
    content_id = clean_id(part.get("id"))
    quantity = quantity_of(part.get("quantity", 1))
    if not content_id or not quantity:
        return None
    row: dict[str, Any] = {"id": content_id, "quantity": max(1, round(quantity))}
    amount = money.machine(part.get("item_price"))
    if amount is not None:
        row["item_price"] = float(amount.value)
    return row


def amount_of(found: Found, context: Context) -> tuple[float, str] | None:
    """A sum of money and the currency that stands beside it."""
    raw = as_list(found.value)[0]
    kind = found.source.partition(":")[0]
    amount = money.machine(raw) if kind in _MACHINE_SOURCES or not isinstance(raw, str) else money.human(raw)
    if amount is None or amount.value < 0:
        return None
    code = currency.settle(amount.mark, place_of(context))[0] if amount.mark else ""
    return float(amount.value), code


def place_of(context: Context) -> currency.Place:
    """Where the shop sells, for a currency that is written ``kr`` or ``$``."""
    shop = context.shop
    html, host, before = context.answer.html, context.visit.host, context.currency_before
    return receipt.place_of(html, host, shop.country, shop.currency, shop.language, before)


def rounded(value: float, code: str) -> float:
    """To as many decimals as the currency has (ISO 4217)."""
    return round(value, currency.EXPONENTS.get(code, 2))


def as_list(value: Any) -> Sequence[Any]:
    """A list that holds something as it is, anything else as a list of one."""
    return value if isinstance(value, list) and value else [value]
