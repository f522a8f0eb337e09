"""Documents are true: every example of docs/developer.md runs, and the site builds without a dead link."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.test import Client

from capi_middleware import CapiMiddleware
from capi_middleware.cli import COMMANDS, main
from capi_middleware.infer.preset import names as preset_names
from capi_middleware.visit.consent.tools import TOOL_NAMES

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


def test_the_sandbox_s_example_runs(tmp_path: Path) -> None:
    """As it stands; what a browser would do of a page's calls is done by hand."""
    (code,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "sandbox.md").read_text("utf-8"), re.M | re.S)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [b"<!doctype html><html><head><title>A shop</title></head><body>Welcome</body></html>"]

    def visit(shop: CapiMiddleware) -> None:
        agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
        headers = {"User-Agent": agent, "Accept-Language": "sv", "Sec-Fetch-Mode": "navigate"}
        page = Client(shop).get("/", base_url="http://shop.example", headers=headers)
        for name, event_id in re.findall(r"fbq\('track', '(\w+)', .*?eventID: '(\w+)'", page.text):
            told = {"id": "1234567890", "ev": name, "eid": event_id, "dl": "http://shop.example/"}
            assert requests.get(f"{names['meta'].url}/tr", params=told, timeout=10).ok

    names: dict[str, Any] = {"app": app, "visit": visit, "tmp_path": tmp_path}
    exec(compile(code, "docs/sandbox.md", "exec"), names)
    assert len(names["meta"].browser_events) == 3


@pytest.mark.parametrize("measured", [False, True], ids=["", "with the benchmarks' page"])
def test_the_site_builds_without_a_dead_link(measured: bool, tmp_path: Path) -> None:
    """Links and their anchors. ``docs/benchmarks.md`` is there once ``make bench`` has written it."""
    for name in ("docs", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("benchmarks.md", "__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    if measured:
        (tmp_path / "docs" / "benchmarks.md").write_text("# Benchmarks\n\nSee [rules](rules.md).\n", encoding="utf-8")
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    home = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert 'href="rules/"' in home and ('href="benchmarks/"' in home) is measured


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in links, as GitHub and mkdocs have it."""
    bare = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    plain = (
        re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower() for heading in re.findall(r"^#+ (.+)$", bare, re.M)
    )
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "examples/README.md"])
def test_documents_beside_the_site_have_no_dead_link(name: str) -> None:
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)):
        if target.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path) if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text(encoding="utf-8")), target


def test_the_readme_counts_right() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{len(preset_names())} platform presets" in readme
    standards = {"tcf", "gpp", "us-privacy", "generic", "mirror", "consentmode", "layer", "api"}
    assert f"{len(TOOL_NAMES - standards)} consent tools" in readme


def test_the_readme_s_rules_are_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```", readme, re.M | re.S)
    (tmp_path / "capi.toml").write_text(text.replace("env:CAPI_ACCESS_TOKEN", "EAAexample"), encoding="utf-8")
    assert main(["check", str(tmp_path / "capi.toml")]) == 0, capsys.readouterr().out


def test_every_command_is_in_the_table() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)[^|]*` \| [^|]+ \| (●?) ?\|$", page, re.M)
    assert [name for name, _ in rows] == list(COMMANDS)
    for name, as_json in rows:
        done = subprocess.run([sys.executable, "-m", "capi_middleware", name, "--help"], capture_output=True, text=True)
        assert ("--json" in done.stdout) is bool(as_json), name
