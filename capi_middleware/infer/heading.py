"""The page's own name for what it shows: its heading and its title."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from .item import clean_name
from .lazy import regex
from .markup import Markup

_PARTS = regex(r"\s+[|\-–—•·»«~:/›>]{1,2}\s+|\s*[|»›｜]\s*|\s::\s")
_WORDS = regex(r"\w+")
_TITLED = regex(
    r"(?:^|[\s_-])(?:product|prod|pdp|item|article|artikel|produkt)(?:[-_]?(?:detail|page|info|main"
    r"|single))?s?[-_]{0,2}(?:title|name|heading|titel|namn|h1)(?:$|[\s_-])"
    r"|^(?:title|name)[-_]?(?:product|item)",
    re.I,
)
_NUMBERED = regex(
    r"\s+[(\[]?(?:sku|art(?:ikel|icle|\.)?\s?-?(?:nr|no|nummer|number)?|item\s?(?:no|number|code|#)|(?:product\s)?code"
    r"|kod|код|артикул|арт|ref|réf|model(?:l|\sno)?|c[oó]digo|cod)\s?\.?\s?[:#]\s?[\w./-]*\d[\w./-]*[)\]]?$",
    re.I,
)
_LABEL = regex(r"\s+[^\W\d_]{2,12}\s?:$")
_TALK = regex(
    r"(?:cart|basket|varukorg|kundvagn|warenkorb|panier|carrito|sign in|log ?in|logga in|cookie|newsletter|menu"
    r"|search|sök|wishlist|checkout"
    r"|welcome|javascript|404|not found|oops|error)",
    re.I,
)


class Heading(NamedTuple):
    """``at``: the element. ``source``: ``page:h1`` and the like. ``sure``: the title says the same."""

    at: int
    text: str
    source: str
    sure: bool = True


@lru_cache(1024)
def words(text: str) -> tuple[str, ...]:
    return tuple(_WORDS.findall(text.casefold()))


@lru_cache(2048)
def alike(one: str, other: str) -> bool:
    """Do two names mean one thing? Same words, or one is the other with something added."""
    first, second = words(one), words(other)
    if not first or not second:
        return False
    if first == second:
        return True
    short, long = sorted((first, second), key=len)
    joined = " " + " ".join(long) + " "
    if " " + " ".join(short) + " " in joined and (len(short) > 1 or len(short[0]) > 3 or len(long) < 3):
        return True
    common = len(set(short) & set(long))
    return common >= 2 and common >= 0.7 * len(set(short)) and common >= 0.5 * len(set(long))


def bare(name: str) -> str:
    """A name without the article number, or the empty label of one, that a theme writes behind it."""
    cut = _LABEL.sub("", _NUMBERED.sub("", name))
    return cut if len(cut) > 2 else name


def parts(title: str) -> list[str]:
    """A title's parts, as its separators cut it."""
    return [one for one in (part.strip() for part in _PARTS.split(title)) if one]


def main(page: Markup, title: str) -> Heading | None:
    """The heading that names what the page is about: the h1 that the title knows, else the first that says something,
    else an element named as a product's title."""
    found: list[tuple[int, str]] = []
    for index in page.named("h1"):
        text = bare(clean_name(page.seen(index)))
        if len(text) > 1:
            found.append((index, text))
        if len(found) >= 12:
            break
    fitting = [(index, text) for index, text in found if alike(text, title)]
    site = _site(title)
    for index, text in fitting:
        if text.casefold() not in site or len(fitting) == 1 and len(found) == 1:
            return Heading(index, text, "page:h1")
    named = _named(page, title)
    if named is not None and named.sure:
        return named
    for index, text in found:
        if not _TALK.search(text[:60]) and text.casefold() not in site:
            return Heading(index, text, "page:h1", sure=not title)
    return named


def _site(title: str) -> set[str]:
    """Texts that are the shop's name rather than the page's: the last part of a title of several."""
    cut = parts(title)
    if len(cut) < 2:
        return set()
    return {cut[-1].casefold()}


def _named(page: Markup, title: str) -> Heading | None:
    best: Heading | None = None
    for index, name in enumerate(page.names):
        if name in ("h2", "h3", "h4", "div", "span", "p", "strong", "b", "td", "font"):
            if page.close(index) - page.ends[index] > 600:
                continue
            tag = page.tag(index)
            heading = name in ("h2", "h3", "h4")
            if (
                not heading
                and b"itle" not in tag
                and b"ame" not in tag
                and b"eading" not in tag
                and name not in ("strong", "b", "font")
            ):
                continue
            attributes = page.attributes(index)
            text = ""
            if _TITLED.search(attributes.get("class", "")) or _TITLED.search(attributes.get("id", "")):
                text = clean_name(page.text(index, 600))
                if len(text) > 2 and alike(text, title):
                    return Heading(index, text, f"page:{name}")
            if best is None and (heading or name in ("strong", "b", "font")):
                text = text or clean_name(page.text(index, 600))
                first = parts(title)[:1]
                if len(text) > 3 and (words(text) == words(title) or (first and words(text) == words(first[0]))):
                    best = Heading(index, text, f"page:{name}", sure=heading)
    return best


def from_title(title: str, is_shop: Callable[[str], bool] = lambda part: False) -> str:
    """The title without the shop's name and slogan. ``is_shop``: is this part of it the shop's name?"""
    cut = [part for part in parts(title) if not is_shop(part)]
    if not cut:
        return ""
    return max(cut[:2], key=lambda part: (len(words(part)) > 1, len(part) > 3, -cut.index(part)))
