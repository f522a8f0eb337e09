"""Pages that are made from the code say what the code does."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["make_platforms", "make_settings"])
def test_the_page_is_current(name: str) -> None:
    """Else run the script of that name in ``docs/``."""
    made = script(name)
    assert made.PAGE.read_text(encoding="utf-8") == made.page()
