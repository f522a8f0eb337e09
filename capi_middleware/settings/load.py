"""File, environment and keywords become :class:`Settings`; every mistake becomes a :class:`Problem`."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .lines import line_of
from .problem import Problem, SettingsError
from .secret import Secret
from .settings import Settings

SECTIONS: dict[str, Any] = {
    name: kind
    for name, kind in typing.get_type_hints(Settings).items()
    if dataclasses.is_dataclass(kind) and name != "sites"
}
_KEYWORDS = {field.name: section for section, kind in SECTIONS.items() for field in dataclasses.fields(kind)}


class Loaded(typing.NamedTuple):
    """Settings as far as they could be read, and what was wrong. Faulty keys keep their default."""

    settings: Settings
    problems: tuple[Problem, ...]
    files: tuple[str, ...]


def load(
    config: str | os.PathLike[str] | None = None,
    *,
    saved: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    strict: bool = False,
    **keywords: Any,
) -> Loaded:
    """Read the settings: keywords win over the environment, that over ``saved`` (the admin page), that over the file.

    ``config``: path of a TOML file; default ``$CAPI_CONFIG``, else ``capi.toml`` in the working directory if present.
    ``keywords``: field names of any section (``pixel_id=…``), or ``rules=[…]``.
    Raises :class:`SettingsError` only when ``strict``.
    """
    environ = os.environ if environ is None else environ
    reader = _Reader(environ)
    chosen = os.fspath(config) if config is not None else environ.get("CAPI_CONFIG", "")
    if not chosen and os.path.exists("capi.toml"):
        chosen = "capi.toml"
    settings = Settings()
    if chosen:
        settings = reader.file(settings, chosen)
    if saved:
        settings = reader.tables(settings, saved, "admin page", "")
    settings = reader.environment(settings)
    settings = reader.keywords(settings, keywords)
    settings = dataclasses.replace(settings, sites=tuple(reader.sites(settings, chosen)))
    if strict and reader.problems:
        raise SettingsError(reader.problems)
    return Loaded(settings, tuple(reader.problems), (chosen,) if chosen else ())


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[Problem] = []
        self._sites: list[Mapping[str, Any]] = []
        self._text = ""

    def file(self, settings: Settings, path: str) -> Settings:
        try:
            self._text = Path(path).read_text(encoding="utf-8")
            tables = tomllib.loads(self._text)
        except OSError as error:
            self.problems.append(
                Problem(
                    path,
                    0,
                    "file",
                    f"cannot be read ({error.strerror}).",
                    "Check the path in CAPI_CONFIG or the first argument.",
                )
            )
            return settings
        except UnicodeDecodeError:
            self.problems.append(Problem(path, 0, "file", "is not UTF-8.", "Save the file as UTF-8 text."))
            return settings
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"line (\d+)", str(error))
            self.problems.append(
                Problem(
                    path,
                    int(at.group(1)) if at else 0,
                    "TOML",
                    f"{error}.",
                    'Texts stand in "quotes", tables in [brackets].',
                )
            )
            return settings
        return self.tables(settings, tables, path, self._text)

    def tables(self, settings: Settings, tables: Mapping[str, Any], file: str, text: str, prefix: str = "") -> Settings:
        changes: dict[str, Any] = {}
        for name, table in tables.items():
            key = prefix + name
            line = line_of(text, key)
            if name == "rule":
                changes["rules"] = tuple(self._rules(table, file, text, prefix))
            elif name == "site" and not prefix:
                self._sites += [site for site in table if isinstance(site, dict)] if isinstance(table, list) else []
            elif name not in SECTIONS:
                known = ", ".join(f"[{section}]" for section in SECTIONS)
                self.problems.append(
                    Problem(file, line, key, "is no table of this file.", f"Known: {known}, [[rule]], [[site]].")
                )
            elif not isinstance(table, Mapping):
                self.problems.append(Problem(file, line, key, "is not a table.", f"Write [{name}] on its own line."))
            else:
                changes[name] = self._section(getattr(settings, name), table, file, text, key)
        return dataclasses.replace(settings, **changes)

    def _section(self, section: Any, table: Mapping[str, Any], file: str, text: str, prefix: str) -> Any:
        fields = {field.name: field for field in dataclasses.fields(section)}
        hints = typing.get_type_hints(type(section))
        changes: dict[str, Any] = {}
        for name, raw in table.items():
            key, line = f"{prefix}.{name}", line_of(text, f"{prefix}.{name}")
            if name not in fields:
                self.problems.append(Problem(file, line, key, "is no setting.", f"Known: {', '.join(fields)}."))
                continue
            value, right = self._value(raw, hints[name], fields[name].metadata)
            if right:
                shown = "the value" if hints[name] is Secret else repr(raw)
                self.problems.append(Problem(file, line, key, f"{shown} is not valid.", right))
            else:
                changes[name] = value
        return dataclasses.replace(section, **changes)

    def _value(self, raw: Any, hint: Any, rules: Mapping[str, Any]) -> tuple[Any, str]:
        """The converted value and "", or None and what would be right."""
        if isinstance(raw, Secret):
            raw = raw.reveal()
        if isinstance(raw, str) and raw.startswith("env:"):
            name = raw[4:]
            if name not in self.environ:
                return None, f"Set the environment variable {name}, or write the value itself."
            raw = self.environ[name]
        if hint is Secret:
            return (Secret(raw), "") if isinstance(raw, str) else (None, 'Write it in "quotes".')
        if hint is bool:
            return (raw, "") if isinstance(raw, bool) else (None, "Write true or false.")
        if hint in (int, float):
            return _number(raw, hint, rules)
        if hint is str:
            return _text(raw, rules)
        if isinstance(raw, (list, tuple)) and all(isinstance(item, str) for item in raw):
            pattern = rules.get("pattern")
            if pattern and not all(re.fullmatch(pattern, item) for item in raw):
                return None, rules.get("right") or f"Each must match {pattern}."
            return tuple(raw), ""
        return None, 'Write a list of texts: ["one", "two"].'

    def _rules(self, table: Any, file: str, text: str, prefix: str) -> Iterator[Mapping[str, Any]]:
        if not isinstance(table, (list, tuple)):
            self.problems.append(
                Problem(
                    file,
                    line_of(text, prefix + "rule"),
                    "rule",
                    "is not a list of rules.",
                    "Write [[rule]] with double brackets.",
                )
            )
            return
        for index, rule in enumerate(table):
            if isinstance(rule, Mapping):
                yield {**rule, "__line__": line_of(text, f"{prefix}rule[{index}]"), "__file__": file}

    def environment(self, settings: Settings) -> Settings:
        changes: dict[str, Any] = {}
        for name, kind in SECTIONS.items():
            found = {}
            for field in dataclasses.fields(kind):
                variable = field.metadata.get("env")
                if variable and self.environ.get(variable, "") != "":
                    raw: Any = self.environ[variable]
                    value, right = self._value(raw, typing.get_type_hints(kind)[field.name], field.metadata)
                    if right:
                        self.problems.append(Problem("environment", 0, variable, "is not valid.", right))
                    else:
                        found[field.name] = value
            if found:
                changes[name] = dataclasses.replace(getattr(settings, name), **found)
        return dataclasses.replace(settings, **changes) if changes else settings

    def keywords(self, settings: Settings, keywords: Mapping[str, Any]) -> Settings:
        tables: dict[str, Any] = {}
        for name, value in keywords.items():
            if name == "rules":
                tables["rule"] = value
            elif name in _KEYWORDS:
                tables.setdefault(_KEYWORDS[name], {})[name] = value
            else:
                raise TypeError(
                    f"CapiMiddleware() got an unexpected keyword {name!r}; known: rules, "
                    + ", ".join(sorted(_KEYWORDS))
                )
        return self.tables(settings, tables, "keyword", "") if tables else settings

    def sites(self, settings: Settings, file: str) -> Iterator[Settings]:
        for index, table in enumerate(self._sites):
            prefix = f"site[{index}]."
            host = table.get("host")
            if not isinstance(host, str) or not host:
                self.problems.append(
                    Problem(
                        file,
                        line_of(self._text, prefix[:-1]),
                        prefix + "host",
                        "is missing.",
                        'Write host = "shop.example".',
                    )
                )
                continue
            rest = {name: value for name, value in table.items() if name != "host"}
            if "server" in rest:
                del rest["server"]
                self.problems.append(
                    Problem(
                        file,
                        line_of(self._text, prefix + "server"),
                        prefix + "server",
                        "belongs to the process, not to one site.",
                        "Move it to [server].",
                    )
                )
            yield dataclasses.replace(self.tables(settings, rest, file, self._text, prefix), host=host.lower())


def _number(raw: Any, hint: Any, rules: Mapping[str, Any]) -> tuple[Any, str]:
    low, high = rules.get("low"), rules.get("high")
    right = "Write a number" + (f" from {low} to {high}." if low is not None and high is not None else ".")
    try:
        if isinstance(raw, bool):
            return None, right
        value = hint(raw)
    except (TypeError, ValueError):
        return None, right
    if (low is not None and value < low) or (high is not None and value > high):
        return None, right
    return value, ""


def _text(raw: Any, rules: Mapping[str, Any]) -> tuple[Any, str]:
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw)  # pixel_id = 1234567890 without quotes is meant well
    if not isinstance(raw, str):
        return None, rules.get("right") or 'Write a text in "quotes".'
    choices = rules.get("choices") or ()
    if choices and raw not in choices:
        return None, "Write one of: " + ", ".join(choices) + "."
    pattern = rules.get("pattern")
    if pattern and raw and not re.fullmatch(pattern, raw):
        return None, rules.get("right") or f"It must match {pattern}."
    return raw, ""
