"""Writes ``docs/platforms.md`` from the presets: ``python docs/make_platforms.py``. A test keeps it current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from capi_middleware.infer.preset import GENERAL, Preset, names, preset

PAGE = Path(__file__).with_name("platforms.md")
EVENTS = (
    "ViewContent",
    "Search",
    "AddToCart",
    "AddToWishlist",
    "InitiateCheckout",
    "AddPaymentInfo",
    "Purchase",
    "CompleteRegistration",
    "Lead",
    "Contact",
    "Subscribe",
)
_HEAD = """\
# Platforms

What is inferred on each platform, from which request, and what it rests on. This page is made from the presets in
`capi_middleware/infer/presets/` by `python docs/make_platforms.py`.

A platform is recognised from the first pages, cookies and headers seen (`capi-middleware explain URL` says by what), or
named: `[shop] platform = "woocommerce"`; `"none"` leaves it to the general rules. A preset's rules come after those of
the shop's own file and before the general ones; paths may be preceded by a language, a country or a folder (`/sv-se/`,
`/shop/`). ● is a rule of the platform's own, ○ is left to the general rules.

Product facts (name, price, currency, ids) do not depend on the platform: they are read from JSON-LD, microdata, Open
Graph, dataLayer and the page itself.

Storefronts that ask the shop's API from their own server (Next.js and Remix server actions, as the starters of Saleor,
Medusa and Vendure do) show a proxy before them only a `POST` to the page with a `Next-Action` header: put the proxy
before the API's host there, or write a rule.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "| Platform | " + " | ".join(EVENTS) + " |"
    yield "|---|" + ":-:|" * len(EVENTS)
    found = [preset(name) for name in names()]
    for one in [*found, preset(GENERAL)]:
        told = {rule.event for rule in one.rules.rules}
        marks = ("●" if event in told else "○" for event in EVENTS)
        yield f"| {_title(one)} | " + " | ".join(marks) + " |"
    yield ""
    for one in found:
        yield from _section(one)
    yield from _section(preset(GENERAL))


def _title(one: Preset) -> str:
    return one.title + (" (experimental)" if one.experimental else "")


def _section(one: Preset) -> Iterator[str]:
    yield f"## {_title(one)}"
    yield ""
    if one.experimental:
        yield "Not confirmed on a shop of this platform: try it with `explain`, and tell us what you see."
        yield ""
    if one.marks:
        sure = [_mark(str(mark)) for mark in one.marks if mark.weight > 1]
        likely = [_mark(str(mark)) for mark in one.marks if mark.weight == 1]
        parts = [", ".join(sure)] if sure else []
        if likely:
            parts.append(f"two of {', '.join(likely)}" if len(likely) > 1 else likely[0])
        yield f"Recognised by: {'; or '.join(parts)}."
        yield ""
    if one.templates:
        ids = " then ".join(f"`{template}`" for template in one.templates)
        yield f"Content ids, where `[shop] content_id` says nothing: {ids}, as the platform's own catalogue has them."
        yield ""
    yield "| Event | Rule | Request | Rests on |"
    yield "|---|---|---|---|"
    for table in one.table["rule"]:
        yield f"| {table['event']} | {table.get('name', '')} | {_request(table)} | {_cell(table.get('note', ''))} |"
    yield ""


def _mark(text: str) -> str:
    where, _, what = text.partition(" ")
    return f"{where} `{_cell(what)}`"


def _request(table: dict[str, Any]) -> str:
    parts = []
    methods = table.get("method", ())
    methods = [methods] if isinstance(methods, str) else methods
    paths = table.get("path", ())
    paths = [paths] if isinstance(paths, str) else paths
    if methods:
        parts.append("/".join(methods))
    if paths:
        parts.append(", ".join(f"`{_cell(path)}`" for path in paths))
    for key in ("query", "form", "json"):
        if key in table:
            parts.append(f"{key} " + ", ".join(_condition(name, value) for name, value in table[key].items()))
    if "graphql" in table:
        asked = table["graphql"]
        parts.append("GraphQL " + ", ".join(f"`{name}`" for name in ([asked] if isinstance(asked, str) else asked)))
    return "; ".join(parts) or "any"


def _condition(name: str, value: Any) -> str:
    if value is True:
        return f"`{_cell(name)}`"
    if value is False:
        return f"no `{_cell(name)}`"
    told = " or ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"`{_cell(name)}` = {_cell(told)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
