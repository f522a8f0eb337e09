"""From a request that counted to ``custom_data``: what each event of the funnel tells, and where it was read."""

from __future__ import annotations

from capi_middleware.settings.rule import OWN_DATA, Rule
from capi_middleware.settings.words import field_kinds

from . import currency
from .basket import put_items, templated
from .context import Context
from .custom_data import Data, amount_of, converted, place_of, text_of
from .order import read_order
from .value import Found, find

_ITEM_EVENTS = frozenset({"AddToCart", "AddToWishlist"})
_ORDER_EVENTS = frozenset({"InitiateCheckout", "AddPaymentInfo", "Purchase"})


def data_of(rule: Rule, context: Context) -> Data:
    """What this rule's event tells about this request."""
    data = Data({}, {})
    event = rule.event
    if event == "ViewContent":
        _view(data, context)
    elif event in _ITEM_EVENTS:
        put_items(data, rule, context)
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
    content_id, source = templated(context, facts.more.get("ids", {}), facts.product.get("content_ids", ()))
    if content_id:
        data.put("content_ids", [content_id], source or facts.sources.get("content_ids", "page"))
    elif source:
        data.drop("content_ids")


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
            amount = amount_of(found, context)
            if amount is not None:
                data.drop("currency")
                data.put("value", amount[0], found.source)
                data.put("currency", amount[1], found.source)
            continue
        value_to_send = converted(name, found.value)
        if value_to_send is not None:
            data.put(name, value_to_send, found.source)


def _in_lines(name: str, rule: Rule) -> bool:
    """Whether the lines of an add to cart have taken it up already."""
    return name == "content_ids" or (name == "currency" and "value" not in rule.data)


def _settle_currency(data: Data, context: Context) -> None:
    """A value without a currency: the page's or the settings', else both are left out, for Meta needs both."""
    code, source = currency.settle("", place_of(context))
    for known, where in (
        (context.facts.product.get("currency", ""), "page"),
        (code, source),
    ):
        if known:
            data.put("currency", known, where)
            return
    data.drop("value")
