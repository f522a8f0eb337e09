"""A test event, and what an address would send."""

from __future__ import annotations

from werkzeug.wrappers import Response

from capi_middleware.admin.desk import Desk


def page(desk: Desk) -> Response:
    """The form."""
    return desk.page("test.html", settings=desk.settings)
