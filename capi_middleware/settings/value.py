"""Where a value comes from: ``"css:.price | jsonld:offers.price"``, parsed and checked."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from .condition import PatternError, glob
from .suggest import did_you_mean

SOURCES = {
    "path": "a variable of the rule's path: `path:id` for `/p/<int:id>`",
    "query": "a parameter of the address: `query:product_id`",
    "form": "a field of the posted form, `*` for any letters: `form:antal`, `form:lineItems[*][id]`",
    "json": "a JMESPath into the posted JSON (GraphQL: `variables…`): `json:items[*].id`",
    "response-json": "a JMESPath into the JSON answer: `response-json:cart.items[-1].sku`",
    "css": "the text of an element of the page, or an attribute of it: `css:.price`, `css:[data-sku]@data-sku`",
    "jsonld": "a path into the page's Product (or Order) in JSON-LD: `jsonld:offers.price`",
    "meta": "a meta tag of the page: `meta:product:retailer_item_id`",
    "cookie": "a cookie that the answer sets, else one that came with the request: `cookie:customer_group`",
    "header": "a header of the answer: `header:x-order-number`",
    "redirect": "a variable of `when.redirect`, or a parameter of the address redirected to: `redirect:orderId`",
    "facts": "what the page's reader found by itself: `facts:value`; its ids by kind: `facts:ids.sku`",
    "const": "the text itself: `const:SEK`",
}
_SPLIT = re.compile(r"\s*(?<!\|)\|\s*(?=(?:" + "|".join(map(re.escape, SOURCES)) + r"):)")
_PREFIX = re.compile(r"([A-Za-z][A-Za-z-]*):(?=\S)")
_ATTRIBUTE = re.compile(r"@([A-Za-z_:][-A-Za-z0-9_:.]*)$")


class Source(NamedTuple):
    """One place to look. ``kind``: a key of :data:`SOURCES`; ``name``: what stands after the colon; ``compiled``: the
    JMESPath's search, or a glob's match, or the attribute of a CSS source."""

    kind: str
    name: str
    compiled: Any = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class Value(NamedTuple):
    """Where a value comes from, the first that gives something counts. ``fixed``: a value written as it is (a number,
    true, a list of tables); ``remove``: written ``false``, the value is left out though it would be found."""

    sources: tuple[Source, ...] = ()
    fixed: Any = None
    remove: bool = False

    @property
    def wants(self) -> frozenset[str]:
        """The kinds of its sources."""
        return frozenset(source.kind for source in self.sources)


def value(written: Any, variables: frozenset[str] | None = None, shipped: bool = False) -> Value:
    """Parse what stands in ``data``. ``variables``: names that ``path:`` may use, None if unknown. ``shipped``: of a
    preset, whose CSS selectors are checked by the tests: checking takes Beautiful Soup, half a second to import.

    Raises :class:`PatternError`.
    """
    if written is False:
        return Value(remove=True)
    if isinstance(written, (int, float)):
        return Value(fixed=written)
    if isinstance(written, (list, tuple)) and all(isinstance(part, str) for part in written) and written:
        parsed = [value(part, variables, shipped) for part in written]
        return Value(tuple(source for part in parsed for source in part.sources))
    if not isinstance(written, str):
        raise PatternError("is not a source.", 'Write one as text: "css:.price | jsonld:offers.price".')
    return Value(tuple(_source(part, variables, shipped) for part in _SPLIT.split(written.strip())))


def _source(text: str, variables: frozenset[str] | None, shipped: bool) -> Source:
    prefix = _PREFIX.match(text)
    if prefix is None:
        raise PatternError(f"{text!r} names no source.", f'Write "const:{text}" for the text itself, or "css:…".')
    kind, name = prefix[1], text[prefix.end() :]
    if kind not in SOURCES:
        raise PatternError(
            f"{text!r}: there is no source {kind}.",
            f"{did_you_mean(kind, SOURCES)}Known: {', '.join(SOURCES)}; a fixed text is const:{text}.",
        )
    if kind == "path" and variables is not None and name not in variables:
        known = f"The path has {', '.join(sorted(variables))}." if variables else "The path has no variables: <name>."
        raise PatternError(f"{text!r}: the path has no variable {name}.", did_you_mean(name, variables) + known)
    return Source(kind, name, _compiled(kind, name, shipped))


def _compiled(kind: str, name: str, shipped: bool) -> Any:
    if kind in ("json", "response-json", "jsonld"):
        return json_path(name)
    if kind in ("form", "cookie") and "*" in name:
        return glob(name).match
    if kind == "css":
        selector, attribute = css_parts(name)
        if not shipped:
            css_selector(selector)
        return selector, attribute
    return None


def json_path(text: str) -> Callable[[Any], Any]:
    """A compiled JMESPath. Raises :class:`PatternError` with the place of the mistake."""
    import jmespath  # rules of most shops have no such path
    from jmespath.exceptions import JMESPathError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parsed = jmespath.compile(text)
    except PendingDeprecationWarning:
        raise PatternError(f"{text!r}: a text stands in backticks.", "Write texts as 'text', numbers as `3`.") from None
    except JMESPathError as error:
        reason = " ".join(str(error).split())
        raise PatternError(f"{text!r} is no JMESPath: {reason}.", 'See jmespath.org; as "items[0].id".') from None

    def search(document: Any) -> Any:
        try:
            return parsed.search(document)
        except (JMESPathError, TypeError, ValueError, AttributeError, RecursionError):
            return None

    return search


def css_parts(text: str) -> tuple[str, str]:
    """``.sku@data-id`` is selector ``.sku`` and attribute ``data-id``."""
    found = _ATTRIBUTE.search(text)
    return (text[: found.start()].strip(), found[1]) if found else (text.strip(), "")


def css_selector(text: str) -> None:
    """Raises :class:`PatternError` where ``text`` is no CSS selector."""
    import soupsieve  # imports Beautiful Soup, which most shops' rules never need

    try:
        soupsieve.compile(text)
    except (soupsieve.SelectorSyntaxError, NotImplementedError, ValueError) as error:
        reason = (str(error) or "not possible here").splitlines()[0].rstrip(".")
        raise PatternError(f"{text!r} is no CSS selector: {reason}.", 'Write it as ".price" or "[data-sku]".') from None
