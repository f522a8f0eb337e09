"""The live list of events, as the page's script asks for it every second or two."""

from __future__ import annotations

from capi_middleware import CapiMiddleware

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
