"""What is decided without asking the rules one by one comes to the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from capi_middleware.infer import Facts, Inference, Memory, Response
from capi_middleware.infer.plan import Plan
from capi_middleware.infer.platform import LOOKS
from capi_middleware.settings import Settings, load
from capi_middleware.visit.visit import Asker
from tests.infer.traffic import HOST, MUG, visit

PAGE = Facts(more={"html": b"<html><body><h1>Om oss</h1></body></html>"})
PRODUCT = Facts(product=MUG, sources={}, is_product=True)


def settled(settings: Settings) -> Inference:
    """Of a shop whose platform is no longer looked for."""
    inference = Inference(settings, memory=Memory())
    for _ in range(LOOKS):
        inference.platforms.look(HOST, (), (), b"<html>")
    assert not inference.curious(HOST)
    return inference


@pytest.mark.parametrize("facts", [None, Facts(), PAGE, PRODUCT], ids=["no page", "empty", "page", "product"])
@pytest.mark.parametrize("asker", list(Asker))
@pytest.mark.parametrize(
    "url", ["/", "/kategori/x", "/om-oss", "/sok?q=mugg", "/kassa", "/varukorg", "/p?add-to-cart=12"]
)
@pytest.mark.parametrize("status", [200, 302, 404])
def test_quiet_pages_come_to_the_same(facts: Facts, asker: Asker, url: str, status: int) -> None:
    headers = [("Location", "/varukorg")] if status == 302 else [("Content-Type", "text/html")]
    concluded = []
    for quiet in (True, False):
        plan = settled(Settings()).plan(visit(url, asker=asker))
        outline = plan._outline if quiet else plan._outline._replace(quiet=False)
        concluded.append(
            Plan(plan._inference, plan._visit, outline, "", False).conclude(Response(status, headers, facts))
        )
    assert concluded[0].events == concluded[1].events
    assert concluded[0].pending == concluded[1].pending
    assert concluded[0].refused == concluded[1].refused


def test_most_pages_are_quiet() -> None:
    inference = settled(Settings())
    assert inference.plan(visit("/kategori/x"))._outline.quiet
    assert not inference.plan(visit("/kassa"))._outline.quiet


def test_a_rule_of_the_file_is_always_asked(tmp_path: Path) -> None:
    file = tmp_path / "capi.toml"
    file.write_text('[[rule]]\nevent = "Lead"\npath = "/om-oss"\n', encoding="utf-8")
    inference = settled(load(file).settings)
    assert not inference.plan(visit("/om-oss"))._outline.quiet
    found = inference.plan(visit("/om-oss")).conclude(Response(200, [], PAGE))
    assert [event.event_name for event in found.events] == ["PageView", "Lead"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/lager", ""),
        ("/api/lager", "sku=12"),  # some shops put things into the cart at a GET: a redirect says so
        ("/sok", "q=mugg"),
        ("/kategori/x", ""),
    ],
)
def test_what_a_script_reads_is_idle(path: str, query: str) -> None:
    assert Inference(Settings()).idle(HOST, path, query)


def test_invented_addresses_fill_no_memory() -> None:
    inference = Inference(Settings())
    for number in range(20):
        path, query = f"/{number}{'x' * 3_000}", "y" * 3_000
        assert inference.idle(HOST, path, "") and inference.idle(HOST, "/", query)
        assert inference.plan(visit(path)).page_view
    assert len(inference._outlines) <= 2 and not inference._idle


def test_what_a_rule_of_the_file_asks_of_json_is_not_idle(tmp_path: Path) -> None:
    file = tmp_path / "capi.toml"
    file.write_text(
        '[[rule]]\nevent = "Lead"\nmethod = "GET"\npath = "/api/offert"\nwhen = { json = { ok = true } }\n', "utf-8"
    )
    inference = Inference(load(file).settings)
    assert not inference.idle(HOST, "/api/offert", "")
    assert inference.idle(HOST, "/api/lager", "")


def test_a_products_page_is_concluded_once_for_each_of_its_contents() -> None:
    inference = settled(Settings())
    page, dearer = PRODUCT, PRODUCT._replace(product={**MUG, "value": 120.0})
    for facts in (page, dearer, page, page._replace(), dearer):
        plan = inference.plan(visit("/produkt/mugg"))
        assert plan._outline.plain
        assert plan.conclude(Response(200, [], facts)) == plan._ask(Response(200, [], facts))
    first = inference.plan(visit("/produkt/mugg")).conclude(Response(200, [], page))
    assert inference.plan(visit("/produkt/mugg")).conclude(Response(200, [], page)) is first
    assert [event.event_name for event in first.events] == ["PageView", "ViewContent"]


def test_what_depends_on_the_visit_is_asked_each_time(tmp_path: Path) -> None:
    file = tmp_path / "capi.toml"
    file.write_text('[[rule]]\nevent = "ViewContent"\npath = "/p/<id>"\ndata = { content_ids = "path:id" }\n', "utf-8")
    assert not settled(load(file).settings).plan(visit("/p/1"))._outline.plain


@pytest.mark.parametrize("asker", [Asker.SCRIPT, Asker.ROBOT, Asker.PREFETCH, Asker.FRAME])
def test_a_page_that_nobody_opened_is_no_view_of_a_product(asker: Asker) -> None:
    inference = settled(Settings())
    assert inference.plan(visit("/produkt/mugg")).conclude(Response(200, [], PRODUCT)).events
    assert not inference.plan(visit("/produkt/mugg", asker=asker)).conclude(Response(200, [], PRODUCT)).events
