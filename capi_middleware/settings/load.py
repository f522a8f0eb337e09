"""File, saved settings, environment and keywords become :class:`Settings`; every mistake becomes a Problem."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .lines import Lines
from .problem import Problem, SettingsError
from .reader import KEYWORDS, Reader, Text
from .settings import Settings
from .suggest import did_you_mean

DEFAULT_FILE = "capi.toml"


class Loaded(NamedTuple):
    """Settings as far as they could be read, and what was wrong. Faulty keys keep their default, faulty rules are left
    out. ``files``: paths read, whether they exist or not."""

    settings: Settings
    problems: tuple[Problem, ...]
    files: tuple[str, ...]


def load(
    config: str | os.PathLike[str] | None = None,
    *,
    saved: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    strict: bool = False,
    **keywords: Any,
) -> Loaded:
    """Read the settings: keywords win over the environment, that over ``saved`` (the admin page), that over the file.

    Rules add up, in that order too: an event is the first rule's that matches. ``config``: path of a TOML file; default
    ``$CAPI_CONFIG``, else ``capi.toml`` in the working directory if present. ``saved``: a TOML file (it need not exist)
    or its tables. ``keywords``: field names of any section (``pixel_id=…``), or ``rules=[…]``.

    Raises :class:`SettingsError` only when ``strict``, ``TypeError`` for a keyword that is no setting.
    """
    check_keywords(keywords)
    problems: list[Problem] = []
    chosen = config_file(config, environ)
    texts = []
    if chosen:
        texts.append(read_text(chosen, problems))
    if isinstance(saved, Mapping):
        texts.append(Text("admin page", saved))
    elif saved is not None and os.path.exists(saved):
        texts.append(read_text(os.fspath(saved), problems))
    for text in texts:
        problems += examine(text, environ)
    settings, more = merge(texts, keywords, environ)
    problems += more
    if strict and problems:
        raise SettingsError(problems)
    return Loaded(settings, tuple(problems), tuple(text.file for text in texts))


def check_keywords(keywords: Mapping[str, Any]) -> None:
    """Raises ``TypeError`` for a keyword that is no setting."""
    for name in keywords:
        if name not in KEYWORDS and name != "rules":
            known = ", ".join(sorted(KEYWORDS))
            hint = did_you_mean(name, [*KEYWORDS, "rules"])
            raise TypeError(f"CapiMiddleware() got an unexpected keyword {name!r}. {hint}Known: rules, {known}.")


def config_file(config: str | os.PathLike[str] | None, environ: Mapping[str, str] | None = None) -> str:
    """The path of the settings file, "" for none."""
    if config is not None:
        return os.fspath(config)
    chosen = (os.environ if environ is None else environ).get("CAPI_CONFIG", "")
    return chosen or (DEFAULT_FILE if os.path.exists(DEFAULT_FILE) else "")


def examine(text: Text, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """All mistakes of one text."""
    reader = Reader(os.environ if environ is None else environ)
    reader.tables(Settings(), text)
    for _, _, table, prefix in reader.sites(text):
        reader.tables(Settings(), text._replace(tables=table), prefix)
    return reader.problems


def merge(
    texts: Sequence[Text], keywords: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> tuple[Settings, list[Problem]]:
    """One :class:`Settings` of texts (later ones win), environment and keywords, and the mistakes of the latter two."""
    reader = Reader(os.environ if environ is None else environ)
    settings = Settings()
    for text in texts:
        settings = reader.tables(settings, text)
    reader.problems.clear()
    settings = reader.environment(settings)
    settings = reader.keywords(settings, keywords)
    problems = list(reader.problems)
    sites: dict[str, Settings] = {}
    for text in texts:
        for host, aliases, table, prefix in reader.sites(text):
            site = reader.tables(sites.get(host, settings), text._replace(tables=table), prefix)
            sites[host] = dataclasses.replace(site, host=host, aliases=aliases or site.aliases)
    in_order = tuple(_ordered(site) for site in sites.values())
    return dataclasses.replace(_ordered(settings), sites=in_order), problems


def _ordered(settings: Settings) -> Settings:
    return dataclasses.replace(settings, rules=tuple(sorted(settings.rules, key=lambda rule: rule.order)))


def read_text(path: str, problems: list[Problem]) -> Text:
    """A TOML file's tables and lines; empty, and a problem more, where it cannot be read."""
    try:
        source = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        wrong = f"cannot be read ({error.strerror})."
        problems.append(Problem(path, 0, "file", wrong, "Check the path in CAPI_CONFIG or the first argument."))
        return Text(path, {})
    except UnicodeDecodeError:
        problems.append(Problem(path, 0, "file", "is not UTF-8.", "Save the file as UTF-8 text."))
        return Text(path, {})
    return parse_text(path, source, problems)


def parse_text(path: str, source: str, problems: list[Problem]) -> Text:
    """As :func:`read_text`, from the text itself."""
    try:
        return Text(path, tomllib.loads(source), Lines(source), source)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = re.search(r"line (\d+)", str(error))
        wrong = re.sub(r" \(at .*\)$", "", str(error))
        right = 'Texts stand in "quotes", tables in [brackets], each key once.'
        problems.append(Problem(path, int(at[1]) if at else _last_line(error, source), "TOML", f"{wrong}.", right))
        return Text(path, {}, None, source)


def _last_line(error: Exception, source: str) -> int:
    return source.count("\n") + 1 if "end of document" in str(error) else 0
