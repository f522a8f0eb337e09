"""What the product is called, and where in the shop it stands."""

from __future__ import annotations

import re

from . import heading
from .buybox import Box
from .case import Case
from .item import Item, clean_name
from .lazy import regex

STRUCTURED = ("jsonld", "microdata", "rdfa")

_HOME = regex(
    r"^(?:home|hem|start|startsida|startseite|hjem|forside|accueil|inicio|etusivu|strona główna|úvod|domů|shop"
    r"|butik|webshop|.{0,30}(?:\.\w{2,3}))$",
    re.I,
)


def name(case: Case, order: list[Item], box: Box | None) -> tuple[str, str]:
    """The product's name and its source; empty when the page has none."""
    for one in order:
        if one.source in STRUCTURED and one.name:
            return one.name, one.paths["content_name"]
    shared = clean_name(case.head.metas.get("og:title", ""))
    if shared and "product" in case.head.kind:
        return _without_site(case, shared), "meta:og:title"
    if case.heading is not None and case.heading.sure:
        return case.heading.text, case.heading.source
    for one in order:
        if one.name and heading.alike(one.name, case.head.title):
            return one.name, one.paths.get("content_name", one.source)
    if box is not None and clean_name(box.name):
        return clean_name(box.name), "form:name"
    if case.heading is not None and not case.head.title:
        return case.heading.text, case.heading.source
    for one in order:
        if one.name:
            return one.name, one.paths.get("content_name", one.source)
    return heading.from_title(case.head.title), "page:title"


def _without_site(case: Case, title: str) -> str:
    """A title without the shop's name at its end."""
    if case.heading is not None and title.casefold().startswith(case.heading.text.casefold()):
        rest = title[len(case.heading.text) :].strip()
        if not rest or rest[0] in "|-–—:·•»>~/":
            return title[: len(case.heading.text)]
    cut = heading.parts(title)
    site = clean_name(case.head.metas.get("og:site_name", "")).casefold()
    if len(cut) > 1:
        last = cut[-1].casefold()
        host = case.asked.host.removeprefix("www.").partition(".")[0]
        squeezed = "".join(filter(str.isalnum, last))
        if last == site or (host and squeezed and (squeezed.startswith(host) or host in squeezed)):
            return title[: title.casefold().rfind(last)].rstrip(" |-–—:·•»")
    return title


def category(case: Case, order: list[Item], product_name: str) -> tuple[str, str]:
    """The breadcrumb without its first step (home) and its last (the product), else a source's category."""
    for graph in case.graphs:
        trail = list(graph.trail)
        if trail and heading.alike(trail[-1], product_name):
            trail.pop()
        if trail and _HOME.match(trail[0]):
            trail.pop(0)
        if trail:
            return " > ".join(trail)[:300], "breadcrumb"
    for one in order:
        if one.category:
            return one.category[:300], f"{one.source}:category"
    return "", ""
