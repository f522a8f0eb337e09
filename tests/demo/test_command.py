"""``capi-middleware demo`` as a person runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from capi_middleware.cli import main
from capi_middleware.cli.demo import Demo
from capi_middleware.sandbox import Listener

PERSON = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml",
    "Accept-Language": "sv",
    "Accept-Encoding": "gzip, deflate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-User": "?1",
    "Upgrade-Insecure-Requests": "1",
}


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_three_addresses_that_answer_and_ends_tidily(tmp_path: Path, end: signal.Signals) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAPI_")}
    environment["TMPDIR"] = str(tmp_path)
    command = [sys.executable, "-m", "capi_middleware", "demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(4)]
        shop, events, admin = (re.search(r"http://\S+", line)[0] for line in lines[:3])  # type: ignore[index]
        assert re.search(r"set-up code +[A-Z2-7-]{31}", lines[3]), "beside the page that asks for it"
        assert admin.startswith(shop) and admin.endswith("/admin/")
        page = requests.get(shop, headers=PERSON, timeout=10).text
        assert f"{events}en_US/fbevents.js" in page
        assert requests.get(events, timeout=10).status_code == 200
        process.send_signal(end)
        assert process.wait(timeout=20) == 0
    assert list(tmp_path.iterdir()) == []  # its state went with it


def test_a_visit_reaches_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the person's own environment says of Meta, the demo talks to the sandbox alone."""
    monkeypatch.setenv("CAPI_GRAPH_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CAPI_PIXEL_URL", "http://127.0.0.1:9/fbevents.js")
    with Demo() as demo:
        requests.get(f"{demo.shop_url}produkt/vas-vag", headers=PERSON, timeout=10)
        assert demo.app.flush(10)
        assert sorted(event.event_name for event in demo.sandbox.server_events) == ["PageView", "ViewContent"]


@pytest.mark.parametrize("words", [["--listen", "nowhere"], ["--listen", "127.0.0.1:99999"]])
def test_misuse_is_explained(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", *words]) == 2
    assert "write HOST:PORT" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with Listener(lambda environ, start_response: []) as other:
        assert main(["demo", "--port", str(other.port)]) == 1
    assert "--port 9000" in capsys.readouterr().err
