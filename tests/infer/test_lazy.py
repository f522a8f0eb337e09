"""Patterns that wait to be compiled: the same as compiled ones, once they are asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from capi_middleware import infer
from capi_middleware.infer.lazy import regex, warm


def test_a_pattern_answers_as_a_compiled_one_does() -> None:
    lazy, known = regex(r"(\d)(\w)", re.I), re.compile(r"(\d)(\w)", re.I)
    assert lazy.findall("1a 2b") == known.findall("1a 2b")
    assert [match.span() for match in lazy.finditer("1a 2b")] == [(0, 2), (3, 5)]
    assert lazy.sub(r"\2\1", "1a") == "a1"
    found = lazy.search("x 1A", 1)
    assert found is not None and found[2] == "A"
    assert regex(rb"a").match(b"ab") is not None
    assert regex("a").fullmatch("ab") is None
    assert regex(",").split("a,b") == ["a", "b"]


def test_a_mistake_shows_at_the_first_use() -> None:
    wrong = regex("(")
    with pytest.raises(re.error):
        wrong.search("")
    wrong._source = "x"  # type: ignore[attr-defined]  # so that no later warm() meets it


def test_no_module_of_the_room_compiles_at_import() -> None:
    room = Path(infer.__file__).parent
    assert [path.name for path in room.glob("*.py") if "re.compile(" in path.read_text("utf-8")] == ["lazy.py"]


def test_warm_ends() -> None:
    thread = warm()
    thread.join(30)
    assert not thread.is_alive()
