"""Conditions on values: globs, comparisons, presence; and what is wrong with one that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple


class PatternError(ValueError):
    """What is wrong with a pattern, and what would be right."""

    def __init__(self, wrong: str, right: str) -> None:
        self.wrong = wrong
        self.right = right
        super().__init__(f"{wrong} {right}")


class Glob(NamedTuple):
    """A text with ``*`` for any letters; compared without case, in linear time."""

    parts: tuple[str, ...]

    def match(self, text: str) -> bool:
        parts = self.parts
        text = text.casefold()
        if len(parts) == 1:
            return text == parts[0]
        head, tail = parts[0], parts[-1]
        if len(text) < len(head) + len(tail) or not text.startswith(head) or not text.endswith(tail):
            return False
        position, end = len(head), len(text) - len(tail)
        for part in parts[1:-1]:
            position = text.find(part, position, end)
            if position < 0:
                return False
            position += len(part)
        return True


def glob(text: str) -> Glob:
    """Compile a glob; every text is a valid one."""
    return Glob(tuple(text.casefold().split("*")))


class Test(NamedTuple):
    """A condition on one value. ``accepts``: whether any of the values found under ``name`` fulfils it."""

    name: str
    written: Any
    accepts: Callable[[Any], bool]
    absent: bool = False
    """Whether it is fulfilled by there being no value at all."""
    find: Any = None
    """Compiled ``name``: a JMESPath's search, or a glob's match."""

    def holds(self, values: Iterable[Any]) -> bool:
        given = [value for value in values if value is not None]
        if self.absent:
            return all(map(self.accepts, given))
        return any(map(self.accepts, given))


_COMPARE = re.compile(r"(>=|<=|>|<|!=)\s*(-?\d+(?:\.\d+)?)")


def value_test(name: str, written: Any) -> Test:
    """``true``: there, and no "no"; ``false``: absent, empty or a "no"; a number: equal; a text: equal, with ``*`` for
    any letters; ``">0"``: compared as a number; a list: one of them. Raises :class:`PatternError`.
    """
    if isinstance(written, (list, tuple)):
        tests = [value_test(name, part) for part in written]
        if not tests:
            raise PatternError("is an empty list.", "Write the values that are right.")
        return Test(name, written, lambda value: any(test.accepts(value) for test in tests))
    if written is True:
        return Test(name, written, truthy)
    if written is False:
        return Test(name, written, lambda value: not truthy(value), True)
    if isinstance(written, (int, float)):
        return Test(name, written, lambda value: number(value) == written)
    if not isinstance(written, str):
        raise PatternError("is neither a text, a number, true, false nor a list of them.", 'Write "*" for any value.')
    compared = _COMPARE.fullmatch(written)
    if compared:
        return Test(name, written, _comparison(compared[1], float(compared[2])))
    pattern = glob(written)
    return Test(name, written, lambda value: _scalar(value) and pattern.match(_text(value)))


def truthy(value: Any) -> bool:
    """Whether a value from a form or a JSON answer says yes: not null, empty, 0, "false", "no", "off"."""
    if isinstance(value, str):
        return value.strip().casefold() not in ("", "0", "false", "no", "off", "null", "none")
    return bool(value)


def number(value: Any) -> float | None:
    """A plain number, or one in a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < 1e15 else None


def _comparison(sign: str, bound: float) -> Callable[[Any], bool]:
    def accepts(value: Any) -> bool:
        found = number(value)
        if found is None:
            return False
        return {">": found > bound, ">=": found >= bound, "<": found < bound, "<=": found <= bound}.get(
            sign, found != bound
        )

    return accepts


def _scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
