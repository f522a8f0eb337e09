"""A page as a flat list of elements, read in one linear pass over its bytes.

No tree of objects is built and nothing is copied: an element is an index into parallel lists, its attributes and its
text are cut from the page when somebody asks. Scripts, styles, comments, drawings and templates are set aside first,
so that their insides are never taken for elements. Forgiving as browsers are; bounded in elements and in depth.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from .lazy import regex

MOST_ELEMENTS = 12_000
MOST_SCRIPTS = 400
DEEPEST = 200

_NAMES = (b"script", b"style", b"svg", b"noscript", b"template", b"iframe")


def _any_case(name: bytes) -> bytes:
    return b"".join(b"[%c%c]" % (byte, byte - 32) for byte in name)


def _opening(*names: bytes) -> re.Pattern[bytes]:
    first = b"".join(b"%c%c" % (name[0], name[0] - 32) for name in names)
    return regex(rb"<(?=[!" + first + rb"])(?:(" + b"|".join(map(_any_case, names)) + rb")(?=[\s>/])|!--)")


# What is set aside of a page that passes, and of one that is all here (whose navigation is known to end).
ASIDE = _opening(*_NAMES)
_ASIDE_HERE = _opening(*_NAMES, b"nav")
ENDS = {name: regex(rb"</" + _any_case(name) + rb"(?=[\s>/])") for name in (*_NAMES, b"nav")}
# Quotes count only after "=", as in HTML's own grammar. Possessive throughout: no input makes it go back.
_TAG = regex(rb"""<(?:(/?[a-zA-Z][a-zA-Z0-9:-]{0,31}+)(?:[^<>=]++|=[\s]*+(?:"[^"]*+"|'[^']*+'|))*+>|(?=[a-zA-Z/]))""")
OPEN_TAG = regex(rb"""<[a-zA-Z][^\s/>]*+(?:[^<>=]++|=[\s]*+(?:"[^"]*+"|'[^']*+'|))*+>""")
_ATTRIBUTE = regex(rb"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>=`]++)))?""")
_AFTER_NAME = regex(rb"[\s/\"']")
_TAGS = regex(r"<(?:/?[a-zA-Z][^<>]*+>|!--(?:[^-]++|-(?!->))*+(?:-->|$))")
_HIDDEN = regex(r"<(script|style|svg|noscript|template)\b.*?(?:</\1\s*>|$)", re.S | re.I)
_HIDES = regex(r"<[sntSNT][ctvoeCTVOE]")
_BLOCK = regex(
    r"<(?:/?(?:p|div|li|ul|ol|tr|td|th|table|h[1-6]|dt|dd|dl|section|br|label|option|form|button)\b|!--)[^<>]*+>", re.I
)
_MAYBE_UNSEEN = regex(rb"sr-only|visually-?hidden|screen-?reader|hidden-visually|offscreen|assistive|[-_]hdn\b")
_UNSEEN = regex(
    rb"<(span|small|em|i|b|div|p)\b[^<>]{0,200}?\bclass\s*=\s*[\"']?[^\"'<>]{0,200}?"
    rb"(?:sr-only|visually-?hidden|screen-?reader|hidden-visually|offscreen|assistive|[-_]hdn\b)[^<>]{0,300}>"
    rb"[^<>]{0,300}</\1\s*>",
)

VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
        "frame",
        "keygen",
        "basefont",
        "bgsound",
    ]
)
# An element that ends when one of its kind begins.
_SIBLINGS = {
    "li": ("li",), "dt": ("dt", "dd"), "dd": ("dt", "dd"), "tr": ("tr", "td", "th"), "td": ("td", "th"),
    "th": ("td", "th"),
    "option": ("option",), "p": ("p",),
}  # fmt: skip


_known: dict[bytes, tuple[str, bool, bool, tuple[str, ...]]] = {}


def _kind(raw: bytes) -> tuple[str, bool, bool, tuple[str, ...]]:
    """A tag's name (``raw`` begins with a slash where it closes): whether it closes, is void, and whom it ends."""
    name = raw.lstrip(b"/").decode("ascii").lower()
    kind = (name, raw.startswith(b"/"), name in VOID, _SIBLINGS.get(name, ()))
    if len(_known) < 2_000:
        _known[raw] = kind
    return kind


_DIGITS = bytes(48 if 48 <= byte < 58 else 32 for byte in range(256))


class Script(NamedTuple):
    """``attributes``: the opening tag's bytes. ``start``, ``end``: where its body stands in the page."""

    attributes: bytes
    start: int
    end: int


def aside(page: bytes, limit: int, *, whole: bool = False) -> tuple[list[tuple[int, int]], list[Script]]:
    """The spans of a page (its first ``limit`` bytes) that hold elements, and its scripts. Navigation without marked
    properties is set aside too, unless ``whole``: it holds half of many pages' elements and no fact."""
    pattern = ASIDE if whole else _ASIDE_HERE
    spans: list[tuple[int, int]] = []
    scripts: list[Script] = []
    begun = position = kept = 0
    end = min(len(page), limit)
    while position < end:
        found = pattern.search(page, position, end)
        if found is None:
            break
        at = found.start()
        if found[1] is None:
            closed = page.find(b"-->", at + 2, end)
            stop, position = at, end if closed < 0 else closed + 3
        else:
            name = found[1].lower()
            opened = OPEN_TAG.match(page, at, end)
            body = opened.end() if opened else end
            if name == b"nav" and at < kept:  # within one that is not set aside: each would ask for the same end
                position = body
                continue
            closing = ENDS[name].search(page, body, end)
            if name == b"nav" and (closing is None or page.find(b"itemprop", body, closing.start()) >= 0):
                position, kept = body, closing.start() if closing else end
                continue
            stop = at
            position = end if closing is None else page.find(b">", closing.start(), end) + 1 or end
            if name == b"script" and len(scripts) < MOST_SCRIPTS:
                scripts.append(Script(page[at:body], body, closing.start() if closing else end))
        if stop > begun:
            spans.append((begun, stop))
        begun = position
    if begun < end:
        spans.append((begun, end))
    return spans, scripts


class Markup:
    """The elements of a page, in document order."""

    __slots__ = (
        "_attributes",
        "_digits",
        "_named",
        "closes",
        "ends",
        "names",
        "page",
        "parents",
        "scripts",
        "spans",
        "starts",
        "text_charset",
    )

    def __init__(self, page: bytes, limit: int, charset: str = "utf-8") -> None:
        self.page = page
        self.names: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.closes: list[int] = []
        self.parents: list[int] = []
        self.text_charset = charset
        self._attributes: dict[int, dict[str, str]] = {}
        self._named: dict[str, list[int]] | None = None
        self._digits: bytes | None = None
        self.spans, self.scripts = aside(page, limit)
        self._read(self.spans)

    def _read(self, spans: list[tuple[int, int]]) -> None:
        names, starts, ends, closes, parents = self.names, self.starts, self.ends, self.closes, self.parents
        page, known = self.page, _known
        stack: list[int] = []
        index = torn = 0
        for low, high in spans:
            for match in _TAG.finditer(page, low, high):
                raw = match[1]
                if raw is None:
                    torn += 1
                    if torn > 64:
                        return
                    continue
                kind = known.get(raw) or _kind(raw)
                name = kind[0]
                if kind[1]:
                    if stack and names[stack[-1]] == name:
                        closes[stack.pop()] = match.start()
                        continue
                    for depth in range(len(stack) - 2, max(-1, len(stack) - 40), -1):
                        if names[stack[depth]] == name:
                            for inner in stack[depth:]:
                                closes[inner] = match.start()
                            del stack[depth:]
                            break
                    continue
                if index >= MOST_ELEMENTS:
                    return
                at, end = match.span()
                siblings = kind[3]
                if siblings and stack and names[stack[-1]] in siblings:
                    while stack and names[stack[-1]] in siblings:
                        closes[stack.pop()] = at
                names.append(name)
                starts.append(at)
                ends.append(end)
                parents.append(stack[-1] if stack else -1)
                if kind[2]:
                    closes.append(end)
                else:
                    closes.append(-1)
                    if len(stack) < DEEPEST:
                        stack.append(index)
                index += 1
        stop = spans[-1][1] if spans else 0
        for inner in stack:
            closes[inner] = stop

    def __len__(self) -> int:
        return len(self.names)

    def tag(self, index: int) -> bytes:
        """The opening tag as it stands in the page."""
        return self.page[self.starts[index] : self.ends[index]]

    def attributes(self, index: int) -> dict[str, str]:
        """Names in lower case, entities resolved, the first of a name wins."""
        found = self._attributes.get(index)
        if found is None:
            found = self._attributes[index] = read_attributes(self.tag(index), self.text_charset)
        return found

    def get(self, index: int, name: str) -> str:
        return self.attributes(index).get(name, "")

    def close(self, index: int) -> int:
        """Where the element's content ends."""
        closed = self.closes[index]
        return closed if closed >= 0 else self.ends[index]

    def text(self, index: int, limit: int = 2000) -> str:
        """The element's visible text with spaces made single; blocks and line breaks part words."""
        raw = self.page[self.ends[index] : min(self.close(index), self.ends[index] + limit)]
        return strip(raw.decode(self.text_charset, "replace"))

    def seen(self, index: int, limit: int = 2000) -> str:
        """The element's text without those parts of it that only a screen reader gets ("Details about …")."""
        raw = self.page[self.ends[index] : min(self.close(index), self.ends[index] + limit)]
        if b"<" in raw and _MAYBE_UNSEEN.search(raw):
            raw = _UNSEEN.sub(b" ", raw)
        return strip(raw.decode(self.text_charset, "replace"))

    def inside(self, index: int) -> Iterator[int]:
        """The elements within one, in order."""
        stop = self.close(index)
        for other in range(index + 1, len(self.names)):
            if self.starts[other] >= stop:
                return
            yield other

    def ancestors(self, index: int) -> Iterator[int]:
        """From the parent up."""
        parent = self.parents[index]
        while parent >= 0:
            yield parent
            parent = self.parents[parent]

    def index_at(self, offset: int) -> int:
        """The element whose opening tag covers a place of the page, -1 when none does."""
        index = bisect_right(self.starts, offset) - 1
        return index if index >= 0 and offset < self.ends[index] else -1

    def marked(self, *marks: bytes) -> list[int]:
        """The elements whose opening tags carry one of these bytes, in order."""
        found: set[int] = set()
        raw = self.page
        for low, high in self.spans:
            for mark in marks:
                position = raw.find(mark, low, high)
                while position >= 0:
                    index = self.index_at(position)
                    if index >= 0:
                        found.add(index)
                        position = self.ends[index]
                    position = raw.find(mark, position + 1, high)
        return sorted(found)

    def holds(self, *marks: bytes) -> bool:
        """Does one of these bytes stand anywhere among the elements?"""
        raw = self.page
        return any(raw.find(mark, low, high) >= 0 for low, high in self.spans for mark in marks)

    def has_digit(self, start: int, stop: int) -> bool:
        """Is there a digit between two places of the page?"""
        if self._digits is None:
            self._digits = self.page.translate(_DIGITS)
        return self._digits.find(b"0", start, stop) >= 0

    def named(self, *names: str) -> Iterator[int]:
        """The elements of these names, in document order."""
        if self._named is None:
            self._named = {}
            for index, name in enumerate(self.names):
                self._named.setdefault(name, []).append(index)
        if len(names) == 1:
            return iter(self._named.get(names[0], ()))
        return iter(sorted(index for name in names for index in self._named.get(name, ())))


def read_attributes(tag: bytes, charset: str = "utf-8") -> dict[str, str]:
    """The attributes of one opening tag."""
    pairs: dict[str, str] = {}
    space = _AFTER_NAME.search(tag)
    if space is None:
        return pairs
    for name, double, single, bare in _ATTRIBUTE.findall(tag, space.start(), len(tag) - 1):
        key = name.decode("ascii", "replace").lower()
        if key not in pairs and len(pairs) < 60:
            value = (double or single or bare).decode(charset, "replace")
            pairs[key] = html.unescape(value) if "&" in value else value
    return pairs


def strip(markup: str) -> str:
    """The text of a piece of HTML."""
    if "<" in markup:
        if _HIDES.search(markup):
            markup = _HIDDEN.sub(" ", markup)
        markup = _BLOCK.sub(" ", markup)
        markup = _TAGS.sub("", markup)
        cut = markup.rfind("<")
        if cut >= 0 and ">" not in markup[cut:]:
            markup = markup[:cut]
    if "&" in markup:
        markup = html.unescape(markup)
    return " ".join(markup.split())
