"""Seeing it work: three steps that tick themselves as the owner clicks around in the shop."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.wrappers import Response

from capi_middleware.admin import picker
from capi_middleware.admin.desk import Desk
from capi_middleware.delivery import Entry, Filter, StoreError
from capi_middleware.visit.reading import IGNORE_COOKIE

from .connect import is_first_run
from .events import legs_of, sentence

STEPS = ("PageView", "ViewContent", "AddToCart")
_NEWEST = 30


def checklist(desk: Desk) -> Response:
    """Open the shop, click around, see three events arrive from both sides."""
    return desk.page(
        "try.html",
        steps=steps(desk),
        since=_since(desk),
        uncounted=IGNORE_COOKIE in desk.request.cookies,
        connected=bool(desk.settings.meta.pixel_id and desk.settings.meta.access_token),
        mine=bool(desk.request.cookies.get("_fbp")),
        picking=picker.is_on(
            desk.request.cookies, desk.services.key, desk.door.session.token if desk.door.session else ""
        ),
        first=is_first_run(desk),
    )


def checklist_state(desk: Desk) -> Response:
    """The checklist's state, for the page's script."""
    return Response(json.dumps({"steps": steps(desk)}), content_type="application/json")


def steps(desk: Desk) -> list[dict[str, Any]]:
    """For each kind, the best event since the page was opened; this browser's own, where it can be told."""
    pixel_id, since = desk.settings.meta.pixel_id, _since(desk)
    found = []
    for name in STEPS:
        entries = _entries(desk, Filter(pixel_id=pixel_id, event_name=name), since) if pixel_id else []
        best = max(entries, key=lambda entry: (entry.paired, entry.number), default=None)
        browser, server = legs_of(best, desk.now) if best else ("none", "none")
        found.append(
            {
                "name": name,
                "label": desk.event(name),
                "browser": browser,
                "server": server,
                "browser_text": desk.term("BROWSER", browser) if best else desk.say("waiting"),
                "server_text": desk.term("SERVER", server) if best else desk.say("waiting"),
                "paired": bool(best and best.paired),
                "text": sentence(desk, best) if best else "",
                "number": best.number if best else 0,
            }
        )
    return found


def _entries(desk: Desk, wanted: Filter, since: float) -> list[Entry]:
    try:
        # No condition on the time for the store: it would look for one through all that is older.
        newest = desk.services.ledger.recent(wanted, _NEWEST)
        entries = [entry for entry in newest if entry.event_time >= since]
        fbp = desk.request.cookies.get("_fbp", "")
        if not fbp:
            return entries
        return [entry for entry in entries if _fbp_of(desk, entry) == fbp]
    except StoreError:
        return []


def _fbp_of(desk: Desk, entry: Entry) -> str:
    record = desk.services.ledger.record(entry.number)
    return str(record.payload.get("user_data", {}).get("fbp", "")) if record else ""


def _since(desk: Desk) -> float:
    given = desk.request.args.get("since", type=float)
    return given if given and desk.now - 86400 < given <= desk.now else float(int(desk.now))
