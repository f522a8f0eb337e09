"""JSON as pages really ship it, and object literals of their scripts: read in one linear pass, never raises.

Sound JSON goes to the standard library. The rest is read by a scanner that knows the defects of real pages: comments,
trailing and doubled commas, bad escapes, raw line breaks, unescaped quotes inside strings, missing closers, bare and
single-quoted keys, NaN, several values in a row, calls and variables where a value should stand (they read as None).
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from .lazy import regex

LONGEST = 1024 * 1024
LONGEST_BROKEN = 96 * 1024
DEEPEST = 64
MOST_VALUES = 6_000

_WRAPPING = regex(
    r"(?:[\s\ufeff;]|//[ \t]*(?=<!\[CDATA\[|\]\]>|<!--|-->)|<!\[CDATA\[|/\*[ \t]*(?:<!\[CDATA\[|\]\]>)?[ \t]*\*/"
    r"|<!--|-->|\]\]>)+"
)
_SKIP = regex(r"(?:[\s\u00a0\ufeff;]++|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?|<!--|-->)*+")
_NUMBER = regex(r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?(?![\w.])")
_WORD = regex(r"[^\s,:{}\[\]\"'()]++")
_KEY = regex(r"[\w$@][\w$.@-]*+(?=\s*:)")
_PIECE = {'"': regex(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.S), "'": regex(r"[^'\\]*+(?:\\.[^'\\]*+)*+", re.S)}
_AFTER_KEY = regex(r"\s*+:")
# What may follow the quote that ends a value: a closer, the end, or a comma and then something that begins a key or a
# value ("said "hi", then" does not).
_AFTER_MEMBER = regex(
    r"[ \t\r]*+\n\s*+[\"'][\w@$ -]{1,40}+[\"']\s*+:"
    r"|[\s\u00a0]*+(?:[}\]]|$|;|//|/\*|\+|,[\s\u00a0]*+(?:[\"'}\],]|//|/\*|[A-Za-z_$@][\w$]*+\s*+:|$))"
)
_AFTER_ITEM = regex(r"[\s\u00a0]*+(?:[}\]]|$|;|//|/\*|,[\s\u00a0]*+(?:[\"'{\[\]},\d-]|true|false|null|//|/\*|$))")
_ESCAPE = regex(r"\\(u[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|x[0-9a-fA-F]{2}|\n|.)", re.S)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": "", "0": ""}
_WORDS = {"true": True, "false": False, "null": None}


def values(text: str) -> list[Any]:
    """All top-level values of a script's text, in order; what cannot be read is left out."""
    if len(text) > LONGEST:
        return []
    trimmed = _WRAPPING.match(text)
    if trimmed:
        text = text[trimmed.end() :]
    if text.startswith(("{&quot;", "[{&quot;", "{ &quot;", "&#123;", "{&#34;", "{&#x22;")):
        text = html.unescape(text)
    try:
        value, end = _DECODER.raw_decode(text)
        if not _WRAPPING.sub("", text[end : end + 200]).strip("}]); \n\r\t"):
            return [value]
    except (ValueError, RecursionError):
        pass
    text = text[:LONGEST_BROKEN]
    found: list[Any] = []
    position = 0
    while len(found) < 32:
        start = min((at for at in (text.find("{", position), text.find("[", position)) if at >= 0), default=-1)
        if start < 0:
            break
        value, position = literal(text, start)
        if value:
            found.append(value)
    return found


def literal(text: str, start: int, longest: int = LONGEST_BROKEN) -> tuple[Any, int]:
    """The object or array that begins at ``start`` and where it ends. JSON, or JavaScript's looser writing of it."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    return _Scanner(text[: start + longest]).read(start)


class _Scanner:
    __slots__ = ("_budget", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._budget = MOST_VALUES

    def read(self, start: int) -> tuple[Any, int]:
        text = self._text
        root: Any = {} if text[start] == "{" else []
        stack: list[Any] = [root]
        keys: list[str | None] = [None]
        position = start + 1
        size = len(text)
        skip = _SKIP.match
        while stack:
            skipped = skip(text, position)
            position = skipped.end() if skipped else position
            if position >= size or self._budget <= 0:
                break
            here = stack[-1]
            character = text[position]
            if character in "}]":
                # The wrong closer closes what it fits; an array's end inside an object is a missing brace.
                fits = dict if character == "}" else list
                if not isinstance(here, fits) and any(isinstance(one, fits) for one in stack):
                    while not isinstance(stack[-1], fits):
                        stack.pop()
                        keys.pop()
                stack.pop()
                keys.pop()
                position += 1
                continue
            if character == ",":
                position += 1
                keys[-1] = None
                continue
            if isinstance(here, dict) and keys[-1] is None:
                key, position = self._key(position)
                keys[-1] = key or None
                self._budget -= not key
                continue
            self._budget -= 1
            if character in "{[":
                child: Any = {} if character == "{" else []
                self._put(here, keys, child)
                position += 1
                if len(stack) >= DEEPEST:
                    break
                stack.append(child)
                keys.append(None)
                continue
            value, position = self._scalar(position, isinstance(here, dict))
            self._put(here, keys, value)
        return root, max(position, start + 1)

    def _put(self, here: Any, keys: list[str | None], value: Any) -> None:
        if isinstance(here, list):
            here.append(value)
        else:
            here.setdefault(keys[-1] or "", value)
            keys[-1] = None

    def _key(self, position: int) -> tuple[str, int]:
        text = self._text
        character = text[position]
        if character in "\"'":
            end = position + 1
            for _ in range(8):
                piece = _PIECE[character].match(text, end)
                end = piece.end() if piece else len(text)
                if end >= len(text) or _AFTER_KEY.match(text, end + 1):
                    break
                end += 1
            key = _unescape(text[position + 1 : end])
            position = min(end + 1, len(text))
        else:
            bare = _KEY.match(text, position)
            if bare is None:
                return "", max(self._beyond(position), position + 1)
            key, position = bare[0], bare.end()
        colon = _AFTER_KEY.match(text, position)
        return key, colon.end() if colon else position

    def _scalar(self, position: int, member: bool) -> tuple[Any, int]:
        text = self._text
        character = text[position]
        if character in "\"'":
            return self._string(position, character, member)
        number = _NUMBER.match(text, position)
        if number:
            return _number(number[0]), number.end()
        word = _WORD.match(text, position)
        if word is None:
            return None, max(self._beyond(position), position + 1)
        if word[0] in _WORDS:
            return _WORDS[word[0]], word.end()
        return None, self._beyond(word.end())

    def _beyond(self, position: int) -> int:
        """The end of an expression: the comma or closer at its own depth."""
        text = self._text
        depth = 0
        for match in _EXPRESSION.finditer(text, position, position + 2000):
            mark = match[0][0]
            if mark in "([{":
                depth += 1
            elif mark in ")]}":
                if depth == 0:
                    return match.start()
                depth -= 1
            elif mark == "," and depth == 0:
                return match.start()
        return min(position + 2000, len(text))

    def _string(self, position: int, quote: str, member: bool) -> tuple[str, int]:
        text = self._text
        after = _AFTER_MEMBER if member else _AFTER_ITEM
        piece = _PIECE[quote]
        end = position + 1
        first = -1
        for _ in range(400):
            found = piece.match(text, end)
            end = found.end() if found else len(text)
            if end >= len(text):
                break
            if after.match(text, end + 1):
                return _unescape(text[position + 1 : end]), end + 1
            if first < 0:
                first = end
            end += 1
        end = first if first >= 0 else min(end, len(text))
        follows = self._beyond(end + 1) if first >= 0 else end + 1
        return _unescape(text[position + 1 : end]), follows


_EXPRESSION = regex(r"[()\[\]{},]|\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'")
_DECODER = json.JSONDecoder(strict=False)


def _number(raw: str) -> int | float:
    try:
        return int(raw) if len(raw) < 300 else 0
    except ValueError:
        return float(raw)


def _unescape(raw: str) -> str:
    return _ESCAPE.sub(_escaped, raw) if "\\" in raw else raw


def _escaped(match: re.Match[str]) -> str:
    escape = match[1]
    if escape[0] == "u" and len(escape) > 1:
        return (
            "".join(map(chr, (int(part[:4], 16) for part in escape[1:].split("\\u"))))
            .encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
        )
    if escape[0] == "x" and len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _ESCAPES.get(escape, escape)
