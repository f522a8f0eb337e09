"""Two hosts behind one address, with state folders of their own (docs/operation.md, "Several machines")."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from capi_middleware import CapiMiddleware
from capi_middleware.demo import Shop
from capi_middleware.sandbox import Sandbox

from .test_middleware import PIXEL, Visitor, calls


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[[str], CapiMiddleware]]:
    made: list[CapiMiddleware] = []
    with Sandbox() as sandbox:

        def start(name: str) -> CapiMiddleware:
            made.append(
                CapiMiddleware(
                    Shop(),
                    pixel_id=PIXEL,
                    access_token="EAAtoken",
                    graph_url=sandbox.url,
                    state_dir=str(tmp_path / name),
                    currency="SEK",
                )
            )
            return made[-1]

        yield start
        for each in made:
            each.close()


@pytest.mark.parametrize("copied", [True, False], ids=["one signing key", "a key each"])
def test_an_event_meets_its_page_on_the_other_host(
    host: Callable[[str], CapiMiddleware], tmp_path: Path, copied: bool
) -> None:
    """What is put into the cart on one is told by the page that the other answers with: where both have one key."""
    one = host("one")
    if copied:
        (tmp_path / "two").mkdir(mode=0o700)
        shutil.copy2(tmp_path / "one" / "signing.key", tmp_path / "two" / "signing.key")
    two = host("two")
    answering = [one]
    visitor = Visitor(lambda environ, start_response: answering[0](environ, start_response))
    assert visitor.post("/varukorg/lagg-till", {"product_id": "NK-1001", "antal": "1"}).status_code == 303
    answering[0] = two
    names = [name for name, _, _ in calls(visitor.get("/produkt/mugg-fjall"))]
    assert ("AddToCart" in names) is copied
    assert {"PageView", "ViewContent"} <= set(names)
