"""In which line of a TOML text a key stands (tomllib does not say)."""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")
_TABLE_ITEM = re.compile(r"^\s*\{")
_SKIP = re.compile(r"""\"\"\"|'''|"(?:[^"\\]|\\.)*"|'[^']*'|#.*|[\[\]{}]""")


class Lines:
    """The lines of one TOML text, read once."""

    def __init__(self, text: str) -> None:
        self._found: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._read(text)

    def of(self, key: str) -> int:
        """The 1-based line of a dotted key such as ``meta.pixel_id`` or ``rule[2].data.value``; its nearest parent's
        line, else 0. Keys of an inline table stand on that table's line."""
        while key:
            if key in self._found:
                return self._found[key]
            bracket, dot = key.rfind("["), key.rfind(".")
            key = key[: max(bracket, dot)] if max(bracket, dot) > 0 else ""
        return 0

    def _read(self, text: str) -> None:
        prefix = ""
        quote = ""
        depth = 0
        array, items = "", 0
        for number, line in enumerate(text.splitlines(), 1):
            if quote:
                end = line.find(quote)
                if end < 0:
                    continue
                line, quote = line[end + 3 :], ""
            elif depth == 0:
                header = _HEADER.match(line)
                key = None if header else _KEY.match(line)
                if header:
                    prefix = self._header(header[2], header[1] == "[[", number) + "."
                    continue
                if key:
                    array, items = prefix + ".".join(_parts(key[1])), 0
                    self._found.setdefault(array, number)
            elif _TABLE_ITEM.match(line):
                self._found.setdefault(f"{array}[{items}]", number)
                items += 1
            depth, quote = _after(line, depth)

    def _header(self, text: str, repeated: bool, number: int) -> str:
        name = ""
        parts = _parts(text)
        for index, part in enumerate(parts):
            name = f"{name}.{part}" if name else part
            if index < len(parts) - 1 or not repeated:
                if name in self._counts:
                    name = f"{name}[{self._counts[name]}]"
                continue
            self._counts[name] = self._counts.get(name, -1) + 1
            self._found.setdefault(name, number)
            name = f"{name}[{self._counts[name]}]"
        self._found.setdefault(name, number)
        return name


def _parts(text: str) -> list[str]:
    return [double or single or bare for double, single, bare in _PART.findall(text)]


def _after(line: str, depth: int) -> tuple[int, str]:
    """Depth of brackets after this line, and the triple quote that is still open."""
    position = line.find("=") + 1 if depth == 0 else 0
    while found := _SKIP.search(line, position):
        position = found.end()
        if found[0] in ('"""', "'''"):
            end = line.find(found[0], position)
            if end < 0:
                return depth, found[0]
            position = end + 3
        elif found[0] in "[{":
            depth += 1
        elif found[0] in "]}":
            depth = max(0, depth - 1)
    return depth, ""
