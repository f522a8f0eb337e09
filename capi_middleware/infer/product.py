"""Is this a product's page, and what does it say of the product? The sources weighed against each other.

Order of sources and the score follow reference figures of real pages: a value and its currency come from one source; a
source nearer to what the shop's catalogue holds comes first.
"""

from __future__ import annotations

from typing import Any

from . import currency, identity, naming, place, pricing, score, subject
from .address import cut, pairs
from .case import Asked, Case, Reading
from .item import Item
from .markup import Markup
from .subject import Subject

__all__ = ["Asked", "Reading", "read"]


def read(page: Markup, asked: Asked) -> Reading:
    """The page's facts, from all sources."""
    case = Case(page, asked)
    about = subject.find(case)
    judged = score.judge(case, about)
    reading = Reading(
        score=judged.points,
        reasons=judged.reasons,
        is_product=judged.points >= score.ENOUGH,
        title=case.head.title,
        platform=case.store.platform,
        canonical=case.head.canonical,
        items=[one for graph in case.graphs for one in graph.items],
        boxes=case.boxes,
        place=place.of(case),
        vat=asked.vat,
        spans=_spans(case, about),
    )
    if reading.is_product:
        _fill(reading, case, about)
    return reading


def _fill(reading: Reading, case: Case, about: Subject) -> None:
    product, sources = reading.product, reading.sources
    order = _order(case, about)
    variant = _variant(order, case.asked.query)
    name, source = naming.name(case, order, about.box)
    if not name:
        reading.is_product = False
        return
    product["content_name"], sources["content_name"] = name, source
    price = pricing.find(case, order, variant, about.box, about.shown, reading.place)
    reading.several = price.several
    reading.spans.extend((case.page.starts[index], case.page.close(index)) for index in price.seen)
    if price.currency:
        product["value"], product["currency"] = price.value, price.currency
        sources["value"], sources["currency"] = price.source, price.currency_source
    else:
        reading.reasons.append(price.missing)
    found = identity.find(case, order, variant, about.box)
    reading.ids = found.ids
    if found.chosen:
        product["content_ids"], sources["content_ids"] = [found.chosen], found.source
        product["content_type"] = "product_group" if found.group else "product"
    else:
        reading.reasons.append("no id on the page")
    category, source = naming.category(case, order, name)
    if category:
        product["content_category"], sources["content_category"] = category, source
    reading.variants = _variants(order, reading)


def _order(case: Case, about: Subject) -> list[Item]:
    """The sources, best first; the page's state only where the others leave something out."""
    views = [one for one in case.layer if not case.names or not one.name or case.named(one.name) or one.source == "fbq"]
    order = [*about.structured, *([case.meta] if case.meta is not None else []), *case.store.items, *views]
    return [*order, about.state] if about.state is not None else order


def _variant(order: list[Item], query: str) -> Item | None:
    """The variant that the address names: by its address, or by an id in the query."""
    if not query:
        return None
    asked = {value for _, value in pairs(query)}
    found = [variant for one in order for variant in one.variants if _is_asked(variant, asked)]
    if not found:
        return None
    first = next((variant for variant in found if variant.price is not None), found[0])
    for other in found:
        for kind, value in other.ids.items():
            if kind not in first.ids:
                first.ids[kind] = value
                first.paths.setdefault(f"id.{kind}", other.paths.get(f"id.{kind}", other.source))
    return first


def _is_asked(variant: Item, asked: set[str]) -> bool:
    if asked & set(variant.ids.values()):
        return True
    if not variant.url or "=" not in variant.url:
        return False
    named = {value for _, value in pairs(cut(variant.url).query)}
    return bool(named) and named <= asked


def _variants(order: list[Item], reading: Reading) -> tuple[dict[str, Any], ...]:
    """The variants with their own ids and prices, for the memory of products."""
    for one in order:
        found: list[dict[str, Any]] = []
        for variant in one.variants[:100]:
            if variant.ids:
                entry: dict[str, Any] = {"ids": dict(variant.ids)}
                mark = variant.currency or one.currency or reading.product.get("currency", "")
                code, _ = currency.settle(mark, reading.place)
                if variant.price is not None and code:
                    entry["value"] = float(round(variant.price.value, currency.EXPONENTS.get(code, 2)))
                    entry["currency"] = code
                found.append(entry)
        if found:
            return tuple(found)
    return ()


def _spans(case: Case, about: Subject) -> list[tuple[int, int]]:
    """The pieces of the page that the reading rests on."""
    page = case.page
    spans = list(case.head.spans)
    if case.heading is not None:
        spans.append((case.heading_at, page.close(case.heading.at)))
    body = next(page.named("body"), -1)
    if body >= 0:
        spans.append((page.starts[body], page.ends[body]))
    for script in page.scripts:
        if b"ld+json" in script.attributes and page.page.find(b"Product", script.start, script.end) >= 0:
            spans.append((script.start, script.end))
    for one in (*about.structured, *case.store.items, *case.layer[:2]):
        spans.extend(one.spans)
    if about.box is not None:
        spans.extend(about.box.spans)
    return spans
