"""How well product facts are read from a folder of saved pages whose truth somebody wrote down.

    python tools/score_pages.py FOLDER [--half B] [--pieces BYTES] [--misses] [--peer]

``FOLDER/truth.json`` holds ``{"pages": [{"file", "url", "half", "product"}, …]}``, ``product`` null for a page that is
none, else ``{"names": […], "price": [number or null, …], "currency", "ids": [string or null, …]}``: all that may pass
for right. Null among the prices (or ids) means that the page shows none, so sending none is right. What counts is what
``capi-middleware explain URL --html FILE`` would send as ViewContent, with no setting made; with ``--pieces`` what is
read of the page as it streams by in chunks. ``--peer`` scores extruct beside it (JSON-LD before microdata before Open
Graph, first product of each), which fires wherever it finds a product.
"""

from __future__ import annotations

import argparse
import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from capi_middleware.explain import Answer, Request, explain
from capi_middleware.infer import FactReader, facts
from capi_middleware.settings import Settings

FIELDS = ("name", "price", "currency", "id")
RIGHT, WRONG, MISSING = "right", "wrong", "missing"


class Found(NamedTuple):
    """A ViewContent's data; ``fired`` False: none was sent."""

    fired: bool = False
    name: str | None = None
    price: float | None = None
    currency: str | None = None
    id: str | None = None
    why: str = ""


class Row(NamedTuple):
    page: dict[str, Any]
    found: Found
    verdicts: dict[str, str]


def ours(page: bytes, url: str) -> Found:
    """What the middleware would send for this page."""
    answer = Answer(200, [("Content-Type", "text/html")], page)
    told = explain(Settings(), Request(url), answer)
    views = [event for event in told.events if event.event_name == "ViewContent"]
    if not views:
        return Found(why=_judged(page, url))
    data, sources = views[0].custom_data, views[0].sources
    ids = data.get("content_ids") or ()
    why = "; ".join(f"{key}={source}" for key, source in sources.items())
    name, value, currency = data.get("content_name"), data.get("value"), data.get("currency")
    return Found(True, name, value, currency, str(ids[0]) if ids else None, why)


def in_pieces(size: int) -> Callable[[bytes, str], Found]:
    """What is read of a page that streams by in chunks of so many bytes, of which few are held."""

    def read(page: bytes, url: str) -> Found:
        told = explain(Settings(), Request(url), Answer(200, [("Content-Type", "text/html")], page))
        if not told.events:  # a page that is left alone
            return Found(why=told.reason)
        reader = FactReader(told.visit, Settings().shop, ("product",))
        for start in range(0, len(page), size):
            reader.feed(page[start : start + size])
        seen = reader.facts()
        if not seen.is_product:
            return Found(why=", ".join(seen.more.get("why", ())))
        data = seen.product
        ids = data.get("content_ids") or ()
        name, value, currency = data.get("content_name"), data.get("value"), data.get("currency")
        return Found(True, name, value, currency, str(ids[0]) if ids else None, str(dict(seen.sources)))

    return read


def _judged(page: bytes, url: str) -> str:
    """For and against its being a product's page."""
    cut = urlsplit(url)
    read, _ = facts.read(page, cut.hostname or "", cut.path, cut.query, Settings().shop)
    return ", ".join(read.more["why"])


def peer(page: bytes, url: str) -> Found:
    """What extruct gives, with the precedence that its users write around it."""
    import extruct

    read = extruct.extract(page, url, syntaxes=["json-ld", "microdata", "opengraph"], uniform=True, errors="ignore")
    merged: dict[str, Any] = {}
    for syntax in ("json-ld", "microdata"):
        product = next(_products(read.get(syntax, [])), None)
        if product is not None:
            merged = {**_facts(product), **merged}
    for graph in read.get("opengraph", []):
        if "product" in str(graph.get("og:type", graph.get("@type", ""))):
            merged = {**_graph_facts(graph), **merged}
    return Found(bool(merged), *(merged.get(field) for field in FIELDS))


def _products(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        kinds = node.get("@type") if isinstance(node.get("@type"), list) else [node.get("@type")]
        if any(str(kind).rsplit("/", 1)[-1] in ("Product", "ProductGroup") for kind in kinds):
            yield node
        for value in node.values():
            yield from _products(value)
    elif isinstance(node, list):
        for value in node:
            yield from _products(value)


def _facts(product: dict[str, Any]) -> dict[str, Any]:
    offers = product.get("offers")
    offer = offers[0] if isinstance(offers, list) and offers else offers
    offer = offer if isinstance(offer, dict) else {}
    price = offer.get("price", offer.get("lowPrice"))
    return _only(product.get("name"), price, offer.get("priceCurrency"), product.get("sku") or product.get("productID"))


def _graph_facts(graph: dict[str, Any]) -> dict[str, Any]:
    price = graph.get("product:price:amount") or graph.get("og:price:amount")
    currency = graph.get("product:price:currency") or graph.get("og:price:currency")
    return _only(graph.get("og:title"), price, currency, graph.get("product:retailer_item_id"))


def _only(name: Any, price: Any, currency: Any, content_id: Any) -> dict[str, Any]:
    facts = {"name": name, "price": _number(price), "currency": currency, "id": content_id}
    return {"seen": True, **{key: value for key, value in facts.items() if value not in (None, "", [])}}


def _number(text: Any) -> float | None:
    """As price parsers read it: the last separator is the decimal one where one or two digits follow."""
    digits = re.sub(r"[^\d.,]", "", str(text)).strip(".,")
    if not digits:
        return None
    whole, separator, rest = re.match(r"(.*?)(?:([.,])(\d{1,2}))?$", digits).groups()  # type: ignore[union-attr]
    return float(re.sub(r"[.,]", "", whole or "0") + ("." + rest if separator else ""))


def normal(text: str) -> str:
    """A name without what does not tell names apart: case, spaces, signs, escapes."""
    return " ".join(re.findall(r"\w+", html.unescape(html.unescape(text)).casefold()))


def verdicts(truth: dict[str, Any], found: Found) -> dict[str, str]:
    """Of each field: right, wrong or missing."""
    if not found.fired:
        return dict.fromkeys(FIELDS, MISSING)
    unpriced = None in truth["price"]
    price = _verdict(found.price, lambda value: any(p is not None and abs(p - value) < 0.005 for p in truth["price"]))
    if price == MISSING and unpriced:
        price = RIGHT
    currency = _verdict(found.currency, lambda value: str(value).upper() == truth["currency"])
    if currency == MISSING and unpriced:
        currency = RIGHT
    name = _verdict(found.name, lambda value: normal(str(value)) in map(normal, truth["names"]))
    content_id = _verdict(found.id, lambda value: _one_of(str(value), truth["ids"]))
    if content_id == MISSING and (None in truth["ids"] or not truth["ids"]):
        content_id = RIGHT
    return {"name": name, "price": price, "currency": currency, "id": content_id}


def _verdict(value: Any, right: Callable[[Any], bool]) -> str:
    return MISSING if value in (None, "") else RIGHT if right(value) else WRONG


def _one_of(value: str, ids: list[str | None]) -> bool:
    known = [one for one in ids if one]
    starts = tuple(one.removeprefix("PREFIX:") for one in known if one.startswith("PREFIX:"))
    return value in known or (bool(starts) and value.startswith(starts))


def score(folder: Path, pages: list[dict[str, Any]], read: Callable[[bytes, str], Found]) -> list[Row]:
    rows = []
    for page in pages:
        found = read((folder / page["file"]).read_bytes(), page["url"])
        truth = page["product"]
        rows.append(Row(page, found, verdicts(truth, found) if truth else {}))
    return rows


def table(title: str, rows: list[Row]) -> str:
    products = [row for row in rows if row.page["product"]]
    others = [row for row in rows if not row.page["product"]]
    count = len(products) or 1
    lines = [title, f"  {len(products)} product pages, {len(others)} others"]
    for field in FIELDS:
        by = {verdict: sum(row.verdicts[field] == verdict for row in products) for verdict in (RIGHT, WRONG, MISSING)}
        share = f"{by[RIGHT] / count:6.1%}"
        lines.append(f"  {field:9}{by[RIGHT]:4} {share}   wrong {by[WRONG]:3}   missing {by[MISSING]:3}")
    whole = sum(set(row.verdicts.values()) == {RIGHT} for row in products)
    lines.append(f"  {'all four':9}{whole:4} {whole / count:6.1%}")
    missed = sum(not row.found.fired for row in products)
    false = sum(row.found.fired for row in others)
    lines.append(f"  no ViewContent on a product's page: {missed}; ViewContent on another: {false} of {len(others)}")
    return "\n".join(lines)


def misses(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        truth = row.page["product"]
        bad = [field for field, verdict in row.verdicts.items() if verdict != RIGHT]
        if truth and bad:
            yield f"{row.page['file']} {row.page['url'][:110]}\n    {', '.join(f'{b}: {row.verdicts[b]}' for b in bad)}"
            yield f"    found {row.found._asdict()}"
            yield f"    truth {truth['names'][:2]} {truth['price']} {truth['currency']} {truth['ids'][:6]}"
        elif not truth and row.found.fired:
            yield f"{row.page['file']} {row.page['url'][:110]}\n    is no product's page: {row.found._asdict()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", help="only pages of this half")
    parser.add_argument("--pieces", type=int, default=0, help="let the pages stream by in chunks of so many bytes")
    parser.add_argument("--misses", action="store_true", help="print each page that was not read rightly")
    parser.add_argument("--peer", action="store_true", help="score extruct beside it")
    options = parser.parse_args()
    truth = json.loads((options.folder / "truth.json").read_text("utf-8"))
    pages = [page for page in truth["pages"] if options.half in (None, page.get("half"))]
    rows = score(options.folder, pages, in_pieces(options.pieces) if options.pieces else ours)
    if options.misses:
        print("\n".join(misses(rows)))
    print(table("capi_middleware", rows))
    if options.peer:
        print(table("extruct", score(options.folder, pages, peer)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
