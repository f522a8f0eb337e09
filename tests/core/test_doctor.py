"""What ``doctor`` says, finding by finding, and on the demo shop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from capi_middleware import doctor
from capi_middleware.cli import main
from capi_middleware.cli.demo import Demo
from capi_middleware.doctor import Finding, Page
from capi_middleware.explain import Answer, Request, explain
from capi_middleware.infer.catalogue import match, read
from capi_middleware.settings import Secret, Settings
from capi_middleware.settings.settings import ConsentSettings, MetaSettings
from capi_middleware.visit import AddressFinding

GOOD = Settings(meta=MetaSettings(pixel_id="1234567890", access_token=Secret("EAA")))
HTML = [("Content-Type", "text/html; charset=utf-8")]
PRODUCT = (
    '<script type="application/ld+json">{"@context":"https://schema.org","@type":"Product","name":"Mugg","sku":"A1",'
    '"offers":{"@type":"Offer","price":"249.00","priceCurrency":"SEK"}}</script>'
)


def page(
    head: str = "", body: str = "", headers: Sequence[tuple[str, str]] = (), path: str = "/", settings: Settings = GOOD
) -> Page:
    html = f"<!doctype html><html lang=sv><head><title>x</title>{head}</head><body>{body}</body></html>"
    request, answer = Request(f"https://shop.example{path}"), Answer(200, [*HTML, *headers], html.encode())
    return Page(request, answer, explain(settings, request, answer))


def codes(pages: Sequence[Page], settings: Settings = GOOD) -> dict[str, Finding]:
    return {finding.code: finding for finding in doctor.examine(settings, (), pages)}


def test_no_pixel_id_and_no_token() -> None:
    found = codes([], Settings())
    assert found["no_pixel_id"].level == found["no_access_token"].level == "bad"
    assert "CAPI_PIXEL_ID" in found["no_pixel_id"].todo


def test_a_page_that_can_be_touched() -> None:
    assert codes([page()])["touched"].what == "The pixel can be put into 1 of 1 pages looked at."


@pytest.mark.parametrize(
    ("kind", "code"),
    [("application/xhtml+xml", "xhtml"), ("text/html; charset=utf-16", "charset"), ("application/json", "not_html")],
)
def test_a_page_that_cannot_be_touched_says_why(kind: str, code: str) -> None:
    request, answer = Request("https://shop.example/"), Answer(200, [("Content-Type", kind)], b"<!doctype html>")
    found = codes([Page(request, answer, explain(GOOD, request, answer))])
    assert found[code].level == "warn"


def test_a_policy_that_keeps_the_pixel_out_names_the_directives() -> None:
    found = codes([page(headers=[("Content-Security-Policy", "default-src 'self'")])])
    assert found["csp"].level == "warn"
    assert "https://connect.facebook.net" in found["csp"].todo


def test_a_page_that_caches_may_store() -> None:
    assert "cached" in codes([page(headers=[("Cache-Control", "public, max-age=600")])])


def test_the_same_pixel_is_there_already() -> None:
    assert "adopt" in codes([page("<script>fbq('init', '1234567890');</script>")])["same_pixel"].todo


def test_another_pixel() -> None:
    assert codes([page("<script>fbq('init', '999888777666');</script>")])["other_pixel"].level == "warn"


def test_a_tag_manager_may_hide_a_pixel() -> None:
    assert "tag_manager" in codes(
        [page('<script src="https://www.googletagmanager.com/gtm.js?id=GTM-ABC123"></script>')]
    )


def test_a_consent_tool_is_named() -> None:
    found = codes([page('<script src="https://consent.cookiebot.com/uc.js"></script>')])
    assert "cookiebot" in found["consent_tool"].what
    assert "no_consent_tool" not in found


def test_consent_off_is_a_warning() -> None:
    settings = Settings(meta=GOOD.meta, consent=ConsentSettings(mode="off"))
    assert codes([page(settings=settings)], settings)["consent_off"].level == "warn"


def test_a_whole_product_page() -> None:
    found = codes([page(PRODUCT, "<h1>Mugg</h1><form><button>Köp</button></form>", path="/produkt/mugg")])
    assert found["product_data"].level == "good"


def test_no_product_page() -> None:
    assert codes([page()])["no_product"].level == "warn"


def test_all_visitors_share_one_address() -> None:
    (finding,) = doctor.addresses(AddressFinding("one_address", 50, 1))
    assert finding.level == "bad" and "CAPI_TRUSTED_HOPS" in finding.todo


def test_catalogue() -> None:
    feed = read(b"id,title,price\nA1,Mugg,249.00 SEK\n")
    (finding,) = doctor.catalogue(match([{"content_ids": ["A1"]}, {"content_ids": ["B2"]}], feed))
    assert finding.level == "warn"
    assert "1 of 2" in finding.what and "B2" in finding.what


def test_links_never_change_anything() -> None:
    seen = page(
        body='<a href="/produkt/mugg">a</a><a href="/cart/add/1">b</a><a href="/logout">c</a><a href="/x.pdf">d</a>'
        '<a href="https://other.example/">e</a><a href="/?add-to-cart=3">f</a><a href="mailto:a@b.se">g</a>'
    )
    assert doctor.links(seen, "shop.example") == ["https://shop.example/produkt/mugg"]


def test_on_the_demo_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CAPI_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CAPI_PIXEL_ID", "1234567890")
    monkeypatch.setenv("CAPI_ACCESS_TOKEN", "EAAtoken")
    with Demo() as demo:
        code = main(["doctor", demo.shop_url, "--json"])
    found = {finding["code"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert code == 0, found
    assert found["wrapped"]["level"] == found["product_data"]["level"] == "good"


def test_a_shop_that_is_wrapped_by_other_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not "no Pixel ID": whoever asks from another machine has no settings, the shop has."""
    monkeypatch.setenv("CAPI_STATE_DIR", str(tmp_path))
    with Demo() as demo:
        code = main(["doctor", demo.shop_url, "--json", "--pages", "2"])
    found = {finding["code"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert code == 1 and found["no_product"]["level"] == "warn", found
    assert "wrapped already, for pixel 1234567890" in found["other_settings"]["what"]
    assert "--config" in found["other_settings"]["todo"]
    assert not {"no_pixel_id", "no_access_token", "wrapped"} & found.keys()


def test_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "shop.example"]) == 2
    assert "https://" in capsys.readouterr().err


def test_what_a_policy_does_not_say_by_itself() -> None:
    headers = [("Cross-Origin-Embedder-Policy", "require-corp")]
    markup = """<meta http-equiv="Content-Security-Policy" content="script-src 'self'">"""
    found = codes([page(markup, headers=headers), page(markup, headers=headers)])
    assert found["coep"].level == found["csp_in_markup"].level == "note"
    assert "coep" not in codes([page()])


def test_what_to_add_to_a_policy() -> None:
    found = codes([page(headers=[("Content-Security-Policy", "default-src 'self'")])])
    assert found["csp"].level == "warn"
    for needed in ("script-src https://connect.facebook.net", "img-src https://www.facebook.com"):
        assert needed in found["csp"].todo
