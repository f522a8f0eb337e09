"""Two real processes behind one address, as in production: what is saved in one is in force in the other, sessions and
throttling are one, and no event is lost meanwhile."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest

from capi_middleware.admin import account
from capi_middleware.admin.state import AdminState
from capi_middleware.sandbox import Listener, Sandbox
from tests.delivery.postgres import die_with_parent

from .conftest import CHROME, PASSWORD, PIXEL, TOKEN
from .shop_of_workers import shop

ROOT = Path(__file__).parents[2]
OTHER, OTHER_TOKEN = "9876543210", "EAAanotherTOKEN0123456789abcdef"
PROMISED = 1.0
"""Seconds until a change is in force in all processes (docs/settings.md); what the machine adds is granted beside."""
SLACK = 1.5


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


class Served:
    """A server with two processes. Every request has a connection of its own, so that either may answer it."""

    def __init__(self, command: list[str], folder: Path, graph_url: str, port: int) -> None:
        self.port = port
        self.opened = 0
        self.state = folder / "state"
        issued = account.issue_setup_code(AdminState(self.state))
        assert issued is not None and account.create_account(AdminState(self.state), issued.code, PASSWORD) is None
        self.log = folder / "server.log"
        (folder / "capi.toml").write_text(
            f'[meta]\npixel_id = "{PIXEL}"\naccess_token = "{TOKEN}"\n[consent]\nmode = "off"\n', encoding="utf-8"
        )
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CAPI_")},
            "PYTHONPATH": str(ROOT),
            "CAPI_CONFIG": str(folder / "capi.toml"),
            "CAPI_GRAPH_URL": graph_url,
            "CAPI_STATE_DIR": str(self.state),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environ, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent,
            )  # fmt: skip
        end = time.monotonic() + 30
        while True:
            try:
                assert self.page().status == 200
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, self.log.read_text(errors="replace")
                time.sleep(0.1)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = {"User-Agent": CHROME, "Accept-Language": "en", "Connection": "close"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body or None, given)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def page(self) -> Answer:
        """A person opens a page of the shop."""
        answer = self.ask("GET", "/", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
        self.opened += 1
        return answer

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class Session:
    """The owner's browser."""

    def __init__(self, served: Served) -> None:
        self.served = served
        answer = self.post("login", {"password": PASSWORD}, cookie="")
        assert answer.status == 303, answer
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("settings").text)
        assert found
        self.csrf = found[1]

    def get(self, place: str) -> Answer:
        return self.served.ask("GET", f"/_shop/admin/{place}", Cookie=self.cookie)

    def post(self, place: str, data: dict[str, str], cookie: str | None = None) -> Answer:
        headers = {
            "Origin": f"http://127.0.0.1:{self.served.port}",
            "Content_Type": "application/x-www-form-urlencoded",
            "Cookie": self.cookie if cookie is None else cookie,
        }
        body = urlencode({"csrf": getattr(self, "csrf", ""), **data})
        return self.served.ask("POST", f"/_shop/admin/{place}", body, **headers)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def both() -> Iterator[Sandbox]:
    """A Meta that knows two pixels."""
    with Sandbox(tokens={PIXEL: TOKEN, OTHER: OTHER_TOKEN}) as running:
        yield running


@pytest.fixture(params=["gunicorn", "proxy"])
def served(request: pytest.FixtureRequest, tmp_path: Path, both: Sandbox) -> Iterator[Served]:
    port = free_port()
    address = f"127.0.0.1:{port}"
    with Listener(shop) as upstream:
        command = {
            "gunicorn": [sys.executable, "-m", "gunicorn", "-b", address, "-k", "gthread", "-w", "2", "--threads", "4",
                         "tests.admin.shop_of_workers:application"],
            "proxy": [sys.executable, "-m", "capi_middleware", "proxy", upstream.url, "--listen", address,
                      "--processes", "2"],
        }[request.param]  # fmt: skip
        running = Served(command, tmp_path, both.url, port)
        try:
            yield running
        finally:
            running.stop()


def spread(served: Served) -> None:
    """Requests until both processes have answered one; which one did only the wrapped shop tells."""
    seen: set[str] = set()
    for _ in range(200):
        seen.add(served.page().headers["X-Process"])
        if len(seen) == 2:
            return
    # It is the proxy: the page comes from the shop's one process. A third child of it delivers.
    assert len(children(served.process.pid)) >= 2


def children(pid: int) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            if stat.rpartition(")")[2].split()[1] == str(pid):
                found.append(entry.name)
    return found


def test_what_is_saved_in_one_is_in_force_in_the_other(served: Served, both: Sandbox) -> None:
    spread(served)
    owner = Session(served)
    assert f"'{PIXEL}'" in served.page().text or PIXEL in served.page().text
    answer = owner.post("connect", {"pixel_id": OTHER, "access_token": OTHER_TOKEN, "anyway": "1"})
    assert answer.status == 303, answer.text
    saved = time.monotonic()
    for _ in range(10):
        assert OTHER in owner.get("connect").text, "the owner sees at once what was saved, whichever process answers"
    last_old = 0.0
    fresh = 0
    while fresh < 60:
        at = time.monotonic()
        if PIXEL in served.page().text:
            last_old, fresh = at, 0
        else:
            fresh += 1
        assert time.monotonic() < saved + 30, "it never came into force everywhere"
    assert last_old - saved < PROMISED + SLACK
    assert both.wait(lambda meta: any(event.pixel_id == OTHER for event in meta.server_events), 20)


def test_a_session_is_one_for_both(served: Served) -> None:
    spread(served)
    owner = Session(served)
    assert [owner.get("settings").status for _ in range(30)] == [200] * 30
    assert owner.post("logout", {}).status == 303
    assert [owner.get("settings").status for _ in range(30)] == [303] * 30, "logged out of one is logged out of both"


def test_throttling_is_one_for_both(served: Served) -> None:
    spread(served)
    statuses = []
    for number in range(16):
        body = urlencode({"password": f"a guess, number {number}"})
        headers = {
            "Origin": f"http://127.0.0.1:{served.port}",
            "Content_Type": "application/x-www-form-urlencoded",
        }
        statuses.append(served.ask("POST", "/_shop/admin/login", body, **headers).status)
    assert set(statuses) == {422, 429}
    assert statuses.count(422) <= 10
    assert 429 in statuses[1:4], "the second wrong password has to wait, in whichever process it is tried"


def test_saving_while_customers_come_loses_no_event(served: Served, both: Sandbox) -> None:
    spread(served)
    owner = Session(served)
    before = served.opened
    assert both.wait(lambda meta: len(meta.server_events) == before, 20)
    pages: list[int] = []
    ending = threading.Event()

    def customer() -> None:
        while not ending.is_set():
            pages.append(served.page().status)

    customers = [threading.Thread(target=customer) for _ in range(4)]
    for one in customers:
        one.start()
    for number in range(12):
        data = {"exclude": f"/konto-{number}/*", "keep_personal_days": str(3 + number % 4), "currency": "SEK"}
        assert owner.post("settings", data).status == 303
        time.sleep(0.15)
    ending.set()
    for one in customers:
        one.join()
    assert set(pages) == {200} and len(pages) > 50
    assert both.wait(lambda meta: len(meta.server_events) >= before + len(pages), 30)
    ids = [event.event_id for event in both.server_events]
    assert len(set(ids)) == len(ids) == before + len(pages), "each page is one event, and each event is one"
