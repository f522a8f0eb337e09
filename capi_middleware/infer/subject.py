"""Which of the things that a page mentions it is about: the product, and the form or button that buys it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from . import buybox, heading, jsonld, pricetag, state, vocabulary
from .case import Case
from .item import Item, clean_name
from .markup import strip
from .money import Amount

MOST_CARDS = 8
"""Forms that are asked whether they stand on another product's card, before the page is taken for a listing."""
WIDEST_CARD = 8_000
_HEADINGS = frozenset({"h2", "h3", "h4", "h5", "h6"})


@dataclass(slots=True)
class Subject:
    """``structured``: the product as each syntax means it, best syntax first. ``crowd``: how many products stand side
    by side when none of them is the page's. ``box``: what buys it; ``cards``: how many alike buy others;
    ``addressed``: the box's id stands in the page's address. ``shown``: prices on the page, surest first. ``state``:
    the product in the page's state that is called as the page is."""

    structured: list[Item] = field(default_factory=list)
    crowd: int = 0
    box: buybox.Box | None = None
    cards: int = 0
    addressed: bool = False
    shown: list[pricetag.Tag] = field(default_factory=list)
    state: Item | None = None

    @property
    def main(self) -> Item | None:
        return self.structured[0] if self.structured else None


def find(case: Case) -> Subject:
    """The page's subject, as far as it has one."""
    subject = Subject()
    for graph in case.graphs:
        item, others = _pick(case, graph.items)
        if item is not None:
            subject.structured.append(item)
        subject.crowd = max(subject.crowd, others)
    if not any(graph.items for graph in case.graphs):
        scrap = jsonld.scraps(case.page)
        if scrap is not None:
            subject.structured.append(scrap)
    if subject.structured:
        subject.crowd = 0
    _find_box(case, subject)
    if subject.crowd < 3 and (subject.cards < 2 or subject.addressed or subject.structured):
        subject.shown = _prices(case, subject.box)
    if case.names and _lacks(case, subject):
        subject.state = state.find(case.page, case.names[0])
        if subject.state is not None and subject.state.price is not None:
            subject.state.price = _confirmed(subject.state.price, subject.shown)
    return subject


def _lacks(case: Case, subject: Subject) -> bool:
    """Do the better sources leave an id or a price out, on a page that may be a product's?"""
    sources = (*subject.structured, *case.store.items, *case.layer, *((case.meta,) if case.meta is not None else ()))
    identified = any(one.ids for one in sources) or (subject.box is not None and bool(subject.box.ids))
    return bool(subject.box or sources) and not (identified and any(one.price is not None for one in sources))


def _pick(case: Case, items: list[Item]) -> tuple[Item | None, int]:
    main = [one for one in items if one.role == "main" and (one.name or one.price or one.ids)]
    if not main:
        inner = [one for one in items if one.role in ("nested", "reviewed") and one.price is not None]
        main = inner if len({one.name for one in inner}) == 1 else []
    if not main:
        return None, sum(one.role == "list" for one in items)
    if len(main) == 1:
        return main[0], 0
    here = [one for one in main if one.url and case.is_here(one.url)]
    if len(here) == 1 and (not case.heading or heading.alike(here[0].name, case.heading.text) or not here[0].name):
        return here[0], 0
    for name in case.names:
        fitting = [one for one in main if one.name and heading.words(one.name) == heading.words(name)]
        fitting = fitting or [one for one in main if heading.alike(one.name, name)]
        if fitting:
            return _joined(case, fitting), 0
    if len({heading.words(one.name) for one in main}) == 1:
        return _joined(case, main), 0
    full = [one for one in main if one.price is not None]
    if len(full) == 1:
        return full[0], 0
    return None, len(main)


def _joined(case: Case, items: list[Item]) -> Item:
    """One product that is written several times: as its variants, or once with and once without an offer."""
    by_address = [one for one in items if one.url and case.is_here(one.url)]
    first = by_address[0] if by_address else next((one for one in items if one.price is not None), items[0])
    for other in items:
        if other is not first:
            for kind, value in other.ids.items():
                if kind not in first.ids and not first.group:
                    first.ids[kind] = value
                    first.paths.setdefault(f"id.{kind}", other.paths.get(f"id.{kind}", other.source))
            if first.price is None and other.price is not None:
                first.price, first.currency = other.price, other.currency
                first.paths["value"] = other.paths.get("value", other.source)
            if not first.variants and other.variants:
                first.variants = other.variants
    return first


def _find_box(case: Case, subject: Subject) -> None:
    """The form or button that buys the page's product, and how many like it buy others."""
    at = case.heading_at
    sure = [one for one in case.boxes if one.strength >= 4]
    if not sure:
        subject.box = next((one for one in case.boxes if one.strength >= 3 and one.start > at), None)
        return
    after = [one for one in sure if one.end > at] or sure
    groups: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for one in sure:
        counts[one.likeness] = counts.get(one.likeness, 0) + 1
        for value, _ in list(one.ids.values())[:1] or [(str(one.start), "")]:
            groups.setdefault(one.likeness, set()).add(value)

    def rank(one: buybox.Box) -> tuple[bool, ...]:
        many = len(groups[one.likeness]) >= 3 or counts[one.likeness] >= 4
        return (not _addressed(case, one), many, not one.ids, _is_apart(case, one.index), one not in after)

    ranked = sorted(sure[:40], key=rank)
    best = next((one for one in ranked[:MOST_CARDS] if not _on_a_card(case, one)), None)
    if best is None:  # a listing of a few, or a page whose own product cannot be bought
        subject.cards = len(ranked)
        return
    subject.box = best
    subject.addressed = _addressed(case, best)
    subject.cards = len(groups[best.likeness]) - 1
    # What is bought on a product's page stands before the cards of others.
    first = next((one for one in sure if len(groups[one.likeness]) >= 4), None)
    if first is not None and first.start < best.start and not (best.quantity or best.options):
        subject.cards = max(subject.cards, len(groups[first.likeness]))


def _addressed(case: Case, box: buybox.Box) -> bool:
    return any(len(value) > 2 and value in case.asked.address for value, _ in box.ids.values())


def _on_a_card(case: Case, box: buybox.Box) -> bool:
    """Whether what it buys has a heading of its own beside it, which leads to another page."""
    page = case.page
    for depth, parent in enumerate(page.ancestors(box.index)):
        start, end = page.starts[parent], page.close(parent)
        if depth > 8 or end - start > WIDEST_CARD or start < case.heading_at < end or page.names[parent] == "body":
            return False
        for inner in page.inside(parent):
            if page.names[inner] not in _HEADINGS:
                continue
            around = page.ancestors(inner)
            links = [link for link in (*page.inside(inner), next(iter(around), inner)) if page.names[link] == "a"]
            for link in links:
                address = page.get(link, "href")
                if address.startswith(("/", "http")) and not case.is_here(address):
                    return not case.named(clean_name(page.text(inner, 400)))
    return False


def _is_apart(case: Case, index: int) -> bool:
    page = case.page
    for depth, parent in enumerate(page.ancestors(index)):
        if depth > 14 or page.starts[parent] < case.heading_at < page.close(parent):
            break
        if page.names[parent] in ("nav", "footer", "aside"):
            return True
        if page.names[parent] == "body":
            break
        outer = page.get(parent, "class") + " " + page.get(parent, "id")
        if len(outer) > 3 and vocabulary.traits(outer[:200]).apart:
            return True
    return False


def _prices(case: Case, box: buybox.Box | None) -> list[pricetag.Tag]:
    """The prices shown from a little before the heading on, until other products are praised."""
    page, at = case.page, case.heading_at
    button = box.at if box is not None else -1
    low = min(one for one in (at, button, len(page.page)) if one >= 0)
    high = max(at, button)
    start = max(0, low - 12_000)
    stop = (high if high >= 0 else low) + 40_000
    for index in page.named("h2", "h3", "h4", "h5", "div", "span", "p", "strong", "section", "aside"):
        place = page.starts[index]
        if place <= high or place >= stop:
            continue
        end = page.ends[index]
        closed = page.close(index)
        if closed - end < 300 and _others(page.page[end:closed], page.text_charset):
            stop = place
            break
    ids = tuple(value for value, _ in box.ids.values() if len(value) > 2) if box is not None else ()
    return pricetag.tags(page, start, stop, at, button, ids, case.asked.vat)


@lru_cache(4096)
def _others(markup: bytes, charset: str) -> bool:
    """Does a text announce other products? Remembered, since a shop's pages repeat theirs."""
    return bool(vocabulary.APART_TEXT.match(strip(markup.decode(charset, "replace"))))


def _confirmed(amount: Amount, shown: Iterable[pricetag.Tag]) -> Amount | None:
    """A number of a script's state, if the page shows it: as it is or as a hundredth (minor units); with the mark of
    the currency that the page writes beside it."""
    seen = {tag.amount.value: tag.amount.mark for tag in shown if tag.weight > -3}
    for value in (amount.value, amount.value / 100):
        if value in seen:
            return amount._replace(value=value, mark=amount.mark or seen[value])
    return None
