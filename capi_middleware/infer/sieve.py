"""What is kept of a page that streams by: the parts that facts are read from, within a bound.

Kept in the end, as a small page: the head's tags, JSON-LD and other telling scripts, marked-up properties, and the
markup from a little before the main heading on. Styles, drawings, comments and other scripts pass unheld.
"""

from __future__ import annotations

import re

from .heading import alike
from .lazy import regex
from .markup import ASIDE, ENDS, OPEN_TAG, strip

HEAD = 10 * 1024
SCRIPTS = 22 * 1024
BODY = 24 * 1024
CARRY = 4 * 1024
PIECE = 8 * 1024
HELD = HEAD + SCRIPTS + BODY + CARRY

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
_TITLE = regex(rb"<title[^<>]{0,100}+>([^<]{0,400})", re.I)
_DULL = regex(
    rb"[ \t\r\n]{2,}+|\s(?:srcset|style|sizes|data-srcset|d|onload|onerror|data-sizes|viewBox|data-src|data-bg"
    rb"|loading)=(?:\"[^\"]*+\"|'[^']*+')"
)
_TELLING = (
    *(b"ViewContent", b"ecommerce", b"ataLayer", b"view_item", b"var meta", b"BCData", b"var prestashop", b"urrency"),
    *(b"SQUARESPACE_CONTEXT", b"__st", b"id_product", b"ec:addProduct", b'"variants"'),
)


class Sieve:
    """Takes a page's chunks; holds at most ``HELD`` bytes of what passes."""

    __slots__ = (
        "_body",
        "_carry",
        "_full",
        "_h1",
        "_head",
        "_inside",
        "_properties",
        "_scope",
        "_script",
        "_scripts",
        "_tag",
        "_trail",
    )

    def __init__(self) -> None:
        self._head = bytearray()
        self._scripts = bytearray()
        self._body = bytearray()
        self._carry = b""
        self._inside = b""  # the element set aside that is still open; b"!" for a comment
        self._tag = b""
        self._script = bytearray()
        self._scope = b""
        self._trail = b""
        self._properties: dict[bytes, bytes] = {}
        self._h1 = -1
        self._full = False

    def feed(self, chunk: bytes) -> None:
        for start in range(0, len(chunk), PIECE):  # so that no buffer grows far beyond what it keeps
            self._take(self._carry + chunk[start : start + PIECE])

    def page(self) -> bytes:
        """What was kept, as a page."""
        body = bytes(self._body)
        pieces = [bytes(self._head), bytes(self._scripts)]
        if self._trail and self._trail not in body:
            pieces.append(b"<div>" + self._trail + b"</div></div>")
        if self._scope and self._scope not in body:
            pieces.append(self._scope)
        pieces += (tag for tag in self._properties.values() if tag not in body)
        return b"\n".join((*pieces, body, self._carry))

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
            piece = data[position:start] if whole else data[position:-10]
            if len(self._script) + len(piece) <= SCRIPTS - len(self._scripts):
                self._script += piece
            else:
                self._tag = b""  # too long to hold
                self._script = bytearray()
        if whole:
            if self._inside == b"script" and self._tag:
                self._tell()
            self._inside = b""
            return end
        self._carry = data[max(position, len(data) - 10) :]
        return len(data)

    def _tell(self) -> None:
        body = bytes(self._script)
        if b"ld+json" in self._tag or any(mark in body for mark in _TELLING):
            self._scripts += self._tag + body + b"</script>"
        elif len(self._scripts) < SCRIPTS // 2:
            self._scripts += self._tag[:200] + (b">" if len(self._tag) > 200 else b"") + body[:80] + b"</script>"
        self._script = bytearray()

    def _keep(self, markup: bytes) -> None:
        if not markup:
            return
        if b"itemprop" in markup:
            for match in _PROPERTY.finditer(markup):
                if len(match[0]) < 400:
                    self._properties.setdefault(match[1], match[0])
        if self._full:
            return
        if len(self._head) < HEAD:
            self._keep_head(markup)
        for match in _H1.finditer(markup):
            if self._h1 >= 0 and self._titled():
                break
            self._body += markup[: match.start()]
            markup = markup[match.start() :]
            del self._body[: max(0, len(self._body) - _BEFORE)]
            self._h1 = len(self._body)
            break
        if self._h1 < 0:
            self._body += markup
            del self._body[: max(0, len(self._body) - BODY)]
            return
        self._body += _DULL.sub(b"\n", markup)
        if len(self._body) > BODY:
            self._full = self._titled()
            del self._body[BODY:]

    def _keep_head(self, markup: bytes) -> None:
        """The tags of the head; until the heading, where a product's scope and the breadcrumb begin."""
        for match in _HEAD_TAGS.finditer(markup):
            if len(self._head) + len(match[0]) < HEAD:
                self._head += match[0]
        if self._h1 < 0:
            if b"org/Product" in markup:
                for match in _SCOPE.finditer(markup):
                    self._scope = match[0]
            trail = _TRAIL.search(markup) if not self._trail and b"readcrumb" in markup else None
            if trail:
                self._trail = markup[trail.start() : trail.start() + 2500]

    def _titled(self) -> bool:
        """Is the heading that was found the one that the title names?"""
        title = _TITLE.search(self._head)
        text = strip(bytes(self._body[self._h1 : self._h1 + 600]).decode("utf-8", "replace").partition("</h1")[0])
        return not title or alike(text, strip(title[1].decode("utf-8", "replace")))
