"""``docs/platforms.md`` says what the presets are."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

SCRIPT = Path(__file__).parent.parent.parent / "docs" / "make_platforms.py"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_platforms", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current() -> None:
    """Else run ``python docs/make_platforms.py``."""
    made = script()
    assert made.PAGE.read_text(encoding="utf-8") == made.page()
