"""Patterns of paths that people type: routing patterns, globs, words.

Nothing here can be made to hang: each variable stays inside one part of a path, at most two wildcards may cross parts,
and regular expressions need google-re2.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from werkzeug.routing import Map, ValidationError
from werkzeug.routing.converters import BaseConverter
from werkzeug.routing.rules import parse_converter_args

from .condition import PatternError
from .suggest import did_you_mean
from .words import Kinds, vocabulary

MAX_PATH = 1024
"""Longer paths match no pattern (browsers' real ones are shorter)."""

_MAP = Map()
_TOKEN = re.compile(r"<(?:(?P<kind>[A-Za-z_]\w*)(?:\((?P<arguments>[^<>]*)\))?:)?(?P<name>[A-Za-z_]\w*)>|\*\*|\*")
_GROUP = re.compile(r"\(\?P<(\w+)>")


class Pattern(NamedTuple):
    """A compiled path pattern. ``first``: its first part if that is fixed, folded to lower case, else ""."""

    text: str
    first: str
    names: tuple[str, ...]
    search: Callable[[str], Mapping[str, str] | None]
    words: tuple[Kinds, Kinds] | None = None

    def match(self, path: str, kinds: Kinds) -> Mapping[str, str] | None:
        """The variables of a decoded path (texts, as they stand in it), or None. ``kinds``: what its words say."""
        if self.words is not None:
            wanted, unwanted = self.words
            return {} if wanted <= kinds and unwanted.isdisjoint(kinds) else None
        return self.search(path) if len(path) <= MAX_PATH else None


def path_pattern(text: str) -> Pattern:
    """Compile ``/produkt/<slug>``, ``/admin/*``, ``words:checkout -cart`` or ``re:^/p/(?P<id>[0-9]+)``.

    Raises :class:`PatternError`.
    """
    if text.startswith("words:"):
        return _words_pattern(text)
    if text.startswith("re:"):
        return _regular_expression(text)
    if not text.startswith("/"):
        if "://" in text:
            raise PatternError("is a whole address.", 'Write its path, as "/produkt/<slug>", and host = "…" beside it.')
        raise PatternError("does not begin with a slash.", f'Write "/{text}".')
    if "?" in text:
        path, _, query = text.partition("?")
        name, _, value = query.partition("&")[0].partition("=")
        raise PatternError(
            "has a query string.", f'Write path = "{path}" and query = {{ {name} = "{value or "*"}" }} beside it.'
        )
    return _routing_pattern(text)


def _routing_pattern(text: str) -> Pattern:
    literal = unicodedata.normalize("NFC", unquote(text))
    below = literal.endswith("/*")
    source = literal[:-1] if below else literal.rstrip("/") or "/"
    expression: list[str] = []
    converters: dict[str, BaseConverter] = {}
    crossing = 1 if below else 0
    in_part = 0
    position = 0
    for token in _TOKEN.finditer(source):
        fixed = source[position : token.start()]
        in_part = 0 if "/" in fixed else in_part
        expression.append(_fixed(fixed))
        position = token.end()
        if token[0] == "*":
            expression.append("[^/]*")
        elif token[0] == "**":
            expression.append(".*")
            crossing += 1
        else:
            name, converter = _converter(token, converters)
            crossing += not converter.part_isolating
            converters[name] = converter
            expression.append(f"(?P<{name}>{converter.regex})")
        in_part += 1
        if in_part > 2:
            raise PatternError("has more than two variables in one part of the path.", "Part them with slashes.")
    expression.append(_fixed(source[position:]))
    if crossing > 2:
        raise PatternError("has more than two wildcards that cross slashes.", "Use ** or <path:…> at most twice.")
    expression.append(".*" if below else "/?")
    compiled = re.compile("".join(expression), re.IGNORECASE | re.DOTALL)

    def search(path: str) -> Mapping[str, str] | None:
        if not path.isascii():
            path = unicodedata.normalize("NFC", path)
        found = compiled.fullmatch(path)
        if found is None:
            return None
        values = found.groupdict()
        for name, value in values.items():
            try:
                converters[name].to_python(value)
            except ValidationError:
                return None
        return values

    first = source.lstrip("/").split("/")[0]
    return Pattern(text, "" if _TOKEN.search(first) else first.casefold(), tuple(converters), search)


def _fixed(text: str) -> str:
    stray = next((sign for sign in "<>" if sign in text), "")
    if stray:
        raise PatternError(f"has a stray {stray}.", "Variables are written <name> or <int:name>.")
    return re.escape(text)


def _converter(token: re.Match[str], known: Mapping[str, BaseConverter]) -> tuple[str, BaseConverter]:
    name, kind = token["name"], token["kind"] or "default"
    if name in known:
        raise PatternError(f"has the variable {name} twice.", "Give each a name of its own.")
    if kind not in _MAP.converters:
        kinds = sorted(set(_MAP.converters) - {"default"})
        raise PatternError(
            f"has no such kind of variable: {kind}.", f"{did_you_mean(kind, kinds)}Known: {', '.join(kinds)}."
        )
    try:
        arguments, options = parse_converter_args(token["arguments"] or "")
        return name, _MAP.converters[kind](_MAP, *arguments, **options)
    except (TypeError, ValueError) as error:
        raise PatternError(f"has wrong arguments for {kind}: {error}.", "See werkzeug's routing converters.") from None


def _words_pattern(text: str) -> Pattern:
    known = vocabulary()["path"]
    wanted: set[str] = set()
    unwanted: set[str] = set()
    for word in text[6:].split():
        kind = word.lstrip("-").lstrip("~")
        if kind not in known:
            raise PatternError(
                f"knows no words for {kind!r}.", f"{did_you_mean(kind, known)}Known: {', '.join(sorted(known))}."
            )
        (unwanted if word.startswith("-") else wanted).add(word.lstrip("-"))
    return Pattern(text, "", (), lambda path: None, (frozenset(wanted), frozenset(unwanted)))


def _regular_expression(text: str) -> Pattern:
    try:
        re2: Any = importlib.import_module("re2")
    except ImportError:
        raise PatternError(
            "is a regular expression, and google-re2 is not installed.",
            "Run pip install google-re2, or write a routing pattern: /produkt/<slug>.",
        ) from None
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(text[3:], options)
    except re2.error as error:
        raise PatternError(
            f"is no regular expression that google-re2 takes: {_shown(error)}.", "It has no look-around and no \\1."
        ) from None

    def search(path: str) -> Mapping[str, str] | None:
        found = compiled.search(path)
        return None if found is None else {name: value or "" for name, value in found.groupdict().items()}

    return Pattern(text, "", tuple(_GROUP.findall(text)), search)


def _shown(error: Exception) -> str:
    first = error.args[0] if error.args else error
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
