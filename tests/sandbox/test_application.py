"""The stand-in as a plain WSGI app: under any server, and by the letter of PEP 3333."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import Client
from werkzeug.wrappers import Response

from capi_middleware.sandbox import Fault, SandboxApp
from capi_middleware.sandbox.recorder import Recorder

from .conftest import event

PATHS = [
    "/",
    "/events.json",
    "/en_US/fbevents.js",
    "/sv_SE/fbevents.js",
    "/signals/config/1234567890",
    "/signals/plugins/cookie.js",
    "/tr?id=1&ev=PageView",
    "/tr/?id=1&ev=PageView",
]


@pytest.fixture
def app() -> SandboxApp:
    return SandboxApp(Recorder(100))


@pytest.fixture
def client(app: SandboxApp) -> Client:
    return Client(LintMiddleware(app), Response)


@pytest.mark.parametrize("path", PATHS)
def test_paths(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200 and answer.data


@pytest.mark.parametrize("path", ["/signals/plugins/none.js", "/signals/plugins/../fbevents.js", "/nothing"])
def test_what_is_not_there(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_an_event_through_the_lint(app: SandboxApp, client: Client) -> None:
    answer = client.post("/v25.0/1234567890/events", json={"data": [event()], "access_token": "x"})
    assert answer.json and answer.json["events_received"] == 1
    assert len(app.recorder.server_events) == 1


def test_a_connection_that_cannot_be_broken_is_answered_badly(app: SandboxApp, client: Client) -> None:
    app.faults.set("graph", Fault(drop=True))
    assert client.post("/v25.0/1234567890/events", json={}).status_code == 502


def test_a_body_too_large_is_refused(app: SandboxApp, client: Client) -> None:
    answer = client.post("/v25.0/1234567890/events", data=b"x" * (33 * 1024 * 1024), content_type="application/json")
    assert answer.status_code == 413


@pytest.mark.parametrize("pixel", ['"});alert(1);', "<!--<x>"])
def test_a_pixel_id_in_the_configuration_is_a_string(client: Client, pixel: str) -> None:
    script = client.get(f"/signals/config/{quote(pixel, safe='')}").text
    assert json.dumps(pixel).replace("<", "\\u003C") in script
    assert "<!--" not in script


def test_the_newest_events_are_kept(app: SandboxApp, client: Client) -> None:
    for number in range(150):
        client.get(f"/tr?id=1&ev=Lead&eid={number}")
    kept = [one.event_id for one in app.recorder.browser_events]
    assert (len(kept), kept[0], kept[-1]) == (100, "50", "149")
