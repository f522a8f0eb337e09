# ruff: noqa: E501
"""What counts once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine

from capi_middleware.infer import Facts, Inference, Memory
from capi_middleware.infer.once import Once

from .traffic import HELD, Shop, names, said, settings

RECEIPT = "<html><body><h1>Tack</h1><p>Ordernummer: {}</p><p>Totalt: 299 kr</p></body></html>"
FBP = {"_fbp": "fb.1.1700000000000.123"}


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(1_800_000_000, tick=False) as traveller:
        yield traveller


@pytest.fixture
def shop(clock: time_machine.Traveller) -> Shop:
    return Shop(memory=True)


def add(shop: Shop, **more: object) -> list[str]:
    return names(shop.ask("/cart/add", form={"id": "12", "qty": "1"}, to="/cart", **{"cookies": FBP, **more}))  # type: ignore[arg-type]


def test_a_double_click_counts_once(shop: Shop, clock: time_machine.Traveller) -> None:
    assert add(shop) == ["AddToCart"]
    clock.shift(0.3)
    assert add(shop) == []
    clock.shift(30)
    assert add(shop) == ["AddToCart"], "the same thing again, on purpose"


def test_two_visitors_count_twice(shop: Shop) -> None:
    assert add(shop) == ["AddToCart"]
    assert add(shop, cookies={"_fbp": "fb.1.1700000000000.456"}) == ["AddToCart"]


def test_another_product_counts(shop: Shop) -> None:
    assert add(shop) == ["AddToCart"]
    other = shop.ask("/cart/add", form={"id": "13", "qty": "1"}, to="/cart", cookies=FBP)
    assert names(other) == ["AddToCart"]


def test_a_refused_add_does_not_use_up_the_good_one(shop: Shop) -> None:
    refused = shop.ask("/cart/add", form={"id": "12", "qty": "1"}, facts=said("error: x"), cookies=FBP)
    assert names(refused) == []
    assert add(shop) == ["AddToCart"]


def test_checkout_counts_once_a_cart(shop: Shop, clock: time_machine.Traveller) -> None:
    """Pain of the peers: InitiateCheckout on each step, and on the thank-you page."""
    steps = ("/checkout", "/checkout/shipping", "/checkout/shipping", "/checkout/review", "/checkout")
    assert [names(shop.ask(step, facts=Facts(), cookies=FBP)) for step in steps] == [
        ["InitiateCheckout"],
        [],
        [],
        [],
        [],
    ]
    page = RECEIPT.format(1007)
    assert names(shop.ask("/checkout/thank-you", page=page, cookies=FBP)) == ["Purchase"]
    assert names(shop.ask("/checkout", facts=Facts(), cookies=FBP)) == ["InitiateCheckout"], "a new cart"


def test_checkout_counts_again_after_half_an_hour(shop: Shop, clock: time_machine.Traveller) -> None:
    assert names(shop.ask("/checkout", facts=Facts(), cookies=FBP)) == ["InitiateCheckout"]
    clock.shift(1900)
    assert names(shop.ask("/checkout", facts=Facts(), cookies=FBP)) == ["InitiateCheckout"]


def test_an_order_counts_once(shop: Shop, clock: time_machine.Traveller) -> None:
    page = RECEIPT.format(1007)
    concluded = shop.ask("/checkout/thank-you", page=page, cookies=FBP)
    (purchase,) = [event for event in concluded.events if event.event_name == "Purchase"]
    assert purchase.key == "1007"
    for seconds in (1, 3600, 86400, 7 * 86400):
        clock.shift(seconds)
        assert names(shop.ask("/checkout/thank-you", page=page, cookies=FBP)) == []
    assert names(shop.ask("/checkout/thank-you", page=page, cookies={})) == [], "another browser, the same order"
    assert names(shop.ask("/checkout/thank-you", page=RECEIPT.format(1008), cookies=FBP)) == ["Purchase"]


def test_an_order_without_a_number_needs_a_checkout(shop: Shop) -> None:
    page = "<html><body><h1>Tack för din beställning</h1><p>Totalt: 299 kr</p></body></html>"
    refused = shop.ask("/checkout/thank-you", page=page, cookies=FBP)
    assert names(refused) == []
    assert "not seen at the checkout" in refused.refused[0].why
    shop.ask("/checkout", facts=Facts(), cookies=FBP)
    assert names(shop.ask("/checkout/thank-you", page=page, cookies=FBP)) == ["Purchase"]
    assert names(shop.ask("/checkout/thank-you", page=page, cookies=FBP)) == [], "reloaded"


def test_a_total_shown_at_the_checkout_is_remembered(shop: Shop) -> None:
    """OpenCart's thank-you page names neither order nor total."""
    opencart = Shop(platform="opencart", memory=True)
    shown = "<html lang=sv><body><table><tr><td>Totalt</td><td>1 299,50 kr</td></tr></table></body></html>"
    opencart.ask("/index.php?route=checkout/cart", page=shown, cookies=FBP)
    opencart.ask("/index.php?route=checkout/checkout", facts=Facts(), cookies=FBP)
    concluded = opencart.ask("/index.php?route=checkout/success", page="<h1>Tack</h1>", cookies=FBP)
    (purchase,) = [event for event in concluded.events if event.event_name == "Purchase"]
    assert purchase.custom_data == {"value": 1299.5, "currency": "SEK"}
    assert purchase.sources["value"] == "the cart page before"
    assert names(opencart.ask("/index.php?route=checkout/success", page="<h1>Tack</h1>", cookies=FBP)) == []


def test_the_carts_currency_settles_the_receipts(shop: Shop) -> None:
    """EverShop's pages name the currency in their state while there is a cart; its thank-you page says "$" alone."""
    shown = '<html lang="en"><script>var e = {"currency":"USD"}</script><body><p>Total</p><p>$30.00</p></body></html>'
    told = '<html lang="en"><body><h1>Thank you</h1><p>Order #10001</p><p>Total</p><p>$38.00</p></body></html>'
    assert names(shop.ask("/checkout/success/7f", page=told, cookies=FBP)) == []
    shop.ask("/checkout", page=shown, cookies=FBP)
    concluded = shop.ask("/checkout/success/7f", page=told, cookies=FBP)
    (purchase,) = [event for event in concluded.events if event.event_name == "Purchase"]
    assert purchase.custom_data == {"order_id": "10001", "value": 38.0, "currency": "USD"}


@pytest.mark.parametrize(("method", "posted"), [("PATCH", {"action": "increase", "qty": "1"}), ("DELETE", None)])
def test_a_changed_cart_has_another_total(shop: Shop, method: str, posted: object) -> None:
    """What the cart page said before the change is not told; its currency still holds."""
    shown = '<html lang="en"><script>var e = {"currency":"USD"}</script><body><p>Total</p><p>$15.00</p></body></html>'
    told = '<html lang="en"><body><h1>Thank you</h1><p>Order #10002</p><p>Total</p><p>$38.00</p></body></html>'
    shop.ask("/cart", page=shown, cookies=FBP)
    shop.ask("/api/cart/mine/items/5e80", method, posted=posted, script=True, cookies=FBP)
    (checkout,) = [
        event
        for event in shop.ask("/checkout", facts=Facts(), cookies=FBP).events
        if event.event_name == "InitiateCheckout"
    ]
    assert checkout.custom_data == {}
    concluded = shop.ask("/checkout/success/7f", page=told, cookies=FBP)
    (purchase,) = [event for event in concluded.events if event.event_name == "Purchase"]
    assert (purchase.custom_data["value"], purchase.custom_data["currency"]) == (38.0, "USD")


def test_a_search_and_its_pages_count_once(shop: Shop, clock: time_machine.Traveller) -> None:
    assert names(shop.ask("/search?q=mugg", facts=Facts(), cookies=FBP)) == ["Search"]
    assert names(shop.ask("/search?q=mugg&page=2", facts=Facts(), cookies=FBP)) == []
    assert names(shop.ask("/search?q=keps", facts=Facts(), cookies=FBP)) == ["Search"]
    clock.shift(600)
    assert names(shop.ask("/search?q=mugg", facts=Facts(), cookies=FBP)) == ["Search"]


def test_what_may_not_be_told_is_not_used_up(shop: Shop) -> None:
    """A held page's events come again, with the grant."""
    page = RECEIPT.format(1007)
    held = {"cookies": FBP, "consent": HELD}
    assert names(shop.ask("/checkout/thank-you", page=page, **held)) == ["Purchase"]
    assert names(shop.ask("/checkout/thank-you", page=page, cookies=FBP)) == ["Purchase"]
    assert names(shop.ask("/checkout/thank-you", page=page, **held)) == []


def test_a_rules_own_once(clock: time_machine.Traveller) -> None:
    shop = Shop("[[rule]]\nevent = 'Seen'\npath = '/x'\nonce = 'visitor'\n", memory=True)
    assert names(shop.ask("/x", facts=Facts(), cookies=FBP)) == ["Seen"]
    clock.shift(60)
    assert names(shop.ask("/x", facts=Facts(), cookies=FBP)) == []
    shop = Shop("[[rule]]\nevent = 'Seen'\npath = '/x'\nonce = 'order'\nkey = 'query:n'\n", memory=True)
    assert [names(shop.ask(f"/x?n={n}", facts=Facts(), cookies=FBP)) for n in (1, 1, 2)] == [["Seen"], [], ["Seen"]]


def test_views_count_each_time(shop: Shop) -> None:
    facts = Facts(product={"content_ids": ["1"]}, is_product=True)
    for _ in range(3):
        assert names(shop.ask("/p", facts=facts, cookies=FBP)) == ["ViewContent"]


def test_without_memory_everything_counts() -> None:
    shop = Shop()
    assert [add(shop), add(shop)] == [["AddToCart"], ["AddToCart"]]


def test_processes_share_what_was_counted(tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from capi_middleware.infer.once import Once\nprint(Once(Path(sys.argv[1])).first('order 7', 60))"
    run = [sys.executable, "-c", script, str(tmp_path)]
    printed = [subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip() for _ in range(2)]
    assert printed == ["True", "False"]
    assert (tmp_path / "once.bin").stat().st_mode & 0o777 == 0o600


def test_two_shops_of_one_process_do_not_share(clock: time_machine.Traveller) -> None:
    memory = Memory()
    for host in ("a.example", "b.example"):
        shop = Shop()
        shop.inference = Inference(settings(), None, memory)
        page = RECEIPT.format(1007)
        assert names(shop.ask("/checkout/thank-you", page=page, host=host)) == ["Purchase"]


class TestOnce:
    """The table in shared memory."""

    def test_lapses(self) -> None:
        once = Once()
        assert once.first("a", 5, 100.0)
        assert not once.first("a", 5, 104.0)
        assert once.seen("a", 104.9)
        assert not once.seen("a", 105.0)
        assert once.first("a", 5, 105.0)

    def test_forget(self) -> None:
        once = Once()
        once.first("a", 5, 100.0)
        once.forget("a")
        assert not once.seen("a", 100.0)

    def test_note(self) -> None:
        once = Once()
        assert once.noted("a", 1.0) is None
        once.note("a", 1299.505, "SEK", 10, 1.0)
        assert once.noted("a", 2.0) == (1299.505, "SEK")
        once.note("a", 5, "EUR", 10, 3.0)
        assert once.noted("a", 4.0) == (5.0, "EUR")
        assert once.noted("a", 40.0) is None

    def test_full_buckets_give_up_what_lapses_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("capi_middleware.infer.once._BUCKETS", 1 << 10)
        once = Once()
        once.first("an order", 30 * 86400, 0.0)
        for number in range(60_000):
            once.first(f"click {number}", 5, 0.0)
        assert once.seen("an order", 1.0)

    def test_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        once = Once(tmp_path / "file" / "state")
        assert once.first("a", 5) and not once.first("a", 5)

    def test_a_file_that_is_too_short_is_made_longer(self, tmp_path: Path) -> None:
        (tmp_path / "once.bin").write_bytes(b"x")
        once = Once(tmp_path)
        assert once.first("a", 5) and not once.first("a", 5)
        once.close()
        assert once.first("b", 5), "closed, it still answers"
