"""Seeing it work: the checklist, a test event, and what an address would send."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Response

from capi_middleware.admin.desk import Desk
from capi_middleware.delivery import Filter

from .events import legs_of, sentence

STEPS = ("PageView", "ViewContent", "AddToCart")


def checklist(desk: Desk) -> Response:
    """Open the shop, click around, see three events arrive from both sides."""
    return desk.page("try.html", steps=_steps(desk), since=_since(desk), shop=_shop(desk))


def checklist_state(desk: Desk) -> Response:
    """The checklist's state, for the page's script."""
    body = json.dumps({"steps": _steps(desk)})
    return Response(body, content_type="application/json")


def test(desk: Desk) -> Response:
    """The test code, and a URL to try."""
    from . import attempt

    return attempt.page(desk)


def _steps(desk: Desk) -> list[dict[str, Any]]:
    """The newest event of each kind since the page was opened."""
    pixel_id, since = desk.settings.meta.pixel_id, _since(desk)
    found = []
    for name in STEPS:
        entries = (
            desk.services.ledger.recent(Filter(pixel_id=pixel_id, event_name=name, since=since), 5) if pixel_id else []
        )
        best = max(entries, key=lambda entry: (entry.paired, entry.number), default=None)
        browser, server = legs_of(best) if best else ("wait", "wait")
        found.append(
            {
                "name": name,
                "label": desk.say(name),
                "browser": browser,
                "server": server,
                "paired": bool(best and best.paired),
                "text": sentence(desk, best) if best else "",
                "number": best.number if best else 0,
            }
        )
    return found


def _since(desk: Desk) -> float:
    given = desk.request.args.get("since", type=float)
    return given if given and 0 < given <= desk.now else desk.now


def _shop(desk: Desk) -> str:
    return f"{'https' if desk.door.secure else 'http'}://{desk.request.host}/"
