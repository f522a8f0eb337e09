"""Real servers as processes, customers who note what they were told, and the oracle.

Oracle for every fault: what customers were told is safe = what arrived + dead + expired + counted as lost.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.delivery.postgres import die_with_parent
from tests.delivery.sink import Reply, Sink

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
PIXEL = "1234567890"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(server: str, port: int) -> list[str]:
    """The command line of a server, by name."""
    address = f"127.0.0.1:{port}"
    gunicorn = [sys.executable, "-m", "gunicorn", "-b", address, "--log-level", "error", "--graceful-timeout", "5"]
    uwsgi = [str(BIN / "uwsgi"), "--http-socket", address, "--wsgi-file", str(HERE / "shop.py"), "--master"]
    uwsgi += ["--processes", "2", "--die-on-term", "--disable-logging", "--need-app", "--pythonpath", str(ROOT)]
    waitress = [sys.executable, "-m", "waitress", "--listen", address, "--threads", "4", "shop:application"]
    return {
        "gunicorn sync": [*gunicorn, "-k", "sync", "-w", "2", "shop:application"],
        "gunicorn gthread": [*gunicorn, "-k", "gthread", "-w", "2", "--threads", "4", "shop:application"],
        "gunicorn gevent": [*gunicorn, "-k", "gevent", "-w", "2", "shop:application"],
        "gunicorn sync preload": [*gunicorn, "-k", "sync", "-w", "2", "--preload", "shop:application"],
        "gunicorn gthread preload": [*gunicorn, "-k", "gthread", "-w", "2", "--threads", "4", "--preload"]
        + ["shop:application"],
        "gunicorn gevent preload": [*gunicorn, "-k", "gevent", "-w", "2", "--preload", "shop:application"],
        "gunicorn recycling": [*gunicorn, "-k", "gthread", "-w", "2", "--threads", "2", "--max-requests", "15"]
        + ["shop:application"],
        "gunicorn timeout": [*gunicorn, "-k", "sync", "-w", "2", "-t", "1", "shop:application"],
        "gunicorn 8": [*gunicorn, "-k", "gthread", "-w", "8", "--threads", "2", "shop:application"],
        "uwsgi threads": [*uwsgi, "--enable-threads"],
        "uwsgi lazy": [*uwsgi, "--enable-threads", "--lazy-apps"],
        "uwsgi without threads": uwsgi,
        "waitress": waitress,
    }[server]


class Shop:
    """A server process of the shop, with its workers."""

    def __init__(self, server: str, folder: Path, sink_url: str, **environ: str) -> None:
        self.server = server
        self.folder = folder
        self.port = free_port()
        self.log = folder.parent / f"{folder.name}.log"
        self.environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CAPI_")},
            "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}",
            "CAPI_PIXEL_ID": PIXEL,
            "CAPI_ACCESS_TOKEN": "TOKEN",
            "CAPI_GRAPH_URL": sink_url,
            "CAPI_STATE_DIR": str(folder),
            **environ,
        }
        self._start()

    def _start(self) -> None:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command(self.server, self.port),
                cwd=HERE,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        end = time.monotonic() + 20
        while True:
            try:
                self.get("/")
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, self.said()
                time.sleep(0.05)

    def said(self) -> str:
        """What it wrote to its log."""
        return self.log.read_text(errors="replace")[-6000:]

    def get(self, path: str, timeout: float = 20.0) -> str:
        """One request on a connection of its own. Raises ``OSError``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
            if answer.status != 200:
                raise OSError(f"HTTP {answer.status}")
            return body
        except http.client.HTTPException as error:
            raise OSError(repr(error)) from error
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """The processes that serve."""
        children = [int(pid) for pid in _children(self.process.pid)]
        return children or [self.process.pid]

    def leader(self) -> int:
        """The process that holds the deliverer's lock, 0 if none does."""
        try:
            wanted = os.stat(self.folder / "deliverer.lock").st_ino
        except OSError:
            return 0
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].rsplit(":", 1)[1] == str(wanted):
                return int(fields[4])
        return 0

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get("/health"))
        return found

    def kill(self) -> None:
        """All of it at once, as when the machine's memory runs out."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """As its operator stops it."""
        self.process.terminate()
        try:
            self.process.wait(15)
        finally:
            self.kill()

    def restart(self) -> None:
        self.kill()
        self._start()


def _children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


class Customers:
    """Threads that order one event after another; ``told``: IDs whose response came whole."""

    def __init__(self, shop: Shop, threads: int = 3, pause: float = 0.0, query: str = "") -> None:
        self.told: list[str] = []
        self.failed = 0
        self._shop = shop
        self._pause = pause
        self._query = query
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._shop_around) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _shop_around(self) -> None:
        while not self._stop.is_set():
            event_id = secrets.token_hex(8)
            try:
                if self._shop.get(f"/e?id={event_id}{self._query}", timeout=5) == event_id:
                    self.told.append(event_id)
            except OSError:
                self.failed += 1
                time.sleep(0.01)
            if self._pause:
                time.sleep(self._pause)

    def leave(self) -> list[str]:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self.told


def order(shop: Shop, count: int, threads: int = 3) -> list[str]:
    """Order just so many events; their IDs."""
    left = [secrets.token_hex(8) for _ in range(count)]
    told: list[str] = []

    def shop_around() -> None:
        with contextlib.suppress(IndexError):
            while True:
                told.append(shop.get(f"/e?id={left.pop()}"))

    threads_ = [threading.Thread(target=shop_around) for _ in range(threads)]
    for thread in threads_:
        thread.start()
    for thread in threads_:
        thread.join()
    assert len(told) == count, shop.said()
    return told


def wait(until: Callable[[], object], timeout: float = 20.0, what: Callable[[], object] = str) -> None:
    """Until it is true; else the test fails with what ``what`` says."""
    end = time.monotonic() + timeout
    while not until():
        assert time.monotonic() < end, what()
        time.sleep(0.02)


def all_arrive(sink: Sink, told: list[str], shop: Shop | None = None, timeout: float = 30.0) -> None:
    """Everything that customers were told has arrived."""

    def missing() -> set[str]:
        with sink.lock:
            return set(told) - set(sink.accepted)

    wait(
        lambda: not missing(),
        timeout,
        lambda: f"{len(missing())} of {len(told)} missing; {shop.said() if shop else ''}",
    )


def once(sink: Sink) -> None:
    """Nothing has arrived twice."""
    with sink.lock:
        twice = {event_id: n for event_id, n in Counter(sink.accepted).items() if n > 1}
    assert not twice


def doubles(sink: Sink) -> int:
    """How many events arrived once too often."""
    with sink.lock:
        return len(sink.accepted) - len(set(sink.accepted))


class Switch:
    """A sink's script that can be told to refuse everything: ``down`` or ``up``."""

    def __init__(self) -> None:
        self.reply: Reply | None = None

    def __call__(self, events: list[dict[str, Any]], body: dict[str, Any]) -> Reply | None:
        return self.reply

    def down(self) -> None:
        self.reply = Reply(how="close")

    def up(self) -> None:
        self.reply = None


@contextlib.contextmanager
def worker(shop: Shop, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """``capi-middleware worker`` with the shop's environment."""
    process = subprocess.Popen(
        [sys.executable, "-m", "capi_middleware", "worker", *words],
        env=shop.environ,
        cwd=shop.folder.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()


def run_command(shop: Shop, *words: str) -> tuple[int, Any]:
    """A command of ours with ``--json``: its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "capi_middleware", *words, "--json"],
        env=shop.environ,
        cwd=shop.folder.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else done.stderr
