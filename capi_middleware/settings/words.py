"""The words by which shops name pages, forms and fields (``words.toml``), and how they are compared."""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote_plus

_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "ß": "ss", "ł": "l", "đ": "d", "œ": "oe"})
_ACCENTS = re.compile("[\u0300-\u036f]+")
_SIGNS = re.compile(r"[-_.+' ]+")
_ENDING = re.compile(r"\.[a-z]{2,6}\d?$")
_JOINTS = re.compile(r"[.|:]")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_TAIL = re.compile(r"\d+$")
_MAX_SEGMENTS = 24
_MAX_TOKENS = 4
_ID_ENDINGS = ("productid", "productcode", "itemid", "itemcode", "variantid", "articleid", "skuid", "prodid")
_QUANTITY_ENDINGS = ("quantity", "qty")
_OTHERS = ("related", "parent", "remove", "bundle", "gift", "order", "user", "customer", "cart", "basket", "line")

Kinds = frozenset[str]
NONE: Kinds = frozenset()


def fold(text: str) -> str:
    """Lower case without accents: ``Önskelista`` and ``onskelista`` are one word, as shops write both in paths."""
    text = text.casefold()
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return _ACCENTS.sub("", text).translate(_LETTERS)


def bare(text: str) -> str:
    """Folded, and without the signs that part words: ``Lägg-till`` is ``laggtill``."""
    return _SIGNS.sub("", fold(text))


@functools.cache
def vocabulary() -> Mapping[str, Mapping[str, Mapping[str, list[str]]]]:
    """``words.toml`` as it stands: group (path, field, text), kind, language, words."""
    text = Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
    groups: Mapping[str, Mapping[str, Mapping[str, list[str]]]] = tomllib.loads(text)
    return groups


@functools.cache
def path_words() -> Mapping[str, Kinds]:
    """Bare word of a path to its kinds."""
    return _index("path")


@functools.cache
def field_words() -> Mapping[str, Kinds]:
    """Bare name of a field to its kinds."""
    return _index("field")


@functools.cache
def phrases(kind: str) -> tuple[str, ...]:
    """Folded phrases of ``[text.KIND]``, longest first."""
    found = {fold(phrase) for words in vocabulary()["text"][kind].values() for phrase in words}
    return tuple(sorted(found, key=lambda phrase: (-len(phrase), phrase)))


def path_kinds(path: str) -> Kinds:
    """What a path speaks of. ``cart`` where a whole part of it is a cart word, ``~cart`` where it is one of at most
    four words in a part (``cart_line_items``); long slugs say nothing."""
    words = path_words()
    found: set[str] = set()
    for segment in path.split("/", _MAX_SEGMENTS)[:_MAX_SEGMENTS]:
        if not segment or len(segment) > 64:
            continue
        segment = _ENDING.sub("", fold(segment))
        whole = words.get(_SIGNS.sub("", segment))
        if whole:
            found.update(whole)
            found.update("~" + kind for kind in whole)
        tokens = [token for token in _SIGNS.split(segment) if token]
        if 1 < len(tokens) <= _MAX_TOKENS:
            for token in tokens:
                found.update("~" + kind for kind in words.get(token, NONE))
    return frozenset(found)


def route_of(query: str) -> str:
    """The route that a query carries, as a path: ``route=checkout/cart.add&id=4`` is ``/checkout/cart/add``."""
    parts = []
    for value in _routes().findall(query[:2048]):
        if "%" in value or "+" in value:
            value = unquote_plus(value)
        if value and len(value) <= 128:
            parts.append(_JOINTS.sub("/", value.strip("/")))
    return "/" + "/".join(parts) if parts else ""


@functools.cache
def _routes() -> re.Pattern[str]:
    names = {name for words in vocabulary()["field"]["route"].values() for name in words}
    either = "|".join(sorted(map(re.escape, names)))
    return re.compile(rf"(?:^|&)(?:[a-z_]*route|{either})=([^&]*)", re.IGNORECASE)


def field_kinds(name: str) -> Kinds:
    """What a field's name stands for: ``lineItems[4f2][id]`` and ``product_id`` are ids, ``qty[]`` a quantity."""
    inner = [part for part in _BRACKET.findall(name) if part and not part.isdigit()]
    last = bare(inner[-1] if inner else name.partition("[")[0].rpartition(".")[2] or name)
    words = field_words()
    known = words.get(last) or words.get(_TAIL.sub("", last))
    if known is not None:
        return known
    if last.endswith(_QUANTITY_ENDINGS):
        return _QUANTITY
    return _ID if last.endswith(_ID_ENDINGS) and not last.startswith(_OTHERS) else NONE


_ID: Kinds = frozenset({"id"})
_QUANTITY: Kinds = frozenset({"quantity"})


def _index(group: str) -> dict[str, Kinds]:
    found: dict[str, set[str]] = {}
    for kind, languages in vocabulary()[group].items():
        for word in _all(languages.values()):
            found.setdefault(bare(word), set()).add(kind)
    return {word: frozenset(kinds) for word, kinds in found.items()}


def _all(lists: Iterable[list[str]]) -> Iterable[str]:
    for words in lists:
        yield from words
