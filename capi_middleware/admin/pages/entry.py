"""The way in and out: set-up code, password, language."""

from __future__ import annotations

import re
from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from capi_middleware.admin import account, picker, session, throttle, words
from capi_middleware.admin.account import Refusal
from capi_middleware.admin.desk import STATIC, Desk, static_file, static_tag

from .connect import set_first_run, too_many
from .settings import refusal_words

_FIELDS = {
    Refusal.WRONG: "code",
    Refusal.EXPIRED: "code",
    Refusal.TOO_SHORT: "password",
    Refusal.TOO_LONG: "password",
    Refusal.COMMON: "password",
}
"""Where on the page a refusal is shown; any other stands at its top."""
SENT_AGAIN = ("consent", "settings/erase")
"""Forms that are kept while the password is asked for. That for a new password is not: it holds one."""


def static(desk: Desk, tag: str, name: str) -> Response:
    """Our own style and script."""
    if name not in STATIC or tag != static_tag(name):
        raise NotFound()
    response = Response(static_file(name), content_type=STATIC[name])
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def language(desk: Desk) -> Response:
    """Remember the language and go back."""
    chosen = desk.request.form.get("language", "")
    back = desk.request.form.get("back", "")
    # Only our own pages: a path after the mount, never an address (no open redirect).
    place = (
        back
        if back.startswith(desk.home) and re.fullmatch(r"[A-Za-z0-9_/.~-]+", back) and "//" not in back
        else desk.home
    )
    response = redirect(place, 303)
    if chosen in words.LANGUAGES:
        response.set_cookie("shop_language", chosen, max_age=31536000, path=desk.home, samesite="Strict",
                            secure=desk.door.secure, httponly=True)  # fmt: skip
    return response


def setup(desk: Desk) -> Response:
    """First run: the code from the program's output, and an own password."""
    state = desk.services.state
    if account.has_account(state) or desk.settings.server.admin_password:
        return desk.go("login")
    if desk.request.method != "POST":
        return desk.page("setup.html", problem="", wrong={})
    form = desk.request.form
    if form.get("password", "") != form.get("again", ""):
        wrong = {"again": desk.say("The two passwords are not the same.")}
        return desk.page("setup.html", 422, problem="", wrong=wrong)
    wait = throttle.wait_before(state, desk.door.network, desk.now)
    if wait:
        return _later(desk, "setup.html", wait, wrong={})
    refusal = account.create_account(state, form.get("code", ""), form.get("password", ""), desk.now)
    if refusal is not None:
        told, field = refusal_words(desk, refusal), _FIELDS.get(refusal, "")
        return desk.page("setup.html", 422, problem="" if field else told, wrong={field: told})
    desk.note("set up")
    set_first_run(desk, True)
    return _let_in(desk, "connect")


def login(desk: Desk) -> Response:
    """The password."""
    state, fixed = desk.services.state, desk.settings.server.admin_password.reveal()
    if not fixed and not account.has_account(state):
        return desk.go("setup")
    if desk.request.method != "POST":
        return desk.go("") if desk.door.session else desk.page("login.html", problem="")
    wait = throttle.wait_before(state, desk.door.network, desk.now)
    if wait:
        return _later(desk, "login.html", wait)
    refusal = account.check_password(state, desk.request.form.get("password", ""), fixed)
    if refusal is Refusal.BUSY:
        return _later(desk, "login.html", 2)
    if refusal is not None:
        seconds = throttle.failed(state, desk.now)
        desk.note("wrong password")
        text = _wrong_password(desk, seconds)
        return desk.page("login.html", 422, problem=text)
    throttle.succeeded(state)
    desk.note("log in")
    return _let_in(desk, "")


def ask_again(desk: Desk, place: str) -> Response:
    """Before something delicate: the password again, in a form that keeps what was sent to ``place``."""
    return desk.page("confirm.html", 403, problem="", next=place, kept=_kept(desk))


def confirm(desk: Desk) -> Response:
    """The password again, before something delicate."""
    known = desk.door.session
    if known is None:
        return desk.go("login")
    if desk.request.method != "POST":
        return desk.page("confirm.html", problem="", next=_next(desk), kept=())
    state, kept = desk.services.state, _kept(desk)
    wanted = desk.request.form.get("next", "")
    again = bool(kept) and wanted in SENT_AGAIN
    place = wanted if again else _next(desk)
    wait = throttle.wait_before(state, desk.door.network, desk.now)
    if wait:
        return _later(desk, "confirm.html", wait, next=place, kept=kept)
    fixed = desk.settings.server.admin_password.reveal()
    if account.check_password(state, desk.request.form.get("password", ""), fixed) is not None:
        seconds = throttle.failed(state, desk.now)
        text = _wrong_password(desk, seconds)
        return desk.page("confirm.html", 422, problem=text, next=place, kept=kept)
    throttle.succeeded(state)
    session.confirm(state, known, desk.now)
    if again:
        return redirect(desk.home + place, 307)  # the browser sends the same form there (RFC 9110 section 15.4.8)
    if place.startswith("events.csv"):  # a file leaves the page as it was, so the list fetches it
        query = place.partition("?")[2]
        text = desk.say("Thank you. The file is on its way; if it does not come, press Export as CSV again.")
        return desk.go(f"events?{query}&download=1" if query else "events?download=1", text)
    return desk.go(
        place, desk.say("Thank you. Now repeat what you were doing: you will not be asked again for five minutes.")
    )


def logout(desk: Desk) -> Response:
    """End this session."""
    if desk.door.session:
        session.end(desk.services.state, desk.door.session.token)
    desk.note("log out")
    response = desk.go("login", desk.say("You are logged out."), "note")
    response.headers.add("Set-Cookie", session.set_cookie("", desk.door.secure))
    response.delete_cookie(picker.COOKIE, path="/", secure=desk.door.secure, httponly=True, samesite="Strict")
    return response


def _let_in(desk: Desk, place: str) -> Response:
    begun = session.begin(desk.services.state, desk.door.network, desk.now)
    response = desk.go(place)
    response.headers.add("Set-Cookie", session.set_cookie(begun.token, desk.door.secure))
    return response


def _kept(desk: Desk) -> tuple[tuple[str, str], ...]:
    """What a form held that waits for the password."""
    form = desk.request.form
    return tuple((name, value) for name, value in form.items(multi=True) if name not in ("csrf", "password", "next"))


def _next(desk: Desk) -> str:
    """Where to go on: one of our own pages, never an address (no open redirect)."""
    wanted = desk.request.values.get("next", "").lstrip("/")
    return (
        wanted
        if re.fullmatch(r"(?:events\.csv(?:\?[A-Za-z0-9_.=&%+-]*)?|settings|consent|connect)", wanted)
        else "settings"
    )


def _wrong_password(desk: Desk, seconds: int) -> str:
    return desk.many("Wrong password. Try again in one second.", "Wrong password. Try again in {n} seconds.", seconds)


def _later(desk: Desk, template: str, wait: int, **more: Any) -> Response:
    text = too_many(desk, wait)
    response = desk.page(template, 429, problem=text, **more)
    response.headers["Retry-After"] = str(wait)
    return response
