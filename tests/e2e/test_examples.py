"""Each example runs with one command, and sends what it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from capi_middleware.sandbox import Sandbox

from .browsing import press, see
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


def test_flask(sandbox: Sandbox, visitor: Visitor, run: Run) -> None:
    shop, page = run("flask_shop.py"), visitor.page
    see(page, f"{shop.url}/")
    see(page, f"{shop.url}/produkt/P-2")
    page.fill("[name=antal]", "2")
    press(page, "form button")
    rug = {"content_ids": ["P-2"], "content_name": "Linneduk", "currency": "SEK"}
    check(
        sandbox,
        [
            Expected("PageView", "/"),
            *(Expected("PageView", "/produkt/P-2"), Expected("ViewContent", "/produkt/P-2", rug | {"value": 599})) * 2,
            Expected("AddToCart", "", rug | {"value": 1198}),
        ],
        visitor,
    )


def test_django(sandbox: Sandbox, visitor: Visitor, run: Run) -> None:
    shop, page = run("django_shop.py"), visitor.page
    see(page, f"{shop.url}/")
    see(page, f"{shop.url}/products/102/")
    press(page, "form button")
    apron = {"content_ids": ["102"], "content_name": "Linen apron", "currency": "EUR", "value": 49.9}
    check(
        sandbox,
        [
            Expected("PageView", "/"),
            *(Expected("PageView", "/products/102/"), Expected("ViewContent", "/products/102/", apron)) * 2,
            Expected("AddToCart", "", apron),
        ],
        visitor,
    )
