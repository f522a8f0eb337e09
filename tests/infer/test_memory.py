"""Product memory: by id and by address, across processes and restarts, bounded, and deaf to a broken disk."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from capi_middleware.infer import Facts, ProductMemory, memory

MUG = Facts(
    {"content_ids": ["12"], "content_name": "Mug", "content_type": "product", "value": 99.5, "currency": "SEK"},
    {"value": "jsonld:offers.price"},
    True,
    "Mug",
    (),
    {
        "ids": {"sku": "M-1", "product_id": "12"},
        "variants": ({"ids": {"variant_id": "77"}, "value": 120.0, "currency": "SEK"},),
    },
)
LISTING = Facts(
    title="Mugs",
    more={
        "cards": (
            {
                "content_ids": ["13"],
                "content_name": "Bowl",
                "value": 49.0,
                "currency": "SEK",
                "ids": {"product_id": "13"},
            },
        )
    },
)


def until(found: Callable[[], object], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found():
            return True
        time.sleep(0.01)
    return False


def test_by_any_id_and_by_address() -> None:
    known = ProductMemory()
    known.learn("shop.example", "/mug?utm_source=mail&gclid=1", MUG)
    for content_id in ("12", "M-1"):
        found = known.by_id("shop.example", content_id)
        assert found is not None
        assert (found["content_name"], found["value"], found["ids"]["sku"]) == ("Mug", 99.5, "M-1")
    assert known.by_id("other.example", "12") is None
    facts = known.by_url("shop.example", "/mug")
    assert facts is not None
    assert facts.product == MUG.product
    assert known.by_url("shop.example", "/mug?size=2") is None


def test_a_variant_has_its_own_price() -> None:
    known = ProductMemory()
    known.learn("shop.example", "/mug", MUG)
    found = known.by_id("shop.example", "77")
    assert found is not None
    assert (found["content_name"], found["value"], found["content_ids"]) == ("Mug", 120.0, ["12"])


def test_a_listing_teaches_its_cards_and_never_overrules_a_page() -> None:
    known = ProductMemory()
    known.learn("shop.example", "/mug", MUG)
    card = {"content_ids": ["12"], "content_name": "Mug!", "ids": {"product_id": "12"}}
    known.learn("shop.example", "/mugs", LISTING._replace(more={"cards": (*LISTING.more["cards"], card)}))
    bowl = known.by_id("shop.example", "13")
    assert bowl is not None
    assert bowl["value"] == 49.0
    mug = known.by_id("shop.example", "12")
    assert mug is not None
    assert mug["content_name"] == "Mug"


def test_that_a_page_is_no_product_is_known_for_a_day(time_machine_clock: Callable[[float], None]) -> None:
    known = ProductMemory()
    known.learn("shop.example", "/mugs", LISTING)
    facts = known.by_url("shop.example", "/mugs")
    assert facts is not None
    assert not facts.is_product
    time_machine_clock(memory.NOT_A_PRODUCT + 1)
    assert known.by_url("shop.example", "/mugs") is None


@pytest.fixture
def time_machine_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def move(seconds: float) -> None:
        real = time.time
        monkeypatch.setattr(memory.time, "time", lambda: real() + seconds)

    return move


def test_a_new_price_replaces_the_old_one() -> None:
    known = ProductMemory()
    known.learn("shop.example", "/mug", MUG)
    known.learn("shop.example", "/mug", MUG._replace(product={**MUG.product, "value": 79.0}))
    found = known.by_id("shop.example", "12")
    assert found is not None
    assert found["value"] == 79.0


def test_survives_a_restart(tmp_path: Path) -> None:
    first = ProductMemory(tmp_path)
    first.learn("shop.example", "/mug", MUG)
    assert first.flush()
    first.close()
    second = ProductMemory(tmp_path)
    second.by_id("shop.example", "12")
    assert second.flush()
    found = second.by_id("shop.example", "77")
    second.close()
    assert found is not None
    assert found["value"] == 120.0


def test_shared_within_a_second_or_so(tmp_path: Path) -> None:
    one, other = ProductMemory(tmp_path), ProductMemory(tmp_path)
    other.by_id("shop.example", "12")
    one.learn("shop.example", "/mug", MUG)
    assert until(lambda: other.by_id("shop.example", "12"))
    assert until(lambda: other.by_url("shop.example", "/mug"))
    one.close()
    other.close()


def _learn_in_child(known: ProductMemory) -> None:
    known.learn("shop.example", "/mug", MUG)
    os._exit(0 if known.flush(10) else 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_works_in_processes_forked_after_first_use(tmp_path: Path) -> None:
    known = ProductMemory(tmp_path)
    known.by_id("shop.example", "12")
    known.flush()
    child = multiprocessing.get_context("fork").Process(target=_learn_in_child, args=(known,))
    child.start()
    child.join(20)
    assert child.exitcode == 0
    assert until(lambda: known.by_id("shop.example", "12"))
    known.close()


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "products-1.sqlite3"
    path.write_bytes(b"not a database" * 1000)
    known = ProductMemory(tmp_path)
    known.learn("shop.example", "/mug", MUG)
    assert known.flush()
    known.close()
    assert [one["content_ids"] for one in ProductMemory(tmp_path).products()] == [["12"]]


def test_a_file_that_somebody_holds_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "products-1.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE other (x)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError):
            memory._Store(tmp_path)
        other.execute("COMMIT")
    with closing(sqlite3.connect(path)) as again:
        assert again.execute("SELECT count(*) FROM other").fetchone() == (0,)


def test_what_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    known = ProductMemory(tmp_path)
    known.learn("shop.example", "/lamp", MUG._replace(title="\ud83d"))
    known.flush()
    known.learn("shop.example", "/mug", MUG)
    assert known.flush()
    known.close()
    assert len(ProductMemory(tmp_path).products()) == 1


def test_a_folder_that_cannot_be_written_costs_only_the_sharing(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("in the way")
    known = ProductMemory(folder)
    known.learn("shop.example", "/mug", MUG)
    assert known.by_id("shop.example", "12")
    known.close()


def test_addresses_are_stored_as_hashes_only(tmp_path: Path) -> None:
    known = ProductMemory(tmp_path)
    known.learn("shop.example", "/mug?email=a@example.com", MUG)
    assert known.flush()
    known.close()
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"example.com" not in held.replace(b"shop.example", b"")
    assert b"/mug" not in held
    assert (tmp_path / "products-1.sqlite3").stat().st_mode & 0o077 == 0


def test_whom_a_page_greets_is_not_stored(tmp_path: Path) -> None:
    known = ProductMemory(tmp_path)
    known.learn("shop.example", "/account", Facts(title="Welcome, Astrid"))
    known.learn("shop.example", "/mug", MUG)
    assert known.flush()
    known.close()
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Astrid" not in held and b"Mug" in held


@pytest.mark.parametrize("facts", [MUG, LISTING], ids=["product", "listing"])
def test_the_same_is_written_once(tmp_path: Path, facts: Facts) -> None:
    known = ProductMemory(tmp_path)
    for _ in range(3):
        known.learn("shop.example", "/page", facts)
        assert known.flush()
    known.close()
    with closing(sqlite3.connect(tmp_path / "products-1.sqlite3")) as database:
        assert database.execute("SELECT max(number) FROM page").fetchone() == (1,)


def test_the_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ROWS", 600)
    known = ProductMemory(tmp_path)
    for number in range(2_000):
        known.learn("shop.example", f"/p/{number}", MUG._replace(product={**MUG.product, "content_ids": [str(number)]}))
        if number % 400 == 399:
            assert known.flush()
    assert known.flush()
    known.close()
    with closing(sqlite3.connect(tmp_path / "products-1.sqlite3")) as database:
        rows = database.execute("SELECT COUNT(*) FROM page").fetchone()[0]
    assert rows <= 600 + 500


def test_products_for_commands(tmp_path: Path) -> None:
    known = ProductMemory(tmp_path)
    known.learn("shop.example", "/mug", MUG)
    known.learn("other.example", "/mugs", LISTING)
    assert [one["ids"]["sku"] for one in known.products()] == ["M-1"]
    assert known.products("other.example") == []
    known.close()


def test_nothing_raises_after_close(tmp_path: Path) -> None:
    known = ProductMemory(tmp_path)
    known.close()
    known.learn("shop.example", "/mug", MUG)
    assert known.by_id("shop.example", "12")
    known.close()


def test_a_page_that_was_read_for_another_memory_is_learnt_too() -> None:
    from capi_middleware.infer.facts import remembered
    from capi_middleware.settings import ShopSettings

    page = (
        b'<!doctype html><html><head><title>Vas</title><script type="application/ld+json">{"@type": "Product",'
        b' "name": "Vas", "sku": "V-1", "offers": {"price": "459.50", "priceCurrency": "SEK"}}</script></head>'
        b"<body><h1>Vas</h1></body></html>"
    )
    for _ in range(2):
        memory = ProductMemory()
        remembered(page, "twice.example", "/vas", "", ShopSettings(), memory)
        assert memory.by_id("twice.example", "V-1") is not None
        memory.close()
