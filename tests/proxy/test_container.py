"""The Containerfile: what it copies is enough, its command and health check do with the real process what it says.

``make container`` builds and runs the image, too (``CAPI_CONTAINER=1``): as root, with buildah and debootstrap, in a
minute, or several where packages come slowly.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from capi_middleware.sandbox import Sandbox
from tests.proxy.conftest import Start
from tests.proxy.test_events import PERSON
from tests.proxy.wire import Shop, accepts, ask, free_port, get, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="containers")

ROOT = Path(__file__).parents[2]
FILE = ROOT / "examples" / "proxy" / "Containerfile"


def instructions() -> list[tuple[str, str]]:
    """Name and words of each, in order; lines that go on are one."""
    text = FILE.read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, words.strip()) for name, _, words in (line.partition(" ") for line in lines)]


def said(name: str) -> str:
    """The words of the one instruction of this name."""
    found = [words for known, words in instructions() if known == name]
    assert len(found) == 1, (name, found)
    return found[0]


def health_check(port: int) -> int:
    """The exit code of its command, where the proxy listens on this port."""
    words: list[str] = json.loads(said("HEALTHCHECK").partition("CMD")[2])
    assert words[0] == "python" and "8080" in words[2]
    words = [sys.executable, words[1], words[2].replace("8080", str(port))]
    return subprocess.run(words, stderr=subprocess.DEVNULL, timeout=10).returncode


def test_instructions() -> None:
    """It starts from Debian's Python, ends as a user of its own, and keeps its state where the volume is."""
    names = [name for name, _ in instructions()]
    assert names[0] == "FROM" and said("FROM").startswith("docker.io/library/python:3.")
    assert set(names) <= {
        *("FROM", "COPY", "RUN", "USER", "WORKDIR", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"),
        *("ENTRYPOINT", "CMD"),
    }
    assert names.index("USER") > names.index("RUN")
    user = said("USER")
    assert f"useradd --system --create-home {user}" in said("RUN")
    assert f"install -d -o {user} -m 700 {said('VOLUME')}" in said("RUN")
    assert said("ENV") == f"CAPI_STATE_DIR={said('VOLUME')}"


def test_what_it_copies_is_the_whole_package(tmp_path: Path) -> None:
    """A wheel made of the copied files alone has every module and every file of data."""
    source = tmp_path / "src"
    for words in (words for name, words in instructions() if name == "COPY"):
        *names, target = words.split()
        assert target.startswith("/src/")
        for name in names:
            assert (ROOT / name).exists(), name
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, tmp_path / target[1:], ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (tmp_path / target[1:]).mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tmp_path / target[1:])
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)]
    done = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert done.returncode == 0, done.stdout.decode()
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("capi_middleware/")}
    package = ROOT / "capi_middleware"
    ours = {path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.suffix in (".py", ".toml", ".mo")}
    assert ours <= packed, ours - packed


def test_its_extras_exist() -> None:
    extras = said("RUN").partition("[")[2].partition("]")[0].split(",")
    text = (ROOT / "setup.cfg").read_text().partition("[options.extras_require]")[2]
    assert extras and all(f"\n{extra} =" in text for extra in extras)


def test_its_command_listens_and_stops(start: Start, shop: Shop) -> None:
    """The entry point's words are the command's; the health check fails before, holds meanwhile, fails after."""
    words: list[str] = json.loads(said("ENTRYPOINT"))
    assert words == ["capi-middleware", "proxy", "--listen", "0.0.0.0:8080"]
    assert said("EXPOSE") == "8080"
    proxy = start()
    assert health_check(proxy.port) == 0
    assert proxy.stop(signal.Signals[said("STOPSIGNAL")]) == 0
    assert health_check(proxy.port) != 0


class _ShopAnswers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        page = b"<!doctype html><html><head><title>x</title></head><body>the shop</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def real_shop() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _ShopAnswers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Built with buildah, without an engine; where the base image cannot be pulled, Debian's own Python stands in."""
    storage = tmp_path / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/graph"\nrunroot = "{tmp_path}/run"\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")
    if subprocess.run(["buildah", "pull", "--quiet", said("FROM")], stderr=subprocess.DEVNULL).returncode:
        stand_in(said("FROM"), tmp_path / "root")
    name = "localhost/capi-middleware:test"
    buildah("bud", "--format", "docker", "--network", "host", *pip_settings(), "-t", name, "-f", str(FILE), str(ROOT))
    yield name
    buildah("rmi", "--all", "--force")


@pytest.fixture
def container(image: str) -> Iterator[str]:
    name = buildah("from", "--pull-never", image).strip()
    yield name
    buildah("rm", name)


class Running:
    """The image's command in a container on this machine's network, listening at ``port``; ``pid``: of the proxy."""

    def __init__(self, container: str, **settings: str) -> None:
        self.port = free_port()
        given = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
        words = [word.replace("0.0.0.0:8080", f"127.0.0.1:{self.port}") for word in json.loads(said("ENTRYPOINT"))]
        inside = f"id -un; echo $$; touch $CAPI_STATE_DIR/mine && exec {shlex.join(words)}"
        run = ["buildah", "run", "--network", "host", *given, container, "--", "sh", "-c", inside]
        self._process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.user = self._process.stdout.readline().strip()
        self.pid = int(self._process.stdout.readline())
        assert wait_for(lambda: accepts(self.port) or self._process.poll() is not None, 60)

    def stop(self) -> int:
        os.kill(self.pid, signal.Signals[said("STOPSIGNAL")])
        return self._process.wait(60)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@pytest.mark.skipif(not os.environ.get("CAPI_CONTAINER"), reason="make container")
@pytest.mark.timeout(900)
def test_the_image_serves_and_stops(container: str) -> None:
    """As its own user, with its state folder; a page gets the snippet, and its event goes to Meta; SIGTERM ends it with
    0, and what Meta could not take by then goes there after the next start."""
    with real_shop() as shop, Sandbox() as meta:
        settings = {
            "CAPI_UPSTREAM": f"http://127.0.0.1:{shop}",
            "CAPI_PIXEL_ID": "1234567890",
            "CAPI_ACCESS_TOKEN": "EAAtoken",
            "CAPI_GRAPH_URL": meta.url,
        }
        with Running(container, **settings) as proxy:
            assert proxy.user == said("USER")
            assert os.stat(f"/proc/{proxy.pid}").st_uid != 0
            sent = [view(proxy.port)]
            assert meta.wait(lambda now: bool(now.server_events), 30)
            with urlopen(f"http://127.0.0.1:{proxy.port}/_shop/health", timeout=10) as answer:
                assert json.load(answer)["ok"] is True
            assert health_check(proxy.port) == 0
            meta.down()
            sent += [view(proxy.port) for _ in range(3)]
            assert proxy.stop() == 0
        meta.up()
        with Running(container, **settings) as proxy:
            assert meta.wait(lambda now: len(now.server_events) >= len(sent), 60)
            sent.append(view(proxy.port))
            assert proxy.stop() == 0
        assert sorted(event.event_id for event in meta.server_events) == sorted(sent)


def view(port: int) -> str:
    """Look at a page; the ID of its PageView."""
    body = ask(port, get(extra=PERSON)).body
    assert b"the shop" in body
    found = re.search(rb"eventID: '(\w+)'", body)
    assert found
    return found[1].decode()


def buildah(*words: str) -> str:
    done = subprocess.run(["buildah", *words], capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, f"buildah {words[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def stand_in(name: str, root: Path) -> None:
    """An image of this name from Debian's packages: Python with pip, as the official one has them."""
    packages = "--include=python3,python3-pip,ca-certificates"
    subprocess.run(["debootstrap", "--variant=minbase", packages, "stable", str(root)], check=True, stdout=sys.stderr)
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    (root / "usr" / "bin" / "python").symlink_to("python3")
    container = buildah("from", "scratch").strip()
    buildah("add", "--quiet", container, str(root), "/")
    buildah("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
    buildah("commit", "--quiet", "--rm", container, name)
    shutil.rmtree(root)


def pip_settings() -> list[str]:
    """What pip is told on this machine (a mirror, an authority), for the build alone: none of it enters the image."""
    files = [Path("/etc/pip.conf"), Path.home() / ".config" / "pip" / "pip.conf"]
    known = [path for path in files if path.exists()]
    told = "\n".join(path.read_text() for path in known)
    words = {word for line in told.splitlines() for word in line.partition("=")[2].split()}
    # The files of an index in a folder stand beside it.
    paths = {word if "file://" not in word else str(Path(word.partition("file://")[2]).parent) for word in words}
    mounts = [f"{path}:{path}:ro" for path in sorted(paths) if path.startswith("/") and Path(path).exists()]
    mounts += [f"{path}:/{'etc/pip.conf' if path == files[0] else 'root/.config/pip/pip.conf'}:ro" for path in known]
    return [word for mount in mounts for word in ("--volume", mount)]
