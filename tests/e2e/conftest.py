"""A real Chromium in which Meta's two hosts are the sandbox, and no other name resolves to anything but the shop."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import ssl
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

from capi_middleware import CapiMiddleware
from capi_middleware.sandbox import Listener, Sandbox, unreachable

SHOP_HOST = "www.shop.test"
META_HOSTS = ("connect.facebook.net", "www.facebook.com", "graph.facebook.com")
PIXEL = "1234567890"
TOKEN = "EAAsandboxtoken"
REAL = os.environ.get("CAPI_REAL_FBEVENTS", "")
"""A copy of Meta's own fbevents.js, for those who hold one: served instead of the stand-in. Its cookie plugin is a file
of Meta's that comes with a pixel's configuration, so it neither writes nor sends ``_fbp``."""


class MetaHosts:
    """Stands at the addresses of Meta's hosts for the whole run; each test puts its own sandbox behind it."""

    def __init__(self) -> None:
        self.sandbox: Sandbox | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.sandbox is None or not self.sandbox.listener.running:
            return unreachable(environ, start_response)
        return self.sandbox.app(environ, start_response)


class Visitor:
    """One person with a fresh browser profile: ``page``, and what the console said of errors. ``tolerated``: words of
    errors that are the shop's own affair."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.errors: list[str] = []
        self.tolerated: list[str] = []
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.page: Page = context.new_page()

    def cookie(self, name: str) -> str:
        """The value of a cookie of the shop, "" where there is none."""
        return next((one["value"] for one in self.context.cookies() if one.get("name") == name), "")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(word in message.text for word in self.tolerated):
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")


class Certificate(NamedTuple):
    """For all hosts of these tests. ``pin``: base64 SHA-256 of its public key, by which the browser takes it for good:
    a certificate that is merely forgiven keeps Chromium from caching pages and from service workers."""

    tls: ssl.SSLContext
    pin: str


@pytest.fixture(scope="session")
def certificate() -> Certificate:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = trustme.CA().issue_cert(*META_HOSTS, SHOP_HOST)
    issued.configure_cert(tls)
    leaf = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Certificate(tls, base64.b64encode(hashlib.sha256(key).digest()).decode())


@pytest.fixture(scope="session")
def meta_hosts(certificate: Certificate) -> Iterator[tuple[MetaHosts, Listener]]:
    hosts = MetaHosts()
    with Listener(hosts, tls=certificate.tls) as listener:
        yield hosts, listener


@pytest.fixture(scope="session")
def graph_url(meta_hosts: tuple[MetaHosts, Listener]) -> Iterator[str]:
    """For shops that outlive a test: whichever sandbox stands for Meta at the time answers there."""
    with Listener(meta_hosts[0]) as listener:
        yield listener.url


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(
    playwright: Playwright, meta_hosts: tuple[MetaHosts, Listener], certificate: Certificate
) -> Iterator[Browser]:
    browser = launch(playwright, meta_hosts[1].port, certificate.pin)
    yield browser
    browser.close()


def launch(playwright: Playwright, port: int, pin: str, **more: Any) -> Browser:
    """Chromium in which Meta's hosts answer at ``port`` of this machine, and which takes the certificate ``pin`` for
    good. ``more``: Playwright's launch options."""
    return playwright.chromium.launch(executable_path=chromium_path(), args=arguments_of(port, pin), **more)


def arguments_of(port: int, pin: str) -> list[str]:
    """The command line for that."""
    rules = [f"MAP {host}:443 127.0.0.1:{port}" for host in META_HOSTS]
    rules += ["MAP *.shop.test 127.0.0.1", "MAP shop.test 127.0.0.1", "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"]
    return [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        f"--host-resolver-rules={', '.join(rules)}",
        f"--ignore-certificate-errors-spki-list={pin}",
    ]


@pytest.fixture
def sandbox(meta_hosts: tuple[MetaHosts, Listener]) -> Iterator[Sandbox]:
    """A fresh sandbox, reached under Meta's names by the browser and under ``sandbox.url`` by the shop."""
    with Sandbox(tokens={PIXEL: TOKEN}, cookies="" if REAL else "inline") as running:
        if REAL:
            running.app.script = Path(REAL)
        meta_hosts[0].sandbox = running
        yield running
        meta_hosts[0].sandbox = None


@pytest.fixture
def new_visitor(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors: ``new_visitor(locale="sv-SE", java_script_enabled=False, …)`` (Playwright's context options)."""
    contexts: list[BrowserContext] = []

    def make(**options: object) -> Visitor:
        options.setdefault("user_agent", person(chromium))
        options.setdefault("locale", "sv-SE")
        context = chromium.new_context(**options)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Visitor(context)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def visitor(new_visitor: Callable[..., Visitor]) -> Visitor:
    return new_visitor()


class Wrapped(NamedTuple):
    """A wrapped shop that is being served."""

    url: str
    app: CapiMiddleware


@pytest.fixture
def wrap(
    sandbox: Sandbox, serve: Callable[[WSGIApplication], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Wrapped]]:
    """Wraps an app as a shop owner would, with Meta being the sandbox, and serves it: ``wrap(app, currency="SEK")``."""
    for name in [name for name in os.environ if name.startswith("CAPI_")]:
        monkeypatch.delenv(name)
    made: list[CapiMiddleware] = []

    def build(app: WSGIApplication, config: str | Path | None = None, **settings: object) -> Wrapped:
        keywords = {
            "pixel_id": PIXEL,
            "access_token": TOKEN,
            "graph_url": sandbox.url,
            "state_dir": str(tmp_path / f"state{len(made)}"),
        }
        wrapped = CapiMiddleware(app, config, **(keywords | settings))
        made.append(wrapped)
        return Wrapped(serve(wrapped), wrapped)

    yield build
    for one in made:
        one.close()


@pytest.fixture
def serve() -> Iterator[Callable[[WSGIApplication], str]]:
    """Serves a WSGI app as ``http://www.shop.test:PORT`` for as long as the test runs; returns that address."""
    listeners: list[Listener] = []

    def start(app: WSGIApplication) -> str:
        listener = Listener(app)
        listener.start()
        listeners.append(listener)
        return f"http://{SHOP_HOST}:{listener.port}"

    yield start
    for listener in listeners:
        listener.stop()


def person(browser: Browser) -> str:
    """The user agent of a Chrome with a person before it: a headless one calls itself so, and is a robot to us."""
    major = browser.version.partition(".")[0]
    return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"


def chromium_path() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path and Path(path).exists(), "these tests need Chromium: `make test` installs it, or `apt install chromium`"
    return path
