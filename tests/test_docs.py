"""Documents are true: every example of docs/developer.md runs, and the site builds without a dead link."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "developer.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```", PAGE, re.M | re.S)
ASK = """
from werkzeug.test import Client
agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
headers = {"User-Agent": agent, "Accept": "text/html", "Accept-Language": "sv",
           "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
page = Client(app).get("/", base_url="http://shop.example", headers=headers)
assert page.status_code == 200, page.status
assert "fbq('track', 'PageView'" in page.text, page.text
print("sent:", "Lead" if "'Lead'" in page.text else "PageView")
"""


def test_there_are_examples() -> None:
    assert [name for name, _ in EXAMPLES] == [
        "Flask", "Django", "Pyramid", "Bottle", "Falcon", "Any WSGI app", "To say more",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_example_runs(name: str, code: str, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CAPI_PIXEL_ID": "1234567890",
        "CAPI_ACCESS_TOKEN": "EAAexample",
        "CAPI_GRAPH_URL": "http://127.0.0.1:9",
        "CAPI_STATE_DIR": str(tmp_path / "state"),
    }
    (tmp_path / "shop.py").write_text(code + ASK, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "shop.py"], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ("sent: Lead" if name == "To say more" else "sent: PageView")


def test_the_site_builds_without_a_dead_link(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "rules" / "index.html").exists()
