"""Where in a page the snippet goes: a linear, streaming reader of a page's first tags (HTML Standard, section 13.2).

The place is as early as the head allows, so that everything after it passes untouched and unread. Looked at are the
bytes before the first element inside the head, or the first 1024 where the page itself tells its character set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .verdict import Reason

PATIENCE = 64 * 1024
"""Bytes of comments before the head after which we give up."""

LONGEST_TAG = 4096

PRESCAN = 1024
"""Browsers look for ``<meta charset>`` in this many bytes (HTML Standard 13.2.3.2): it must not be pushed out."""

# Every repetition is possessive, and no two neighbours match the same bytes: linear in the input.
_SPACE = re.compile(rb"(?:[ \t\r\n\f]++|<!--(?!-?>)(?:[^-]++|-(?!-!?>))*+--!?+>)*+")
# A quote counts only after "=", as in the standard's tokenizer; an unclosed one leaves the tag unfinished.
_TAG = re.compile(
    rb"<(/?+)([A-Za-z][^ \t\r\n\f/>]*+)"
    rb"((?:[ \t\r\n\f/]++|(?:=[^ \t\r\n\f/>=]*+|[^ \t\r\n\f/>=]++)(?:"
    rb"[ \t\r\n\f]*+=[ \t\r\n\f]*+(?:\"[^\"]*+\"|'[^']*+'|[^ \t\r\n\f\"'>][^ \t\r\n\f>]*+|(?=>))"
    rb"|(?![ \t\r\n\f]*+=)))*+)>"
)
_ATTRIBUTE = re.compile(
    rb"[ \t\r\n\f/]*+(=[^ \t\r\n\f/>=]*+|[^ \t\r\n\f/>=]++)"
    rb"(?:[ \t\r\n\f]*+=[ \t\r\n\f]*+(?:\"([^\"]*+)\"|'([^']*+)'|([^ \t\r\n\f\"'>][^ \t\r\n\f>]*+)|))?+"
)
# What nearly all pages begin with, read at one go; anything else goes through the reader below, to the same result.
_S = rb"[ \t\r\n\f]"
_PLAIN = rb"""(?:_++[a-z][a-z0-9:-]*+(?:="[^"]*+"|='[^']*+'|=[^ \t\r\n\f"'=<>`]++)?+)*+_*+""".replace(b"_", _S)
_USUAL = re.compile(
    rb"_*+<!doctype_++html(?:_[^>]*+)?+>_*+<html(@)>_*+<head@>(_*+<meta_++charset=(?:\"utf-8\"|'utf-8'|utf-8)_*+/?+>)?+".replace(
        b"_", _S
    ).replace(b"@", _PLAIN),
    re.I,
)
_DOCTYPE_HTML = re.compile(rb"<!doctype[ \t\r\n\f]*+html(?=[ \t\r\n\f>])", re.I)
_CHARSET = re.compile(rb"charset[ \t\r\n\f]*+=[ \t\r\n\f]*+[\"']?+([^\"' \t\r\n\f;]*+)", re.I)
_AMP = frozenset(
    mark + suffix for mark in (b"amp", "\N{HIGH VOLTAGE SIGN}".encode()) for suffix in (b"", b"4ads", b"4email")
)
_RAW = frozenset({b"script", b"style", b"title", b"noscript", b"noframes"})
_RAW_END = {name: re.compile(rb"</" + name + rb"(?=[ \t\r\n\f/>])", re.I) for name in _RAW}
# "<!--" in a script begins the double-escaped state, where "</script>" may not end it: there we look no further.
_RAW_END[b"script"] = re.compile(rb"<!--|</script(?=[ \t\r\n\f/>])", re.I)
_RAW_END[b"<!--"] = re.compile(rb"--!?+>")
_IN_HEAD = _RAW | {b"meta", b"link", b"base", b"basefont", b"bgsound"}
_CLOSES_HEAD = frozenset({b"head", b"body", b"html", b"br"})
_OTHER_MARKUP = frozenset({b"svg", b"rss", b"feed", b"urlset", b"sitemapindex"})
_UNREADABLE = (b"iso-2022-", b"hz-gb-2312", b"utf-7")


class HeadScanner:
    """Finds the place in bytes that come piecemeal.

    ``scan(data, last) -> int``: ``data`` begins with what the last call left. The number says how many of its bytes may
    go out. Once ``done``, either ``reason`` is None and the number is the place, or ``reason`` says why there is none.
    """

    __slots__ = ("done", "reason", "_blank", "_charset", "_document", "_passed", "_place", "_pos", "_prolog", "_raw")

    def __init__(self, charset_known: bool) -> None:
        self.done = False
        self.reason: Reason | None = None
        self._blank = True
        self._charset = charset_known
        self._document = False
        self._prolog = False
        self._passed = 0
        # Offsets into data: the next token, and the place while a <meta charset> is still looked for (or -1).
        self._pos = -1
        self._place = -1
        # What the next bytes are inside of: b"" nothing, b"<!--" a comment, else the name of an element of raw text.
        self._raw = b""

    def scan(self, data: bytes, last: bool) -> int:
        """See the class. ``last``: no more bytes will come; always ``done`` afterwards."""
        pos = self._pos
        if pos < 0:
            usual = _USUAL.match(data)
            if usual is not None and self._usual(usual):
                return self._place
            if len(data) < 4 and not last:
                return 0
            pos = self._start(data)
        while not self.done:
            if self._raw:
                step = self._skip_raw(data, pos)
            else:
                # Blanks and whole comments; the pattern matches nothing at all, too.
                pos = _SPACE.match(data, pos).end()  # type: ignore[union-attr]
                if pos == len(data):
                    break
                if self._place < 0 and self._passed + pos > PATIENCE:
                    self._refuse(Reason.UNDECIDED)
                    break
                step = self._token(data, pos, last)
                self._blank = self._blank and (step < 0 or bool(self._raw))
            if step < 0:
                break
            pos = step
            if self._place >= 0 and self._passed + pos >= PRESCAN and not self.done:
                self._decide(self._place)
        if not self.done:
            pos = self._wait(data, pos, last)
        if self.done:
            return len(data) if self.reason else self._place
        out = self._place if self._place >= 0 else pos
        if self._place >= 0:
            self._place = 0
        self._pos = pos - out
        self._passed += out
        return out

    def _usual(self, match: re.Match[bytes]) -> bool:
        """Whether this beginning decides."""
        declared = match[2] is not None
        end = match.end() if declared and not self._charset else match.start(2) if declared else match.end()
        if not (self._charset or declared) or end > PRESCAN or b"amp" in match[1].lower():
            return False
        self._decide(end)
        return True

    def _start(self, data: bytes) -> int:
        """The very first bytes."""
        head = data[:4]
        if not data:
            self._refuse(Reason.EMPTY)
        elif b"\0" in head or head[:2] in (b"\xfe\xff", b"\xff\xfe"):
            self._refuse(Reason.BINARY)
        elif head[:3] == b"\xef\xbb\xbf":
            self._charset = True
            return 3
        return 0

    def _wait(self, data: bytes, pos: int, last: bool) -> int:
        """The data ends inside a token, or between two."""
        seen = self._passed + len(data)
        if self._place >= 0:
            if last or seen >= PRESCAN:
                self._decide(self._place)
        elif last:
            self._end(data, pos)
        elif (not self._raw and len(data) - pos > LONGEST_TAG) or seen > PATIENCE:
            self._refuse(Reason.UNDECIDED)
        elif self._raw:
            return max(pos, len(data) - 3)  # "--!" may be the beginning of the comment's end
        return pos

    def _end(self, data: bytes, pos: int) -> None:
        """The page is over and no element came."""
        if not self._document:
            self._refuse(Reason.EMPTY if self._blank and pos == len(data) else Reason.FRAGMENT)
        elif self._raw or pos < len(data):
            self._refuse(Reason.UNDECIDED)
        else:
            self._decide(pos)

    def _decide(self, place: int) -> None:
        self.done = True
        self._place = place

    def _refuse(self, reason: Reason) -> None:
        self.done = True
        self.reason = reason

    def _token(self, data: bytes, pos: int, last: bool) -> int:
        """Reads the token at ``pos``; returns where it ends, -1 when more bytes are needed (or it is all decided)."""
        tag = _TAG.match(data, pos)
        if tag is not None:
            if not self._fits(pos, tag.end()):
                return pos
            name = tag[2].lower()
            if tag[1]:
                return self._other(pos) if name in _CLOSES_HEAD else tag.end()
            return self._start_tag(name, tag[3], pos, tag.end())
        following = data[pos + 1 : pos + 4]
        if data[pos] != 0x3C or (following and not following[:1].isalpha() and following[:1] not in b"!/?"):
            return self._other(pos)
        if following == b"!--":
            if len(data) < pos + 6 and not last:
                return -1  # "<!-->" and "<!--->" are whole comments
            empty = 5 if data[pos + 4 : pos + 5] == b">" else 6 if data[pos + 4 : pos + 6] == b"->" else 0
            if not empty:
                self._raw = b"<!--"
            return pos + (empty or 4)
        if following[:1] in b"!?" or (following[:1] == b"/" and not following[1:2].isalpha()):
            return self._declaration(data, pos)
        return -1  # a tag that goes on

    def _declaration(self, data: bytes, pos: int) -> int:
        """A doctype, or what the standard calls a bogus comment (``<?xml …>``, ``<![CDATA[…>``): up to the first ">",
        even inside quotes."""
        end = data.find(b">", pos) + 1
        if not end:
            return -1
        if not self._fits(pos, end):
            return pos
        if _DOCTYPE_HTML.match(data, pos):
            self._document = True
        elif data[pos + 1 : pos + 9].lower() == b"!doctype":
            self._refuse(Reason.NOT_MARKUP)
        elif data[pos + 1 : pos + 5] == b"?xml":
            self._prolog = True
        return end

    def _fits(self, pos: int, end: int) -> bool:
        """The bounds, for what came whole as for what came in pieces: where a page is cut must make no difference."""
        if self._place < 0 and (end - pos > LONGEST_TAG or self._passed + end > PATIENCE):
            self._refuse(Reason.UNDECIDED)
        return not self.done

    def _start_tag(self, name: bytes, attributes: bytes, pos: int, end: int) -> int:
        if self._place < 0:
            return self._first_element(name, attributes, pos, end)
        if name not in _IN_HEAD:
            return self._other(pos)
        if name in _RAW:
            self._raw = name
        elif name == b"meta":
            self._meta(attributes, end)
        return end

    def _first_element(self, name: bytes, attributes: bytes, pos: int, end: int) -> int:
        """The root, the head, or what implies one."""
        if name == b"html":
            self._document = True
            if any(key in _AMP for key, _ in _attributes(attributes)):
                self._refuse(Reason.AMP)
            return end
        if name == b"head":
            if self._charset:
                self._decide(end)
            else:
                self._place = end
            return end
        if name == b"frameset":
            self._refuse(Reason.FRAMESET)
        elif not self._document and name not in (b"meta", b"title", b"body"):
            self._refuse(Reason.NOT_MARKUP if self._prolog or name in _OTHER_MARKUP else Reason.FRAGMENT)
        elif self._charset or name not in _IN_HEAD:
            self._decide(pos)
        else:
            self._place = pos
            return self._start_tag(name, attributes, pos, end)
        return pos

    def _meta(self, attributes: bytes, end: int) -> None:
        """Inside the head, while the character set is looked for."""
        found = dict(_attributes(attributes))
        charset = found.get(b"charset")
        if not charset and found.get(b"http-equiv", b"").lower() == b"content-type":
            match = _CHARSET.search(found.get(b"content", b""))
            charset = match[1] if match else b""
        if not charset:
            return
        if self._passed + end > PRESCAN:
            self._decide(self._place)
        elif charset.lower().startswith(_UNREADABLE):
            self._refuse(Reason.CHARSET)
        else:
            self._decide(end)

    def _other(self, pos: int) -> int:
        """Text, or a tag that cannot stand in a head: whatever head there is has ended here."""
        if self._place >= 0:
            self._decide(self._place)
        elif self._document:
            self._decide(pos)
        else:
            self._refuse(Reason.NOT_MARKUP)
        return pos

    def _skip_raw(self, data: bytes, pos: int) -> int:
        """Inside a comment, or inside an element whose content is no markup."""
        match = _RAW_END[self._raw].search(data, pos)
        if match is None:
            return -1
        comment, self._raw = self._raw == b"<!--", b""
        if comment:
            return match.end()
        if match[0] == b"<!--":
            self._decide(self._place)
        return match.start()


def _attributes(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names (lower case) and values."""
    for match in _ATTRIBUTE.finditer(text):
        yield match[1].lower(), (match[2] or match[3] or match[4] or b"")
