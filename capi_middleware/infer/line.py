"""The lines of a cart request: which products, how many; from a form, JSON or GraphQL of any shop."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from capi_middleware.settings.condition import number
from capi_middleware.settings.words import bare, field_kinds

from .body import Body
from .lazy import regex

MOST_LINES = 50
_GID = regex(r"^gid://[^/]+/[^/]+/")
_ID = regex(r"[^\s<>\"']{1,100}")
_BLOCK = regex(r"\{([^{}]{0,2000})\}")
_LITERAL = regex(r"([A-Za-z_]\w*)\s*:\s*(?:\"([^\"\\]{1,200})\"|(-?\d+(?:\.\d+)?))")
_NUMBERED = regex(r"[A-Za-z]+[-_.](\d{4,18})")
_BRACKETED = regex(r"^(.*)\[([^\[\]]*)\]$")
_DEEPEST = 8


class Line(NamedTuple):
    """``ids``: what kinds of id the request gave, best first: ``product_id``, ``variant_id``, ``sku``, …. ``quantity``:
    as given, None where none was."""

    ids: Mapping[str, str]
    quantity: float | None = None

    @property
    def content_id(self) -> str:
        return next(iter(self.ids.values()), "")


def lines_of(body: Body) -> list[Line]:
    """The lines that a request's body speaks of."""
    if body.fields:
        return _form_lines(body.fields)
    if body.json is None:
        return []
    found = _json_lines(body.json)
    return found or _literal_lines(body.query_text)


def lines_of_pairs(pairs: Iterable[tuple[str, str]]) -> list[Line]:
    """The lines that the parameters of an address speak of."""
    return _form_lines(pairs)


def clean_id(value: Any) -> str:
    """An id as text: ``gid://shop/Variant/12`` is ``12``, an API address its last part; "" for what can be none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else ""
    text = _GID.sub("", str(value).strip())
    if text.startswith(("/", "http://", "https://")):
        text = text.rstrip("/").rpartition("/")[2]
    return text if text != "0" and _ID.fullmatch(text) and "@" not in text and not _card_number(text) else ""


def _card_number(text: str) -> bool:
    """Whether it may be a payment card's: 15 to 19 digits with a right check digit (ISO/IEC 7812-1). Such a number is
    never sent, whatever field it stood in."""
    digits = text.replace("-", "")
    if not (15 <= len(digits) <= 19 and digits.isascii() and digits.isdigit()):
        return False
    doubled = [int(digit) * (1 + n % 2) for n, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0


def quantity_of(value: Any) -> float | None:
    """A quantity, from a number or a text such as ``2`` or ``1,5``; None where it is none."""
    if isinstance(value, str):
        value = value.strip().replace(",", ".")
    found = number(value)
    return found if found is not None and math.isfinite(found) and 0 <= found <= 100_000 else None


def id_kind(name: str) -> str:
    """Which kind of id a field's name promises."""
    word = bare(_last(name))
    if "varia" in word or "attribute" in word or word in ("ipa", "asin", "catentryid"):
        return "variant_id"
    if "sku" in word or "number" in word or "nummer" in word or word.endswith("nr") or "code" in word:
        return "sku"
    return "product_id"


def _last(name: str) -> str:
    found = _BRACKETED.match(name)
    while found and (not found[2] or found[2].isdigit()):
        name = found[1]
        found = _BRACKETED.match(name)
    return found[2] if found else name


def _form_lines(fields: Iterable[tuple[str, str]]) -> list[Line]:
    """Fields that share all but the last bracket are one line: ``lineItems[4f2][id]``, ``lineItems[4f2][quantity]``; so
    are ``id[1]`` and ``qty[1]``. A quantity alone under a number is that product's: ``quantity[4711]``."""
    groups: dict[str, list[tuple[str, str]]] = {}
    keyed: list[Line] = []
    named: list[Line] = []  # qty_39196067
    for name, value in fields:
        if not value or len(name) > 200:
            continue
        kinds = field_kinds(name)
        if "id" not in kinds and "quantity" not in kinds:
            continue
        bracketed = _BRACKETED.match(name)
        if bracketed and bracketed[2].isdecimal():
            groups.setdefault(f"#{bracketed[2]}", []).append((name, value))
            if "quantity" in kinds and int(bracketed[2]) > 9:
                keyed.append(Line({"product_id": bracketed[2]}, quantity_of(value)))
        else:
            groups.setdefault(bracketed[1] if bracketed and bracketed[2] else "", []).append((name, value))
            numbered_name = _NUMBERED.fullmatch(name)
            if numbered_name and "quantity" in kinds:
                named.append(Line({"product_id": numbered_name[1]}, quantity_of(value)))
    numbered = [line for name, group in groups.items() if name.startswith("#") and (line := _line(group))]
    if keyed and not numbered:
        return [line for line in keyed if line.quantity][:MOST_LINES]
    found = numbered or [line for group in groups.values() if (line := _line(group))]
    if not found:
        return [line for line in named if line.quantity][:MOST_LINES]
    with_quantity = [line for line in found if line.quantity is not None]
    return (with_quantity or found[:1])[:MOST_LINES]


def _line(pairs: Iterable[tuple[str, Any]]) -> Line | None:
    ids: dict[str, str] = {}
    quantity = None
    for name, value in pairs:
        kinds = field_kinds(name)
        if "id" in kinds:
            content_id = clean_id(value)
            if content_id:
                ids.setdefault(id_kind(name), content_id)
        if "quantity" in kinds and quantity is None:
            quantity = quantity_of(value)
    if not ids:
        return None
    order = ("product_id", "sku", "variant_id")
    return Line({kind: ids[kind] for kind in order if kind in ids}, quantity)


def _json_lines(document: Any) -> list[Line]:
    """Objects with an id and a quantity; where there are none, the first object with an id."""
    found = list(_objects(document, 0))
    with_quantity = [line for line in found if line.quantity is not None]
    return (with_quantity or found[:1])[:MOST_LINES]


def _objects(document: Any, depth: int) -> Iterator[Line]:
    if depth > _DEEPEST:
        return
    if isinstance(document, list):
        for part in document[:MOST_LINES]:
            yield from _objects(part, depth + 1)
    elif isinstance(document, dict):
        pairs = [(key, value) for key, value in list(document.items())[:200] if isinstance(key, str)]
        line = _line((key, value) for key, value in pairs if not isinstance(value, (dict, list)))
        inside = [one for _, value in pairs if isinstance(value, (dict, list)) for one in _objects(value, depth + 1)]
        if line is not None and (line.quantity is not None or not any(one.quantity is not None for one in inside)):
            yield line
            return
        yield from inside


def _literal_lines(query: str) -> list[Line]:
    """Values written into a GraphQL document: ``cartItems: [{ sku: "24-MB01", quantity: 1 }]``."""
    found = []
    for block in _BLOCK.finditer(query):
        line = _line((name, text or digits) for name, text, digits in _LITERAL.findall(block[1]))
        if line is not None:
            found.append(line)
    if not found:
        line = _line((name, text or digits) for name, text, digits in _LITERAL.findall(query))
        found = [line] if line is not None else []
    with_quantity = [line for line in found if line.quantity is not None]
    return (with_quantity or found[:1])[:MOST_LINES]
