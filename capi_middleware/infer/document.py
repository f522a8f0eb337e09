"""A page's bytes, asked by CSS selectors and meta names that people wrote in rules.

Made only where such a rule matched. selectolax reads a page in a thirtieth of Beautiful Soup's time, so it is used
where it is installed. Answers are kept for the seconds in which several rules ask one page.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from functools import lru_cache
from itertools import islice
from threading import Lock
from typing import Any

from cachetools import TTLCache

from . import charset
from .lazy import regex
from .markup import strip

LARGEST = 1024 * 1024
LONGEST_TEXT = 4096
MOST_FOUND = 50
_MOST_BLOCKS = 32
_SPACE = regex(r"\s+")
_LD_JSON = regex(rb"<script[^>]{0,400}application/ld\+json[^>]{0,400}>", re.IGNORECASE)
_HEADING = regex(rb"<h[1-3][^>]{0,400}>(.{0,600}?)</h[1-3]", re.IGNORECASE | re.DOTALL)
_MOST_HEADINGS = 12
_LD_TYPES = frozenset({"Product", "ProductGroup", "Order", "IndividualProduct", "ProductModel"})
_answers: TTLCache[tuple[bytes, str, str], tuple[str, ...]] = TTLCache(64, 10.0)
_lock = Lock()


def select(html: bytes, selector: str, attribute: str = "") -> tuple[str, ...]:
    """Texts (or values of the attribute) of the elements found, white space made plain. Never raises."""
    if not html:
        return ()
    html = html[:LARGEST]
    key = (hashlib.blake2b(html, digest_size=16).digest(), selector, attribute)
    with _lock:
        known = _answers.get(key)
    if known is None:
        try:
            known = _selected(html, selector, attribute)
        except Exception:  # a selector that one parser takes and another does not, a page that no parser takes
            known = ()
        with _lock:
            _answers[key] = known
    return known


def _selected(html: bytes, selector: str, attribute: str) -> tuple[str, ...]:
    parser = _fast_parser()
    if parser is not None and "contains(" not in selector:
        try:
            nodes = parser(html.decode(charset.of(html), "replace")).css(selector)[:MOST_FOUND]
        except ValueError:
            pass
        else:
            if attribute:
                return tuple(_plain(node.attributes[attribute] or "") for node in nodes if attribute in node.attributes)
            return tuple(_plain(node.text(separator=" ")) for node in nodes)
    from bs4 import BeautifulSoup  # a fifth of a second to import, which few shops' rules need

    found = BeautifulSoup(html, "lxml").select(selector, limit=MOST_FOUND)
    if attribute:
        return tuple(_plain(_joined(element[attribute])) for element in found if element.has_attr(attribute))
    return tuple(_plain(element.get_text(" ")) for element in found)


@lru_cache(maxsize=1)
def _fast_parser() -> Any:
    try:
        return importlib.import_module("selectolax.lexbor").LexborHTMLParser
    except (ImportError, AttributeError):
        return None


def _joined(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip()[:LONGEST_TEXT]


def meta(html: bytes, name: str) -> str:
    """The content of ``<meta name|property|itemprop="name">``, "" for none."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    for attribute in ("property", "name", "itemprop"):
        found = select(html, f'meta[{attribute}="{quoted}"]', "content")
        if found:
            return found[0]
    return ""


def headings(html: bytes) -> tuple[str, ...]:
    """The texts of the first headings."""
    written = charset.of(html)
    found = islice(_HEADING.finditer(html[:LARGEST]), _MOST_HEADINGS)
    return tuple(strip(match[1].decode(written, "replace")) for match in found)


def json_ld(html: bytes) -> list[Any]:
    """What a rule's ``jsonld:`` path starts from: each Product (or Order) of the page, then each whole block."""
    products: list[Any] = []
    whole: list[Any] = []
    html, written = html[:LARGEST], charset.of(html)
    end = 0
    while len(whole) < _MOST_BLOCKS and (opening := _LD_JSON.search(html, end)):
        end = html.find(b"</script", opening.end())
        if end < 0:
            break
        text = html[opening.end() : end].decode(written, "replace")
        try:
            value = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            continue
        whole.append(value)
        products += _of_type(value, 0)
    return products + whole


def _of_type(value: Any, depth: int) -> list[Any]:
    if depth > 8:
        return []
    if isinstance(value, list):
        return [found for part in value[:100] for found in _of_type(part, depth + 1)]
    if not isinstance(value, dict):
        return []
    kinds = value.get("@type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(kinds, list) and any(str(kind).rpartition("/")[2] in _LD_TYPES for kind in kinds):
        return [value]
    return [found for key in ("@graph", "mainEntity") if key in value for found in _of_type(value[key], depth + 1)]
