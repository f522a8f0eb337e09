"""``capi-middleware init``."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from capi_middleware.cli import init, main
from capi_middleware.cli.init import Seen, starter
from capi_middleware.explain import Answer, Request
from capi_middleware.infer.preset import names

PAGES = Path(__file__).parent.parent / "pages"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_starter_passes_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    assert main(["check"]) == 0
    assert "# [[rule]]" in (tmp_path / "capi.toml").read_text(encoding="utf-8")


def test_it_does_not_write_over_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "capi.toml").write_text("mine", encoding="utf-8")
    assert main(["init"]) == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "capi.toml").read_text(encoding="utf-8") == "mine"
    assert main(["init", "--force"]) == 0
    assert main(["init", "--output", "other.toml"]) == 0
    assert (tmp_path / "other.toml").exists()


def test_print(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["init", "--output", "-"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["shop"]["platform"] == "auto"
    assert list(tmp_path.iterdir()) == []


def test_the_shop_is_looked_at(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (PAGES / "woocommerce-simple.html").read_bytes()
    page = page.replace(b"</head>", b'<script src="https://consent.cookiebot.com/uc.js"></script></head>')
    answer = Answer(200, [("Content-Type", "text/html")], page)
    monkeypatch.setattr(init, "fetch", lambda request: (Request("https://kitchen.example/product/enamel-mug/"), answer))
    assert main(["init", "https://kitchen.example/"]) == 0
    text = (tmp_path / "capi.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    assert tables["shop"]["platform"] == "woocommerce"
    assert tables["shop"]["currency"] == "SEK"
    assert "kitchen.example" in text and "seen: cookiebot" in text.lower()
    assert "The preset woocommerce reads: AddPaymentInfo, AddToCart" in text
    assert "Platform: WooCommerce, by" in capsys.readouterr().out


def test_a_shop_that_cannot_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "http://127.0.0.1:9/"]) == 1
    assert "cannot be opened" in capsys.readouterr().err


@pytest.mark.parametrize("platform", names())
def test_every_platforms_starter_is_right(platform: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(starter(Seen("https://a.example/", platform, "a mark")), encoding="utf-8")
    assert main(["check", str(path)]) == 0
