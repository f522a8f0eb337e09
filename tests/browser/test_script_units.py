"""The served script (comments and space taken out) under node's own test runner."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from capi_middleware.page.script import asset
from capi_middleware.settings import Settings

HERE = Path(__file__).parent


def test_every_unit_of_the_script(tmp_path: Path) -> None:
    """One process for all of them; what failed is in the assertion's text, in node's words."""
    node = shutil.which("node")
    if node is None:
        pytest.fail("these tests need Node.js: `make test` installs it, or `apt install nodejs`")
    script = tmp_path / "served.js"
    script.write_bytes(asset(Settings()).body)
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", str(HERE / "capi.test.mjs")],
        env={**os.environ, "CAPI_SCRIPT": str(script)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    passed = re.search(r"^# pass (\d+)", done.stdout, re.M)
    assert passed and int(passed[1]) >= 60, done.stdout[-2000:]
