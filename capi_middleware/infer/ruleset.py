"""Rules, indexed: which may fire for a method and a path."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from capi_middleware.settings.pattern import Pattern
from capi_middleware.settings.rule import ACTION_EVENTS, PAGE_EVENTS, Rule
from capi_middleware.settings.words import Kinds

_READS = frozenset({"GET"})
_WRITES = frozenset({"POST", "PUT", "PATCH"})
_BOTH = _READS | _WRITES
_PREFIXES = 3
"""Parts that may stand before a preset's path: language, country, the folder in which the shop is installed."""


class Candidate(NamedTuple):
    """A rule whose method and path fit. ``arguments``: the path's variables; ``place``: its rank among all rules."""

    rule: Rule
    arguments: Mapping[str, str]
    place: int = 0


class RuleSet:
    """``anywhere``: the paths may be preceded by a language or a folder, as presets' are."""

    def __init__(self, rules: Sequence[Rule], anywhere: bool = False) -> None:
        self.rules = tuple(rules)
        self._anywhere = anywhere
        self._fixed: dict[str, list[tuple[int, Rule, Pattern]]] = {}
        self._open: list[tuple[int, Rule, Pattern | None]] = []
        for place, rule in enumerate(self.rules):
            for pattern in rule.paths:
                if pattern.first and "*" not in pattern.first:
                    self._fixed.setdefault(pattern.first, []).append((place, rule, pattern))
                else:
                    self._open.append((place, rule, pattern))
            if not rule.paths:
                self._open.append((place, rule, None))
        self.by_name = {rule.name: rule for rule in reversed(self.rules)}

    def __bool__(self) -> bool:
        return bool(self.rules)

    def candidates(self, method: str, path: str, kinds: Kinds) -> list[Candidate]:
        """In the rules' order, each once."""
        found: dict[int, Candidate] = {}
        for suffix, first in _suffixes(path) if self._anywhere else ((path, _first(path)),):
            for place, rule, pattern in self._fixed.get(first, ()):
                self._try(found, place, rule, pattern, method, suffix, kinds)
        for place, rule, open_pattern in self._open:
            self._try(found, place, rule, open_pattern, method, path, kinds)
        return [found[place] for place in sorted(found)]

    def _try(
        self,
        found: dict[int, Candidate],
        place: int,
        rule: Rule,
        pattern: Pattern | None,
        method: str,
        path: str,
        kinds: Kinds,
    ) -> None:
        if place in found or method not in (rule.methods or methods_of(rule)):
            return
        arguments = pattern.match(path, kinds) if pattern is not None else {}
        if arguments is None or any(excluded.match(path, kinds) is not None for excluded in rule.exclude):
            return
        found[place] = Candidate(rule, arguments, place)


def methods_of(rule: Rule) -> frozenset[str]:
    """Where a rule names no method, its event says what it is looked for in."""
    if rule.methods:
        return rule.methods
    if rule.notice or rule.event in ACTION_EVENTS:
        return _WRITES
    return _READS if rule.event in PAGE_EVENTS else _BOTH


def _first(path: str) -> str:
    part = path[1:].partition("/")[0]
    return (part if part.isascii() else unicodedata.normalize("NFC", part)).casefold()


def _suffixes(path: str) -> Iterable[tuple[str, str]]:
    """The path, and what is left of it without its first parts."""
    for _ in range(_PREFIXES + 1):
        yield path, _first(path)
        cut = path.find("/", 1)
        if cut < 0:
            return
        path = path[cut:]
