"""The backup that docs/operation.md describes brings back what the admin page saved."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from capi_middleware import CapiMiddleware

from .conftest import Owner

PAGE = Path(__file__).parents[2] / "docs" / "operation.md"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell's command")


def command() -> str:
    """The documented line, up to its end."""
    found = re.search(r"^\$ (cd \"\$CAPI_STATE_DIR\".*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert found
    return found[1]


def test_settings_account_and_key_come_back(make_app: Callable[..., CapiMiddleware], tmp_path: Path) -> None:
    """In an empty state folder; the process that saves runs on meanwhile."""
    first = make_app()
    owner = Owner(first)
    assert owner.log_in().status_code == 303
    assert owner.post("settings/pause", {"paused": "1"}).status_code == 303
    old = tmp_path / "shop0" / "state"
    (tmp_path / "backup").mkdir()
    words = command().replace("/backup/", f"{tmp_path}/backup/")
    subprocess.run(["sh", "-c", words], env={**os.environ, "CAPI_STATE_DIR": str(old)}, check=True)

    fresh = tmp_path / "fresh"
    fresh.mkdir(mode=0o700)
    subprocess.run(["tar", "xzf", f"{tmp_path}/backup/capi.tgz", "-C", str(fresh)], check=True)
    assert (fresh / "signing.key").read_bytes() == (old / "signing.key").read_bytes()
    second = make_app(owned=False, state_dir=str(fresh))
    again = Owner(second)
    assert again.log_in().status_code == 303
    assert 'name="paused" value="0"' in again.get("settings").text, "what was saved is in force: it can be resumed"
