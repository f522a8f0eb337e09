"""Is it a product's page? Points for and against; three make one."""

from __future__ import annotations

import re

from .case import Case
from .lazy import regex
from .subject import Subject

ENOUGH = 3.0

_SEARCH = regex(
    r"(?:^|/)(?:search|sok|sök|suche|recherche|buscar|zoeken|catalogsearch|hledani|wyszukiwanie|haku|sogning|cerca"
    r"|searchresults?)(?:/|$|\.)",
    re.I,
)
_QUERY = regex(r"(?:^|&)(?:q|s|search|query|sok|search_query|keywords?|searchterm|k|w)=[^&]", re.I)
_ELSEWHERE = regex(
    r"(?:^|/)(?:cart|basket|checkout|varukorg|kundvagn|kassa|warenkorb|kasse|panier|login|register|account"
    r"|my-account|konto|wishlist|compare|blog|news|artiklar|forum|contact|kontakt|about|faq|help|sitemap"
    r"|order-received|thank-you|tack|wp-login\.php)(?:/|$|\.)",
    re.I,
)
_PRODUCT_PATH = regex(
    r"/(?:product|products|produkt|produkter|produit|producto|prodotto|prod|p|dp|item|itm|artikel|vare|tuote|pd"
    r"|product-page|proizvod|izdelek|termek|produto|tovar|goods)s?/[^/]+"
    r"|[-_](?:p|pid|prod|sku|itm)[-_]?\d+|/\d+-[a-z0-9-]+\.html|product_info|products?_?id=|id_product="
    r"|route=product/product|productdetail|product_detail|product\.(?:php|asp|aspx|html|do)|view_?product|/detail/",
    re.I,
)
_ARTICLES = frozenset(
    {
        *("article", "newsarticle", "blogposting", "recipe", "report", "jobposting", "techarticle", "howto", "faqpage"),
        *("socialmediaposting", "discussionforumposting", "qapage", "event", "musicevent", "profilepage", "hotel"),
        *("reportagenewsarticle", "analysisnewsarticle", "liveblogposting", "restaurant", "lodgingbusiness"),
        *("searchresultspage", "collectionpage"),
    }
)


class Score:
    """``points``, and ``reasons`` with what each gave."""

    __slots__ = ("points", "reasons")

    def __init__(self) -> None:
        self.points = 0.0
        self.reasons: list[str] = []

    def add(self, points: float, reason: str) -> None:
        self.points += points
        self.reasons.append(f"{points:+g} {reason}")


def judge(case: Case, subject: Subject) -> Score:
    """The score of a page, from its structured data, its head, its platform, its forms and its address."""
    score = Score()
    _by_data(case, subject, score)
    _by_form(case, subject, score)
    _by_address(case, subject, score)
    return score


def _by_data(case: Case, subject: Subject, score: Score) -> None:
    main, kind = subject.main, case.head.kind
    if main is not None:
        sold = main.price is not None or any(one.price is not None for one in main.variants)
        score.add(2 if sold or subject.box is not None or case.store.kind else 1, f"{main.source} product")
        if not sold and subject.box is None and not case.store.kind:
            score.add(-1, "nothing sells it")
        if case.named(main.name):
            score.add(1, "its name is the heading's")
        if main.url and case.is_here(main.url):
            score.add(1, "its address is the page's")
    elif subject.crowd >= 3:
        score.add(-3, f"{subject.crowd} products side by side")
    if "product" in kind and "group" not in kind:
        score.add(1, "og:type")
    if case.meta is not None and case.meta.price is not None:
        score.add(1, "price tag in the head")
    if case.meta is not None and case.meta.ids:
        score.add(1, "id in the head")
        if case.meta.price is not None and case.meta.name:
            score.add(1, "an item of a catalogue in the head")
    if case.store.kind:
        score.add(3 if case.store.kind == "product" else -4, case.store.why)
    view = next((one for one in case.layer if one.source in ("fbq", "datalayer")), None)
    if view is not None:
        score.add(3 if view.source == "fbq" and view.ids else 2, "view event in a script")
    if main is None and subject.state is not None and subject.state.price is not None and subject.state.ids:
        score.add(2, "the page's state names it")
    types = set().union(*(graph.types for graph in case.graphs))
    if types & _ARTICLES and not (main is not None and main.price is not None and subject.box is not None):
        score.add(-3, "an article")
    if kind.startswith(("article", "video", "profile")) and main is None:
        score.add(-2, "og:type")


def _by_form(case: Case, subject: Subject, score: Score) -> None:
    box, kind = subject.box, case.head.kind
    if subject.cards >= 3 and not subject.addressed and not case.store.kind and _ranged(subject):
        score.add(-2, "a range of prices over many cards")
    if box is None:
        if case.heading is None and subject.main is None and "product" not in case.head.kind:
            score.add(-1, "no heading")
        return
    if box.strength >= 4:
        if subject.addressed:
            score.add(1, "the form's id is in the address")
        if subject.cards >= 2 and not subject.addressed:
            score.add(-1, f"{subject.cards + 1} alike forms to buy")
        else:
            score.add(2 if box.ids else 1.5 if box.quantity else 1, "form to buy" if box.ids else "button to buy")
            if case.heading is not None and box.ids and 0 <= box.start - case.heading_at < 30_000:
                score.add(0.5, "it stands by the heading")
    else:
        page = case.page
        alone = sum(one.strength >= 3 and page.names[one.index] == "button" for one in case.boxes) <= 3
        plain = page.names[box.index] in ("button", "input") or any(
            page.names[one] == "button" for one in page.inside(box.index)
        )
        vouched = "product" in kind and "group" not in kind and case.heading is not None and case.heading.sure
        plain = plain or vouched  # a link is a button where the head says that the page is a product's
        score.add(1 if alone and plain else 0.5, "button to buy")
        if alone and plain and case.heading is not None and case.heading.sure and case.head.title:
            score.add(0.5, "the heading is the title's")
    priced = [tag for tag in subject.shown[:40] if tag.weight > -2]
    if subject.main is None and not subject.addressed and not (box.quantity or box.options):
        classes: dict[str, set[object]] = {}
        for tag in priced:
            classes.setdefault(case.page.get(tag.at, "class"), set()).add(tag.amount.value)
        most = max((len(values) for values in classes.values()), default=0)
        if most >= 5 and sum(one.start > case.heading_at for one in case.boxes) >= 5:
            score.add(-2, f"{most} prices alike")
    if subject.cards < 2 and subject.crowd < 3:
        if subject.shown and subject.shown[0].weight > 1.5:
            score.add(1, "a price beside it")
        if box.price is not None:
            score.add(1, "the form carries a price")
        if box.name and case.named(box.name):
            score.add(1, "the form names the heading's product")
    if case.heading is None and subject.main is None and not subject.addressed and "product" not in case.head.kind:
        score.add(-1, "no heading")


def _ranged(subject: Subject) -> bool:
    """Is the product's price "from" something? Listings mark themselves as a product so, for the stars in searches."""
    return subject.main is not None and subject.main.paths.get("value", "").endswith("lowPrice")


def _by_address(case: Case, subject: Subject, score: Score) -> None:
    path, query = case.asked.path, case.asked.query
    is_product = case.store.kind == "product"
    if _PRODUCT_PATH.search(case.asked.address):
        score.add(1, "path")
    unclear = subject.main is None and (subject.box is None or subject.cards >= 2)
    if _SEARCH.search(path) or (_QUERY.search(query) and not is_product and unclear):
        score.add(-2, "a search")
    if _ELSEWHERE.search(path) and not is_product:
        score.add(-2, "path of another kind of page")
    if path.strip("/") == "" and not query:
        score.add(-2, "the front page")
