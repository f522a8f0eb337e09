"""What is kept of a page that streams by: the parts that facts are read from, within a bound.

Kept in the end, as a small page: the head's tags, JSON-LD and other telling scripts, marked-up properties, the markup
from a little before the main heading on, and the form that buys where it stands further down. Styles, drawings,
comments and other scripts pass unheld.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .heading import alike
from .lazy import regex
from .markup import ASIDE, ENDS, OPEN_TAG, strip


class Bounds(NamedTuple):
    """Bytes that are kept at most. ``scripts``: that tell something. ``small``: of one that is kept for a word that
    large ones happen to have, too. ``body``: from a little before the heading on."""

    scripts: int
    small: int
    body: int

    @property
    def held(self) -> int:
        """Of everything together."""
        return HEAD + self.scripts + DULL + self.body + FORM + CARRY


HEAD = 10 * 1024
DULL = 4 * 1024
"""Of scripts that tell nothing themselves, but by whose addresses a platform is known."""
FORM = 4 * 1024
CARRY = 4 * 1024
PIECE = 8 * 1024
PRODUCT = Bounds(18 * 1024, 4 * 1024, 24 * 1024)
ORDER = Bounds(48 * 1024, 32 * 1024, 96 * 1024)
"""Of a cart's, a checkout's or a receipt's page: its total stands below its lines, its currency perhaps in the state
that an app brings along."""
HELD = PRODUCT.held

_BEFORE = 6 * 1024
_H1 = regex(rb"<[hH]1[\s>]")
_HEAD_TAGS = regex(
    rb"<(?:[mM][eE][tT][aA]|[lL][iI][nN][kK](?=[^<>]{1,200}canonical)|[hH][tT][mM][lL]"
    rb"|[bB][oO][dD][yY])\b[^<>]{0,1500}+>"
    rb"|<[tT][iI][tT][lL][eE][^<>]{0,100}+>[^<]{0,400}+</[tT][iI][tT][lL][eE]>"
)
_SCOPE = regex(
    rb"<\w{1,12}\b[^<>]{1,300}itemtype=[\"']https?://(?:schema|data-vocabulary)\.org/Product[\"'][^<>]{0,300}+>", re.I
)
_PROPERTY = regex(
    rb"<\w{1,12}\b(?=[^<>]{1,300}itemprop=[\"']?(price|lowPrice|priceCurrency|sku"
    rb"|productID)\b)[^<>]{1,500}+>(?:[^<>]{0,80}+</\w{1,12}>)?"
)
_TRAIL = regex(rb"<\w{1,12}\b[^<>]{1,300}(?:BreadcrumbList|class=[\"'][^\"'<>]{0,60}breadcrumb)[^<>]{0,300}+>", re.I)
_FORM = regex(rb"<[fF][oO][rR][mM]\b")
_FORM_ENDS = regex(rb"</[fF][oO][rR][mM]\b")
_BUYS = regex(
    rb"<form\b[^<>]{0,600}?(?:cart|basket|bag\b|buy|korg|vagn|kop\b|korb|panier|carrito|carrello|carrinho|koszyk|kurv"
    rb"|winkelw)[^<>]{0,600}+>",
    re.I,
)
_SOURCE = regex(rb"\ssrc\s*=\s*[\"']?([^\"'<>\s]{1,150})", re.I)
_TITLE = regex(rb"<title[^<>]{0,100}+>([^<]{0,400})", re.I)
_DULL = regex(
    rb"[ \t\r\n]{2,}+|\s(?:srcset|style|sizes|data-srcset|d|onload|onerror|data-sizes|viewBox|data-src|data-bg"
    rb"|loading)=(?:\"[^\"]*+\"|'[^']*+')"
)
_TELLING = (
    *(b"ViewContent", b"ecommerce", b"view_item", b"var meta", b"BCData", b"var prestashop", b"SQUARESPACE_CONTEXT"),
    *(b"__st", b"id_product", b"ec:addProduct", b'"variants"'),
)
_HINTS = (b"ataLayer", b"urrency", b"roduct_id", b"roductId")


class Sieve:
    """Takes a page's chunks; holds at most ``bounds.held`` bytes of what passes."""

    __slots__ = (
        "_body",
        "_bounds",
        "_by_form",
        "_carry",
        "_data",
        "_dull",
        "_form",
        "_full",
        "_h1",
        "_head",
        "_inside",
        "_properties",
        "_scope",
        "_script",
        "_scripts",
        "_size",
        "_tag",
        "_trail",
    )

    def __init__(self, bounds: Bounds = PRODUCT) -> None:
        self._bounds = bounds
        self._head = bytearray()
        self._data = bytearray()
        self._scripts: list[bytes] = []
        self._size = 0  # of those
        self._dull = bytearray()
        self._form = bytearray()
        self._body = bytearray()
        self._carry = b""
        self._inside = b""  # the element set aside that is still open; b"!" for a comment
        self._tag = b""
        self._script = bytearray()
        self._scope = b""
        self._trail = b""
        self._properties: dict[bytes, bytes] = {}
        self._h1 = -1
        self._by_form = False  # no heading, but the form that buys, is where the body was kept from
        self._full = False

    def feed(self, chunk: bytes) -> None:
        for start in range(0, len(chunk), PIECE):  # so that no buffer grows far beyond what it keeps
            self._take(self._carry + chunk[start : start + PIECE])

    def page(self) -> bytes:
        """What was kept, as a page."""
        body = bytes(self._body)
        pieces = [bytes(self._head), bytes(self._data), *self._scripts, bytes(self._dull)]
        if self._trail and self._trail not in body:
            pieces.append(b"<div>" + self._trail + b"</div></div>")
        # What stands before the heading (a breadcrumb cut in two) is no property of the product.
        before = max(0, self._h1)
        pieces.append(body[:before])
        if self._scope and self._scope not in body and self._scope not in self._head:
            pieces.append(self._scope)
        pieces += (tag for tag in self._properties.values() if tag not in body)
        form = bytes(self._form)
        if form[:5].lower() == b"<form" and body.rfind(b"<") > body.rfind(b">"):
            body = body[: body.rfind(b"<")]  # a tag that is cut would swallow what follows
        return b"\n".join((*pieces, body[before:], form if form[:400] not in body else b"", self._carry))

    def _take(self, data: bytes) -> None:
        self._carry = b""
        position = 0
        while position < len(data):
            if self._inside:
                position = self._leave(data, position)
                continue
            found = ASIDE.search(data, position)
            if found is None:
                cut = data.rfind(b"<", position)
                cut = cut if cut >= 0 and b">" not in data[cut:] and len(data) - cut < CARRY else len(data)
                self._keep(data[position:cut])
                self._carry = data[cut:]
                return
            at = found.start()
            self._keep(data[position:at])
            if found[1] is None:
                self._inside, position = b"!", at + 4
                continue
            opened = OPEN_TAG.match(data, at)
            if opened is None:
                if len(data) - at < CARRY:
                    self._carry = data[at:]
                    return
                position = at + 1
                continue
            self._inside, self._tag, self._script = found[1].lower(), opened[0], bytearray()
            position = opened.end()

    def _leave(self, data: bytes, position: int) -> int:
        """Pass what is set aside; where it ends in this piece, or the piece's end."""
        comment = self._inside == b"!"
        if comment:
            start = data.find(b"-->", position)
            end = start + 3
        else:
            closing = ENDS[self._inside].search(data, position)
            start = closing.start() if closing else -1
            end = data.find(b">", start) + 1 or len(data)
        whole = start >= 0
        if self._inside == b"script":
            self._hold(data[position:start] if whole else data[position:-10])
        if whole:
            if self._inside == b"script" and self._tag:
                self._tell()
            self._inside = b""
            return end
        self._carry = data[max(position, len(data) - 10) :]
        return len(data)

    def _hold(self, piece: bytes) -> None:
        """A script's next bytes. A product's JSON-LD goes before all others, and is kept as far as it fits."""
        if len(piece) <= self._room():
            self._script += piece
            return
        if (
            b"ld+json" in self._tag
            and b'Product"' not in self._data
            and (b'Product"' in self._script or b'Product"' in piece)
        ):
            while self._scripts and len(piece) > self._room():
                largest = max(self._scripts, key=len)
                self._scripts.remove(largest)
                self._size -= len(largest)
            room = max(0, self._room())
            self._script += piece[:room]
            if len(piece) <= room:
                return
            del self._script[self._script.rfind(b'",') + 1 :]
            self._tell()
        self._tag = b""  # too long to hold
        self._script.clear()

    def _room(self) -> int:
        return self._bounds.scripts - len(self._data) - self._size - len(self._script)

    def _tell(self) -> None:
        body = bytes(self._script)
        if b"ld+json" in self._tag:
            self._data += self._tag + body + b"</script>"
        elif any(mark in body for mark in _TELLING) or (
            len(body) < self._bounds.small and any(mark in body for mark in _HINTS)
        ):
            script = self._tag + body + b"</script>"
            self._scripts.append(script)
            self._size += len(script)
        elif len(self._dull) < DULL - 300:
            self._dull += _short(self._tag) + body[:80] + b"</script>"
        self._script = bytearray()

    def _keep(self, markup: bytes) -> None:
        if not markup:
            return
        if b"itemprop" in markup:
            for match in _PROPERTY.finditer(markup):
                if len(match[0]) < 400:
                    self._properties.setdefault(match[1], match[0])
        if self._full or (self._h1 >= 0 and len(self._body) >= self._bounds.body):
            self._keep_form(markup)
        if self._full:
            return
        if len(self._head) < HEAD:
            self._keep_head(markup)
        start = self._start(markup)
        if start >= 0:
            self._body += markup[:start]
            markup = markup[start:]
            del self._body[: max(0, len(self._body) - _BEFORE)]
            self._h1 = len(self._body)
            self._form.clear()
        if self._h1 < 0:
            self._body += markup
            del self._body[: max(0, len(self._body) - self._bounds.body)]
            return
        if len(self._body) < self._bounds.body:
            self._body += _DULL.sub(b"\n", markup)
            if len(self._body) >= self._bounds.body:
                self._full = self._titled()
                most = self._bounds.body
                if _in_form(self._body[:most]):
                    self._form = self._body[most : most + FORM]
                del self._body[most:]

    def _keep_form(self, markup: bytes) -> None:
        """The first form that buys, behind what is kept of the body."""
        if len(self._form) >= FORM:
            return
        if not self._form:
            found = _BUYS.search(markup) if _FORM.search(markup) else None
            if found is None:
                return
            markup = markup[found.start() :]
        self._form += _DULL.sub(b"\n", markup)[: FORM - len(self._form)]

    def _keep_head(self, markup: bytes) -> None:
        """The tags of the head; until the heading, where a product's scope and the breadcrumb begin."""
        for match in _HEAD_TAGS.finditer(markup):
            # A property out of its scope says something else: it stays with the body.
            if len(self._head) + len(match[0]) < HEAD and b"itemprop" not in match[0]:
                self._head += match[0]
        if self._h1 < 0:
            if b"org/Product" in markup:
                for match in _SCOPE.finditer(markup):
                    self._scope = match[0]
            trail = _TRAIL.search(markup) if not self._trail and b"readcrumb" in markup else None
            if trail:
                self._trail = markup[trail.start() : trail.start() + 2500]
                product = self._trail.find(b"org/Product")
                if product >= 0:
                    self._trail = self._trail[: self._trail.rfind(b"<", 0, product)]

    def _start(self, markup: bytes) -> int:
        """Where in a piece the body worth keeping begins, -1 for nowhere: at the heading that the title names, else at
        another, else at a form that buys."""
        headings = [match.start() for match in _H1.finditer(markup)]
        if headings and self._h1 >= 0 and self._titled():
            return -1
        for at in headings:
            if self._names(markup[at : at + 600]):
                self._by_form = False
                return at
        if headings and not self._by_form:
            return headings[0]
        form = _BUYS.search(markup) if self._h1 < 0 and _FORM.search(markup) else None
        self._by_form = self._by_form or form is not None
        return form.start() if form is not None else -1

    def _titled(self) -> bool:
        """Is the heading that was found the one that the title names?"""
        return self._names(bytes(self._body[self._h1 : self._h1 + 600]))

    def _names(self, heading: bytes) -> bool:
        title = _TITLE.search(self._head)
        text = strip(heading.decode("utf-8", "replace").partition("</h1")[0])
        return not title or alike(text, strip(title[1].decode("utf-8", "replace")))


def _short(tag: bytes) -> bytes:
    """A script's tag with the beginning of its address alone, where it is long; never cut within quotes."""
    if len(tag) <= 200:
        return tag
    source = _SOURCE.search(tag)
    return b'<script src="' + source[1] + b'">' if source else b"<script>"


def _in_form(body: bytearray) -> bool:
    """Does it end within a form that buys?"""
    start = max(body.rfind(b"<form"), body.rfind(b"<FORM"))
    return start >= 0 and _BUYS.match(body, start) is not None and not _FORM_ENDS.search(body, start)
