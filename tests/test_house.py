"""The house's own rules, kept by tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_arrows_point_down() -> None:
    """import-linter holds the layers of docs/house.md."""
    code = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
