"""Is this a product's page, and what does it say of the product? The sources weighed against each other.

Order of sources and the score: a value and its currency come from one source; a source nearer to what the shop's
catalogue holds comes first; three points make a product's page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from . import (
    buybox,
    currency,
    datalayer,
    heading,
    jsonld,
    microdata,
    opengraph,
    pricetag,
    schema,
    storefront,
    vocabulary,
)
from .item import Item, clean_name
from .markup import Markup
from .money import Amount

ENOUGH = 3.0
MOST_NEEDLES = 200

_CODES = re.compile(
    rb"urrency(?:_?[cC]ode|ISO|_iso|_id)?[\"']?(?:\s*[:=,]\s*|\s+(?:content|value)=)[\"']([A-Z]{3})[\"']"
)
_SEARCH = re.compile(
    r"(?:^|/)(?:search|sok|sök|suche|recherche|buscar|zoeken|catalogsearch|hledani|wyszukiwanie|haku|sogning|cerca"
    r"|searchresults?)(?:/|$|\.)",
    re.I,
)
_QUERY = re.compile(r"(?:^|&)(?:q|s|search|query|sok|search_query|keywords?|searchterm|k|w)=[^&]", re.I)
_ELSEWHERE = re.compile(
    r"(?:^|/)(?:cart|basket|checkout|varukorg|kundvagn|kassa|warenkorb|kasse|panier|login|register|account"
    r"|my-account|konto|wishlist|compare|blog|news|artiklar|forum|contact|kontakt|about|faq|help|sitemap"
    r"|order-received|thank-you|tack|wp-login\.php)(?:/|$|\.)",
    re.I,
)
_PRODUCT_PATH = re.compile(
    r"/(?:product|products|produkt|produkter|produit|producto|prodotto|prod|p|dp|item|itm|artikel|vare|tuote|pd"
    r"|product-page|proizvod|izdelek|termek|produto|tovar|goods)s?/[^/]+"
    r"|[-_](?:p|pid|prod|sku|itm)[-_]?\d+|/\d+-[a-z0-9-]+\.html|product_info|products?_?id=|id_product="
    r"|route=product/product|productdetail|product_detail|product\.(?:php|asp|aspx|html)|view_?product|/detail/",
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


@dataclass(slots=True)
class Reading:
    """All that was read of one page. ``score`` and ``reasons``: whether it is a product's page, and why."""

    product: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    is_product: bool = False
    score: float = 0.0
    reasons: list[str] = field(default_factory=list)
    title: str = ""
    platform: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    canonical: str = ""
    items: list[Item] = field(default_factory=list)
    boxes: list[buybox.Box] = field(default_factory=list)
    variants: tuple[dict[str, Any], ...] = ()
    place: currency.Place = currency.Place()
    spans: list[tuple[int, int]] = field(default_factory=list)

    def needles(self, page: bytes) -> tuple[bytes, ...]:
        """The pieces of the page that the reading rests on, in their order; cut at line breaks."""
        found: list[bytes] = []
        until = -1
        for start, end in sorted(set(self.spans)):
            if start < until or end - start < 4:
                continue
            for piece in page[start:end].split(b"\n"):
                bare = piece.strip()
                if len(bare) >= 8:
                    found.append(bare)
            until = end
        return tuple(found[:MOST_NEEDLES])


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known before the page is read: its address, and the owner's settings."""

    host: str = ""
    path: str = "/"
    query: str = ""
    platform: str = "auto"
    currency: str = ""
    language: str = ""
    country: str = ""


def read(page: Markup, asked: Asked) -> Reading:
    """The page's facts, from all sources."""
    return _Case(page, asked).read()


class _Case:
    """One page being weighed."""

    def __init__(self, page: Markup, asked: Asked) -> None:
        self.page = page
        self.asked = asked
        self.head = opengraph.read(page)
        self.reading = Reading(title=self.head.title, canonical=self.head.canonical)
        self.store = storefront.read(page, asked.path, asked.query)
        if asked.platform not in ("auto", "none", ""):
            self.store.platform = asked.platform
        self.reading.platform = self.store.platform
        self.heading = heading.main(page, self.head.metas.get("og:title") or self.head.title)
        self.boxes = buybox.boxes(page)
        self.graphs = [
            schema.Reader("jsonld").read(jsonld.nodes(page)),
            schema.Reader("microdata").read(microdata.nodes(page, microdata.MICRODATA)),
        ]
        if b"typeof=" in page.page:
            self.graphs.append(schema.Reader("rdfa").read(microdata.nodes(page, microdata.RDFA)))
        self.meta = opengraph.item(self.head)
        self.layer = datalayer.items(page)
        self.addressed = False
        self.shown: list[pricetag.Tag] | None = None
        self.path_url = (unquote(asked.path).rstrip("/") or "/").lower()
        self.names = [
            name
            for name in (
                self.heading.text if self.heading else "",
                clean_name(self.head.metas.get("og:title", "")),
                heading.from_title(self.head.title),
            )
            if name
        ]

    # -- which product

    def read(self) -> Reading:
        structured, crowd = self._structured()
        box, cards = self._box(structured)
        reading_place = self._place()
        self.reading.place = reading_place
        self._score(structured, crowd, box, cards)
        reading = self.reading
        reading.is_product = reading.score >= ENOUGH
        reading.boxes = self.boxes
        self._rest(structured, box)
        reading.items = [one for graph in self.graphs for one in graph.items]
        if reading.is_product:
            self._fill(structured, box)
            if not reading.product.get("content_name"):
                reading.is_product = False
        if not reading.is_product:
            reading.product, reading.sources = {}, {}
        return reading

    def _rest(self, structured: list[Item], box: buybox.Box | None) -> None:
        """Note the pieces of the page that the reading rests on."""
        page, spans = self.page, self.reading.spans
        spans.extend(self.head.spans)
        if self.heading is not None:
            spans.append((page.starts[self.heading.at], page.close(self.heading.at)))
        body = next(page.named("body"), -1)
        if body >= 0:
            spans.append((page.starts[body], page.ends[body]))
        for script in page.scripts:
            if b"ld+json" in script.attributes and page.page.find(b"Product", script.start, script.end) >= 0:
                spans.append((script.start, script.end))
        for one in (*structured, *self.store.items, *self.layer[:2]):
            spans.extend(one.spans)
        if box is not None:
            spans.extend(box.spans)

    def _structured(self) -> tuple[list[Item], int]:
        """The product that each syntax means, best syntax first, and how many others stand beside it."""
        chosen: list[Item] = []
        crowd = 0
        for graph in self.graphs:
            item, others = self._pick(graph.items)
            if item is not None:
                chosen.append(item)
            crowd = max(crowd, others)
        if not chosen:
            scrap = jsonld.scraps(self.page)
            if scrap is not None:
                chosen.append(scrap)
        return chosen, crowd

    def _pick(self, items: list[Item]) -> tuple[Item | None, int]:
        main = [one for one in items if one.role == "main" and (one.name or one.price or one.ids)]
        if not main:
            inner = [one for one in items if one.role in ("nested", "reviewed") and one.price is not None]
            main = inner if len({one.name for one in inner}) == 1 else []
        if not main:
            return None, sum(one.role == "list" for one in items)
        if len(main) == 1:
            return main[0], 0
        here = [one for one in main if one.url and self._is_here(one.url)]
        if len(here) == 1 and (not self.heading or heading.alike(here[0].name, self.heading.text) or not here[0].name):
            return here[0], 0
        for name in self.names:
            fitting = [one for one in main if one.name and heading.words(one.name) == heading.words(name)]
            fitting = fitting or [one for one in main if heading.alike(one.name, name)]
            if fitting:
                return self._joined(fitting), 0
        if len({tuple(heading.words(one.name)) for one in main}) == 1:
            return self._joined(main), 0
        full = [one for one in main if one.price is not None]
        if len(full) == 1:
            return full[0], 0
        return None, len(main)

    def _joined(self, items: list[Item]) -> Item:
        """One product that is written several times: as its variants, or once with and once without an offer."""
        by_address = [one for one in items if one.url and self._is_here(one.url)]
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

    def _is_here(self, address: str) -> bool:
        try:
            cut = urlsplit(address)
        except ValueError:
            return False
        path = (unquote(cut.path).rstrip("/") or "/").lower()
        if path == "/" and not cut.query:
            return False
        try:
            canonical = (unquote(urlsplit(self.head.canonical).path).rstrip("/") or "/").lower()
        except ValueError:
            canonical = ""
        return path in (self.path_url, canonical) and (
            not cut.query or cut.query in self.asked.query or "=" not in self.asked.query
        )

    def _box(self, structured: list[Item]) -> tuple[buybox.Box | None, int]:
        """The form or button that buys the page's product, and how many like it buy others."""
        sure = [one for one in self.boxes if one.strength >= 4]
        at = self.page.starts[self.heading.at] if self.heading and self.heading.at >= 0 else -1
        after = [one for one in sure if one.end > at] if at >= 0 else sure
        if not after:
            after = sure
        if not after:
            button = next((one for one in self.boxes if one.strength >= 3 and one.start > at), None)
            return button, 0
        groups: dict[str, set[str]] = {}
        for one in sure:
            for value, _ in list(one.ids.values())[:1] or [(str(one.start), "")]:
                groups.setdefault(one.likeness, set()).add(value)
        address = f"{self.asked.path}?{self.asked.query}"
        ranked = sorted(
            sure[:40],
            key=lambda one: (
                not any(len(value) > 2 and value in address for value, _ in one.ids.values()),
                len(groups.get(one.likeness, ())) >= 3,
                not one.ids,
                self._is_apart(one.index),
                one not in after,
                sure.index(one),
            ),
        )
        best = ranked[0]
        self.addressed = any(len(value) > 2 and value in address for value, _ in best.ids.values())
        return best, max(0, len(groups.get(best.likeness, ())) - 1)

    def _is_apart(self, index: int) -> bool:
        page = self.page
        for depth, parent in enumerate(page.ancestors(index)):
            if depth > 14 or (self.heading and page.starts[parent] < page.starts[self.heading.at] < page.close(parent)):
                break
            if page.names[parent] in ("nav", "footer", "aside"):
                return True
            if page.names[parent] == "body":
                break
            outer = page.get(parent, "class") + " " + page.get(parent, "id")
            if len(outer) > 3 and vocabulary.traits(outer[:200]).apart:
                return True
        return False

    # -- is it one

    def _score(self, structured: list[Item], crowd: int, box: buybox.Box | None, cards: int) -> None:
        add = self._add
        types = set().union(*(graph.types for graph in self.graphs))
        main = structured[0] if structured else None
        if main is not None:
            add(2 if main.price is not None or main.role == "main" else 1, f"{main.source} product")
            if any(heading.alike(main.name, one) for one in self.names):
                add(1, "its name is the heading's")
            if main.url and self._is_here(main.url):
                add(1, "its address is the page's")
        elif crowd >= 3:
            add(-3, f"{crowd} products side by side")
        kind = self.head.kind
        if "product" in kind and "group" not in kind:
            add(1, "og:type")
        if self.meta is not None and self.meta.price is not None:
            add(1, "price tag in the head")
        if self.meta is not None and self.meta.ids:
            add(1, "id in the head")
        if self.store.kind == "product":
            add(3, self.store.why)
        elif self.store.kind == "other":
            add(-4, self.store.why)
        view = next((one for one in self.layer if one.source in ("fbq", "datalayer")), None)
        if view is not None:
            add(2, "view event in a script")
        if box is not None and box.strength >= 4:
            if self.addressed:
                add(1, "the form's id is in the address")
            if cards >= 2 and not self.addressed:
                add(-1, f"{cards + 1} alike forms to buy")
            else:
                add(2 if box.ids else 1.5 if box.quantity else 1, "form to buy" if box.ids else "button to buy")
                if self.heading is not None and box.ids and 0 <= box.start - self.page.starts[self.heading.at] < 30_000:
                    add(0.5, "it stands by the heading")
        elif box is not None:
            add(0.5, "button to buy")
        if box is not None and cards < 2 and crowd < 3:
            self.shown = self._tags(box)
            if self.shown and self.shown[0].weight > 1.5:
                add(1, "a price beside it")
            if box.price is not None:
                add(1, "the form carries a price")
            if box.name and any(heading.alike(box.name, one) for one in self.names):
                add(1, "the form names the heading's product")
        if self.heading is None and main is None and not self.addressed:
            add(-1, "no heading")
        if _PRODUCT_PATH.search(f"{self.asked.path}?{self.asked.query}"):
            add(1, "path")
        if types & _ARTICLES and not (main is not None and main.price is not None and box is not None):
            add(-3, "an article")
        if kind.startswith(("article", "video", "profile")) and main is None:
            add(-2, "og:type")
        if _SEARCH.search(self.asked.path) or (
            _QUERY.search(self.asked.query)
            and self.store.kind != "product"
            and main is None
            and (box is None or cards >= 2)
        ):
            add(-2, "a search")
        if _ELSEWHERE.search(self.asked.path) and self.store.kind != "product":
            add(-2, "path of another kind of page")
        if self.asked.path.strip("/") == "" and not self.asked.query:
            add(-2, "the front page")

    def _add(self, points: float, reason: str) -> None:
        self.reading.score += points
        self.reading.reasons.append(f"{points:+g} {reason}")

    # -- what it says

    def _fill(self, structured: list[Item], box: buybox.Box | None) -> None:
        reading = self.reading
        product, sources = reading.product, reading.sources
        place = self.reading.place
        views = [
            one
            for one in self.layer
            if not self.names
            or not one.name
            or any(heading.alike(one.name, name) for name in self.names)
            or one.source == "fbq"
        ]
        state = None
        order = [*structured, *([self.meta] if self.meta is not None else []), *self.store.items, *views]
        if not any(one.price is not None for one in order) or not (any(one.ids for one in order) or (box and box.ids)):
            for name in self.names[:1]:
                state = storefront.state(self.page, name)
            if state is not None:
                order.append(state)
        self._name(order, box, product, sources)
        variant = self._variant(order)
        self._value(order, variant, box, place, product, sources)
        self._ids(order, variant, box, product, sources)
        self._category(order, product, sources)
        reading.variants = self._variants(order, place)

    def _variants(self, order: list[Item], place: currency.Place) -> tuple[dict[str, Any], ...]:
        """The variants with their own ids and prices, for the memory of products."""
        found: list[dict[str, Any]] = []
        for one in order:
            for variant in one.variants[:100]:
                if variant.ids:
                    entry: dict[str, Any] = {"ids": dict(variant.ids)}
                    code, _ = currency.settle(
                        variant.currency or one.currency or self.reading.product.get("currency", ""), place
                    )
                    if variant.price is not None and code:
                        entry["value"] = float(round(variant.price.value, currency.EXPONENTS.get(code, 2)))
                        entry["currency"] = code
                    found.append(entry)
            if found:
                break
        return tuple(found)

    def _place(self) -> currency.Place:
        languages = [*self.head.languages]
        countries: list[str] = []
        codes = [code for code in (currency.code(self.store.currency),) if code]
        for graph in self.graphs:
            languages.extend(graph.languages)
            countries.extend(graph.countries)
            codes.extend(code for code in map(currency.code, graph.currencies) if code)
            codes.extend(code for one in graph.items if (code := currency.code(one.currency)))
        codes.extend(code for one in self.layer if (code := currency.code(one.currency)))
        if not codes:
            found = [match.decode() for match in _CODES.findall(self.page.page[:2_000_000])]
            codes.extend(code for code in found if code in currency.EXPONENTS)
        if self.asked.language:
            languages.append(self.asked.language)
        country = self.asked.country
        if not country and countries:
            one = countries[0].strip().upper()
            country = one if len(one) == 2 else _COUNTRY_NAMES.get(one, "")
        return currency.Place(
            tuple(languages), self.asked.host, country, self.asked.currency, tuple(dict.fromkeys(codes))
        )

    def _name(
        self, order: list[Item], box: buybox.Box | None, product: dict[str, Any], sources: dict[str, str]
    ) -> None:
        for one in order:
            if one.source in ("jsonld", "microdata", "rdfa") and one.name:
                product["content_name"], sources["content_name"] = one.name, one.paths["content_name"]
                return
        og = clean_name(self.head.metas.get("og:title", ""))
        if og and "product" in self.head.kind:
            product["content_name"], sources["content_name"] = self._without_site(og), "meta:og:title"
            return
        if self.heading is not None and self.heading.sure:
            product["content_name"], sources["content_name"] = self.heading.text, self.heading.source
            return
        for one in order:
            if one.name and heading.alike(one.name, self.head.title):
                product["content_name"], sources["content_name"] = one.name, one.paths.get("content_name", one.source)
                return
        if box is not None and clean_name(box.name):
            product["content_name"], sources["content_name"] = clean_name(box.name), "form:name"
            return
        if self.heading is not None and not self.head.title:
            product["content_name"], sources["content_name"] = self.heading.text, self.heading.source
            return
        for one in order:
            if one.name:
                product["content_name"], sources["content_name"] = one.name, one.paths.get("content_name", one.source)
                return
        name = heading.from_title(self.head.title)
        if name:
            product["content_name"], sources["content_name"] = name, "page:title"

    def _without_site(self, title: str) -> str:
        """A title without the shop's name at its end."""
        if self.heading is not None and title.casefold().startswith(self.heading.text.casefold()):
            rest = title[len(self.heading.text) :].strip()
            if not rest or rest[0] in "|-–—:·•»>~/":
                return title[: len(self.heading.text)]
        cut = heading.parts(title)
        site = clean_name(self.head.metas.get("og:site_name", "")).casefold()
        if len(cut) > 1:
            last = cut[-1].casefold()
            host = self.asked.host.removeprefix("www.").partition(".")[0]
            squeezed = "".join(filter(str.isalnum, last))
            if last == site or (host and squeezed and (squeezed.startswith(host) or host in squeezed)):
                return title[: title.casefold().rfind(last)].rstrip(" |-–—:·•»")
        return title

    def _variant(self, order: list[Item]) -> Item | None:
        """The variant that the address names: by its address, or by an id in the query."""
        query = {value for _, value in parse_qsl(self.asked.query, max_num_fields=30)} if self.asked.query else set()
        for one in order:
            for variant in one.variants:
                if query & set(variant.ids.values()):
                    return variant
                if variant.url and "=" in variant.url and self.asked.query:
                    try:
                        named = {value for _, value in parse_qsl(urlsplit(variant.url).query, max_num_fields=30)}
                    except ValueError:
                        continue
                    if named and named <= query:
                        return variant
        return None

    def _value(
        self,
        order: list[Item],
        variant: Item | None,
        box: buybox.Box | None,
        place: currency.Place,
        product: dict[str, Any],
        sources: dict[str, str],
    ) -> None:
        shown = self.shown if self.shown is not None else self._tags(box)
        candidates: list[tuple[Amount, str, str]] = []
        if variant is not None and variant.price is not None:
            candidates.append((variant.price, variant.currency, variant.paths["value"]))
        for one in order:
            if one.source == "state" and one.price is not None:
                one.price = _confirmed(one.price, shown)
            if one.price is not None:
                candidates.append((one.price, one.currency, one.paths.get("value", one.source)))
            low = [inner for inner in one.variants if inner.price is not None]
            if low and one.price is None:
                best = min(low, key=lambda inner: inner.price.value if inner.price else Decimal(0))
                if best.price is not None:
                    candidates.append((best.price, best.currency or one.currency, best.paths.get("value", best.source)))
        if box is not None and box.price is not None:
            candidates.append((box.price, box.currency, "form:price"))
        tag = shown[0] if shown and shown[0].weight > 0 else None
        chosen = self._agreed(candidates, shown)
        if tag is not None:
            self.reading.spans.append((self.page.starts[tag.at], self.page.close(tag.at)))
        if chosen is None and tag is not None:
            chosen = (tag.amount, tag.amount.mark, "page:price")
        if chosen is None:
            return
        amount, written, path = chosen
        mark = written or (amount.mark if amount.mark != ":-" else "")
        code, why = currency.settle(mark, place) if mark else ("", "")
        if not code and tag is not None and tag.amount.mark and tag.amount.value == amount.value:
            code, why = currency.settle(tag.amount.mark, place)
        if not code and not mark:
            codes = [other for _, other, _ in candidates if other]
            for other in codes:
                code, why = currency.settle(other, place)
                if code:
                    break
        if not code and not mark and shown and shown[0].amount.mark:
            code, why = currency.settle(shown[0].amount.mark, place)
        if not code:
            code, why = currency.settle(amount.mark or "", place)
        if not code and not place.addresses:
            place = place._replace(addresses=addresses(self.page.page))
            code, why = currency.settle(mark or amount.mark or (tag.amount.mark if tag else ""), place)
        if not code:
            self.reading.reasons.append(
                f"price {amount.value} left out: its currency ({mark or 'none written'}) is not settled"
            )
            return
        product["value"] = float(round(amount.value, currency.EXPONENTS.get(code, 2)))
        product["currency"] = code
        sources["value"] = path
        sources["currency"] = (
            path.rpartition(".")[0] + ".currency"
            if why == "mark" and "." in path
            else f"{path} ({why})"
            if why != "mark"
            else path
        )

    def _agreed(
        self, candidates: list[tuple[Amount, str, str]], shown: list[pricetag.Tag]
    ) -> tuple[Amount, str, str] | None:
        """The first candidate; a lower one of another source when that is what the page shows as its price."""
        if not candidates:
            return None
        first = candidates[0]
        good = [tag for tag in shown[:6] if tag.weight > 2]
        seen = {tag.amount.value for tag in good}
        if first[0].value not in seen and good:
            for other in candidates[1:]:
                if other[0].value in seen and other[0].value < first[0].value:
                    return other
        return first

    def _tags(self, box: buybox.Box | None) -> list[pricetag.Tag]:
        page = self.page
        at = page.starts[self.heading.at] if self.heading and self.heading.at >= 0 else -1
        button = box.at if box is not None else -1
        low = min(one for one in (at, button, len(page.page)) if one >= 0)
        high = max(at, button)
        start = max(0, low - 12_000)
        stop = (high if high >= 0 else low) + 40_000
        for index in page.named("h2", "h3", "h4", "h5", "div", "span", "p", "strong", "section", "aside"):
            place = page.starts[index]
            if place <= high or place >= stop:
                continue
            size = page.close(index) - page.ends[index]
            if size < 300 and vocabulary.APART_TEXT.match(page.text(index, 300)):
                stop = place
                break
        return pricetag.tags(page, start, stop, at, button)

    def _ids(
        self,
        order: list[Item],
        variant: Item | None,
        box: buybox.Box | None,
        product: dict[str, Any],
        sources: dict[str, str],
    ) -> None:
        known: dict[str, tuple[str, str]] = {}
        for one in order:
            for kind, value in one.ids.items():
                known.setdefault(kind, (value, one.paths.get(f"id.{kind}", one.source)))
        if box is not None:
            for kind, (value, path) in box.ids.items():
                known.setdefault(f"form.{kind}", (value, path))
        if variant is not None:
            for kind, value in variant.ids.items():
                known[f"variant.{kind}"] = (value, variant.paths.get(f"id.{kind}", variant.source))
        at_address, why = storefront.from_address(self.asked.path, self.asked.query)
        if not at_address and self.head.canonical:
            try:
                cut = urlsplit(self.head.canonical)
                at_address, why = storefront.from_address(cut.path, cut.query)
            except ValueError:
                pass
        if at_address:
            known["address"] = (at_address, why)
        self.reading.ids = _by_kind(known)
        group = any(one.group for one in order if one.source in ("jsonld", "shopify", "woocommerce"))
        chosen = self._choose(known, order, variant)
        if chosen is None:
            self.reading.reasons.append("no id on the page")
            return
        value, path, parent = chosen
        product["content_ids"] = [value]
        sources["content_ids"] = path
        product["content_type"] = "product_group" if parent and group else "product"

    def _choose(
        self, known: dict[str, tuple[str, str]], order: list[Item], variant: Item | None
    ) -> tuple[str, str, bool] | None:
        platform = self.store.platform
        wishes: list[tuple[str, bool]] = [("content_id", False)]
        wishes += _DEFAULTS.get(platform, [])
        if platform == "prestashop" and "product_id" in known:
            attribute = known.get("variant_id") or known.get("form.variant_id")
            product_id = known["product_id"]
            return f"{product_id[0]}-{attribute[0]}" if attribute else product_id[0], product_id[1], False
        for kind, parent in wishes:
            if kind in known:
                return (*known[kind], parent)
        for kind in ("variant.sku", "variant.variant_id", "variant.product_id"):
            if kind in known and variant is not None:
                return (*known[kind], False)
        for source in ("jsonld", "rdfa", "meta", "microdata"):
            for kind in (
                ("retailer_id", "group_id", "product_id", "sku")
                if source == "microdata"
                else ("retailer_id", "sku", "product_id", "group_id", "node_id", "identifier")
            ):
                for one in order:
                    if one.source == source and kind in one.ids:
                        return (
                            one.ids[kind],
                            one.paths.get(f"id.{kind}", source),
                            kind == "group_id" or bool(one.variants),
                        )
        for kind in ("form.product_id", "form.sku", "form.variant_id", "form.any_id"):
            if kind in known:
                return (*known[kind], False)
        for kind in ("product_id", "sku", "variant_id", "identifier", "address", "group_id"):
            if kind in known:
                return (*known[kind], kind == "product_id")
        return None

    def _category(self, order: list[Item], product: dict[str, Any], sources: dict[str, str]) -> None:
        for graph in self.graphs:
            trail = list(graph.trail)
            if trail and product.get("content_name") and heading.alike(trail[-1], product["content_name"]):
                trail = trail[:-1]
            if len(trail) > 1 and (len(trail[0]) < 30 and _HOME.match(trail[0])):
                trail = trail[1:]
            elif len(trail) == 1 and _HOME.match(trail[0]):
                trail = []
            if trail:
                product["content_category"] = " > ".join(trail)[:300]
                sources["content_category"] = "jsonld:BreadcrumbList"
                return
        for one in order:
            if one.category:
                product["content_category"] = one.category[:300]
                sources["content_category"] = f"{one.source}:category"
                return


_MAIN = re.compile(
    r"product-?(?:detail|info|main|page|single|view|essential|shop|form)|pdp(?!-?slider)|single-?product"
    r"|main-?product|buy-?box",
    re.I,
)
_HOME = re.compile(
    r"^(?:home|hem|start|startsida|startseite|hjem|forside|accueil|inicio|etusivu|strona główna|úvod|domů|shop"
    r"|butik|webshop|.{0,30}(?:\.\w{2,3}))$",
    re.I,
)
_COUNTRY_NAMES = {
    "SWEDEN": "SE",
    "SVERIGE": "SE",
    "NORWAY": "NO",
    "NORGE": "NO",
    "DENMARK": "DK",
    "DANMARK": "DK",
    "UNITED STATES": "US",
    "UNITED STATES OF AMERICA": "US",
    "USA": "US",
    "U.S.A.": "US",
    "CANADA": "CA",
    "AUSTRALIA": "AU",
    "NEW ZEALAND": "NZ",
    "SINGAPORE": "SG",
    "JAPAN": "JP",
    "CHINA": "CN",
    "SWITZERLAND": "CH",
    "INDIA": "IN",
    "ICELAND": "IS",
}
# What the platform's own plugin for Meta puts into the catalogue.
_DEFAULTS: dict[str, list[tuple[str, bool]]] = {
    "woocommerce": [("product_id", True), ("form.product_id", True)],
    "opencart": [("form.product_id", False)],
    "shopify": [("variant.variant_id", False), ("product_id", True)],
    "magento": [],
}


_BREAK = rb"\.?,?(?:\s|&nbsp;|<br ?/?>){1,3}"
# What tells of a country, and how much it says.
_POSTAL = (
    (
        "US",
        3,
        re.compile(
            rb"[,\s>;](?:A[LKZR]|C[AOT]|DE|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[TA]"
            rb"|W[AVIY]|DC)" + _BREAK + rb"\d{5}(?:-\d{4})?(?=[\s<,.&\"'])"
        ),
    ),
    (
        "US",
        1,
        re.compile(rb"USPS|Alaska|Hawaii|United States|U\.S\.A|\bUSA\b|contiguous U|[Cc]ontinental U|\bU\.S\. "),
    ),
    ("US", 1, re.compile(rb"\b1[-. ]?\(?8(?:00|88|77|66|55|44|33)\)?[-. ]\d{3}[-. ]\d{4}")),
    (
        "CA",
        3,
        re.compile(
            rb"\b(?:AB|BC|MB|N[BLST]|ON|PE|QC|SK|YT|Ontario|Quebec|Alberta|Columbia|Manitoba)"
            + _BREAK
            + rb"[A-Z]\d[A-Z][ -]?\d[A-Z]\d"
        ),
    ),
    (
        "AU",
        3,
        re.compile(rb"\b(?:NSW|VIC|QLD|TAS|ACT)" + _BREAK + rb"\d{4}\b|\bABN[:\s]{1,3}\d\d|\+61[ (]"),
    ),
    ("NZ", 3, re.compile(rb"Auckland (?:\d{4}|City)|Wellington \d{4}|Christchurch \d{4}|\+64[ (]")),
    ("SG", 3, re.compile(rb"Singapore \d{6}|\+65[ -]\d{4}")),
    ("HK", 3, re.compile(rb"Kowloon|\+852[ -]")),
    ("MX", 3, re.compile(rb"C\.P\. \d{5}|\+52[ (]")),
)


def addresses(page: bytes) -> tuple[str, ...]:
    """The country of the postal addresses and shipping terms on a page; empty when they do not agree."""
    page = page[:1_500_000]
    points: dict[str, int] = {}
    for country, weight, pattern in _POSTAL:
        found = len({match[-12:] for match in pattern.findall(page)[:6]})
        if found:
            points[country] = points.get(country, 0) + weight * min(found, 2)
    best = sorted(points, key=lambda one: -points[one])
    if not best or points[best[0]] < 2 or (len(best) > 1 and points[best[0]] < 2 * points[best[1]]):
        return ()
    return (best[0],)


def _by_kind(known: dict[str, tuple[str, str]]) -> dict[str, str]:
    """The page's ids by plain kind, the chosen variant's before the product's, those of scripts before the form's."""
    ids: dict[str, str] = {}
    for kind in ("sku", "product_id", "variant_id", "group_id", "mpn", "gtin"):
        for key in (f"variant.{kind}", kind, f"form.{kind}"):
            if key in known:
                ids[kind] = known[key][0]
                break
    if "product_id" not in ids and "form.any_id" in known:
        ids["product_id"] = known["form.any_id"][0]
    return ids


def _confirmed(amount: Amount, shown: Iterable[pricetag.Tag]) -> Amount | None:
    """A number of a script's state, if the page shows it: as it is or as a hundredth (minor units)."""
    seen = {tag.amount.value for tag in shown if tag.weight > -3}
    if amount.value in seen:
        return amount
    if amount.value / 100 in seen:
        return amount._replace(value=amount.value / 100)
    return None
