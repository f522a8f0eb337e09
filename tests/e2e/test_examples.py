"""Each example runs with one command, and sends what it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from capi_middleware.sandbox import Sandbox

from .browsing import again, press, see
from .conftest import PIXEL, TOKEN, Visitor
from .running_example import RunningExample
from .validator import Expected, check

Run = Callable[[str], RunningExample]


@pytest.fixture
def run(sandbox: Sandbox, tmp_path: Path) -> Iterator[Run]:
    running: list[RunningExample] = []

    def start(name: str) -> RunningExample:
        settings = {
            "CAPI_PIXEL_ID": PIXEL,
            "CAPI_ACCESS_TOKEN": TOKEN,
            "CAPI_GRAPH_URL": sandbox.url,
            "CAPI_STATE_DIR": str(tmp_path / "state"),
        }
        example = RunningExample(name, settings).__enter__()
        running.append(example)
        return example

    yield start
    for example in running:
        example.__exit__()


@pytest.fixture
def run_bare(tmp_path: Path) -> Iterator[Run]:
    """Without any settings but a folder."""
    running: list[RunningExample] = []

    def start(name: str) -> RunningExample:
        running.append(RunningExample(name, {"CAPI_STATE_DIR": str(tmp_path)}).__enter__())
        return running[-1]

    yield start
    for example in running:
        example.__exit__()


def test_flask(sandbox: Sandbox, visitor: Visitor, run: Run) -> None:
    shop, page = run("flask_shop.py"), visitor.page
    see(page, f"{shop.url}/")
    see(page, f"{shop.url}/produkt/P-2")
    page.fill("[name=antal]", "2")
    press(page, "form button")
    see(page, f"{shop.url}/kassa")
    page.fill("[name=email]", "asa@example.se")
    press(page, "form button")
    number = page.inner_text("strong")
    again(page)
    cloth = {"content_ids": ["P-2"], "content_name": "Linneduk", "currency": "SEK"}
    viewed = [Expected("PageView", "/produkt/P-2"), Expected("ViewContent", "/produkt/P-2", cloth | {"value": 599})]
    thanks = f"/tack/{number}"
    check(
        sandbox,
        [
            Expected("PageView", "/"),
            *viewed * 2,
            Expected("AddToCart", "", cloth | {"value": 1198}),
            Expected("PageView", "/kassa"),
            Expected("InitiateCheckout", "/kassa"),
            *[Expected("PageView", thanks)] * 2,
            Expected("Purchase", thanks, {"order_id": number, "value": 1198, "currency": "SEK"}),
        ],
        visitor,
    )


def test_flask_refused(sandbox: Sandbox, visitor: Visitor, run: Run) -> None:
    """Sold out: the same redirect, the same cookie, and only the next page says so."""
    shop, page = run("flask_shop.py"), visitor.page
    see(page, f"{shop.url}/produkt/P-3")
    press(page, "form button")
    assert "inte i lager" in page.inner_text(".error")
    check(sandbox, ["PageView", "ViewContent"] * 2, visitor)


def test_django(sandbox: Sandbox, visitor: Visitor, run: Run) -> None:
    shop, page = run("django_shop.py"), visitor.page
    see(page, f"{shop.url}/")
    see(page, f"{shop.url}/products/102/")
    press(page, "form button")
    see(page, f"{shop.url}/checkout/")
    page.fill("[name=email]", "asa@example.se")
    press(page, "form button")
    number = page.inner_text("strong")
    again(page)
    apron = {"content_ids": ["102"], "content_name": "Linen apron", "currency": "EUR", "value": 49.9}
    viewed = [Expected("PageView", "/products/102/"), Expected("ViewContent", "/products/102/", apron)]
    thanks = f"/checkout/thank-you/{number}/"
    check(
        sandbox,
        [
            Expected("PageView", "/"),
            *viewed * 2,
            Expected("AddToCart", "", apron),
            Expected("PageView", "/checkout/"),
            Expected("InitiateCheckout", "/checkout/"),
            *[Expected("PageView", thanks)] * 2,
            Expected("Purchase", thanks, {"order_id": number, "value": 49.9, "currency": "EUR"}),
        ],
        visitor,
    )


def test_django_refused(sandbox: Sandbox, visitor: Visitor, run: Run) -> None:
    shop, page = run("django_shop.py"), visitor.page
    see(page, f"{shop.url}/products/103/")
    press(page, "form button")
    assert "not available" in page.inner_text(".error")
    check(sandbox, ["PageView", "ViewContent"] * 2, visitor)


def test_without_a_pixel_id_a_shop_runs_as_if_unwrapped(run_bare: Run) -> None:
    shop = run_bare("flask_shop.py")
    port = shop.url.rpartition(":")[2]
    answer = requests.get(f"http://127.0.0.1:{port}/produkt/P-1", headers={"Accept": "text/html"}, timeout=10)
    assert answer.status_code == 200
    assert "fbq" not in answer.text and "Set-Cookie" not in answer.headers
    assert "no pixel ID is set" in shop.output
