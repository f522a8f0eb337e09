"""``capi-middleware check``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from capi_middleware.cli import main

GOOD = '[meta]\npixel_id = "1234567890"\naccess_token = "EAA"\n[[rule]]\nevent = "Lead"\npath = "/tack"\n'


def test_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out == f"{path} is right. 1 rule of your own, platform auto.\n"


def test_every_mistake_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(
        '[meta]\npixelid = "1"\n[shop]\nplatform = "magneto2"\n[[rule]]\nevent = "AddToCar"\n', encoding="utf-8"
    )
    assert main(["check", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{path}:2: meta.pixelid: is no setting. Did you mean pixel_id?")
    assert lines[1].startswith(f"{path}:4: shop.platform: there is no preset 'magneto2'. Did you mean magento2?")
    assert lines[2].startswith(f"{path}:6: rule 1, event: there is no standard event AddToCar. Did you mean AddToCart?")
    assert lines[-1] == "3 problems. The shop runs on with the last good version of this file."


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shop.toml"
    path.write_text("[meta\n", encoding="utf-8")
    assert main(["check", str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["problems"][0]["line"], told["problems"][0]["key"]) == (False, 1, "TOML")


def test_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAPI_CONFIG", raising=False)
    assert main(["check"]) == 2
    assert "capi-middleware init" in capsys.readouterr().err
    (tmp_path / "capi.toml").write_text(GOOD, encoding="utf-8")
    assert main(["check"]) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no pixel ID yet"),
        ('[meta]\npixel_id = "1234567890"\n', "no access token yet"),
        ('[[site]]\nhost = "a.example"\n', "1 site."),
    ],
)
def test_what_is_missing(text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(text, encoding="utf-8")
    assert main(["check", str(path)]) == 0
    assert told in capsys.readouterr().out
