"""Events through the proxy: none is lost when it stops, reloads or is killed, and none is made of our own pages."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from capi_middleware.sandbox import Sandbox
from tests.proxy.conftest import SERVERS, Proxy, Start
from tests.proxy.wire import Shop, ask, get, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
PERSON = (
    f"User-Agent: {CHROME}\r\nAccept: text/html\r\nAccept-Language: sv\r\nAccept-Encoding: gzip\r\n"
    "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nSec-Fetch-User: ?1\r\n"
)
PAGE = b"<!doctype html><html><head><title>x</title></head><body>y</body></html>"
TOLD = 20


class Listens(Protocol):
    """A proxy, however it was started."""

    port: int


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def settings(sandbox: Sandbox) -> dict[str, str]:
    return {"CAPI_PIXEL_ID": "1234567890", "CAPI_ACCESS_TOKEN": "EAAtoken", "CAPI_GRAPH_URL": sandbox.url}


def visit(proxy: Listens, shop: Shop, count: int = TOLD, host: str = "www.shop.test") -> set[str]:
    """Open pages; the event IDs that stand in them."""
    shop.answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: s=1\r\nContent-Length: %d\r\n\r\n%b" % (
        len(PAGE),
        PAGE,
    )
    ids = set()
    for number in range(count):
        body = ask(proxy.port, get(f"/{number}", host=host, extra=PERSON)).body.decode()
        ids |= {part.partition('"')[0] for part in body.split('"eventID":"')[1:]}
        ids |= {part.partition("'")[0] for part in body.split("eventID: '")[1:]}
    return ids


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("how", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_none_is_lost(server: str, how: str, shop: Shop, start: Start, sandbox: Sandbox) -> None:
    """Stopped, reloaded or killed right after the pages have left: what is not delivered yet is by the next process."""
    proxy = start("--server", server, environ=settings(sandbox))
    ids = visit(proxy, shop)
    assert len(ids) == TOLD
    if how == "SIGHUP":
        proxy.process.send_signal(signal.SIGHUP)
        ids |= visit(proxy, shop, 3)
    elif how == "SIGTERM":
        assert proxy.stop() == 0
    else:
        os.killpg(proxy.process.pid, signal.SIGKILL)
        proxy.process.wait()
    if how != "SIGHUP":
        state = {**settings(sandbox), "CAPI_STATE_DIR": proxy.state_dir}
        start("--server", server, environ=state)
    assert sandbox.wait(lambda now: ids <= {event.event_id for event in now.server_events}, 30)


def test_none_of_our_own_pages(shop: Shop, start: Start, sandbox: Sandbox) -> None:
    proxy = start(environ=settings(sandbox))
    shop.script = lambda conversation, request: False
    answer = ask(proxy.port, get(extra=PERSON))
    assert answer.status == 502
    assert b"eventID" not in answer.body and b"fbq" not in answer.body
    shop.script = None
    told = visit(proxy, shop, 1)
    assert sandbox.wait(lambda now: bool(now.server_events), 20)
    assert {event.event_id for event in sandbox.server_events} == told


def test_a_page_that_no_proxy_may_change_passes_as_it_is(shop: Shop, start: Start, sandbox: Sandbox) -> None:
    """RFC 9111, 5.2.2.6."""
    proxy = start(environ=settings(sandbox))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n%b\r\n%b"
    for more, changed in ((b"Cache-Control: no-transform\r\n", False), (b"", True)):
        shop.answer = head % (len(PAGE), more, PAGE)
        for _ in range(2):
            assert (ask(proxy.port, get(extra=PERSON)).body != PAGE) == changed


def beside(proxy: Proxy) -> list[int]:
    """The processes that deliver for this proxy."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--beside" in command and command[command.index(b"--beside") + 1] == str(proxy.process.pid).encode():
            found.append(int(folder.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc")
class TestDeliveryProcess:
    def test_it_ends_with_a_proxy_that_is_killed_and_has_sent_all(
        self, start: Start, sandbox: Sandbox, shop: Shop
    ) -> None:
        proxy = start(environ=settings(sandbox))
        assert wait_for(lambda: len(beside(proxy)) == 1)
        ids = visit(proxy, shop)
        os.kill(proxy.process.pid, signal.SIGKILL)
        proxy.process.wait()
        assert wait_for(lambda: not beside(proxy), 20)
        assert sandbox.wait(lambda now: ids <= {event.event_id for event in now.server_events}, 1)

    def test_where_it_dies_a_serving_process_takes_its_place(self, start: Start, sandbox: Sandbox, shop: Shop) -> None:
        proxy = start(environ=settings(sandbox))
        assert wait_for(lambda: len(beside(proxy)) == 1)
        os.kill(beside(proxy)[0], signal.SIGKILL)
        ids = visit(proxy, shop)
        assert sandbox.wait(lambda now: ids <= {event.event_id for event in now.server_events}, 20)

    def test_a_thread_where_that_is_wanted(self, start: Start, sandbox: Sandbox, shop: Shop) -> None:
        proxy = start("--delivery", "thread", environ=settings(sandbox))
        ids = visit(proxy, shop)
        assert sandbox.wait(lambda now: ids <= {event.event_id for event in now.server_events})
        assert not beside(proxy)

    def test_none_where_another_worker_is_meant_to_deliver(
        self, start: Start, tmp_path: Path, sandbox: Sandbox, shop: Shop
    ) -> None:
        (tmp_path / "capi.toml").write_text('[delivery]\ndeliverer = "worker"\n')
        proxy = start(environ=settings(sandbox))
        assert wait_for(lambda: not beside(proxy))
        visit(proxy, shop, 1)
        assert proxy.stop() == 0
        assert not sandbox.server_events
