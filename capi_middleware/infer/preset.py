"""The presets: one TOML file a platform, in the form of the rules file, with how the platform is recognised."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from capi_middleware.settings.condition import Glob, glob
from capi_middleware.settings.rule import Rule
from capi_middleware.settings.rule_reader import RuleReader

from .ruleset import RuleSet

FOLDER = Path(__file__).with_name("presets")
GENERAL = "general"


class Mark(NamedTuple):
    """A sign of a platform. ``where``: ``html``, ``cookie`` or ``header``. ``weight``: 2 suffices, 1 needs another."""

    where: str
    text: str
    weight: int
    matches: Glob
    value: Glob | None = None

    def __str__(self) -> str:
        return f"{self.where} {self.text}"


class Preset(NamedTuple):
    """``title``: for people. ``templates``: content_id templates, the first that can be filled counts, where the shop
    gives none. ``experimental``: not confirmed. ``table``: the file, for ``docs/platforms.md``."""

    name: str
    title: str
    marks: tuple[Mark, ...]
    rules: RuleSet
    templates: tuple[str, ...] = ()
    experimental: bool = False
    table: Mapping[str, Any] = {}


@functools.cache
def names() -> tuple[str, ...]:
    """Of all platforms there is a preset for."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != GENERAL))


@functools.cache
def preset(name: str) -> Preset:
    """The preset, read once a process. Raises ``ValueError`` for a name there is none of."""
    path = FOLDER / f"{name}.toml"
    if name != GENERAL and name not in names():
        raise ValueError(f"no preset {name!r}")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    rules = tuple(_rule(name, index, rule) for index, rule in enumerate(table.get("rule", ())))
    return Preset(
        name,
        table.get("title", name),
        tuple(_marks(table.get("recognise", {}))),
        RuleSet(sorted(rules, key=lambda rule: rule.order), anywhere=True),
        tuple(table.get("content_id", ())),
        bool(table.get("experimental", False)),
        table,
    )


def _rule(name: str, index: int, table: Mapping[str, Any]) -> Rule:
    wrong: list[str] = []
    named = {**table, "name": f"{name}: {table.get('name', index + 1)}"}
    named.pop("note", None)
    rule = RuleReader(f"{name}.toml", shipped=True).read(named, 0, lambda *parts: wrong.append(": ".join(parts)))
    if rule is None:
        raise ValueError(f"preset {name}, rule {index + 1}: {'; '.join(wrong)}")
    return rule


def _marks(table: Mapping[str, Any]) -> list[Mark]:
    found = []
    for weight, prefix in ((2, ""), (1, "likely_")):
        for text in table.get(f"{prefix}html", ()):
            found.append(Mark("html", text, weight, glob("")))
        for text in table.get(f"{prefix}cookies", ()):
            found.append(Mark("cookie", text, weight, glob(text)))
        for text in table.get(f"{prefix}headers", ()):
            name, _, value = text.partition(":")
            found.append(Mark("header", text, weight, glob(name.strip()), glob(value.strip() or "*")))
    return found
