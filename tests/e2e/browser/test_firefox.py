"""The most important scenarios once more, in Firefox (Debian's firefox-esr, driven over its own protocol, Marionette).

Meta's hosts are the sandbox at its own address here. Each test has a host name of its own, and so a visitor of its own;
names under ``localhost`` are secure contexts to Firefox, ``shop.test`` is plain http.
"""

from __future__ import annotations

import gc
import shutil
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from capi_middleware.sandbox import Sandbox
from tests.e2e.validator import Expected, check, check_server_only

from .conftest import OpenShop, Running, both_legs
from .test_ajax import STYLES
from .test_consent import BANNER, TOOLS
from .test_weather import POLICIES

LISTEN = "<script>window.errors = []; addEventListener('error', (event) => errors.push(event.message));</script>"
_NUMBERS = count(1)


class Firefox:
    """One visitor. ``errors`` are those of the page that is shown."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def open(self, url: str) -> None:
        self._driver.navigate(url)

    def run(self, script: str) -> Any:
        return self._driver.execute_script(script, sandbox=None)

    def back(self) -> None:
        self._driver.go_back()

    @property
    def errors(self) -> list[str]:
        return list(self.run("return window.errors || []"))


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    assert program, "these tests need Firefox: `make test` installs it, or `apt install firefox-esr`"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the driver's own
        from marionette_driver.marionette import Marionette

        preferences = {
            "network.dns.localDomains": ",".join(f"f{number}.shop.test" for number in range(100)),
            "network.captive-portal-service.enabled": False,
            "network.connectivity-service.enabled": False,
            "browser.safebrowsing.malware.enabled": False,
        }
        log = str(tmp_path_factory.mktemp("firefox") / "gecko.log")
        running = Marionette(host="127.0.0.1", port=port, bin=program, headless=True, prefs=preferences, gecko_log=log)
        running.start_session()
    yield running
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        running.cleanup()
        del running
        gc.collect()


@pytest.fixture
def firefox(driver: Any) -> Iterator[Firefox]:
    yield Firefox(driver)
    driver.navigate("about:blank")


@pytest.fixture
def shop(open_shop: OpenShop, sandbox: Sandbox) -> Callable[..., Running]:
    """``shop(secure=True, **settings)``: under a name of its own."""

    def start(secure: bool = True, **settings: Any) -> Running:
        running = open_shop(tls=False, **{"pixel_url": sandbox.pixel_url, **settings})
        name = f"f{next(_NUMBERS)}.{'localhost' if secure else 'shop.test'}"
        running.url = f"http://{name}:{running.listener.port}"
        running.shop.head = LISTEN
        return running

    return start


Start = Callable[..., Running]
LAMP = {"value": 249.0, "currency": "SEK", "content_ids": ["1"]}


def test_a_page_for_one_visitor(shop: Start, sandbox: Sandbox, firefox: Firefox) -> None:
    firefox.open(shop().url + "/p/1")
    check(sandbox, [Expected("PageView", "/p/1"), Expected("ViewContent", "/p/1", LAMP)], firefox)


def test_a_page_from_the_browsers_cache(shop: Start, sandbox: Sandbox, firefox: Firefox) -> None:
    running = shop()
    firefox.open(running.url + "/cached/p/1")
    both_legs(sandbox, 2)
    firefox.open(running.url + "/")
    both_legs(sandbox, 3)
    firefox.open(running.url + "/cached/p/1")
    views = [Expected("PageView", "/cached/p/1"), "PageView", Expected("PageView", "/cached/p/1")]
    sandbox.wait(lambda now: len(now.browser_events) >= 4)
    assert [pair.event_name for pair in check(sandbox, [*views, "ViewContent", "ViewContent"], firefox)]
    assert running.shop.requests.count("GET /cached/p/1") == 1


def test_back_to_a_kept_page(shop: Start, sandbox: Sandbox, firefox: Firefox) -> None:
    running = shop()
    firefox.open(running.url + "/p/1")
    both_legs(sandbox, 2)
    firefox.run("window.addEventListener('pageshow', (event) => { window.restored = event.persisted; })")
    firefox.open(running.url + "/cart")
    both_legs(sandbox, 3)
    firefox.back()
    assert firefox.run("return window.restored"), "the browser has not kept the page"
    check(sandbox, ["PageView", "ViewContent", Expected("PageView", "/cart")], firefox)


def test_routes(shop: Start, sandbox: Sandbox, firefox: Firefox) -> None:
    firefox.open(shop().url + "/app/")
    both_legs(sandbox, 1)
    firefox.run("go('/app/p/2')")
    both_legs(sandbox, 3)
    firefox.run("history.back()")
    paths = ("/app/", "/app/p/2", "/app/")
    check(sandbox, [*[Expected("PageView", path) for path in paths], Expected("ViewContent", "/app/p/2")], firefox)


def test_routes_where_the_navigation_api_is_missing(shop: Start, sandbox: Sandbox, firefox: Firefox) -> None:
    running = shop()
    running.shop.head += "<script>Object.defineProperty(window, 'navigation', {value: undefined});</script>"
    firefox.open(running.url + "/app/")
    both_legs(sandbox, 1)
    firefox.run("go('/app/about')")
    both_legs(sandbox, 2)
    firefox.run("history.back()")
    check(sandbox, [Expected("PageView", path) for path in ("/app/", "/app/about", "/app/")], firefox)


@pytest.mark.parametrize("secure", [pytest.param(True, id="by Server-Timing"), pytest.param(False, id="plain http")])
@pytest.mark.parametrize("style", ["fetch, JSON", "XMLHttpRequest"])
def test_ajax(shop: Start, sandbox: Sandbox, firefox: Firefox, style: str, secure: bool) -> None:
    firefox.open(shop(secure).url + "/p/1")
    both_legs(sandbox, 2)
    assert firefox.run("return window.isSecureContext") is secure
    firefox.run(STYLES[style])
    check(sandbox, ["PageView", "ViewContent", Expected("AddToCart", "/p/1", {"content_ids": ["1"]})], firefox)


def test_a_form_and_its_redirect(shop: Start, sandbox: Sandbox, firefox: Firefox) -> None:
    firefox.open(shop().url + "/p/1")
    both_legs(sandbox, 2)
    firefox.run("document.getElementById('buy').click()")
    check(sandbox, ["PageView", "ViewContent", "AddToCart", Expected("PageView", "/cart")], firefox)


@pytest.mark.parametrize(
    ("tool", "path"),
    [("Cookiebot", "/p/1"), ("Usercentrics", "/cached/p/1"), ("the shop's own call", "/cached/p/1")],
)
def test_late_consent(shop: Start, sandbox: Sandbox, firefox: Firefox, tool: str, path: str) -> None:
    running = shop(mode="required")
    running.shop.tail = BANNER
    firefox.open(running.url + path)
    time.sleep(0.3)
    assert (sandbox.server_events, sandbox.browser_events, firefox.run("return document.cookie")) == ([], [], "")
    cookies, event = TOOLS[tool]
    written = "".join(f"document.cookie = {name + '=' + value + '; path=/'!r};" for name, value in cookies.items())
    firefox.run(f"document.getElementById('yes').onclick = () => setTimeout(() => {{ {written} {event} }}, 100)")
    firefox.run("document.getElementById('yes').click()")
    check(sandbox, [Expected("PageView", path), Expected("ViewContent", path, LAMP)], firefox)


def test_metas_script_does_not_come(shop: Start, sandbox: Sandbox, firefox: Firefox) -> None:
    firefox.open(shop(pixel_url="http://localhost:1/fbevents.js").url + "/p/1")
    check_server_only(sandbox, ["PageView", "ViewContent"])


def test_a_policy_without_inline_code(shop: Start, sandbox: Sandbox, firefox: Firefox) -> None:
    running = shop()
    running.shop.head = ""
    policy = POLICIES["hosts only"].replace("https://connect.facebook.net", sandbox.url)
    running.shop.headers = {
        "Content-Security-Policy": policy.replace("https://www.facebook.com", f"https://www.facebook.com {sandbox.url}")
    }
    firefox.open(running.url + "/p/1")
    check(sandbox, ["PageView", "ViewContent"], firefox)
