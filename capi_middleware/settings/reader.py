"""From tables to settings, one section and one key at a time; what is wrong is collected."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .lines import Lines
from .problem import Problem, shown
from .rule import Rule
from .rule_reader import RuleReader
from .secret import Secret
from .settings import Settings
from .suggest import did_you_mean

SECTIONS: dict[str, Any] = {
    name: kind for name, kind in typing.get_type_hints(Settings).items() if dataclasses.is_dataclass(kind)
}
KEYWORDS = {field.name: section for section, kind in SECTIONS.items() for field in dataclasses.fields(kind)}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\]")


class Text(NamedTuple):
    """What one file (or the admin page, or keywords) says. ``source``: its text; ``lines``: None where there are
    none."""

    file: str
    tables: Mapping[str, Any]
    lines: Lines | None = None
    source: str = ""

    def line(self, key: str) -> int:
        return self.lines.of(key) if self.lines else 0


class Reader:
    """Collects ``problems``; faulty keys keep their value."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[Problem] = []

    def tables(self, settings: Settings, text: Text, prefix: str = "") -> Settings:
        """Settings with what ``text.tables`` say; its rules come before those that are there."""
        changes: dict[str, Any] = {}
        for name, table in text.tables.items():
            key = prefix + name
            if name == "rule":
                changes["rules"] = (*self._rules(table, text, key), *settings.rules)
            elif name == "site" and not prefix:
                continue
            elif name == "server" and prefix:
                self._wrong(text, key, "belongs to the process, not to one site.", "Move it to [server].")
            elif name not in SECTIONS:
                self._unknown_table(text, key, name)
            elif not isinstance(table, Mapping):
                self._wrong(text, key, "is not a table.", f"Write [{name}] on a line of its own.")
            else:
                changes[name] = self._section(getattr(settings, name), table, text, key)
        return dataclasses.replace(settings, **changes) if changes else settings

    def sites(self, text: Text) -> Iterator[tuple[str, tuple[str, ...], Mapping[str, Any], str]]:
        """Host, other hosts, the rest of the table and its prefix, for each ``[[site]]``."""
        tables = text.tables.get("site", [])
        if not isinstance(tables, list):
            self._wrong(text, "site", "is not a list of sites.", "Write [[site]] with double brackets.")
            return
        seen: set[str] = set()
        for index, table in enumerate(tables):
            key = f"site[{index}]"
            if not isinstance(table, Mapping):
                self._wrong(text, key, "is not a table.", 'Write [[site]], and host = "shop.example" below it.')
                continue
            hosts = self._hosts(table.get("host"), text, key)
            if not hosts:
                continue
            if seen & set(hosts):
                self._wrong(text, f"{key}.host", "is another site's host too.", "Write each host once.")
                continue
            seen |= set(hosts)
            rest = {name: value for name, value in table.items() if name != "host"}
            yield hosts[0], hosts[1:], rest, key + "."

    def _hosts(self, raw: Any, text: Text, key: str) -> tuple[str, ...]:
        if raw is None:
            self._wrong(text, f"{key}.host", "is missing.", 'Write host = "shop.example", or a list of hosts.')
            return ()
        hosts = (raw,) if isinstance(raw, str) else tuple(raw) if isinstance(raw, list) else ()
        if not hosts or not all(isinstance(host, str) and _HOST.fullmatch(host) for host in hosts):
            self._wrong(text, f"{key}.host", f"{shown(raw)} is no host.", 'Without https:// and port: "shop.example".')
            return ()
        return tuple(host.lower() for host in hosts)

    def environment(self, settings: Settings) -> Settings:
        """Settings with what the environment says."""
        changes: dict[str, Any] = {}
        for name, kind in SECTIONS.items():
            found = {}
            for field in dataclasses.fields(kind):
                variable = field.metadata.get("env")
                if variable and self.environ.get(variable, "") != "":
                    value, right = self._value(self.environ[variable], _hints(kind)[field.name], field.metadata)
                    if right:
                        self.problems.append(Problem("environment", 0, variable, "is not valid.", right))
                    else:
                        found[field.name] = value
            if found:
                changes[name] = dataclasses.replace(getattr(settings, name), **found)
        return dataclasses.replace(settings, **changes) if changes else settings

    def keywords(self, settings: Settings, keywords: Mapping[str, Any]) -> Settings:
        """Settings with what keyword arguments say."""
        tables: dict[str, Any] = {}
        for name, value in keywords.items():
            if name == "rules":
                tables["rule"] = value
            else:
                tables.setdefault(KEYWORDS[name], {})[name] = value
        return self.tables(settings, Text("keyword", tables)) if tables else settings

    def _wrong(self, text: Text, key: str, wrong: str, right: str) -> None:
        self.problems.append(Problem(text.file, text.line(key), key, wrong, right))

    def _unknown_table(self, text: Text, key: str, name: str) -> None:
        owner = KEYWORDS.get(name)
        if owner:
            self._wrong(text, key, "stands outside its table.", f"Write it below [{owner}].")
            return
        known = ", ".join(f"[{section}]" for section in SECTIONS)
        hint = did_you_mean(name, [*SECTIONS, "rule", "site"])
        self._wrong(text, key, "is no table of this file.", f"{hint}Known: {known}, [[rule]], [[site]].")

    def _rules(self, table: Any, text: Text, key: str) -> Iterator[Rule]:
        if not isinstance(table, (list, tuple)) or not all(isinstance(rule, Mapping) for rule in table):
            self._wrong(text, key, "is not a list of rules.", "Write [[rule]] with double brackets.")
            return
        reader = RuleReader(text.file)
        for index, rule in enumerate(table):
            place = f"{key}[{index}]"

            def report(inner: str, wrong: str, right: str, place: str = place) -> None:
                self._wrong(text, f"{place}.{inner}", wrong, right)

            resolved = self._resolved(rule, report)
            read = reader.read(resolved, text.line(place), report) if resolved is not None else None
            if read is not None:
                yield read

    def _resolved(self, table: Mapping[str, Any], report: Any) -> Mapping[str, Any] | None:
        """The rule with ``env:NAME`` texts replaced on its first level."""
        found = dict(table)
        for name, raw in table.items():
            if isinstance(raw, str) and raw.startswith("env:"):
                if raw[4:] not in self.environ:
                    report(name, f"the environment variable {_named(raw)} is not set.", "Set it where the shop runs.")
                    return None
                found[name] = self.environ[raw[4:]]
        return found

    def _section(self, section: Any, table: Mapping[str, Any], text: Text, prefix: str) -> Any:
        fields = {field.name: field for field in dataclasses.fields(section)}
        kind: Any = type(section)
        hints = _hints(kind)
        changes: dict[str, Any] = {}
        for name, raw in table.items():
            key = f"{prefix}.{name}"
            if name not in fields:
                self._unknown_key(text, key, name, fields)
                continue
            value, right = self._value(raw, hints[name], fields[name].metadata)
            if right:
                self._wrong(text, key, self._wrongly(raw, hints[name] is Secret), right)
            else:
                changes[name] = value
        return dataclasses.replace(section, **changes)

    def _unknown_key(self, text: Text, key: str, name: str, fields: Mapping[str, Any]) -> None:
        owner = KEYWORDS.get(name)
        hint = f"It belongs to [{owner}]. " if owner else did_you_mean(name, fields)
        self._wrong(text, key, "is no setting.", f"{hint}Known: {', '.join(fields)}.")

    def _wrongly(self, raw: Any, secret: bool) -> str:
        """What is wrong with a value, without the value where it may be a token."""
        if isinstance(raw, str) and raw.startswith("env:"):
            name = _named(raw)
            unset = raw[4:] not in self.environ
            return f"the environment variable {name} is not set." if unset else f"the value of {name} is not valid."
        return f"{'the value' if secret or _secret(raw) else shown(raw)} is not valid."

    def _value(self, raw: Any, hint: Any, rules: Mapping[str, Any]) -> tuple[Any, str]:
        """The converted value and "", or None and what would be right."""
        if isinstance(raw, Secret):
            raw = raw.reveal()
        if isinstance(raw, str) and raw.startswith("env:"):
            name = raw[4:]
            if name not in self.environ:
                return None, "Set it where the shop runs, or write the value itself."
            raw = self.environ[name]
        if hint is Secret:
            return (Secret(raw.strip()), "") if isinstance(raw, str) else (None, 'Write it in "quotes".')
        if hint is bool:
            return _flag(raw)
        if hint in (int, float):
            return _number(raw, hint, rules)
        if hint is str:
            return _text(raw, rules)
        if isinstance(raw, str):
            raw = [part.strip() for part in raw.split(",")] if "," in raw else [raw]
        if isinstance(raw, (list, tuple)) and all(isinstance(item, str) for item in raw):
            return _texts(tuple(raw), rules)
        return None, 'Write a list of texts: ["one", "two"].'


def _secret(raw: Any) -> bool:
    """Whether a value may be a token that was pasted into the wrong place: problems are logged and shown."""
    return isinstance(raw, str) and (raw.startswith("EAA") or len(raw) > 80)


def _named(raw: str) -> str:
    """The name in ``env:NAME``; not where a token stands in its place."""
    return "that is named" if _secret(raw[4:]) else raw[4:]


@functools.cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def _flag(raw: Any) -> tuple[Any, str]:
    if isinstance(raw, bool):
        return raw, ""
    if isinstance(raw, str) and raw.lower() in ("true", "false", "1", "0", "yes", "no"):
        return raw.lower() in ("true", "1", "yes"), ""  # environment variables are always texts
    return None, "Write true or false."


def _number(raw: Any, hint: Any, rules: Mapping[str, Any]) -> tuple[Any, str]:
    low, high = rules.get("low"), rules.get("high")
    right = "Write a number" + (f" from {low} to {high}." if low is not None and high is not None else ".")
    try:
        if isinstance(raw, bool):
            return None, right
        value = hint(raw)
        if hint is int and isinstance(raw, float) and value != raw:
            return None, right
    except (TypeError, ValueError, OverflowError):
        return None, right
    if value != value or (low is not None and value < low) or (high is not None and value > high):
        return None, right
    return value, ""


def _text(raw: Any, rules: Mapping[str, Any]) -> tuple[Any, str]:
    if isinstance(raw, int) and not isinstance(raw, bool) and rules.get("pattern"):
        raw = str(raw)  # pixel_id = 1234567890 without quotes is meant well
    if not isinstance(raw, str):
        return None, rules.get("right") or 'Write a text in "quotes".'
    choices = rules.get("choices") or ()
    if choices and raw not in choices:
        return None, did_you_mean(raw, choices) + "Write one of: " + ", ".join(map(str, choices)) + "."
    pattern = rules.get("pattern")
    if pattern and raw and not re.fullmatch(pattern, raw):
        return None, rules.get("right") or f"It must match {pattern}."
    check = rules.get("check")
    wrong = check(raw) if check else ""
    return (None, wrong) if wrong else (raw, "")


def _texts(raw: tuple[str, ...], rules: Mapping[str, Any]) -> tuple[Any, str]:
    pattern = rules.get("pattern")
    if pattern and not all(re.fullmatch(pattern, part) for part in raw):
        return None, rules.get("right") or f"Each must match {pattern}."
    check = rules.get("check")
    for part in raw:
        wrong = check(part) if check else ""
        if wrong:
            return None, wrong
    return raw, ""
