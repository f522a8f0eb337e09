"""What the product costs: the sources' prices held against each other and against what the page shows."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from . import currency, place, pricetag
from .buybox import Box
from .case import Case
from .item import Item
from .money import Amount

_HIGHEST_TAX = Decimal("1.28")


class Price(NamedTuple):
    """``value`` in major units; ``source`` and ``currency_source``: where both were read. ``tag``: the element that
    shows a price, -1 when none does. ``missing``: why there is none, in words."""

    value: float = 0.0
    currency: str = ""
    source: str = ""
    currency_source: str = ""
    tag: int = -1
    missing: str = ""


class _Offer(NamedTuple):
    amount: Amount
    mark: str
    source: str


def find(
    case: Case,
    order: list[Item],
    variant: Item | None,
    box: Box | None,
    shown: list[pricetag.Tag],
    where: currency.Place,
) -> Price:
    """The price to pay, with the currency of the same source, or why there is none."""
    offers = _offers(order, variant, box, shown)
    tag = shown[0] if shown and shown[0].weight > 0 else None
    told = variant is not None and variant.price is not None
    chosen = offers[0] if told else _agreed(offers, shown)
    if chosen is None:
        if tag is None:
            return Price(missing="no price on the page")
        chosen = _Offer(tag.amount, tag.amount.mark, "page:price")
    at = tag.at if tag is not None else -1
    code, why = _currency(case, chosen, offers, tag, shown, where)
    if not code:
        said = chosen.mark or chosen.amount.mark or "none written"
        return Price(tag=at, missing=f"price {chosen.amount.value} left out: its currency ({said}) is not settled")
    value = float(round(chosen.amount.value, currency.EXPONENTS.get(code, 2)))
    return Price(value, code, chosen.source, chosen.source if why == "mark" else f"{chosen.source} ({why})", at)


def _offers(order: list[Item], variant: Item | None, box: Box | None, shown: list[pricetag.Tag]) -> list[_Offer]:
    """Each source's price; of several variants' the one that the page shows, else the lowest."""
    told = shown[0].amount.value if shown and shown[0].weight > 2 else None
    found: list[_Offer] = []
    if variant is not None and variant.price is not None:
        found.append(_Offer(variant.price, variant.currency, variant.paths["value"]))
    for one in order:
        if one.price is not None:
            found.append(_Offer(one.price, one.currency, one.paths.get("value", one.source)))
            continue
        priced = [
            (inner.price.value != told, inner.price.value, number)
            for number, inner in enumerate(one.variants)
            if inner.price is not None
        ]
        if priced:
            lowest = one.variants[min(priced)[2]]
            if lowest.price is not None:
                source = lowest.paths.get("value", lowest.source)
                found.append(_Offer(lowest.price, lowest.currency or one.currency, source))
    if box is not None and box.price is not None:
        found.append(_Offer(box.price, box.currency, "form:price"))
    return found


def _agreed(offers: list[_Offer], shown: list[pricetag.Tag]) -> _Offer | None:
    """The first offer; a lower one of another source when that is what the page shows as its price."""
    if not offers:
        return None
    first = offers[0]
    if shown and shown[0].reduced and first.amount.value in {tag.amount.value for tag in shown[1:3]}:
        return _Offer(shown[0].amount, first.mark or shown[0].amount.mark, "page:price")
    taxed = _taxed(first, shown)
    if taxed is not None:
        return _Offer(taxed.amount, first.mark or taxed.amount.mark, "page:price")
    seen = {tag.amount.value for tag in shown[:6] if tag.weight > 2}
    if seen and first.amount.value not in seen:
        for other in offers[1:]:
            if other.amount.value in seen and other.amount.value < first.amount.value:
                return other
    return first


def _taxed(offer: _Offer, shown: list[pricetag.Tag]) -> pricetag.Tag | None:
    """The price with tax, where the offer is what the page calls the price without."""
    if not any(tag.tax == "excl" and tag.amount.value == offer.amount.value for tag in shown[:12]):
        return None
    for tag in shown[:12]:
        if tag.tax != "excl" and offer.amount.value < tag.amount.value <= offer.amount.value * _HIGHEST_TAX:
            return tag
    return None


def _currency(
    case: Case,
    chosen: _Offer,
    offers: list[_Offer],
    tag: pricetag.Tag | None,
    shown: list[pricetag.Tag],
    where: currency.Place,
) -> tuple[str, str]:
    """What the chosen price's mark means; an unmarked price takes that of the same amount elsewhere on the page."""
    own = chosen.mark or (chosen.amount.mark if chosen.amount.mark != ":-" else "")
    marks = [own] if own else []
    if tag is not None and tag.amount.mark and (not own or tag.amount.value == chosen.amount.value):
        marks.append(tag.amount.mark)
    if not own:
        marks.extend(other.mark for other in offers if other.mark)
        marks.append(chosen.amount.mark)
    for mark in marks:
        code, why = currency.settle(mark, where)
        if code:
            return code, why
    if not own:  # an unmarked price is in what all others of the page are in
        others = {currency.settle(one.amount.mark, where)[0] for one in shown[:30] if one.amount.mark not in ("", ":-")}
        if len(others) == 1 and "" not in others:
            return others.pop(), "page"
    code, why = currency.settle("", where) if not own else ("", "")
    if code:
        return code, why
    where = where._replace(addresses=place.addresses(case.page.page))
    for mark in marks:
        code, why = currency.settle(mark, where)
        if code:
            return code, why
    return "", ""
