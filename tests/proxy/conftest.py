"""The proxy as its user starts it, once for each server, in front of a shop of raw sockets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

import pytest

from tests.proxy.wire import Shop, accepts, free_port, wait_for

SERVERS = ("waitress", "gunicorn", "granian")


class Proxy:
    """A running ``capi-middleware proxy``: ``port``, ``log`` (what it has said so far)."""

    def __init__(self, folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> None:
        self.port = free_port()
        self.state_dir = (environ or {}).get("CAPI_STATE_DIR", str(folder / f"state-{self.port}"))
        self.log_path = folder / f"proxy-{self.port}.log"
        self._output: IO[bytes] = self.log_path.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "capi_middleware", "proxy", *arguments, "--listen", f"127.0.0.1:{self.port}"],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("CAPI_")},
                "PYTHONPATH": os.getcwd(),
                "CAPI_STATE_DIR": self.state_dir,
                **(environ or {}),
            },
        )
        processes = int(arguments[arguments.index("--processes") + 1]) if "--processes" in arguments else 1
        up = f"http{'s' if '--tls-cert' in arguments else ''}://127.0.0.1:{self.port} -> "
        ready = lambda: self.log.count(up) >= processes and self.accepts()  # noqa: E731
        wait_for(lambda: ready() or self.process.poll() is not None, 30)
        if "granian" in arguments:
            time.sleep(0.2)  # its workers listen to signals a moment after they have loaded the app
        if self.process.poll() is not None:
            raise AssertionError(f"the proxy did not start:\n{self.log}")

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def accepts(self) -> bool:
        return accepts(self.port)

    def get(self, path: str = "/") -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            body: bytes = answer.read()
            return body

    def kill(self) -> None:
        """Whatever still runs, with its workers: a process group of its own."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._output.close()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds: float = 20) -> int:
        """For its end, once it was told."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop:\n{self.log}") from None
        finally:
            self._output.close()
        return code


class Start(Protocol):
    def __call__(self, *arguments: str, environ: dict[str, str] | None = None) -> Proxy: ...


@pytest.fixture
def start(tmp_path: Path, shop: Shop) -> Iterator[Start]:
    """Start a proxy of one's own in front of the shop; it is ended with the test."""
    started: list[Proxy] = []

    def one(*arguments: str, environ: dict[str, str] | None = None) -> Proxy:
        started.append(Proxy(tmp_path, f"http://127.0.0.1:{shop.port}", *arguments, environ=environ))
        return started[-1]

    yield one
    for proxy in started:
        proxy.kill()


@pytest.fixture(scope="session")
def _shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.close()


@pytest.fixture
def shop(_shop: Shop) -> Iterator[Shop]:
    """The shop behind all servers, as new."""
    _shop.reset()
    yield _shop
    _shop.reset()


def settings_for(port: int) -> str:
    """One host per manner of standing before the shop; ``quick.test`` has short patience."""
    return f"""
[proxy]
upstream = "http://127.0.0.1:{port}"
max_body = 3000000

[[site]]
host = "trusted.test"
visit = {{ trusted_hops = 1 }}

[[site]]
host = "rfc7239.test"
visit = {{ trusted_hops = 1, forwarded = true }}

[[site]]
host = "large.test"
proxy = {{ max_body = 20000000 }}

[[site]]
host = "own.test"
proxy = {{ host_header = "upstream" }}

[[site]]
host = "quick.test"
proxy = {{ connect_timeout = 0.5, answer_timeout = 0.5, idle_timeout = 0.5 }}

[[site]]
host = "refused.test"
proxy = {{ upstream = "http://127.0.0.1:1" }}

[[site]]
host = "nowhere.test"
proxy = {{ upstream = "http://no-such-host.invalid:80" }}
"""


@pytest.fixture(scope="session")
def _fronts(_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Proxy]]:
    running: dict[str, Proxy] = {}
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "shops.toml").write_text(settings_for(_shop.port))
    try:
        for server in SERVERS:
            running[server] = Proxy(folder, "--server", server, "--config", "shops.toml", "--threads", "16")
        yield running
    finally:
        for proxy in running.values():
            proxy.stop()


@pytest.fixture(params=SERVERS)
def front(request: pytest.FixtureRequest, _fronts: dict[str, Proxy], shop: Shop) -> Proxy:
    """The proxy on each server in turn."""
    return _fronts[request.param]


@pytest.fixture
def server(front: Proxy, request: pytest.FixtureRequest) -> str:
    """The name of the server under test."""
    name: str = request.node.callspec.params["front"]
    return name


@pytest.fixture
def port(front: Proxy) -> int:
    """Where the proxy under test listens."""
    return front.port
