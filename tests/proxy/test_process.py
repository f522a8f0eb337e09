"""The process: starting, stopping, reloading, TLS, and running on when parts of ours cannot start."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import trustme

from tests.proxy.conftest import SERVERS, Proxy, Start
from tests.proxy.wire import OK, Conversation, Request, Shop, ask, client, get, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("processes", ["1", "2"])
def test_stopping_lets_requests_end(server: str, processes: str, tmp_path: Path, shop: Shop, start: Start) -> None:
    under_way, go_on = threading.Event(), threading.Event()

    def slow(conversation: Conversation, request: Request) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/plain\r\n\r\nabc")
        under_way.set()
        go_on.wait(10)
        conversation.send(b"def")

    shop.script = slow  # type: ignore[assignment]
    proxy = start("--server", server, "--processes", processes)
    with client(proxy.port) as one, client(proxy.port) as idle:
        one.send(get())
        assert under_way.wait(5)
        proxy.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert proxy.process.poll() is None
        go_on.set()
        assert one.answer().body == b"abcdef"
        assert idle.closed(within=10)
    assert proxy.wait() == 0
    assert not proxy.accepts()


@pytest.mark.parametrize("server", SERVERS)
def test_reloading_loses_no_request(server: str, tmp_path: Path, shop: Shop, start: Start) -> None:
    proxy = start("--server", server, "--processes", "2")
    before = children(proxy.process.pid)
    failures: list[object] = []
    stop = threading.Event()

    def visit() -> None:
        while not stop.is_set():
            try:
                answer = ask(proxy.port, get(extra="Connection: close\r\n"))
                if answer.status != 200 or not answer.whole:
                    failures.append(answer)
            except OSError as error:
                failures.append(error)
            time.sleep(0.01)

    visitors = [threading.Thread(target=visit) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    try:
        proxy.process.send_signal(signal.SIGHUP)
        assert wait_for(lambda: not before & children(proxy.process.pid), 30)
        time.sleep(0.3)
    finally:
        stop.set()
        for visitor in visitors:
            visitor.join()
    if server == "granian":  # its workers have queues of their own: the kernel resets what waits in a closed one
        failures = [failure for failure in failures if not isinstance(failure, ConnectionResetError)]
    assert not failures, (proxy.process.poll(), proxy.log)
    assert len(children(proxy.process.pid)) >= 2
    assert proxy.stop() == 0


_OTHERS = (b"\0--beside\0", b"multiprocessing.resource_tracker")


def children(pid: int) -> set[int]:
    """Those that serve: the one that delivers stays, and so does multiprocessing's own from Python 3.14 on."""
    try:
        found = {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
        told = {one: Path(f"/proc/{one}/cmdline").read_bytes() for one in found}
        return {one for one, words in told.items() if not any(other in words for other in _OTHERS)}
    except OSError:
        return set()


def test_a_dead_worker_is_replaced(tmp_path: Path, shop: Shop, start: Start) -> None:
    proxy = start("--processes", "2")
    victim = min(children(proxy.process.pid))
    os.kill(victim, signal.SIGKILL)
    assert wait_for(lambda: len(children(proxy.process.pid) - {victim}) == 2, 10)
    assert ask(proxy.port, get()).status == 200
    assert proxy.stop() == 0


def test_a_passed_socket_is_used(tmp_path: Path, shop: Shop) -> None:
    """systemd's socket activation: requests wait in the socket while the service restarts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        os.set_inheritable(listener.fileno(), True)
        code = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3);"
            "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
            f"sys.argv = ['x', 'proxy', 'http://127.0.0.1:{shop.port}', '--listen', '127.0.0.1:1'];"
            "from capi_middleware.cli import main; sys.exit(main())"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(listener.fileno())],
            close_fds=False,
            env={**os.environ, "CAPI_STATE_DIR": str(tmp_path)},
            stderr=subprocess.DEVNULL,
        )
        try:
            assert ask(port, get()).body == b"ok"
        finally:
            process.terminate()
            assert process.wait(20) == 0


@pytest.mark.parametrize("server", ["auto", "gunicorn", "granian"])
def test_tls(server: str, tmp_path: Path, shop: Shop, start: Start) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("shop.test")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    tls = ("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem"))
    proxy = start("--server", server, *tls)
    try:
        with client(proxy.port, context) as one:
            for body in (b"", b"x" * 300_000):
                one.send(get("/p", extra=f"Content-Length: {len(body)}\r\n", method="POST") + body)
                assert one.answer().body == b"ok"
        assert [request.body for request in shop.requests] == [b"", b"x" * 300_000]
        assert {request.one("X-Forwarded-Proto") for request in shop.requests} == {"https"}
    finally:
        assert proxy.stop() == 0


class TestUpstreamTls:
    @pytest.fixture
    def secure(self) -> trustme.CA:
        return trustme.CA()

    def _serve(self, tmp_path: Path, authority: trustme.CA, name: str, settings: str) -> Shop:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        shop = Shop(tls=context)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        (tmp_path / "capi.toml").write_text(f'[proxy]\nupstream = "https://127.0.0.1:{shop.port}"\n{settings}\n')
        return shop

    @pytest.mark.parametrize(
        ("name", "settings", "status"),
        [
            ("127.0.0.1", 'ca_file = "ca.pem"', 200),
            ("127.0.0.1", "", 502),
            ("other.test", 'ca_file = "ca.pem"', 502),
            ("other.test", "verify = false", 200),
        ],
        ids=["trusted", "unknown authority", "another name", "not verified"],
    )
    def test_certificate(self, tmp_path: Path, secure: trustme.CA, name: str, settings: str, status: int) -> None:
        shop = self._serve(tmp_path, secure, name, settings)
        proxy = Proxy(tmp_path)
        try:
            for body in (b"", b"x" * 200_000):
                raw = get("/p", extra=f"Content-Length: {len(body)}\r\nAccept-Language: en\r\n", method="POST") + body
                answer = ask(proxy.port, raw)
                assert answer.status == status
                if status == 502:
                    assert b"certificate is not accepted" in answer.body
            assert len(shop.requests) == (2 if status == 200 else 0)
        finally:
            proxy.stop()
            shop.close()

    def test_a_long_upload_on_a_fresh_connection(self, tmp_path: Path, secure: trustme.CA) -> None:
        """After the handshake of TLS 1.3 session tickets come, which are no answer that ends the upload early."""
        shop = self._serve(tmp_path, secure, "127.0.0.1", 'ca_file = "ca.pem"\nanswer_timeout = 5.0')
        proxy = Proxy(tmp_path)
        try:
            answer = ask(proxy.port, get("/p", extra="Content-Length: 8000000\r\n", method="POST") + b"x" * 8_000_000)
            assert (answer.status, answer.body) == (200, b"ok")
            assert shop.request.body == b"x" * 8_000_000
        finally:
            proxy.stop()
            shop.close()

    def test_an_early_answer_is_heard(self, tmp_path: Path, secure: trustme.CA) -> None:
        shop = self._serve(tmp_path, secure, "127.0.0.1", 'ca_file = "ca.pem"')
        shop.early = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"
        proxy = Proxy(tmp_path)
        try:
            with client(proxy.port) as one:
                one.send(get("/up", extra="Content-Length: 8000000\r\n", method="POST") + b"x" * 8_000_000)
                answer = one.answer()
            assert (answer.status, answer.body) == (413, b"big")
        finally:
            proxy.stop()
            shop.close()


class TestFailOpen:
    """Item 4: what of ours cannot start never stops the shop, and the log says so."""

    def _page(self, proxy: Proxy, shop: Shop) -> bytes:
        page = b"<!doctype html><html><head><title>x</title></head><body></body></html>"
        shop.answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)
        answer = ask(proxy.port, get(extra="Accept: text/html\r\nSec-Fetch-Dest: document\r\n"))
        assert answer.status == 200 and answer.whole
        assert answer.body.startswith(b"<!doctype html>") and answer.body.endswith(b"</html>")
        return answer.body

    PIXEL = {"CAPI_PIXEL_ID": "1234567890", "CAPI_ACCESS_TOKEN": "EAAsecret", "CAPI_GRAPH_URL": "http://127.0.0.1:1"}

    @pytest.mark.parametrize("server", SERVERS)
    def test_bad_state_folder(self, server: str, tmp_path: Path, shop: Shop, start: Start) -> None:
        (tmp_path / "file").write_text("")
        bad = str(tmp_path / "file" / "state")
        proxy = start("--server", server, environ={**self.PIXEL, "CAPI_STATE_DIR": bad})
        try:
            self._page(proxy, shop)
            assert bad in proxy.log
            assert "EAAsecret" not in proxy.log
        finally:
            assert proxy.stop() == 0

    @pytest.mark.parametrize(
        "text",
        ["this is not toml", 'rule = "x"\n', '[meta]\npixel_id = "abc"\nzzz = 1\n'],
        ids=["no TOML", "no rules", "bad values"],
    )
    def test_bad_settings(self, text: str, tmp_path: Path, shop: Shop, start: Start) -> None:
        (tmp_path / "capi.toml").write_text(text)
        proxy = start(environ=self.PIXEL)
        try:
            self._page(proxy, shop)
            assert "capi.toml" in proxy.log
        finally:
            assert proxy.stop() == 0

    def test_bad_rule(self, tmp_path: Path, shop: Shop, start: Start) -> None:
        (tmp_path / "capi.toml").write_text('[[rule]]\nevent = "ViewContent"\npath = "/<"\n')
        proxy = start(environ=self.PIXEL)
        self._page(proxy, shop)
        assert proxy.stop() == 0
        assert sum("WARNING" in line and "stray <" in line for line in proxy.log.splitlines()) == 1

    def test_middleware_cannot_start(self, tmp_path: Path, shop: Shop, start: Start) -> None:
        """Even an unforeseen fault: the module that holds it raises when it is imported."""
        (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['capi_middleware.delivery'] = None\n")
        path = os.pathsep.join([str(tmp_path), os.getcwd()])
        proxy = start(environ={**self.PIXEL, "PYTHONPATH": path})
        try:
            assert self._page(proxy, shop).count(b"<script") == 0
            assert "the shop is served without it" in proxy.log
        finally:
            assert proxy.stop() == 0

    def test_bad_access_log(self, tmp_path: Path, shop: Shop, start: Start) -> None:
        proxy = start("--access-log", "/no/such/folder/log")
        try:
            self._page(proxy, shop)
            assert proxy.log.count("no access log") == 1
        finally:
            assert proxy.stop() == 0


class TestMisuse:
    def _run(self, *arguments: str, cwd: Path) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "capi_middleware", "proxy", *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )
        return done.returncode, done.stderr

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ([], "No shop to pass requests on to"),
            (["127.0.0.1:8000"], "does not begin with http://"),
            (["http://127.0.0.1:8000", "--listen", "nowhere"], "no address to listen on"),
            (["http://127.0.0.1:8000", "--tls-cert", "x"], "belong together"),
            (["http://127.0.0.1:8000", "--tls-cert", "x", "--tls-key", "y"], "is no file"),
            (["http://127.0.0.1:8000", "--threads", "0"], "1 or more"),
        ],
    )
    def test_said_in_words(self, arguments: list[str], said: str, tmp_path: Path) -> None:
        code, error = self._run(*arguments, cwd=tmp_path)
        assert code == 2
        assert said in error

    def test_address_in_use(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            code, error = self._run("http://127.0.0.1:1", "--listen", f"127.0.0.1:{port}", cwd=tmp_path)
        assert code == 1
        assert f"Cannot listen on 127.0.0.1:{port}" in error


def test_access_log(tmp_path: Path, shop: Shop, start: Start) -> None:
    path = tmp_path / "access.log"
    proxy = start("--access-log", str(path))
    try:
        ask(proxy.port, get("/konto/anna@example.test/x?token=secret", extra='User-Agent: Mozilla "5.0"\r\n'))
        shop.answer = OK.replace(b"200 OK", b"404 Not Found")
        ask(proxy.port, get("/gone"))
        path.rename(tmp_path / "old.log")
        proxy.process.send_signal(signal.SIGHUP)
        assert wait_for(path.exists)
        shop.answer = OK
        ask(proxy.port, get("/after"))
    finally:
        assert proxy.stop() == 0
    first, second = (tmp_path / "old.log").read_text().splitlines()
    assert "GET /konto/***/x?... 200 2 " in first
    assert "127.0.0.0 " in first and "Mozilla_%225.0%22" in first
    assert "secret" not in first and "anna" not in first
    assert "GET /gone 404 2 " in second
    assert "GET /after 200 2 " in path.read_text()
