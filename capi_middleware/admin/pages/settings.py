"""Everything else that a shop owner may decide: pause, privacy, excluded pages and people, password, sessions, log."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from werkzeug.wrappers import Response

from capi_middleware.admin import account, audit, session
from capi_middleware.admin.account import Refusal
from capi_middleware.admin.desk import Desk
from capi_middleware.delivery import OrderDesk, StoreError
from capi_middleware.settings.condition import PatternError
from capi_middleware.settings.pattern import path_pattern
from capi_middleware.visit.reading import IGNORE_COOKIE
from capi_middleware.visit.scrub import preview_scrub

from .connect import fingerprint

_YEAR = 365 * 86400
_FIELDS = ("exclude", "ignore_addresses", "currency", "country", "keep_personal_days", "scrub")


def settings(desk: Desk, **more: Any) -> Response:
    """One page, a form for each concern."""
    if desk.request.method == "POST" and not more:
        return _save(desk)
    state, shown = desk.services.state, desk.settings
    token = shown.meta.access_token.reveal()
    values: dict[str, Any] = {
        "settings": shown,
        "fingerprint": fingerprint(token) if token else "",
        "problems": desk.services.source.problems,
        "sites": desk.services.source.current.sites,
        "sessions": session.open_sessions(state, desk.now),
        "mine": hashlib.sha256((desk.door.session.token if desk.door.session else "").encode()).hexdigest(),
        "log": audit.latest(state, 50),
        "whole": audit.is_whole(state),
        "fixed": bool(shown.server.admin_password),
        "uncounted": IGNORE_COOKIE in desk.request.cookies,
        "wrong": {},
        "given": _given_now(desk),
        "scrubbed": None,
        "url": "",
        "status": 200,
        "given_fbp": "",
        "erased": None,
    }
    values.update(more)
    return desk.page("settings.html", values.pop("status"), **values)


def _given_now(desk: Desk) -> dict[str, str]:
    shown = desk.settings
    return {
        "exclude": "\n".join(shown.shop.exclude),
        "ignore_addresses": "\n".join(shown.visit.ignore_addresses),
        "currency": shown.shop.currency,
        "country": shown.shop.country,
        "keep_personal_days": f"{shown.delivery.keep_personal_days:g}",
        "scrub": ", ".join(shown.visit.scrub),
    }


def _save(desk: Desk) -> Response:
    form = desk.request.form
    given = {name: form.get(name, "")[:8000] for name in _FIELDS}
    wrong = _wrong(desk, given)
    if wrong:
        return settings(desk, wrong=wrong, given=given, status=422)
    days = float(given["keep_personal_days"].replace(",", "."))
    tables: dict[str, Any] = {
        "shop": {
            "exclude": _lines(given["exclude"]),
            "currency": given["currency"].strip().upper(),
            "country": given["country"].strip().upper(),
        },
        "visit": {
            "ignore_addresses": _lines(given["ignore_addresses"]),
            "advanced_matching": bool(form.get("advanced_matching")),
            "scrub": [word.strip() for word in given["scrub"].split(",") if word.strip()],
        },
        "delivery": {"keep_personal_days": days},
    }
    problem = desk.save(tables)
    if problem:
        field = next((name for name in _FIELDS if name in problem), "exclude")
        return settings(desk, wrong={field: problem}, given=given, status=422)
    desk.note("settings", f"{len(tables['shop']['exclude'])} / {len(tables['visit']['ignore_addresses'])}")
    return desk.go("settings", desk.say("Saved."))


def _wrong(desk: Desk, given: dict[str, str]) -> dict[str, str]:
    found = {}
    if not re.fullmatch(r"\s*([A-Za-z]{3})?\s*", given["currency"]):
        found["currency"] = desk.say("Three letters: SEK.")
    if not re.fullmatch(r"\s*([A-Za-z]{2})?\s*", given["country"]):
        found["country"] = desk.say("Two letters: SE.")
    for line in _lines(given["exclude"]):
        try:
            path_pattern(line)
        except PatternError:
            text = desk.say("“{line}” cannot be read. Begin with a slash: /account/*", line=line)
            found.setdefault("exclude", text)
    for line in _lines(given["ignore_addresses"]):
        if not re.fullmatch(r"[0-9A-Fa-f.:]+(?:/\d{1,3})?", line):
            text = desk.say("“{line}” is no IP address. Write it as 198.51.100.7", line=line)
            found.setdefault("ignore_addresses", text)
    if (
        not re.fullmatch(r"\s*\d{1,3}([.,]\d+)?\s*", given["keep_personal_days"])
        or float(given["keep_personal_days"].replace(",", ".")) > 400
    ):
        found["keep_personal_days"] = desk.say("A number of days from 0 to 400.")
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()][:200]


def pause(desk: Desk) -> Response:
    """One switch for everything; pages are untouched at once."""
    on = desk.request.form.get("paused") == "1"
    wrong = desk.save({"meta": {"paused": on}})
    if wrong:
        return desk.go("settings", wrong, "bad")
    desk.note("pause" if on else "resume")
    if on:
        text = desk.say("Paused. Your shop works as usual, but nothing is sent to Meta.")
        return desk.go("settings", text, "warn")
    return desk.go("settings", desk.say("Started again. What waited is sent now."))


def uncounted(desk: Desk) -> Response:
    """Whether visits of this very browser count."""
    on = desk.request.form.get("on") == "1"
    place = "try" if desk.request.form.get("back") == "try" else "settings"
    text = (
        desk.say("Visits of this browser do not count now.") if on else desk.say("Visits of this browser count again.")
    )
    response = desk.go(place, text)
    if on:
        response.set_cookie(IGNORE_COOKIE, "1", max_age=_YEAR, path="/", httponly=True, samesite="Lax",
                            secure=desk.door.secure)  # fmt: skip
    else:
        response.delete_cookie(IGNORE_COOKIE, path="/", secure=desk.door.secure, httponly=True, samesite="Lax")
    return response


def scrub(desk: Desk) -> Response:
    """What would leave of an address."""
    url = desk.request.form.get("url", "")[:4000]
    return settings(desk, scrubbed=preview_scrub(url, desk.settings), url=url)


def erase(desk: Desk) -> Response:
    """Delete everything of one visitor, by the value of the ``_fbp`` cookie."""
    fbp = desk.request.form.get("fbp", "").strip()[:200]
    if not re.fullmatch(r"fb\.[0-9]\.[0-9]+\.[0-9]+(?:\.[A-Za-z0-9_-]+)?", fbp):
        wrong = {"fbp": desk.say("It begins with fb.1. and stands in the cookie _fbp.")}
        return settings(desk, wrong=wrong, given_fbp=fbp, status=422)
    desk.services.outbox.forget(fbp)
    try:
        count = OrderDesk(desk.services.source, 8.0).purge(fbp=fbp)
    except StoreError as error:
        return settings(desk, wrong={"fbp": str(error)}, status=503)
    desk.note("erased", str(count))
    return settings(desk, erased=count)


def password(desk: Desk) -> Response:
    """A new password; ends every session."""
    form = desk.request.form
    if form.get("password", "") != form.get("again", ""):
        return settings(desk, wrong={"again": desk.say("The two passwords are not the same.")}, status=422)
    refusal = account.change_password(desk.services.state, form.get("password", ""), desk.now)
    if refusal is not None:
        return settings(desk, wrong={"password": refusal_words(desk, refusal)}, status=422)
    desk.note("password")
    return desk.go("login", desk.say("The password is changed. Log in with the new one."))


def refusal_words(desk: Desk, refusal: Refusal) -> str:
    """Why a password or a code was not taken."""
    texts = {
        Refusal.WRONG: desk.say("That is not the set-up code. It stands where the program was started, in its log."),
        Refusal.EXPIRED: desk.say("The set-up code is no longer good. Restart the program: it writes a new one."),
        Refusal.TOO_SHORT: desk.say("The password needs at least 12 characters. A short sentence is good."),
        Refusal.TOO_LONG: desk.say("The password may have at most 128 characters."),
        Refusal.COMMON: desk.say("Many people use this password, so it is tried first. Choose another one."),
        Refusal.BUSY: desk.say("The server is busy. Try again in a moment."),
        Refusal.DONE: desk.say("The admin page has been set up already. Log in instead."),
    }
    return texts[refusal]


def end_session(desk: Desk) -> Response:
    """Log another device out."""
    session.end(desk.services.state, key=desk.request.form.get("key", "")[:64])
    desk.note("session")
    return desk.go("settings", desk.say("Done."))
