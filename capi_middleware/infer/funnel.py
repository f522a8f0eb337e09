"""From a request that counted to ``custom_data``: what each event of the funnel tells, and where it was read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from capi_middleware.settings.rule import OWN_DATA, Rule
from capi_middleware.settings.value import Value
from capi_middleware.settings.words import field_kinds, path_kinds
from capi_middleware.visit import scrub_text

from . import currency, money, receipt
from .context import Context
from .line import Line, clean_id, lines_of, lines_of_pairs, quantity_of
from .told import told_of
from .types import Facts
from .value import Found, find

_ITEM_EVENTS = frozenset({"AddToCart", "AddToWishlist"})
_ORDER_EVENTS = frozenset({"InitiateCheckout", "AddPaymentInfo", "Purchase"})
_TRAILING_ID = re.compile(r"/(\d{1,18}|[A-Za-z0-9]{1,12}-?\d{1,12})/?$")
_ENDING_ID = re.compile(r"[-_]p?(\d{2,18})(?:\.html?)?/?$")
_ORDER_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_MOST_REFERENCES = 5
_CARD = re.compile(r"(?<!\d)(?:\d[ -]?){14,18}\d(?!\d)")
_LONGEST = 500
_MACHINE_SOURCES = frozenset({"json", "response-json", "jsonld", "meta", "const", "query", "form", "path", "header"})


class Data(NamedTuple):
    """``custom_data`` in the making, and its sources."""

    values: dict[str, Any]
    sources: dict[str, str]

    def put(self, name: str, value: Any, source: str) -> None:
        if value not in (None, "", [], ()):
            self.values[name] = value
            self.sources[name] = source

    def drop(self, name: str) -> None:
        self.values.pop(name, None)
        self.sources.pop(name, None)


def data_of(rule: Rule, context: Context) -> Data:
    """What this rule's event tells about this request."""
    data = Data({}, {})
    event = rule.event
    if event == "ViewContent":
        _view(data, context)
    elif event in _ITEM_EVENTS:
        _items(data, rule, context)
    elif event in _ORDER_EVENTS:
        read_order(data, context, placed=event == "Purchase")
    elif event == "Search":
        _search(data, context)
    _rule_data(data, rule, context)
    if "value" in data.values and "currency" not in data.values:
        _settle_currency(data, context)
    if data.values.keys().isdisjoint(("value", "predicted_ltv", "net_revenue")):
        data.drop("currency")
    return data


def _view(data: Data, context: Context) -> None:
    facts = context.facts
    for name, value in facts.product.items():
        data.put(name, value, facts.sources.get(name, "page"))
    content_id, source = _templated(context, facts.more.get("ids", {}), facts.product.get("content_ids", ()))
    if content_id:
        data.put("content_ids", [content_id], source or facts.sources.get("content_ids", "page"))
    elif source:
        data.drop("content_ids")


def _templated(context: Context, ids: Mapping[str, str], found: Sequence[Any]) -> tuple[str, str]:
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


def _items(data: Data, rule: Rule, context: Context) -> None:
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
    data.put("content_name", ", ".join(names)[:_LONGEST], name_source)
    if lines and priced and len(codes) == 1 and total > 0:
        code = codes.pop()
        data.put("value", _rounded(total, code), f"{price_source} x quantity")
        data.put("currency", code, price_source)


def _lines(rule_data: Mapping[str, Value], context: Context) -> tuple[list[Line], str]:
    """The lines of the request, and where their ids were read."""
    automatic = lines_of(context.body)
    asked = find(rule_data["content_ids"], context, _is_id) if "content_ids" in rule_data else None
    quantities = _quantities(rule_data, context)
    if asked is not None:
        ids = [clean for part in _as_list(asked.value) if (clean := clean_id(part))]
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
    return any(map(clean_id, _as_list(found)))


def _quantities(rule_data: Mapping[str, Value], context: Context) -> list[float | None]:
    asked = find(rule_data["quantity"], context) if "quantity" in rule_data else None
    return [quantity_of(part) for part in _as_list(asked.value)] if asked is not None else []


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
    made, _ = _templated(context, {**known.get("ids", {}), **line.ids}, shown or (line.content_id,))
    return made


def _own_price(rule_data: Mapping[str, Value], context: Context) -> tuple[float, str, str] | None:
    """The unit price that the rule reads, with its currency and source."""
    for name in ("price", "minor_price"):
        if name not in rule_data:
            continue
        asked = find(rule_data[name], context)
        amount = _amount(asked, context) if asked is not None else None
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
    return currency.code(_as_list(asked.value)[0]) if asked is not None else ""


def read_order(data: Data, context: Context, placed: bool) -> None:
    """What the page says of the order that was placed, or of the cart."""
    if context.answer.html:
        shop, host = context.shop, context.visit.host
        place = receipt.place_of(context.answer.html, host, shop.country, shop.currency, shop.language)
        found = receipt.read(receipt.Page(context.answer.html, place))
        if placed:
            data.put("order_id", found.order_id, found.sources.get("order_id", ""))
        if found.value is not None and found.currency:
            data.put("value", _rounded(found.value, found.currency), found.sources.get("value", ""))
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
        values = _as_list(found.value) if found is not None else ()
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


def search_words(context: Context) -> Found | None:
    """What was searched for: from the address, else the form."""
    places = (("query", context.query), ("form", context.body.fields))
    for where, pairs in places:
        for name, value in pairs:
            if "search" in field_kinds(name) and value.strip():
                return Found(value, f"{where}:{name}")
    return None


def _search(data: Data, context: Context) -> None:
    found = search_words(context)
    if found is not None:
        data.put("search_string", text_of(found.value), found.source)


def _rule_data(data: Data, rule: Rule, context: Context) -> None:
    """What the rule's ``data`` say, over what was found."""
    for name, value in rule.data.items():
        if value.remove:
            data.drop(name)
            continue
        if name in OWN_DATA or (rule.event in _ITEM_EVENTS and _in_lines(name, rule)):
            continue
        found = find(value, context)
        if found is None:
            continue
        if name == "value":
            amount = _amount(found, context)
            if amount is not None:
                data.drop("currency")
                data.put("value", amount[0], found.source)
                data.put("currency", amount[1], found.source)
            continue
        converted = _converted(name, found.value)
        if converted is not None:
            data.put(name, converted, found.source)


def _in_lines(name: str, rule: Rule) -> bool:
    """Whether the lines of an add to cart have taken it up already."""
    return name == "content_ids" or (name == "currency" and "value" not in rule.data)


def _converted(name: str, value: Any) -> Any:
    if name == "content_ids":
        return [clean for part in _as_list(value) if (clean := clean_id(part))] or None
    if name == "contents":
        return [row for part in _as_list(value) if (row := _row(part))] or None
    if name == "currency":
        return currency.code(_as_list(value)[0]) or None
    if name == "num_items":
        found = quantity_of(_as_list(value)[0])
        return round(found) if found is not None else None
    if name in ("predicted_ltv", "net_revenue"):
        amount = money.machine(_as_list(value)[0])
        return float(amount.value) if amount is not None else None
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return text_of(value) or None
    if isinstance(value, list) and all(isinstance(part, (str, int, float)) for part in value):
        value = [text_of(part) if isinstance(part, str) else part for part in value]
        return (
            ", ".join(map(str, value))[:_LONGEST] if name.startswith("content_") or name == "order_id" else value[:100]
        )
    return value if isinstance(value, dict) and len(str(value)) <= 4 * _LONGEST else None


def text_of(raw: str) -> str:
    """A text as it may be sent: one line, without what could name a person; "" where nothing else is in it."""
    text = _CARD.sub("", scrub_text(" ".join(raw.split())))
    return "" if text == "redacted" else text.strip()[:_LONGEST]


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


def _amount(found: Found, context: Context) -> tuple[float, str] | None:
    """A sum of money and the currency that stands beside it."""
    raw = _as_list(found.value)[0]
    kind = found.source.partition(":")[0]
    amount = money.machine(raw) if kind in _MACHINE_SOURCES or not isinstance(raw, str) else money.human(raw)
    if amount is None or amount.value < 0:
        return None
    code = currency.settle(amount.mark, _place(context))[0] if amount.mark else ""
    return float(amount.value), code


def _settle_currency(data: Data, context: Context) -> None:
    """A value without a currency: the page's or the settings', else both are left out, for Meta needs both."""
    code, source = currency.settle("", _place(context))
    for known, where in (
        (context.facts.product.get("currency", ""), "page"),
        (code, source),
    ):
        if known:
            data.put("currency", known, where)
            return
    data.drop("value")


def _place(context: Context) -> currency.Place:
    shop = context.shop
    return receipt.place_of(context.answer.html, context.visit.host, shop.country, shop.currency, shop.language)


def _rounded(value: float, code: str) -> float:
    return round(value, currency.EXPONENTS.get(code, 2))


def _as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) and value else [value]
