"""Meta away for a while, a flood, and what health tells."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.delivery.sink import Sink, error
from tests.faults.harness import Shop, Switch, all_arrive, once, order, wait


def test_an_outage(open_shop: Callable[..., Shop], sink: Sink, meta: Switch) -> None:
    meta.down()
    shop = open_shop("gunicorn gthread")
    told = order(shop, 200)
    wait(lambda: shop.health()["waiting"] >= 200)
    assert shop.health()["oldest"] >= 0 and not shop.health()["lost"]
    meta.up()
    all_arrive(sink, told, shop, timeout=60)
    once(sink)


def test_a_dead_token_and_its_successor(open_shop: Callable[..., Shop], sink: Sink, meta: Switch) -> None:
    """The pixel pauses, nothing is dropped; a token saved in the file resumes it without a restart."""
    meta.reply = error(190, 463, 401)
    shop = open_shop("gunicorn gthread", folder="state", CAPI_ACCESS_TOKEN="", CAPI_CONFIG="capi.toml")
    shop.kill()
    config = shop.folder.parent / "capi.toml"
    config.write_text('[meta]\naccess_token = "OLD"\n')
    shop.environ["CAPI_CONFIG"] = str(config)
    shop.restart()
    told = order(shop, 30)
    wait(lambda: shop.health()["paused"])
    health = shop.health()
    assert "expired" in health["paused"]["1234567890"] and not health["ok"]
    assert [len(batch) for batch in sink.batches[1:]] == []
    meta.up()
    time.sleep(0.1)
    config.write_text('[meta]\naccess_token = "NEWER"\n')
    start = time.monotonic()
    all_arrive(sink, told, shop)
    assert time.monotonic() - start < 10
    assert sink.bodies[-1]["access_token"] == "NEWER"
    once(sink)
    wait(lambda: shop.health()["ok"])


def test_a_flood(open_shop: Callable[..., Shop], sink: Sink) -> None:
    """Far more at once than a journal segment holds."""
    shop = open_shop("waitress")
    shop.get("/many?id=flood&n=20000", timeout=60)
    all_arrive(sink, [f"flood-{number}" for number in range(20000)], shop, timeout=60)
    once(sink)
    assert shop.health()["lost"] == {}
