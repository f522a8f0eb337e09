"""In which line of a TOML text a key stands (tomllib does not say)."""

from __future__ import annotations

import re
from functools import lru_cache

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*=""")


def line_of(text: str, key: str) -> int:
    """The 1-based line of a dotted key such as ``meta.pixel_id`` or ``rule[2].data``; its nearest parent's line,
    else 0. Inline tables count as the line on which they stand."""
    lines = _lines(text)
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return 0


@lru_cache(maxsize=4)
def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    prefix = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            name = _indexed(header.group(2), counts)
            if header.group(1) == "[[":
                index = counts[name] = counts.get(name, -1) + 1
                found.setdefault(name, number)
                name = f"{name}[{index}]"
            prefix = name + "."
            found[name] = number
            continue
        key = _KEY.match(line)
        if key:
            found.setdefault(prefix + key.group(1).strip("\"'"), number)
    return found


def _indexed(name: str, counts: dict[str, int]) -> str:
    """``site.rule`` inside the second ``[[site]]`` is ``site[1].rule``."""
    head, dot, tail = name.partition(".")
    return f"{head}[{counts[head]}].{tail}" if dot and head in counts else name
