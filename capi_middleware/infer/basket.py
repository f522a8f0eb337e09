"""What was put into a cart or on a wishlist: ids, quantities, prices, names of an AddToCart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from capi_middleware.settings.rule import Rule
from capi_middleware.settings.value import Value
from capi_middleware.settings.words import field_kinds, path_kinds

from . import currency
from .context import Context
from .custom_data import LONGEST, Data, amount_of, as_list, rounded
from .lazy import regex
from .line import Line, clean_id, lines_of, lines_of_pairs, quantity_of
from .told import told_of
from .types import Facts
from .value import find

_TRAILING_ID = regex(r"/(\d{1,18}|[A-Za-z0-9]{1,12}-?\d{1,12})/?$")
_ENDING_ID = regex(r"[-_]p?(\d{2,18})(?:\.html?)?/?$")


def templated(context: Context, ids: Mapping[str, str], found: Sequence[Any]) -> tuple[str, str]:
    """The content id that the shop's or the platform's template makes of these, and its source; ("", source) where an
    id that the template names is unknown: a wrong id is worse than none."""
    known = {**ids, "id": str(found[0])} if found else dict(ids)
    source = ""
    for template in context.templates:
        if template == "{id}":
            return known.get("id", ""), ""
        source = f"content_id {template}"
        try:
            return template.format_map(known), source
        except (KeyError, ValueError, IndexError):
            continue
    return "", source


def put_items(data: Data, rule: Rule, context: Context) -> None:
    """The lines of the request: ids as the products' own pages tell them, quantities, and a value where every price is
    known in one currency."""
    rule_data = rule.data
    lines, source = _lines(rule_data, context)
    if lines and all(line.quantity == 0 for line in lines):
        return
    as_told = "content_ids" in rule_data and not rule.shipped
    rows: list[dict[str, Any]] = []
    names: list[str] = []
    total, codes, priced = 0.0, set(), True
    price_source = name_source = ""
    own_price = _own_price(rule_data, context)
    for line in lines:
        known, from_where = _known(line, context)
        content_id = line.content_id if as_told else _content_id(line, known, context)
        quantity = line.quantity if line.quantity is not None else 1.0
        price, code, line_source = known.get("value"), known.get("currency", ""), from_where
        if own_price is not None and (own_price[1] or price is None):
            price, code, line_source = own_price
        if content_id:
            row: dict[str, Any] = {"id": content_id, "quantity": max(1, round(quantity))}
            if price is not None:
                row["item_price"] = price
            rows.append(row)
        if known.get("content_name"):
            names.append(str(known["content_name"]))
            name_source = from_where
            data.put("content_category", known.get("content_category"), from_where)
        if price is None or not code:
            priced = False
        else:
            total += price * quantity
            codes.add(code)
            price_source = line_source
    data.put("content_ids", [row["id"] for row in rows], source)
    data.put("contents", rows, source)
    if rows:
        data.put("content_type", "product", "general")
    data.put("content_name", ", ".join(names)[:LONGEST], name_source)
    if lines and priced and len(codes) == 1 and total > 0:
        code = codes.pop()
        data.put("value", rounded(total, code), f"{price_source} x quantity")
        data.put("currency", code, price_source)


def _lines(rule_data: Mapping[str, Value], context: Context) -> tuple[list[Line], str]:
    """The lines of the request, and where their ids were read."""
    automatic = lines_of(context.body)
    asked = find(rule_data["content_ids"], context, _is_id) if "content_ids" in rule_data else None
    quantities = _quantities(rule_data, context)
    if asked is not None:
        ids = [clean for part in as_list(asked.value) if (clean := clean_id(part))]
        several = quantities or [line.quantity for line in automatic]
        return [
            Line({"id": content_id}, several[n] if n < len(several) else several[0] if len(several) == 1 else None)
            for n, content_id in enumerate(ids)
        ], asked.source
    if automatic:
        if quantities:
            automatic = [
                line._replace(quantity=quantities[n] if n < len(quantities) else None)
                for n, line in enumerate(automatic)
            ]
        return automatic, "form" if context.body.fields else "json"
    places = (_from_query, _from_own_page, _from_path, _from_page)
    found = next((one for place in places if (one := place(context))), None)
    if found is None:
        return [], ""
    line, source = found
    if quantities:
        line = line._replace(quantity=quantities[0])
    elif context.body.fields:
        amounts = [quantity_of(value) for name, value in context.body.fields if "quantity" in field_kinds(name)]
        line = line._replace(quantity=next((amount for amount in amounts if amount is not None), None))
    return [line], source


def _is_id(found: Any) -> bool:
    return any(map(clean_id, as_list(found)))


def _quantities(rule_data: Mapping[str, Value], context: Context) -> list[float | None]:
    asked = find(rule_data["quantity"], context) if "quantity" in rule_data else None
    return [quantity_of(part) for part in as_list(asked.value)] if asked is not None else []


def _from_query(context: Context) -> tuple[Line, str] | None:
    lines = [line for line in lines_of_pairs(context.query) if any(map(str.isdigit, line.content_id))]
    if not lines:
        return None
    name = next((name for name, value in context.query if "id" in field_kinds(name) and clean_id(value)), "")
    return lines[0], f"query:{name}"


def _from_path(context: Context) -> tuple[Line, str] | None:
    """A number at the end of the path, what follows a word for adding, or the id of a product that was shown."""
    path = context.visit.path
    found = _TRAILING_ID.search(path)
    if found is not None and not path_kinds("/" + found[1]):
        return Line({"product_id": found[1]}), "path"
    parts = [part for part in path.split("/") if part]
    for before, part in zip(parts, parts[1:], strict=False):
        if "add" in path_kinds("/" + before) and any(map(str.isdigit, part)) and clean_id(part):
            return Line({"product_id": part}), "path"
    ending = _ENDING_ID.search(path)
    if ending is not None and context.products is not None:
        known = context.products.by_id(context.visit.host, ending[1])
        return (Line({"product_id": ending[1]}), "path") if known else None
    return None


def _from_own_page(context: Context) -> tuple[Line, str] | None:
    return _of_page(context.own_page)


def _from_page(context: Context) -> tuple[Line, str] | None:
    """A form that names no product speaks of the page it stands on."""
    return _of_page(context.referring)


def _of_page(shown: Facts | None) -> tuple[Line, str] | None:
    ids = shown.product.get("content_ids") if shown is not None and shown.is_product else None
    return (Line({"id": str(ids[0])}), "the page before") if ids else None


def _known(line: Line, context: Context) -> tuple[Mapping[str, Any], str]:
    """What the shop has shown of this product, and where."""
    if context.products is not None:
        for content_id in line.ids.values():
            known = context.products.by_id(context.visit.host, content_id)
            if known:
                return known, "product memory"
        page = context.own_page or context.referring
        if page is not None and page.is_product:
            return page.product, "the page before"
    told = told_of(line, context.answer.json, context.shop.currency) if context.answer.has_json else {}
    if told:
        return told, "the answer"
    return {}, ""


def _content_id(line: Line, known: Mapping[str, Any], context: Context) -> str:
    """As the product's own page tells it, so that both events name the same product."""
    shown = known.get("content_ids") or ()
    made, _ = templated(context, {**known.get("ids", {}), **line.ids}, shown or (line.content_id,))
    return made


def _own_price(rule_data: Mapping[str, Value], context: Context) -> tuple[float, str, str] | None:
    """The unit price that the rule reads, with its currency and source."""
    for name in ("price", "minor_price"):
        if name not in rule_data:
            continue
        asked = find(rule_data[name], context)
        amount = amount_of(asked, context) if asked is not None else None
        if asked is None or amount is None:
            continue
        code = amount[1] or _rule_currency(rule_data, context) or context.shop.currency
        value = amount[0]
        if name == "minor_price":
            value /= 10 ** currency.EXPONENTS.get(code, 2)
        return value, code, asked.source
    return None


def _rule_currency(rule_data: Mapping[str, Value], context: Context) -> str:
    asked = find(rule_data["currency"], context) if "currency" in rule_data else None
    return currency.code(as_list(asked.value)[0]) if asked is not None else ""
