"""A small shop with pages of every kind, wrapped as its owner would, for the scenarios of the page's script."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright

from capi_middleware import CapiMiddleware
from capi_middleware.sandbox import Listener, Sandbox
from tests.e2e import validator
from tests.e2e.conftest import (
    PIXEL,
    SHOP_HOST,
    TOKEN,
    Certificate,
    MetaHosts,
    Visitor,
    arguments_of,
    chromium_path,
    launch,
    person,
)

from .nginx import Nginx
from .shop import Shop

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

RULES = [
    {"event": "AddToCart", "method": "POST", "path": "/cart/form", "data": {"content_ids": "form:id"}},
]


class Running:
    """A wrapped shop that answers. ``url``: scheme, host and port."""

    def __init__(self, shop: Shop, middleware: CapiMiddleware, listener: Listener) -> None:
        self.url = f"{'https' if listener.url.startswith('https') else 'http'}://{SHOP_HOST}:{listener.port}"
        self.shop = shop
        self.middleware = middleware
        self.listener = listener


OpenShop = Callable[..., Running]
NewVisitor = Callable[..., Visitor]


def both_legs(sandbox: Sandbox, events: int) -> None:
    """Wait until so many events have both legs: people look at a page before they leave it."""
    sandbox.wait(lambda now: len(now.browser_events) >= events and len(now.server_events) >= events)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are many of these scenarios, and their shop answers at once."""
    monkeypatch.setattr(validator, "SETTLE", 0.35)


@pytest.fixture
def open_shop(sandbox: Sandbox, tmp_path: Path, certificate: Certificate) -> Iterator[OpenShop]:
    """Opens shops: ``open_shop(mode="required", tls=False, …)`` (any setting by its name)."""
    opened: list[Shop] = []
    with contextlib.ExitStack() as stack:

        def start(tls: bool = True, port: int = 0, **settings: Any) -> Running:
            shop = Shop()
            opened.append(shop)
            defaults = {"mode": "off", "rules": RULES, "state_dir": str(tmp_path / f"state{len(opened)}")}
            middleware = CapiMiddleware(
                shop, pixel_id=PIXEL, access_token=TOKEN, graph_url=sandbox.url, **(defaults | settings)
            )
            stack.callback(middleware.close)
            listener = Listener(middleware, port=port, tls=certificate.tls if tls else None)
            return Running(shop, middleware, stack.enter_context(listener))

        yield start


@pytest.fixture(scope="session")
def keeping_chromium(
    playwright: Playwright, meta_hosts: tuple[MetaHosts, Listener], certificate: Certificate
) -> Iterator[Browser]:
    """Chromium with its back/forward cache, which Playwright otherwise turns off."""
    browser = launch(
        playwright, meta_hosts[1].port, certificate.pin, ignore_default_args=["--disable-back-forward-cache"]
    )
    yield browser
    browser.close()


@pytest.fixture
def meta_port(meta_hosts: tuple[MetaHosts, Listener]) -> int:
    return meta_hosts[1].port


@pytest.fixture
def keeping_visitor(keeping_chromium: Browser) -> Iterator[Visitor]:
    context = keeping_chromium.new_context(user_agent=person(keeping_chromium))
    yield Visitor(context)
    context.close()


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Callable[[Running], Nginx]]:
    """Puts nginx with its page cache in front of a shop."""
    started: list[Nginx] = []

    def start(shop: Running) -> Nginx:
        nginx = Nginx(tmp_path / f"nginx{len(started)}", shop.listener.port)
        started.append(nginx)
        return nginx

    yield start
    for nginx in started:
        nginx.stop()


def watch(sandbox: Sandbox, certificate: Certificate, meta_port: int, url: str, folder: Path, until: int) -> None:
    """Open a page in a Chromium that nobody drives: what the browser does not do under a debugger (rendering ahead),
    it does here. The page drives itself."""
    arguments = [
        chromium_path(), "--headless=new", f"--user-data-dir={folder}", f"--user-agent={CHROME}",
        *arguments_of(meta_port, certificate.pin), url,
    ]  # fmt: skip
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        both_legs(sandbox, until)
    finally:
        process.terminate()
        process.wait(10)
