"""The shape of an address: what it has in common with others like it, and nothing of who asked for it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from capi_middleware.settings.words import path_kinds

_DEEPEST = 8
_PLAIN = re.compile(r"[A-Za-z0-9._~!$&'()+,;=@-]{1,40}|[^\x00-\x20<>*/?%\x7f-\xa0]{1,40}")
_DIGITS = re.compile(r"\d{1,20}")
_NUMBERED = re.compile(r"(?=.*\d)[A-Za-z0-9_-]{6,}")

PRODUCT = frozenset(
    {
        *("produkt", "produkter", "product", "products", "p", "item", "items", "artikel", "artiklar", "vara", "varor"),
        *("produkte", "produit", "produits", "producto", "productos", "prodotto", "prodotti", "tuote", "tuotteet"),
        *("kategori", "kategorier", "category", "categories", "c", "shop", "butik", "collections", "kollektion"),
    }
)
"""Parts of a path below which shops keep their products; not among the words by which events are recognised."""

Known = Callable[[str, str], bool]
"""``known(before, segment)``: whether many visitors have had this part below ``before``."""


def shape_of(path: str, known: Known) -> str:
    """A path as a routing pattern (``/kundvagn/<int:id>/ny``). A part stands as it is only if it is a word of shops
    (``words.toml``) or ``known``; everything else, which may name a person, becomes a variable."""
    parts = path.split("/")[1:]
    if parts and not parts[-1]:
        parts.pop()
    shape, used = "", 0
    for segment in parts[:_DEEPEST]:
        if _DIGITS.fullmatch(segment):
            used += 1
            shape += f"/<int:{_name('id', used)}>"
        elif is_word(segment) or (_PLAIN.fullmatch(segment) and known(shape, segment)):
            shape += f"/{segment}"
        else:
            used += 1
            shape += f"/<{_name('id' if _NUMBERED.fullmatch(segment) else 'slug', used)}>"
    return shape + ("/**" if len(parts) > _DEEPEST else "") or "/"


def is_word(segment: str) -> bool:
    """Whether a part of a path is one of the words by which shops name their pages."""
    if len(segment) > 40 or not _PLAIN.fullmatch(segment):
        return False
    return segment.casefold() in PRODUCT or bool(path_kinds("/" + segment))


def candidates(path: str) -> list[tuple[int, str]]:
    """(depth, segment) for each part that could become known: neither a number nor a word."""
    parts = [part for part in path.split("/")[1:][:_DEEPEST] if part]
    return [
        (depth, part)
        for depth, part in enumerate(parts)
        if _PLAIN.fullmatch(part) and not _DIGITS.fullmatch(part) and not is_word(part) and "@" not in part
    ]


def pattern_of(path: str) -> tuple[str, str]:
    """(a pattern for pages like this one, a pattern for this page alone), for whoever shows an example of a path. The
    last part is what changes from one page to the next, unless it is a shop's word; numbers always are."""
    parts = [part for part in path.split("/") if part]
    found, exact, used = [], [], 0
    for place, part in enumerate(parts):
        plain = bool(_PLAIN.fullmatch(part))
        number = bool(_DIGITS.fullmatch(part))
        changes = number or not plain or (place == len(parts) - 1 and not is_word(part))
        used += changes
        variable = f"<int:{_name('id', used)}>" if number else f"<{_name('slug', used)}>"
        found.append(variable if changes else part)
        exact.append(part if plain else variable)
    return "/" + "/".join(found), "/" + "/".join(exact)


def _name(name: str, used: int) -> str:
    return name if used == 1 else f"{name}{used}"
