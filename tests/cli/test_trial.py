"""What a stranger ran into, command by command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from werkzeug.test import Client

from capi_middleware import CapiMiddleware
from capi_middleware.cli import main
from capi_middleware.demo import Shop


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A settings file whose state folder is a file."""
    (tmp_path / "state").write_text("", encoding="utf-8")
    settings = tmp_path / "capi.toml"
    settings.write_text(f'[server]\nstate_dir = "{tmp_path / "state"}"\n', encoding="utf-8")
    return settings


def test_without_a_folder_the_admin_is_closed_and_the_shop_open(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("", encoding="utf-8")
    app = CapiMiddleware(Shop(), pixel_id="1234567890", state_dir=str(tmp_path / "state"))
    assert Client(app).get("/_shop/admin/").status_code == 404  # the shop's own
    assert Client(app).get("/").status_code == 200
    app.close()


@pytest.mark.parametrize("command", ["status", "worker"])
def test_a_settings_file_that_is_not_there_is_misuse(command: str, tmp_path: Path) -> None:
    assert main([command, "--config", str(tmp_path / "nope.toml")]) == 2


def test_status_says_where_it_looked_and_that_the_folder_cannot_be_used(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--config", str(nowhere), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert told["state_dir"].endswith("state")
    assert any("CAPI_STATE_DIR" in problem for problem in told["problems"])


def test_worker_says_that_the_folder_cannot_be_used(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worker", "--once", "--config", str(nowhere)]) == 1
    assert "CAPI_STATE_DIR" in capsys.readouterr().err


def test_worker_once_says_what_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAPI_STATE_DIR", str(tmp_path / "state"))
    assert main(["worker", "--once", "--timeout", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"waiting": 0, "ok": True}
    assert main(["worker", "--once", "--timeout", "-5"]) == 2


@pytest.mark.parametrize("days", ["-1", "nan"])
def test_purge_takes_no_negative_age(days: str) -> None:
    assert main(["purge", "--older-than", days]) == 2


def test_init_cannot_write_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--output", str(tmp_path / "no" / "capi.toml")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_demo_takes_a_port_that_there_is() -> None:
    assert main(["demo", "--port", "80000"]) == 2


def test_a_number_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "capi.toml").write_text("[server]\nstate_dir = 5\n", encoding="utf-8")
    assert main(["check", str(tmp_path / "capi.toml")]) == 1


def test_a_reader_that_has_had_enough() -> None:
    """``capi-middleware --help | head``, here with a pipe that is closed at once."""
    command = f"{sys.executable} -m capi_middleware status --config /nonexistent 2>/dev/null | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
