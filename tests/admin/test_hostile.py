"""Attack 1 and 7: what outsiders write is shown as text, and no cell of the export is a formula. The same sources in a
real browser: tests/e2e/test_hostile.py."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup

from capi_middleware.delivery import Filter, Ledger
from capi_middleware.sandbox import Listener

from .conftest import HOST, Owner
from .hostile import ELEMENTS, FORMULAS, MARK, PAYLOADS, PLACES, SOURCES, Meta, Outsider, Shop

SHOP = '[meta]\npixel_id = "1234567890"\naccess_token = "EAAcanaryTOKEN0123456789"\n[shop]\ncurrency = "SEK"\n'


@pytest.mark.parametrize("source", SOURCES)
def test_1_what_outsiders_write_is_text(make_app: Callable[..., Any], source: str) -> None:
    plant, is_shown = SOURCES[source]
    shop, meta = Shop(), Meta()
    with Listener(meta) as graph:
        app = make_app(shop, SHOP, graph_url=graph.url)
        outsider = Outsider(app, shop, meta, f"https://{HOST}")
        for payload in PAYLOADS:
            plant(outsider, payload)
        app.flush(10)
        owner = Owner(app)
        owner.log_in()
        numbers = [str(entry.number) for entry in Ledger(app._source).recent(Filter(), 40)]
        shown = False
        for place in [*PLACES, *(f"events/{number}" for number in numbers)]:
            answer = owner.get(place)
            assert answer.status_code == 200, place
            tree = BeautifulSoup(answer.text, "lxml")
            assert tree.select(ELEMENTS) == [], f"{place}: taken for markup"
            assert "<svg onload" not in answer.text and "<script>alert" not in answer.text, place
            assert "49" not in answer.text.split(MARK, 1)[-1][:80] or "7*7" in answer.text, f"{place}: evaluated"
            nonces = {str(script.get("nonce")) for script in tree.select("script, style, link[rel=stylesheet]")}
            assert len(nonces) <= 1, f"{place}: a script of somebody else's"
            shown = shown or MARK in tree.get_text()
        app.close()
    assert shown == is_shown, (
        "nobody would see if it were shown wrongly" if is_shown else "it is shown: say so in SOURCES"
    )


@pytest.mark.parametrize("formula", FORMULAS)
def test_7_no_cell_of_the_export_is_a_formula(make_app: Callable[..., Any], formula: str) -> None:
    """Whoever writes it: the address, the rule's name, the ID in a report, Meta's words, its trace."""
    shop, meta = Shop(), Meta()
    with Listener(meta) as graph:
        app = make_app(shop, SHOP, graph_url=graph.url)
        outsider = Outsider(app, shop, meta, f"https://{HOST}")
        for plant in (SOURCES[name][0] for name in ("path", "product", "collect", "Meta's words", "rule names")):
            plant(outsider, formula)
        app.flush(10)
        owner = Owner(app)
        owner.log_in()
        rows = list(csv.reader(io.StringIO(owner.get("events.csv").text)))
        app.close()
    cells = [cell for row in rows[1:] for cell in row]
    assert any(formula.strip()[1:4] in cell for cell in cells), "something of it stands in the export"
    assert [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")] == []
