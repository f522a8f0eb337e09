"""What an order comes to, and by which numbers it goes: Purchase, and the steps of a checkout before it."""

from __future__ import annotations

from typing import Any

from capi_middleware.settings.rule import Rule
from capi_middleware.settings.words import field_kinds, path_kinds

from . import receipt
from .context import Context
from .custom_data import Data, as_list, place_of, rounded
from .lazy import regex
from .value import find

_ORDER_NUMBER = regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_MOST_REFERENCES = 5


def read_order(data: Data, context: Context, placed: bool) -> None:
    """What the page says of the order that was placed, or of the cart."""
    if context.answer.html:
        found = receipt.read(receipt.Page(context.answer.html, place_of(context), placed))
        if placed:
            data.put("order_id", found.order_id, found.sources.get("order_id", ""))
        if found.value is not None and found.currency:
            data.put("value", rounded(found.value, found.currency), found.sources.get("value", ""))
            data.put("currency", found.currency, found.sources.get("currency", ""))
        _contents(data, found)
    if placed and "order_id" not in data.values:
        _order_from_address(data, context)


def _order_from_address(data: Data, context: Context) -> None:
    """An order number in the query (by its name) or in the path, beside a word for an order that was placed."""
    for name, value in context.query:
        if "order" in field_kinds(name) and _ORDER_NUMBER.fullmatch(value) and any(map(str.isdigit, value)):
            data.put("order_id", value, f"query:{name}")
            return
    if "thanks" not in context.kinds:
        return
    parts = [part for part in context.visit.path.split("/") if part]
    for before, part in zip(parts, parts[1:], strict=False):
        named = path_kinds("/" + before) & {"thanks", "order"}
        if named and _ORDER_NUMBER.fullmatch(part) and any(map(str.isdigit, part)):
            data.put("order_id", part, "path")
            return


def references_of(rule: Rule, context: Context) -> list[str]:
    """The orders that the visitor goes to pay for: as the rule says, else by their names in the answer."""
    if rule.remember is not None:
        found = find(rule.remember, context)
        values = as_list(found.value) if found is not None else ()
    elif rule.event in ("AddPaymentInfo", "InitiateCheckout"):
        pairs = [*context.answer.target_query, *(context.answer.json.items() if _is_table(context.answer.json) else ())]
        values = [value for name, value in pairs if "order" in field_kinds(str(name))]
    else:
        return []
    plain = [str(value) for value in values if isinstance(value, (str, int)) and not isinstance(value, bool)]
    return [text for text in plain if _ORDER_NUMBER.fullmatch(text)][:_MOST_REFERENCES]


def _is_table(document: Any) -> bool:
    return isinstance(document, dict) and len(document) <= 200


def _contents(data: Data, found: receipt.Receipt) -> None:
    if not found.lines:
        return
    source = found.sources.get("contents", "")
    rows = []
    for content_id, quantity, price in found.lines:
        row: dict[str, Any] = {"id": content_id, "quantity": quantity}
        if price is not None:
            row["item_price"] = price
        rows.append(row)
    data.put("contents", rows, source)
    data.put("content_ids", [row["id"] for row in rows], source)
    data.put("content_type", "product", source)
    data.put("num_items", sum(quantity for _, quantity, _ in found.lines), source)
