"""The rules in force, in order."""

from __future__ import annotations

from werkzeug.wrappers import Response

from capi_middleware.admin.desk import Desk


def listing(desk: Desk) -> Response:
    """What each rule says, in words."""
    return desk.page("rules.html", rules=desk.settings.rules, problems=desk.services.source.problems)


def new(desk: Desk) -> Response:
    """A rule without code."""
    return desk.page("rules.html", rules=desk.settings.rules, problems=desk.services.source.problems)
