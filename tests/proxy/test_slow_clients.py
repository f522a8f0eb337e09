"""Row 13: a visitor who is slow on purpose holds nothing for long. On waitress, whose own limits are too generous."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from capi_middleware.proxy import Upstream
from capi_middleware.proxy.servers import waitress_server
from tests.proxy.wire import Conversation, Request, Shop, client, get

Serve = Callable[[], int]


@pytest.fixture
def serve(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """The server in this process, with limits of half a second; returns its port."""
    monkeypatch.setattr(waitress_server, "_HEAD_SECONDS", 0.5)
    monkeypatch.setattr(waitress_server, "_STALL_SECONDS", 0.5)
    upstream = Upstream(f"http://127.0.0.1:{shop.port}")
    sock = socket.create_server(("127.0.0.1", 0))
    server = waitress_server.make_server(upstream, sock, 4)
    server.adj.cleanup_interval = 0.1
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            server.asyncore.loop(timeout=0.05, map=server._map, use_poll=True, count=1)
        waitress_server.drain(server, time.monotonic() + 1)

    thread = threading.Thread(target=loop)
    thread.start()
    yield lambda: sock.getsockname()[1]
    stop.set()
    thread.join()
    server.trigger.close()
    upstream.close()


def test_a_header_that_trickles_is_cut_off(serve: Serve) -> None:
    with client(serve()) as one:
        began = time.monotonic()
        try:
            while time.monotonic() - began < 5:
                one.send(b"GET / HTTP/1.1\r\nX: " if time.monotonic() - began < 0.01 else b"a")
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - began < 4


def test_one_who_stops_reading_lets_the_shop_go(serve: Serve, shop: Shop) -> None:
    gone = threading.Event()

    def script(conversation: Conversation, request: Request) -> bool:
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n")
        try:
            while True:
                conversation.send(b"x" * 65536)
        except OSError:
            gone.set()
        return False

    shop.script = script
    with client(serve()) as one:
        one.send(get())
        one.sock.recv(1000)
        assert gone.wait(10)


def test_one_who_reads_slowly_gets_it_all(serve: Serve, shop: Shop) -> None:
    shop.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n" + b"x" * 8_000_000
    with client(serve()) as one:
        one.send(get())
        got = 0
        while got < 8_000_000:
            got += len(one.sock.recv(400_000))
            time.sleep(0.02)
        assert got >= 8_000_000
