"""What the product is called, and where in the shop it stands."""

from __future__ import annotations

import re

from . import heading
from .buybox import Box
from .case import Case
from .item import Item, clean_name
from .lazy import regex

STRUCTURED = ("jsonld", "microdata", "rdfa")
_COMMON_LABELS = frozenset(
    {"www", "shop", "store", "butik", "webshop", "eshop", "en", "m", "co", "com", "net", "org", "se", "de"}
)

_HOME = regex(
    r"^(?:home|hem|start|startsida|startseite|hjem|forside|accueil|inicio|etusivu|strona główna|úvod|domů|shop"
    r"|butik|webshop|.{0,30}(?:\.\w{2,3}))$",
    re.I,
)


def name(case: Case, order: list[Item], box: Box | None) -> tuple[str, str]:
    """The product's name and its source; empty when the page has none."""
    for one in order:
        if one.source in STRUCTURED and one.name:
            return _without_title(case, heading.bare(one.name)), one.paths["content_name"]
    shared = clean_name(case.head.metas.get("og:title", ""))
    if shared == case.head.title and case.heading is not None and case.heading.sure:
        return case.heading.text, case.heading.source  # the same line for search engines twice says no more
    if shared and "product" in case.head.kind:
        return _without_site(case, shared), "meta:og:title"
    if case.heading is not None and case.heading.sure:
        return case.heading.text, case.heading.source
    for one in order:
        if one.name and heading.alike(one.name, case.head.title):
            return one.name, one.paths.get("content_name", one.source)
    if box is not None and clean_name(box.name):
        return clean_name(box.name), "form:name"
    cut = heading.parts(case.head.title)
    if case.heading is not None and (not cut or _is_shop(case, cut[0])):  # a title that all pages share
        return case.heading.text, case.heading.source
    for one in order:
        if one.name:
            return one.name, one.paths.get("content_name", one.source)
    return heading.from_title(case.head.title, lambda part: _is_shop(case, part)), "page:title"


def _without_title(case: Case, name: str) -> str:
    """A product's name in the data, without the shop's at its end: plugins write the page's title there."""
    if case.heading is None or not case.heading.sure or len(name) == len(case.heading.text):
        return name
    cut = heading.parts(name)
    if len(cut) < 2 or not name.casefold().startswith(case.heading.text.casefold()):
        return name
    return _without_site(case, name) if name == case.head.title or _is_shop(case, cut[-1]) else name


def _without_site(case: Case, title: str) -> str:
    """A title without the shop's name at its end."""
    if case.heading is not None and title.casefold().startswith(case.heading.text.casefold()):
        rest = title[len(case.heading.text) :].strip()
        if not rest or rest[0] in "|｜-–—:·•»>~/":
            return title[: len(case.heading.text)]
    cut = heading.parts(title)
    if len(cut) > 1 and _is_shop(case, cut[-1]):
        return title[: title.rfind(cut[-1])].rstrip(" |｜-–—:·•»")
    return title


def _is_shop(case: Case, part: str) -> bool:
    """Is a part of a title the shop's name? By what the head calls the site, else by the page's address."""
    squeezed = _squeezed(part)
    if not squeezed:
        return False
    if any(squeezed == _squeezed(case.head.metas.get(key, "")) for key in ("og:site_name", "application-name")):
        return True
    labels = [label for label in case.asked.host.split(".")[:-1] if label not in _COMMON_LABELS]
    own = _squeezed(max(labels, key=len, default=""))
    return len(own) > 2 and own in squeezed and (len(own) > 3 or squeezed.startswith(own))


def _squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


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
