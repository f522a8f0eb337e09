"""What the product costs: the sources' prices held against each other and against what the page shows."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from . import currency, place, pricetag
from .buybox import Box
from .case import Case
from .item import Item
from .money import Amount
from .naming import STRUCTURED

_HIGHEST_TAX = Decimal("1.28")


class Price(NamedTuple):
    """``value`` in major units; ``source`` and ``currency_source``: where both were read. ``seen``: the elements
    that show it, and the one that most likely shows a price. ``several``: the sources tell different ones.
    ``missing``: why there is none, in words."""

    value: float = 0.0
    currency: str = ""
    source: str = ""
    currency_source: str = ""
    seen: tuple[int, ...] = ()
    several: bool = False
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
    vat = case.asked.vat
    offers = _offers(order, variant, box, shown, vat)
    tag = shown[0] if shown and shown[0].weight > 0 else None
    told = variant is not None and variant.price is not None
    chosen = offers[0] if told else _agreed(offers, shown, vat)
    if chosen is None:
        if tag is None:
            return Price(missing="no price on the page")
        chosen = _Offer(tag.amount, tag.amount.mark, "page:price")
        other = _by_setting(chosen, shown, vat)
        if other is not None:
            chosen = _Offer(other.amount, chosen.mark or other.amount.mark, "page:price")
    seen = tuple(dict.fromkeys(one.at for one in shown[:12] if one is tag or one.amount.value == chosen.amount.value))
    code, why = _currency(case, chosen, offers, tag, shown, where)
    several = len({one.amount.value for one in offers}) > 1
    if not code:
        said = chosen.mark or chosen.amount.mark or "none written"
        return Price(seen=seen, missing=f"price {chosen.amount.value} left out: its currency ({said}) is not settled")
    digits = currency.EXPONENTS.get(code, 2)
    value = float(round(chosen.amount.value if digits > 2 else _in_thousands(chosen.amount, shown), digits))
    said = chosen.source if why == "mark" else f"{chosen.source} ({why})"
    return Price(value, code, chosen.source, said, seen, several=several)


def _offers(
    order: list[Item], variant: Item | None, box: Box | None, shown: list[pricetag.Tag], vat: str
) -> list[_Offer]:
    """Each source's price; of several variants' the one that the page shows, else the lowest."""
    told = shown[0].amount.value if shown and shown[0].weight > 2 else None
    found: list[_Offer] = []
    if variant is not None and (cost := variant.cost(vat)) is not None:
        found.append(_Offer(cost, variant.currency, variant.paths["value"]))
    for one in order:
        if (cost := one.cost(vat)) is not None:
            found.append(_Offer(cost, one.currency, one.paths.get("value", one.source)))
            continue
        priced = [
            (inner.price.value != told, inner.price.value, number)
            for number, inner in enumerate(one.variants)
            if inner.price is not None
        ]
        if priced:
            lowest = one.variants[min(priced)[2]]
            if (cost := lowest.cost(vat)) is not None:
                source = lowest.paths.get("value", lowest.source)
                found.append(_Offer(cost, lowest.currency or one.currency, source))
    if box is not None and box.price is not None:
        found.append(_Offer(box.price, box.currency, "form:price"))
    return found


def _agreed(offers: list[_Offer], shown: list[pricetag.Tag], vat: str) -> _Offer | None:
    """The first offer; a lower one of another source when that is what the page shows as its price."""
    if not offers:
        return None
    first = offers[0]
    if shown and shown[0].reduced and first.amount.value in {tag.amount.value for tag in shown[1:3]}:
        return _Offer(shown[0].amount, first.mark or shown[0].amount.mark, "page:price")
    taxed = _by_setting(first, shown, vat)
    if taxed is not None:
        return _Offer(taxed.amount, first.mark or taxed.amount.mark, "page:price")
    seen = {tag.amount.value for tag in shown[:6] if tag.weight > 2}
    if seen and first.amount.value not in seen:
        for other in offers[1:]:
            if other.amount.value in seen and other.amount.value < first.amount.value:
                return other
    return first


def _in_thousands(amount: Amount, shown: list[pricetag.Tag]) -> Decimal:
    """An amount, also where its data writes thousands as decimals (``409.000``) and the page shows the thousands."""
    if amount.value.as_tuple().exponent != -3:
        return amount.value
    seen = {tag.amount.value for tag in shown[:12] if tag.weight > 0}
    whole = amount.value * 1000
    return whole if whole in seen and amount.value not in seen else amount.value


def _taxed(offer: _Offer, shown: list[pricetag.Tag]) -> pricetag.Tag | None:
    """The price with tax, where the offer is what the page calls the price without."""
    if not any(tag.tax == "excl" and tag.amount.value == offer.amount.value for tag in shown[:12]):
        return None
    for tag in shown[:12]:
        if tag.tax != "excl" and offer.amount.value < tag.amount.value <= offer.amount.value * _HIGHEST_TAX:
            return tag
    return None


def _by_setting(offer: _Offer, shown: list[pricetag.Tag], vat: str) -> pricetag.Tag | None:
    """The price that the page shows beside the offer's, where it is the one that the owner wants. Without a setting,
    structured data have their way."""
    if vat == "excl":
        return _untaxed(offer, shown)
    structured = offer.source.partition(":")[0] in STRUCTURED or offer.source.startswith("meta:")
    return None if vat == "auto" and structured else _taxed(offer, shown)


def _untaxed(offer: _Offer, shown: list[pricetag.Tag]) -> pricetag.Tag | None:
    """The price that the page calls the one without tax, where the offer is the one with."""
    if any(tag.tax == "excl" and tag.amount.value == offer.amount.value for tag in shown[:12]):
        return None
    for tag in shown[:12]:
        if tag.tax == "excl" and tag.amount.value < offer.amount.value <= tag.amount.value * _HIGHEST_TAX:
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
