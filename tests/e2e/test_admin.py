"""The shop owner's path in a real browser: password, pixel and token, three steps that tick themselves; the picker."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from capi_middleware.admin.state import AdminState
from capi_middleware.demo import Shop
from capi_middleware.sandbox import Fault, Sandbox
from capi_middleware.sandbox.graph import Keys

from .browsing import press, see
from .conftest import PIXEL, Visitor
from .owner import LONG_TOKEN, PASSWORD, Owned, connect, open_shop, set_up

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
TICKS = 15_000
"""Milliseconds within which a step ticks on any machine; that it takes no more than two seconds is measured by
benchmarks/ticks.py."""


@pytest.fixture
def shop(
    sandbox: Sandbox, serve: Callable[[Any], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Owned]:
    monkeypatch.setattr(sandbox.app, "keys", Keys({PIXEL: LONG_TOKEN}))
    opened = open_shop(Shop(), tmp_path, sandbox.url, serve, '[shop]\ncurrency = "SEK"\n')
    yield opened
    opened.app.close()


def ticked(page: Page, name: str) -> None:
    expect(page.locator(f"[data-step={name}].done")).to_be_visible(timeout=TICKS)


@pytest.mark.parametrize(
    ("locale", "options", "saved", "done"),
    [
        pytest.param("sv-SE", {}, "Sparat", "Klart", id="swedish"),
        pytest.param("en-GB", {}, "Saved", "Done", id="english"),
        pytest.param("sv-SE", PHONE, "Sparat", "Klart", id="swedish-phone"),
    ],
)
def test_the_shop_owner_s_path(
    shop: Owned,
    new_visitor: Callable[..., Visitor],
    sandbox: Sandbox,
    locale: str,
    options: dict[str, Any],
    saved: str,
    done: str,
) -> None:
    owner = new_visitor(locale=locale, **options)
    page = owner.page
    set_up(page, shop)
    connect(page)
    page.wait_for_url("**/try?**")
    expect(page.locator(".banner.good").first).to_contain_text(saved)
    with owner.context.expect_page() as opened:
        page.click("a.button.main")
    tab = opened.value
    tab.wait_for_load_state("networkidle")
    ticked(page, "PageView")
    see(tab, f"{shop.url}/produkt/vas-vag")
    ticked(page, "ViewContent")
    press(tab, ".add button")
    ticked(page, "AddToCart")
    expect(page.locator("[data-all-done]")).to_contain_text(done)
    expect(page.locator("[data-until-done]:visible")).to_have_count(0)  # nothing more is to be done, nothing is missing
    expect(page.locator("[data-step=AddToCart] [data-text]")).to_contain_text(re.compile("samma ID|same ID"))
    page.goto(shop.admin)
    expect(page.locator(".status.good")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert owner.errors == []


def test_a_token_that_meta_refuses_is_not_saved_and_not_asked_twice(
    shop: Owned, new_visitor: Callable[..., Visitor], sandbox: Sandbox
) -> None:
    page = new_visitor(locale="sv-SE").page
    set_up(page, shop)
    sandbox.fail("graph", Fault(code=190, subcode=463))
    connect(page)
    expect(page.locator("#access_token-wrong")).to_contain_text("gått ut")
    assert page.input_value("[name=access_token]") == ""
    assert shop.app._source.current.meta.pixel_id == ""
    sandbox.fail("graph", None)
    page.click("button.main")  # the token is not typed again
    page.wait_for_url("**/try?**")
    assert shop.app._source.current.meta.access_token.reveal() == LONG_TOKEN


def test_checked_as_typed_and_then_against_meta(
    shop: Owned, new_visitor: Callable[..., Visitor], sandbox: Sandbox
) -> None:
    page = new_visitor(locale="en-GB").page
    set_up(page, shop)
    page.fill("[name=pixel_id]", "12ab")
    expect(page.locator("#pixel_id-wrong")).to_contain_text("digits only")
    page.fill("[name=pixel_id]", PIXEL)
    page.fill("[name=access_token]", "EAAshort")
    expect(page.locator("#access_token-wrong")).to_contain_text("too short")
    page.fill("[name=access_token]", PIXEL)
    expect(page.locator("#access_token-wrong")).to_contain_text("Pixel ID")
    page.fill("[name=pixel_id]", LONG_TOKEN)  # each in the other's field: they change places
    expect(page.locator("[data-checked].ok")).to_be_visible()
    assert (page.input_value("[name=pixel_id]"), page.input_value("[name=access_token]")) == (PIXEL, LONG_TOKEN)
    page.get_by_role("button", name="Show: Access token").click()
    expect(page.locator("[name=access_token]")).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide: Access token").click()
    expect(page.locator("[name=access_token]")).to_have_attribute("type", "password")
    sandbox.fail("graph", Fault(code=100, subcode=33))
    page.fill("[name=pixel_id]", "9999999999")
    expect(page.locator("#pixel_id-wrong")).to_contain_text("9999999999")
    assert sandbox.server_events == [], "no event comes of it"


def test_a_row_appears_while_the_list_is_open(shop: Owned, new_visitor: Callable[..., Visitor]) -> None:
    owner = new_visitor()
    set_up(owner.page, shop)
    connect(owner.page)
    owner.page.wait_for_url("**/try?**")
    owner.page.goto(f"{shop.admin}events")
    expect(owner.page.locator(".empty")).to_be_visible()
    guest = new_visitor()
    see(guest.page, f"{shop.url}/produkt/vas-vag")
    expect(owner.page.locator("[data-live] tr")).to_have_count(2, timeout=4_000)
    expect(owner.page.locator("[data-live] .leg.yes")).to_have_count(4, timeout=4_000)
    owner.page.click("[data-live] a >> nth=0")
    expect(owner.page.locator("h1")).to_contain_text(re.compile("Produkt visad|Sida visad"))
    assert owner.errors == []


def test_the_export_asks_for_the_password_and_then_comes_by_itself(
    shop: Owned, new_visitor: Callable[..., Visitor]
) -> None:
    owner = new_visitor(locale="en-GB")
    page = owner.page
    set_up(page, shop)
    connect(page)
    page.wait_for_url("**/try?**")
    see(new_visitor().page, f"{shop.url}/produkt/vas-vag")
    page.goto(f"{shop.admin}events?event=PageView")
    expect(page.locator("[data-live] tr")).to_have_count(1, timeout=4_000)
    with AdminState(Path(shop.app._source.current.server.state_dir)).open() as database:
        database.execute("UPDATE session SET confirmed = 0")  # the password was given a while ago
    page.get_by_role("link", name="Export as CSV").click()
    page.fill("[name=password]", PASSWORD)
    with page.expect_download() as download:
        page.click("button.main")
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2 and "PageView" in lines[1]
    expect(page).to_have_url(f"{shop.admin}events?event=PageView")
    assert owner.errors == []


def test_point_and_click_on_a_price(shop: Owned, new_visitor: Callable[..., Visitor], sandbox: Sandbox) -> None:
    owner = new_visitor(locale="en-GB")
    page = owner.page
    set_up(page, shop)
    connect(page)
    page.wait_for_url("**/try?**")
    page.goto(f"{shop.admin}rules")
    page.click(".actions button.main")
    page.wait_for_url(f"{shop.url}/")
    page.goto(f"{shop.url}/produkt/vas-vag")
    bar = page.get_by_role("region", name="Point and click")
    expect(bar).to_be_visible()
    page.click(".price >> nth=0")
    expect(bar.get_by_text("Product viewed” is sent")).to_be_visible()
    expect(bar.get_by_text("Amount: 459.5")).to_be_visible()
    bar.get_by_role("button", name="Review and publish").click()
    page.wait_for_url("**/rules/pick/draft")
    assert "css:" in page.inner_text(".preview")
    page.click("[name=publish]")
    page.wait_for_url("**/rules")
    (rule,) = shop.app._source.current.rules
    assert (rule.event, rule.paths[0].text) == ("ViewContent", "/produkt/<slug>")
    assert str(rule.data["value"].sources[0]).startswith("css:")
    assert sandbox.browser_events == [] and sandbox.server_events == [], "visits with the bar do not count"
    guest = new_visitor()
    see(guest.page, f"{shop.url}/produkt/kaffebryggare-dropp")
    assert sandbox.wait(lambda now: len(now.server_events) >= 2)
    told = next(event for event in sandbox.server_events if event.event_name == "ViewContent")
    assert told.custom_data["value"] > 0
    assert guest.page.get_by_role("region", name="Point and click").count() == 0
    assert owner.errors == []


def test_point_and_click_on_a_button(shop: Owned, new_visitor: Callable[..., Visitor]) -> None:
    owner = new_visitor(locale="sv-SE")
    page = owner.page
    set_up(page, shop)
    connect(page)
    page.wait_for_url("**/try?**")
    page.goto(f"{shop.admin}rules")
    page.click(".actions button.main")
    page.goto(f"{shop.url}/produkt/vas-vag")
    bar = page.get_by_role("region", name="Peka och klicka")
    expect(bar).to_be_visible()
    page.click(".add button")
    expect(bar.get_by_text("Lagd i varukorgen”")).to_be_visible()
    assert page.url.endswith("/produkt/vas-vag"), "the click is the bar's, not the shop's"
    bar.get_by_role("button", name="Granska och publicera").click()
    page.click("[name=publish]")
    page.wait_for_url("**/rules")
    (rule,) = shop.app._source.current.rules
    assert (rule.event, rule.methods) == ("AddToCart", {"POST"})


def test_a_button_of_a_script_is_watched(shop: Owned, new_visitor: Callable[..., Visitor]) -> None:
    owner = new_visitor(locale="sv-SE")
    page = owner.page
    set_up(page, shop)
    connect(page)
    page.wait_for_url("**/try?**")
    page.goto(f"{shop.admin}rules")
    page.click(".actions button.main")
    page.goto(f"{shop.url}/kategori/koket")
    bar = page.get_by_role("region", name="Peka och klicka")
    expect(bar).to_be_visible()
    page.evaluate(
        "() => { const b = document.createElement('button'); b.type = 'button'; b.id = 'own'; b.textContent = 'Köp';"
        " b.onclick = () => fetch('/api/varukorg', {method: 'POST', body: '{}'}); document.body.prepend(b); }"
    )
    page.click("#own")
    expect(bar.get_by_text("Tryck nu på knappen")).to_be_visible()
    page.click("#own")
    expect(bar.get_by_text("/api/varukorg")).to_be_visible()


def test_keyboard_alone(shop: Owned, new_visitor: Callable[..., Visitor]) -> None:
    """Log in, look at an event's list, switch a rule off: no mouse."""
    page = new_visitor(locale="sv-SE").page
    page.goto(shop.admin)
    for text in (shop.code, PASSWORD, PASSWORD):
        reach(page, "INPUT")
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url("**/connect")
    page.goto(f"{shop.admin}rules")
    reach(page, "BUTTON", role="switch")
    before = page.evaluate("document.activeElement.getAttribute('aria-checked')")
    assert before == "true"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "the focus is seen"
    with page.expect_navigation():
        page.keyboard.press("Space")
    assert len(shop.app._source.current.shop.off) == 1


def reach(page: Page, tag: str, role: str = "") -> None:
    """Tab on to the next element of that kind."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(
            "([tag, role]) => { const one = document.activeElement;"
            " return one.tagName === tag && (!role || one.getAttribute('role') === role); }",
            [tag, role],
        ):
            return
    raise AssertionError(f"no {tag} {role} is reached by Tab")


def test_saving_is_noticed_within_two_seconds_by_a_second_process(shop: Owned) -> None:
    """Another process of the same shop: the same files, its own memory."""
    from capi_middleware.settings import SettingsSource

    other = SettingsSource(None, state_dir=shop.app._source.current.server.state_dir)
    shop.app._source.save({"meta": {"pixel_id": PIXEL}})
    end = time.monotonic() + 2
    while other.for_host("x").meta.pixel_id != PIXEL:
        assert time.monotonic() < end
        time.sleep(0.05)
