"""Attack 1 in a real Chromium: what outsiders write runs nowhere in the admin, breaks no policy, is read as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capi_middleware.admin import account
from capi_middleware.admin.state import AdminState
from capi_middleware.delivery import Filter, Ledger
from capi_middleware.sandbox import Listener
from tests.admin.hostile import ELEMENTS, MARK, PAYLOADS, PLACES, SOURCES, Meta, Outsider, Shop

from .conftest import Visitor, Wrapped
from .owner import PASSWORD

NEWEST = 8
"""Events whose page is opened, of each name."""


@pytest.mark.parametrize("source", SOURCES)
def test_what_outsiders_write_runs_nowhere(
    wrap: Callable[..., Wrapped], new_visitor: Callable[..., Visitor], tmp_path: Path, source: str
) -> None:
    plant, is_shown = SOURCES[source]
    shop, meta = Shop(), Meta()
    state = AdminState(tmp_path / "owned")
    issued = account.issue_setup_code(state)
    assert issued is not None and account.create_account(state, issued.code, PASSWORD) is None
    with Listener(meta) as graph:
        running = wrap(shop, graph_url=graph.url, state_dir=str(tmp_path / "owned"), currency="SEK")
        outsider = Outsider(running.app, shop, meta, running.url)
        for payload in PAYLOADS:
            plant(outsider, payload)
        running.app.flush(10)
        owner = new_visitor(locale="en-GB")
        page = owner.page
        page.add_init_script(
            "window.broken = []; addEventListener('securitypolicyviolation', e => broken.push(e.violatedDirective + ' '"
            " + e.blockedURI + ' ' + e.sample)); window.alert = () => broken.push('alert');"
        )
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        admin = f"{running.url}/_shop/admin/"
        page.goto(f"{admin}login")
        page.fill("[name=password]", PASSWORD)
        page.click("button.main")
        page.wait_for_url(admin)
        shown = False
        for place in [*PLACES, *numbers(running)]:
            page.goto(admin + place)
            assert page.url == admin + place, "nothing has led elsewhere"
            if place == "events":
                page.wait_for_timeout(2500)  # the live rows come through the one policy for markup
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            assert page.evaluate("window.broken") == [], place
            assert page.locator(ELEMENTS).count() == 0, place
            assert page.evaluate("document.activeElement.matches('[onfocus]')") is False, place
            shown = shown or MARK in page.inner_text("main")
        assert dialogs == [] and owner.errors == []
        assert shown == is_shown


def numbers(running: Wrapped) -> list[str]:
    """The newest events of each name."""
    entries: dict[str, list[Any]] = {}
    for entry in Ledger(running.app._source).recent(Filter(), 200):
        entries.setdefault(entry.event_name, []).append(entry)
    return [f"events/{entry.number}" for some in entries.values() for entry in some[:NEWEST]]
