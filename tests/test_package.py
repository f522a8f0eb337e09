"""What people install is whole: every file of the package is in the wheel, which works away from the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = {".po"}
"""What the sdist needs and a running shop does not."""
USED = """
import logging, sys
logging.disable()
import requests
from capi_middleware.cli.demo import Demo
from capi_middleware.infer.preset import names, preset
with Demo() as demo:
    for url in (demo.shop_url, demo.events_url, demo.admin_url):
        requests.get(url, timeout=20).raise_for_status()
assert len([preset(name) for name in names()]) > 20
import capi_middleware
assert capi_middleware.__file__.startswith(sys.argv[1]), capi_middleware.__file__
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is made of the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def wheel_of(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


def files() -> Iterator[str]:
    """The package's own, as the repository has them."""
    for path in (ROOT / "capi_middleware").rglob("*"):
        if path.is_file() and path.parent.name != "__pycache__" and path.suffix not in SOURCES:
            yield path.relative_to(ROOT).as_posix()


def test_the_wheel_has_every_file_of_the_package(built: Path) -> None:
    """Templates, catalogues, presets, scripts, JSON and ``py.typed`` among them."""
    with zipfile.ZipFile(wheel_of(built)) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = set(files())
    assert {Path(name).suffix for name in expected} >= {
        ".css",
        ".html",
        ".js",
        ".json",
        ".mo",
        ".svg",
        ".toml",
        ".typed",
    }
    assert packed == expected


def test_the_wheel_is_for_any_python_and_says_its_licence(built: Path) -> None:
    assert wheel_of(built).name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel_of(built)) as wheel:
        (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        lines = wheel.read(metadata).decode("utf-8").splitlines()
        assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
    assert "License-Expression: MIT" in lines
    assert "Requires-Python: >=3.11" in lines


def test_the_sdist_has_the_documents_and_the_tests(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert names >= {
        "CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "docs/rules.md", "examples/flask_shop.py",
        "tests/conftest.py", "tests/test_package.py", "capi_middleware/admin/locales/sv/LC_MESSAGES/capi.po",
    }  # fmt: skip
    assert not [name for name in names if "__pycache__" in name or "node_modules" in name]


def test_the_wheel_serves_the_demo_from_a_folder_of_its_own(built: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel_of(built)) as wheel:
        wheel.extractall(tmp_path / "site")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CAPI_", "PYTHON"))}
    environ["PYTHONPATH"] = str(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", USED, str(tmp_path)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
