"""The examples of ``docs/rules.md`` do what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest

from capi_middleware.cli import main

PAGE = Path(__file__).parent.parent.parent / "docs" / "rules.md"
_BLOCK = re.compile(r'^```(\w+)(?: title="(\S+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """``files``: by name. ``commands``: as typed. ``lines``: that stand in what they print, in this order."""

    title: str
    files: dict[str, str]
    commands: list[str]
    lines: list[str]


def examples() -> list[Example]:
    found = []
    for part in re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        part = part.partition("\n## ")[0]
        blocks = _BLOCK.findall(part)
        files = {name: text for _, name, text in blocks if name}
        commands = [line[2:] for kind, _, text in blocks if kind == "console" for line in text.splitlines()]
        lines = [line.strip() for kind, _, text in blocks if kind == "text" for line in text.splitlines()]
        found.append(Example(part.partition("\n")[0], files, commands, lines))
    return found


def test_there_are_twelve() -> None:
    assert len(examples()) == 12


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.title)
def test_example(
    example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAPI_CONFIG", raising=False)
    for name, text in example.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(["check"]) == 0, capsys.readouterr().out
    capsys.readouterr()
    assert example.commands and example.lines
    for command in example.commands:
        program, *arguments = shlex.split(command)
        assert program == "capi-middleware"
        assert main(arguments) == 0
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    position = 0
    for line in example.lines:
        later = [n for n in range(position, len(printed)) if printed[n].startswith(line)]
        assert later, "\n".join([f"not printed: {line}", *printed])
        position = later[0] + 1
