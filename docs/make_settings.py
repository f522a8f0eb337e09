"""Writes ``docs/settings.md`` from the settings: ``python docs/make_settings.py``. A test keeps it current."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from capi_middleware.settings import Secret
from capi_middleware.settings.reader import SECTIONS

PAGE = Path(__file__).with_name("settings.md")
_HEAD = """\
# Settings

Every setting has a default. It is read, the first that says something, from: keywords
(`CapiMiddleware(app, pixel_id="…")`), the environment, what the admin page saved (`settings.toml` in the state
folder), and the settings file: the one that is named, else `$CAPI_CONFIG`, else `capi.toml` in the working directory.
Rules add up in that order. `"env:NAME"` reads a value from the environment.

The file is TOML. A changed file, and what the admin page saves, is in force within a second in all processes. A
mistake changes nothing: `capi-middleware check` and the log tell the line and what would be right, and the last good
version stays in force, over restarts too. `[[rule]]` has a page of its own (rules.md). `[[site]]` has a `host` (or
several), any of these tables but `[server]`, and rules of its own.

This page is made from the code by `python docs/make_settings.py`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    for name, kind in SECTIONS.items():
        hints = typing.get_type_hints(kind)
        told = (kind.__doc__ or "").replace("``", "`").partition(":")[2].split("\n\n")[0]
        yield f"## [{name}]"
        yield ""
        sentence = " ".join(told.split())
        yield sentence[:1].upper() + sentence[1:]
        yield ""
        yield "| Key | What it does | Default | Environment |"
        yield "|---|---|---|---|"
        for field in dataclasses.fields(kind):
            rules = field.metadata
            doc = rules["doc"]
            if rules["choices"]:
                listed = ", ".join(f"`{choice}`" for choice in rules["choices"] if choice != "")
                doc += f" One of: {listed}."
            env = f"`{rules['env']}`" if rules["env"] else ""
            yield f"| `{field.name}` | {_cell(doc)} | {_default(field.default, hints[field.name])} | {env} |"
        yield ""


def _default(value: Any, hint: Any) -> str:
    if hint is Secret or value in ("", (), None):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return _cell("`[" + ", ".join(f'"{part}"' for part in value) + "]`")
    return _cell(f'`"{value}"`' if isinstance(value, str) else f"`{value}`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
