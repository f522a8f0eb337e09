"""What the traffic suggests."""

from __future__ import annotations

from werkzeug.wrappers import Response

from capi_middleware.admin.desk import Desk


def listing(desk: Desk) -> Response:
    """Nothing yet."""
    return desk.page("suggestions.html", found=[])
