"""The state folder that cannot be used: the shop starts, pages get their pixel, and people are told."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from werkzeug.test import Client

from capi_middleware import CapiMiddleware
from capi_middleware.cli import main
from capi_middleware.demo import Shop
from capi_middleware.settings import Settings
from capi_middleware.settings.state import state_dir

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
PERSON = {"User-Agent": AGENT, "Accept": "text/html", "Accept-Language": "sv", "Sec-Fetch-Mode": "navigate",
          "Sec-Fetch-Dest": "document"}  # fmt: skip


@pytest.fixture
def forbidden(tmp_path: Path) -> str:
    """The system refuses even to look whether it is there; as for a folder of somebody else's, but for root too."""
    return str(tmp_path / ("x" * 300))


def test_the_shop_starts_and_pages_get_their_pixel(forbidden: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "capi_middleware"):
        app = CapiMiddleware(
            Shop(), pixel_id="1234567890", access_token="EAA", state_dir=forbidden, graph_url="http://127.0.0.1:9"
        )
        answer = Client(app).get("/", headers=PERSON)
        health = Client(app).get("/_shop/health").json
        app.close()
    assert answer.status_code == 200 and "fbq('track', 'PageView'" in answer.text
    assert health is not None and health["promise"] == "memory"
    assert "signing key" in caplog.text and "from memory alone" in caplog.text


@pytest.mark.parametrize(
    "words", ["status", "replay", "replay 3", "purge --dead", "export --visitor fb.1.1.1", "worker --once"]
)
def test_commands_say_that_it_cannot_be_used(
    words: str, forbidden: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAPI_STATE_DIR", forbidden)
    assert main(words.split()) == 1
    assert f"the state folder {forbidden} cannot be used" in "".join(capsys.readouterr())


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that is run under a number: pathlib raises, and the shop must start."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 54321)
    assert state_dir(Settings()) == Path("/var/lib/capi_middleware")
