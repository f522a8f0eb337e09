"""What a page says of an event of its own, made fit to send: known keys of the right type, the rest as plain values.

Anyone can call the endpoint. One event that Meta refuses makes it refuse the whole batch, and what is stored must stay
small; so nothing is passed on as it came (Meta, "Custom data parameters").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_KEYS = 30
_TEXT = 500
_ITEMS = 100
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,50}")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_LARGEST_NUMBER = 1e12


def said_data(given: Mapping[str, Any]) -> dict[str, Any]:
    """custom_data of a tracked event; what does not fit is left out. Never raises."""
    data: dict[str, Any] = {}
    for key, value in list(given.items())[:_KEYS]:
        if isinstance(key, str) and _KEY.fullmatch(key):
            kept = _READERS.get(key, _plain)(value)
            if kept is not None:
                data[key] = kept
    if "currency" not in data:
        data.pop("value", None)  # refused by Meta
    return data


def _number(value: Any) -> float | int | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 <= value <= _LARGEST_NUMBER else None  # which NaN is not


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 1 else None


def _currency(value: Any) -> str | None:
    return value.upper() if isinstance(value, str) and _CURRENCY.fullmatch(value) else None


def _id(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value)[:100] or None


def _ids(value: Any) -> list[str] | None:
    values = value if isinstance(value, list) else [value]
    return [found for one in values[:_ITEMS] if (found := _id(one))] or None


def _contents(value: Any) -> list[dict[str, Any]] | None:
    if not isinstance(value, list):
        return None
    return [found for one in value[:_ITEMS] if (found := _content(one))] or None


def _content(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, Mapping):
        return None
    content_id = _id(value.get("id"))
    if content_id is None:
        return None
    content: dict[str, Any] = {"id": content_id, "quantity": _whole(value.get("quantity")) or 1}
    price = _number(value.get("item_price"))
    if price is not None:
        content["item_price"] = price
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_TEXT] or None
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return value if abs(value) <= _LARGEST_NUMBER else None
    return None


_READERS: dict[str, Callable[[Any], Any]] = {
    "value": _number,
    "predicted_ltv": _number,
    "num_items": _whole,
    "currency": _currency,
    "content_ids": _ids,
    "contents": _contents,
}
