"""Consent: what the shop asks its visitors, what they answer, and what follows; with a tester."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from capi_middleware.admin import terms
from capi_middleware.admin.desk import Desk
from capi_middleware.visit import check_consent, memory_for, visit_census

from .entry import ask_again

GPC = ("denied", "outweighed", "ignore")


def consent(desk: Desk, **more: Any) -> Response:
    """Figures and choices."""
    if desk.request.method == "POST" and "tested" not in more:
        return _save(desk)
    census = visit_census(desk.host)
    values: dict[str, Any] = {
        "settings": desk.settings.consent,
        "census": census,
        "tools": sorted(memory_for(desk.settings).seen(desk.host)),
        "unknown": sorted(
            what.removeprefix("cookie:")
            for what, n in desk.services.traffic.marks(desk.host).items()
            if what.startswith("cookie:") and n >= 2
        )[:10],
        "modes": list(terms.MODES),
        "tested": None,
        "cookies": "",
        "gpc": False,
        "problem": "",
        "status": 200,
    }
    values.update(more)
    return desk.page("consent.html", values.pop("status"), **values)


def attempt(desk: Desk) -> Response:
    """Paste a visitor's cookies: what would be taken for their answer. Nothing is kept."""
    cookies = desk.request.form.get("cookies", "")[:16_000]
    gpc = bool(desk.request.form.get("gpc"))
    tested = check_consent(cookies, desk.settings, desk.now, host=desk.host, gpc=gpc)
    return consent(desk, tested=tested, gpc=gpc)


def forget(desk: Desk) -> Response:
    """The shop has changed its consent tool."""
    memory_for(desk.settings).forget(desk.host)
    desk.note("tools", desk.host)
    return desk.go("consent", desk.say("Forgotten. What is in use will be seen again on the next pages."))


def _save(desk: Desk) -> Response:
    form, before = desk.request.form, desk.settings.consent
    mode = form.get("mode", "")
    if mode not in terms.MODES:
        return consent(desk, tested=None, problem=desk.say("Choose when visits may be shared with Meta."), status=422)
    looser = mode != before.mode and mode in ("off", "implied")
    if looser and not (desk.door.session and desk.door.session.fresh):
        return ask_again(desk, "consent")
    gpc = form.get("gpc_setting", "")
    table: dict[str, Any] = {"mode": mode, "gpc": gpc if gpc in GPC else before.gpc}
    table["do_not_track"] = bool(form.get("do_not_track"))
    cookie = form.get("cookie", "").strip()[:200]
    table["cookie"] = cookie
    table["cookie_granted"] = _words(form.get("granted", "")) or list(before.cookie_granted)
    table["cookie_denied"] = _words(form.get("denied", "")) or list(before.cookie_denied)
    wrong = desk.save({"consent": table})
    if wrong:
        return consent(desk, tested=None, problem=wrong, status=422)
    desk.note("settings", f"consent {mode}")
    return desk.go("consent", desk.say("Saved."))


def _words(text: str) -> list[str]:
    return [word.strip() for word in text[:500].split(",") if word.strip()]
