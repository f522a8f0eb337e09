"""``explain``: the same answer as the middleware's, and nothing sent."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator

import pytest
from pytest import MonkeyPatch

from capi_middleware.explain import Answer, Explanation, Request, explain
from capi_middleware.settings import Settings
from tests.infer.corpus import Sample, samples

HTML = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "private, no-store")]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: MonkeyPatch) -> Iterator[None]:
    """Nothing of it may open a connection."""

    def refuse(*arguments: object) -> None:
        raise AssertionError(f"a connection to {arguments[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield


def of_page(sample: Sample) -> Explanation:
    settings = dataclasses.replace(Settings(), shop=sample.shop)
    return explain(settings, Request(sample.expected["url"]), Answer(200, HTML, sample.page))


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_events_of_each_page_of_the_corpus(sample: Sample) -> None:
    found = of_page(sample)
    names = [event.event_name for event in found.events]
    expected = sample.expected["product"]
    assert names[0] == "PageView"
    assert names.count("ViewContent") == (expected is not None), found
    assert set(names) <= {"PageView", "ViewContent", "Search", "InitiateCheckout"}
    if expected is not None:
        (view,) = (event for event in found.events if event.event_name == "ViewContent")
        told = dict(view.custom_data)
        for key in ("content_name", "value", "currency"):
            assert told.get(key) == expected.get(key), key
        assert set(view.sources) >= {key for key in told if key != "content_type"}


def test_every_value_says_where_it_is_from() -> None:
    sample = next(sample for sample in samples() if sample.name == "woocommerce-simple")
    found = of_page(sample)
    assert found.platform == "woocommerce"
    assert "plugins/woocommerce" in found.why
    (view,) = (event for event in found.events if event.event_name == "ViewContent")
    assert set(view.custom_data) == set(view.sources)


def test_the_documented_shape() -> None:
    found = of_page(samples()[0]).as_json()
    assert list(found) == ["url", "verdict", "consent", "platform", "rule", "events"]
    assert list(found["verdict"]) == ["kind", "reason"]
    assert all(list(event) == ["event_name", "custom_data", "sources"] for event in found["events"])


@pytest.mark.parametrize(
    ("headers", "asker"),
    [
        ([], "PERSON"),
        ([("X-Requested-With", "XMLHttpRequest")], "SCRIPT"),
        ([("User-Agent", "Googlebot/2.1")], "ROBOT"),
        ([("Sec-Purpose", "prefetch")], "PREFETCH"),
        ([("Sec-Fetch-Dest", "iframe")], "FRAME"),
    ],
)
def test_who_asks(headers: list[tuple[str, str]], asker: str) -> None:
    answer = Answer(200, HTML, samples()[0].page)
    found = explain(Settings(), Request(samples()[0].expected["url"], headers=headers), answer)
    assert found.visit.asker.name == asker
    assert bool(found.events) is (asker == "PERSON")


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (200, HTML, "inline"),
        (200, [("Content-Type", "text/html"), ("Cache-Control", "public, max-age=600")], "collect"),
        (200, [("Content-Type", "application/json")], "none"),
        (404, HTML, "none"),
        (302, [*HTML, ("Location", "/x")], "none"),
    ],
)
def test_what_becomes_of_the_answer(status: int, headers: list[tuple[str, str]], kind: str) -> None:
    answer = Answer(status, headers, b"<!doctype html><html><head><title>x</title></head><body></body></html>")
    found = explain(Settings(), Request("https://shop.example/"), answer)
    assert found.verdict.carrier.value == kind
    assert found.as_json()["verdict"]["kind"] == kind
    assert bool(found.events) is (kind != "none")


def test_a_fragment_is_no_page() -> None:
    found = explain(Settings(), Request("https://shop.example/"), Answer(200, HTML, b"<div>3 items</div>"))
    assert found.events == ()
    assert "piece of HTML" in found.reason


def test_secrets_of_the_address_are_not_shown() -> None:
    url = "https://shop.example/x?token=abc&email=anna@example.com&id=4"
    found = explain(Settings(), Request(url), Answer(200, HTML, samples()[0].page))
    assert "anna@example.com" not in str(found.as_json())


def test_consent_is_told() -> None:
    settings = dataclasses.replace(Settings(), consent=dataclasses.replace(Settings().consent, mode="required"))
    found = explain(settings, Request("https://shop.example/"), Answer(200, HTML, samples()[0].page))
    assert found.as_json()["consent"]["allowed"] is False


def test_the_site_of_the_host_answers() -> None:
    site = dataclasses.replace(Settings(), host="b.example", shop=dataclasses.replace(Settings().shop, exclude=("/*",)))
    settings = dataclasses.replace(Settings(), sites=(site,))
    page = Answer(200, HTML, samples()[0].page)
    assert explain(settings, Request("https://b.example/p"), page).events == ()
    assert explain(settings, Request("https://a.example/p"), page).events
