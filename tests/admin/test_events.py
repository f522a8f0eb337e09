"""The list of events, live, and what may be done with one."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from capi_middleware import CapiMiddleware
from tests.delivery.make import event

from .conftest import Owner, visit


def test_the_live_list_is_sent_only_when_something_has_changed(app: CapiMiddleware, owner: Owner) -> None:
    visit(app)
    assert app.flush(10)
    first = owner.get("events/live")
    assert first.status_code == 200 and first.text.count("<tr>") == 1
    again = owner.get("events/live", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.text) == (304, "")
    swedish = {"If-None-Match": first.headers["ETag"], "Accept-Language": "sv"}
    assert owner.get("events/live", headers=swedish).status_code == 200
    visit(app)
    assert app.flush(10)
    more = owner.get("events/live", headers={"If-None-Match": first.headers["ETag"]})
    assert more.status_code == 200 and more.text.count("<tr>") == 2


@pytest.mark.parametrize(
    ("changes", "offered"),
    [({"event_name": "Purchase"}, True), ({"event_time": int(time.time()) - 50 * 3600}, False)],
    ids=["refused", "too old"],
)
def test_what_can_be_sent_again_has_a_button(
    app: CapiMiddleware, owner: Owner, changes: dict[str, Any], offered: bool
) -> None:
    app._outbox.put(event(**changes))
    assert app.flush(10)
    (number,) = re.findall(r"events/(\d+)\">", owner.get("events").text)
    page = owner.get(f"events/{number}").text
    assert ("Send it again" in page) is offered
