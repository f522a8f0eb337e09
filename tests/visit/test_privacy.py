"""What visitors type and carry stays out of files, logs, pages and representations."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import Client

from capi_middleware import CapiMiddleware
from capi_middleware.sandbox import Sandbox
from capi_middleware.visit import visit_census

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
TOKEN = "EAAtoken0123456789abcdefghijklmnopqrstuv"
SECRETS = (
    "anna.oberg@example.com", "anna.oberg%40example.com", "bo@example.com", "+46701234567", "%2B46701234567",
    "0701234567", "070-123 45 67", "hemligt-losenord", "reset-token-1a2b3c4d5e", "ordernyckel-9f8e7d", TOKEN,
    "session-cookie-value", "Öberg",
)  # fmt: skip
HEADERS = {
    "User-Agent": CHROME,
    "Accept": "text/html",
    "Accept-Language": "sv",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Referer": "https://www.shop.test/konto?email=anna.oberg%40example.com&token=reset-token-1a2b3c4d5e",
}


def shop(environ: Any, start_response: Any) -> list[bytes]:
    environ["wsgi.input"].read()
    environ["capi.user"].update(em="bo@example.com", ph="+46701234567", ln="Öberg")
    if environ["REQUEST_METHOD"] == "POST":
        start_response("303 See Other", [("Location", "/"), ("Content-Type", "text/plain")])
        return [b""]
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "private")])
    return [b"<!doctype html><html><head><title>Hej</title></head><body><h1>Hej</h1></body></html>"]


def test_nothing_plain_in_files_logs_and_pages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox = Sandbox()
    sandbox.start()
    app = CapiMiddleware(
        shop, pixel_id="1234567890", access_token=TOKEN, graph_url=sandbox.url, state_dir=str(tmp_path),
        advanced_matching=True, country="SE",
    )  # fmt: skip
    client = Client(app)
    client.set_cookie("sessionid", "session-cookie-value", domain="www.shop.test")
    pages = [
        client.get(path, base_url="https://www.shop.test", headers=HEADERS)
        for path in (
            "/?email=anna.oberg%40example.com",
            "/?e=anna.oberg@example.com&tel=0701234567&x=%2B46701234567",
            "/reset/anna.oberg@example.com/reset-token-1a2b3c4d5e/",
            "/tack?key=ordernyckel-9f8e7d&token=reset-token-1a2b3c4d5e",
        )
    ]
    form = {"email": "anna.oberg@example.com", "phone": "070-123 45 67", "password": "hemligt-losenord"}
    pages.append(
        client.post(
            "/login",
            base_url="https://www.shop.test",
            headers={**HEADERS, "Content-Type": "application/x-www-form-urlencoded"},
            data=urlencode(form),
        )
    )
    pages.append(client.get("/", base_url="https://www.shop.test", headers=HEADERS))
    assert app.flush(20)
    assert len(sandbox.server_events) >= 4
    app.close()
    sandbox.stop()
    seen = {
        "log": caplog.text.encode(),
        "census": str(visit_census()).encode(),
    }
    seen |= {f"page {number}": page.data + str(page.headers).encode() for number, page in enumerate(pages)}
    seen |= {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    seen |= {f"event {number}": repr(event).encode() for number, event in enumerate(sandbox.server_events)}
    found = [(place, secret) for place, text in seen.items() for secret in SECRETS if secret.encode() in text]
    assert found == []


def test_a_visit_does_not_show_itself(look: Any) -> None:
    visit = look(
        None,
        "https://www.example.com/?token=hemligt",
        cookies="session=session-cookie-value",
        referer="https://x.test/?a@b.se",
    )
    shown = f"{visit!r} {visit}"
    assert "www.example.com PERSON" in shown
    assert not any(secret in shown for secret in ("hemligt", "session-cookie-value", "8.8.8.8", "a@b.se"))


def test_figures_hold_no_address(look: Any) -> None:
    look(cookies="session=session-cookie-value")
    shown = str(visit_census("www.example.com"))
    assert visit_census("www.example.com").visits == 1
    assert not any(secret in shown for secret in ("8.8.8.8", CHROME, "session-cookie-value"))
