"""From a ``[[rule]]`` table to a :class:`Rule`; every mistake becomes a message of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .condition import Glob, PatternError, Test, glob, value_test
from .pattern import Pattern, path_pattern
from .problem import shown
from .rule import CUSTOM_DATA, OWN_DATA, STANDARD_NAMES, Rule, When
from .rule_keys import METHODS, NOTICES, RULE_KEYS, SHIPPED, WHEN_KEYS, Key
from .suggest import did_you_mean, nearest
from .value import SOURCES, Value, css_parts, css_selector, json_path, value

_CUSTOM = re.compile(r"[A-Za-z0-9 _.-]{1,50}")
_DATA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]{0,63}")
_RANGE = re.compile(r"(\d{3})\s*-\s*(\d{3})|([1-5])xx|(\d{3})", re.IGNORECASE)

Report = Callable[[str, str, str], None]
"""``report(key, wrong, right)``; ``key`` is dotted, below the rule."""


class RuleReader:
    """Reads rules of one file. ``shipped``: the project's own, which may use built-in tests."""

    def __init__(self, file: str, shipped: bool = False) -> None:
        self._file = file
        self._shipped = shipped

    def read(self, table: Mapping[str, Any], line: int, report: Report) -> Rule | None:
        """The rule, or None where anything was reported."""
        reading = _Reading(table, report, self._shipped)
        reading.unknown_keys(RULE_KEYS, SHIPPED if self._shipped else set(), "")
        event = reading.event()
        paths = reading.patterns("path")
        notice = reading.flag("notice", False)
        variables = _variables(paths)
        rule = Rule(
            event=event,
            name=reading.text("name") or (f"{os.path.basename(self._file)}:{line}" if line else event),
            methods=frozenset(reading.choices("method", METHODS)),
            paths=paths,
            hosts=tuple(map(glob, reading.texts("host"))),
            exclude=reading.patterns("exclude"),
            query=reading.tests(table.get("query"), "query"),
            form=reading.tests(table.get("form"), "form"),
            json=reading.tests(table.get("json"), "json", json_path),
            graphql=_globs(reading.texts("graphql")),
            when=reading.whens("when"),
            next=reading.whens("next"),
            data=reading.data(variables),
            key=reading.value("key", variables),
            remember=reading.value("remember", variables),
            once=reading.choice("once", ("visitor", "cart", "order")),
            order=reading.integer("order"),
            send=reading.flag("send", True),
            server_only=reading.flag("server_only", False) or notice,
            notice=notice,
            shipped=self._shipped,
            looks=reading.text("looks") if self._shipped else "",
            file=self._file,
            line=line,
            table=table,
        )
        return None if reading.faulty else rule


class _Reading:
    def __init__(self, table: Mapping[str, Any], report: Report, shipped: bool) -> None:
        self.table = table
        self.shipped = shipped
        self.faulty = False
        self._report = report

    def wrong(self, key: str, wrong: str, right: str) -> None:
        self.faulty = True
        self._report(key, wrong, right)

    def unknown_keys(self, known: Mapping[str, Key], more: set[str], prefix: str, table: Any = None) -> None:
        for name in self.table if table is None else table:
            if name not in known and name not in more:
                self.wrong(
                    prefix + name,
                    "is no key of a rule." if not prefix else f"is no key of {prefix[:-1]}.",
                    f"{did_you_mean(name, known)}Known: {', '.join(known)}.",
                )

    def event(self) -> str:
        event = self.table.get("event")
        if event is None:
            self.wrong("event", "is missing.", 'Write event = "AddToCart", or a name of your own.')
        elif not isinstance(event, str) or not _CUSTOM.fullmatch(event):
            self.wrong(
                "event", f"{event!r} is no event name.", "Letters, digits, space, _ . and -; at most 50 characters."
            )
        elif event not in STANDARD_NAMES and (meant := nearest(event, STANDARD_NAMES, 0.85)):
            self.wrong(
                "event", f"there is no standard event {event}.", f"Did you mean {meant}? Names of your own differ more."
            )
        return event if isinstance(event, str) else ""

    def text(self, key: str) -> str:
        raw = self.table.get(key, "")
        if not isinstance(raw, str):
            self.wrong(key, f"{shown(raw)} is no text.", 'Write it in "quotes".')
            return ""
        return raw

    def texts(self, key: str, table: Mapping[str, Any] | None = None, prefix: str = "") -> tuple[str, ...]:
        raw = (self.table if table is None else table).get(key, ())
        if isinstance(raw, str):
            return (raw,)
        if isinstance(raw, (list, tuple)) and all(isinstance(part, str) for part in raw):
            if key in (self.table if table is None else table) and not raw:
                self.wrong(prefix + key, "is an empty list.", "Leave the key out for no condition.")
            return tuple(raw)
        self.wrong(prefix + key, f"{shown(raw)} is neither a text nor a list of texts.", 'Write ["one", "two"].')
        return ()

    def patterns(self, key: str, table: Mapping[str, Any] | None = None, prefix: str = "") -> tuple[Pattern, ...]:
        found = []
        for text in self.texts(key, table, prefix):
            try:
                found.append(path_pattern(text))
            except PatternError as error:
                self.wrong(prefix + key, f"{text!r} {error.wrong}", error.right)
        return tuple(found)

    def choices(self, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(text.upper() for text in self.texts(key))
        for text in found:
            if text not in known:
                self.wrong(key, f"{text!r} is not known.", f"{did_you_mean(text, known)}Known: {', '.join(known)}.")
        return found

    def choice(self, key: str, known: tuple[str, ...]) -> str:
        text = self.text(key)
        if text and text not in known:
            self.wrong(key, f"{text!r} is not known.", f"{did_you_mean(text, known)}Known: {', '.join(known)}.")
        return text

    def integer(self, key: str) -> int:
        raw = self.table.get(key, 0)
        if not isinstance(raw, int) or isinstance(raw, bool):
            self.wrong(key, f"{shown(raw)} is no whole number.", f"Write {key} = 10.")
            return 0
        return raw

    def flag(self, key: str, default: bool) -> bool:
        raw = self.table.get(key, default)
        if not isinstance(raw, bool):
            self.wrong(key, f"{shown(raw)} is neither true nor false.", f"Write {key} = true, without quotes.")
            return default
        return raw

    def tests(self, raw: Any, key: str, compiler: Callable[[str], Any] | None = None) -> tuple[Test, ...]:
        if raw is None:
            return ()
        if not isinstance(raw, Mapping):
            self.wrong(key, "is not a table of conditions.", f'Write {key} = {{ name = "value" }}.')
            return ()
        found = []
        for name, written in raw.items():
            try:
                test = value_test(name, written)
                find = compiler(name) if compiler else glob(name).match if "*" in name else None
                found.append(test._replace(find=find))
            except PatternError as error:
                self.wrong(f"{key}.{name}", error.wrong, error.right)
        return tuple(found)

    def whens(self, key: str) -> tuple[When, ...]:
        raw = self.table.get(key)
        if raw is None:
            return ()
        if raw == "proof":
            return (When(proof=True),)
        tables = raw if isinstance(raw, (list, tuple)) else [raw]
        if not tables or not all(isinstance(table, Mapping) for table in tables):
            self.wrong(key, f"{shown(raw)} is no condition.", f'Write {key} = {{ status = 200 }}, or {key} = "proof".')
            return ()
        many = len(tables) > 1
        return tuple(self._when(table, f"{key}[{n}]." if many else f"{key}.") for n, table in enumerate(tables))

    def _when(self, table: Mapping[str, Any], prefix: str) -> When:
        self.unknown_keys(WHEN_KEYS, set(), prefix, table)
        redirect = table.get("redirect")
        cookie = table.get("cookie")
        notice = table.get("notice", "")
        if notice not in ("", *NOTICES):
            self.wrong(f"{prefix}notice", f"{notice!r} is not known.", f"Known: {', '.join(NOTICES)}.")
        named = isinstance(cookie, Mapping) or cookie is None
        names = () if named else self.texts("cookie", table, prefix)
        flags = {name: table[name] for name in ("product", "page", "cart") if name in table}
        for name, raw in flags.items():
            if not isinstance(raw, bool):
                self.wrong(prefix + name, f"{shown(raw)} is neither true nor false.", f"Write {name} = true.")
        return When(
            statuses=tuple(self._statuses(table.get("status"), f"{prefix}status")),
            redirect=(
                redirect if redirect is None or isinstance(redirect, bool) else self.patterns("redirect", table, prefix)
            ),
            redirect_query=self.tests(table.get("redirect_query"), f"{prefix}redirect_query"),
            json=self.tests(table.get("json"), f"{prefix}json", json_path),
            cookie=self.tests(cookie, f"{prefix}cookie") if named else _any_named(names),
            header=self.tests(table.get("header"), f"{prefix}header"),
            css=self.tests(table.get("css"), f"{prefix}css", _css),
            notice=notice if isinstance(notice, str) else "",
            product=flags.get("product"),
            page=flags.get("page"),
            cart=flags.get("cart", False) is True,
        )

    def _statuses(self, raw: Any, key: str) -> Iterator[tuple[int, int]]:
        if raw is None:
            return
        for part in raw if isinstance(raw, (list, tuple)) else [raw]:
            found = _RANGE.fullmatch(str(part)) if not isinstance(part, bool) else None
            if found is None:
                self.wrong(key, f"{part!r} is no status code.", 'Write 200, "2xx", "200-299" or a list of them.')
            elif found[1]:
                yield int(found[1]), int(found[2])
            elif found[3]:
                yield int(found[3]) * 100, int(found[3]) * 100 + 99
            else:
                yield int(found[4]), int(found[4])

    def value(self, key: str, variables: frozenset[str] | None) -> Value | None:
        if key not in self.table:
            return None
        try:
            return value(self.table[key], variables, self.shipped)
        except PatternError as error:
            self.wrong(key, error.wrong, error.right)
            return None

    def data(self, variables: frozenset[str] | None) -> Mapping[str, Value]:
        raw = self.table.get("data", {})
        if not isinstance(raw, Mapping):
            self.wrong("data", "is not a table.", f'Write data = {{ value = "css:.price" }}; {len(SOURCES)} sources.')
            return {}
        found = {}
        for name, written in raw.items():
            known = (*CUSTOM_DATA, *OWN_DATA)
            meant = "" if name in known else nearest(name, known, 0.85)
            if meant or not _DATA_NAME.fullmatch(name):
                self.wrong(
                    f"data.{name}",
                    "is none of Meta's names." if meant else "is no name for a value.",
                    f"Did you mean {meant}?" if meant else "Letters, digits and _.",
                )
                continue
            try:
                found[name] = value(written, variables, self.shipped)
            except PatternError as error:
                self.wrong(f"data.{name}", error.wrong, error.right)
        return found


def _variables(paths: tuple[Pattern, ...]) -> frozenset[str] | None:
    if any(pattern.text.startswith("words:") for pattern in paths):
        return frozenset()
    return frozenset(name for pattern in paths for name in pattern.names)


def _any_named(names: tuple[str, ...]) -> tuple[Test, ...]:
    """A cookie (or several, one of which) that is set at all."""
    if not names:
        return ()
    globs = _globs(names)
    test = value_test(" or ".join(names), "*")
    return (test._replace(find=lambda name: any(one.match(name) for one in globs)),)


def _globs(texts: tuple[str, ...]) -> tuple[Glob, ...]:
    return tuple(map(glob, texts))


def _css(text: str) -> tuple[str, str]:
    selector, attribute = css_parts(text)
    css_selector(selector)
    return selector, attribute
