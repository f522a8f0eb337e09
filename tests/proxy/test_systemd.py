"""The systemd unit: systemd accepts it, it is closed tightly, and its commands do with the process what it says."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from capi_middleware.sandbox import Sandbox
from tests.proxy.test_events import visit
from tests.proxy.wire import Shop, accepts, free_port, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systemd")

EXAMPLES = Path(__file__).parents[2] / "examples" / "proxy"
INSTALLED = "/opt/capi-middleware/bin/capi-middleware"
MOST_EXPOSED = 20
"""Of systemd's 100: what a program that talks to the network can hardly do without (its score times ten)."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def unit() -> list[tuple[str, str]]:
    """Settings of the unit's ``[Service]``, in order; the first of a name may be repeated."""
    service = (EXAMPLES / "capi-middleware.service").read_text().partition("[Service]\n")[2].partition("\n[Install]")[0]
    lines = [line for line in service.splitlines() if line and not line.startswith("#")]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def said(name: str) -> str:
    """The one value of a setting."""
    values = [value for key, value in unit() if key == name]
    assert len(values) == 1, (name, values)
    return values[0]


def analyze(*words: str) -> str:
    """What systemd says; fails where it objects."""
    done = subprocess.run(["systemd-analyze", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0, text
    return text


@needs_systemd
def test_systemd_accepts_it(tmp_path: Path) -> None:
    """Both files; nothing unknown, nothing misspelt. The program stands where the test runs."""
    for name in ("capi-middleware.service", "capi-middleware.socket"):
        text = (EXAMPLES / name).read_text().replace(INSTALLED, sys.executable)
        (tmp_path / name).write_text(text)
    # The warnings speak of this unit too, where others of the machine are loaded with it.
    warnings = analyze(
        "verify", *(str(tmp_path / name) for name in ("capi-middleware.service", "capi-middleware.socket"))
    )
    assert "capi-middleware" not in warnings


@needs_systemd
def test_it_is_closed_tightly() -> None:
    try:
        analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(EXAMPLES / "capi-middleware.service"))
    except AssertionError as error:
        if "unrecognized option" in str(error):
            pytest.skip("this systemd-analyze judges no unit offline")
        raise


class Service:
    """The unit's commands, run as systemd runs them: what the unit says of program, environment and signals."""

    def __init__(self, folder: Path, shop: Shop, sandbox: Sandbox) -> None:
        self.port = free_port()
        settings = (EXAMPLES / "capi.toml").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{shop.port}")
        (folder / "capi.toml").write_text(settings)
        words = shlex.split(said("ExecStart"))
        assert words[0] == INSTALLED
        changed = {
            "127.0.0.1:8080": f"127.0.0.1:{self.port}",
            "/etc/capi-middleware/capi.toml": str(folder / "capi.toml"),
        }
        assert changed.keys() <= set(words)
        self._words = [sys.executable, "-m", "capi_middleware", *(changed.get(word, word) for word in words[1:])]
        own = dict([said("Environment").replace("%S", str(folder)).split("=", 1)])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CAPI_")}
        meta = {"CAPI_ACCESS_TOKEN": "EAAtoken", "CAPI_GRAPH_URL": sandbox.url}
        self._environ = {**kept, "PYTHONPATH": os.getcwd(), **own, **meta}
        self._mask = int(said("UMask"), 8)
        self._folder = folder

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        log = self._folder / "log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                self._words,
                env=self._environ,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=self._mask,
                cwd="/",
            )
        try:
            assert wait_for(lambda: accepts(self.port) or process.poll() is not None, 30)
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def reload(self, process: subprocess.Popen[bytes]) -> None:
        words = [str(process.pid) if word == "$MAINPID" else word for word in shlex.split(said("ExecReload"))]
        assert str(process.pid) in words
        subprocess.run(words, check=True, timeout=10)

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """With the unit's signal, to its main process alone, as ``KillMode=mixed`` says."""
        assert said("KillMode") == "mixed"
        process.send_signal(signal.Signals[said("KillSignal")])
        return process.wait(int(said("TimeoutStopSec")))


def test_start_reload_and_stop_lose_no_event(tmp_path: Path, shop: Shop) -> None:
    """Pages are opened before and right after each step; every event whose ID stood in one reaches Meta, once."""
    with Sandbox() as sandbox:
        service = Service(tmp_path, shop, sandbox)
        ids: set[str] = set()
        with service.running() as process:
            ids |= visit(service, shop)
            service.reload(process)
            ids |= visit(service, shop)
            assert process.poll() is None
            assert service.stop(process) == 0
        with service.running() as process:
            ids |= visit(service, shop, 3)
            assert sandbox.wait(lambda now: ids <= {event.event_id for event in now.server_events}, 30)
            assert service.stop(process) == 0
        assert len(ids) == 43
        assert len(sandbox.server_events) == len(ids)


def test_a_setting_is_in_force_after_a_reload(tmp_path: Path, shop: Shop) -> None:
    with Sandbox() as sandbox:
        service = Service(tmp_path, shop, sandbox)
        with service.running() as process:
            assert len(visit(service, shop, 1)) == 1
            settings = tmp_path / "capi.toml"
            settings.write_text(settings.read_text().replace('pixel_id = "1234567890"', 'pixel_id = "9876543210"'))
            service.reload(process)
            pixels = lambda: {event.pixel_id for event in sandbox.server_events}  # noqa: E731
            assert wait_for(lambda: bool(visit(service, shop, 1)) and "9876543210" in pixels(), 20)
            assert service.stop(process) == 0


def test_what_it_keeps_is_for_its_user_alone(tmp_path: Path, shop: Shop) -> None:
    with Sandbox() as sandbox:
        service = Service(tmp_path, shop, sandbox)
        with service.running() as process:
            visit(service, shop, 1)
            assert service.stop(process) == 0
        kept = [path for path in (tmp_path / "capi-middleware").rglob("*") if path.is_file()]
        assert kept
        assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_misuse_is_not_tried_again(tmp_path: Path) -> None:
    """The exit code that the unit names is that of a wrong command line."""
    words = [sys.executable, "-m", "capi_middleware", "proxy", "--listen", "nowhere"]
    done = subprocess.run(words, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()}, stderr=subprocess.DEVNULL)
    assert done.returncode == int(said("RestartPreventExitStatus"))
