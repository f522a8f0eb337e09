"""The way in and out: set-up code, password, language."""

from __future__ import annotations

import mimetypes

from werkzeug.exceptions import NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from capi_middleware.admin import account, session, throttle, words
from capi_middleware.admin.account import Refusal
from capi_middleware.admin.desk import STATIC, Desk, static_file, static_tag


def static(desk: Desk, tag: str, name: str) -> Response:
    """Our own style and script."""
    if name not in STATIC or tag != static_tag(name):
        raise NotFound()
    response = Response(static_file(name), content_type=STATIC.get(name) or mimetypes.guess_type(name)[0])
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def language(desk: Desk) -> Response:
    """Remember the language and go back."""
    chosen = desk.request.form.get("language", "")
    back = desk.request.form.get("back", "")
    # Only our own pages: a path after the mount, never an address (no open redirect).
    place = back if back.startswith(desk.home) and "//" not in back and "\\" not in back else desk.home
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
        return desk.page("setup.html", problem="")
    form = desk.request.form
    if form.get("password", "") != form.get("again", ""):
        return desk.page("setup.html", 422, problem=desk.say("The two passwords are not the same."))
    wait = throttle.wait_before(state, desk.door.network, desk.now)
    if wait:
        return _later(desk, "setup.html", wait)
    refusal = account.create_account(state, form.get("code", ""), form.get("password", ""), desk.now)
    if refusal is not None:
        return desk.page("setup.html", 422, problem=_reason(desk, refusal))
    desk.note("set up", "first password")
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
        desk.note("log in", "wrong password")
        text = desk.say("Wrong password. Try again in {s} seconds.", s=seconds)
        return desk.page("login.html", 422, problem=text)
    throttle.succeeded(state)
    desk.note("log in")
    return _let_in(desk, "")


def confirm(desk: Desk) -> Response:
    """The password again, before something delicate."""
    known = desk.door.session
    if known is None:
        return desk.go("login")
    if desk.request.method != "POST":
        return desk.page("confirm.html", problem="")
    state = desk.services.state
    wait = throttle.wait_before(state, desk.door.network, desk.now)
    if wait:
        return _later(desk, "confirm.html", wait)
    fixed = desk.settings.server.admin_password.reveal()
    if account.check_password(state, desk.request.form.get("password", ""), fixed) is not None:
        seconds = throttle.failed(state, desk.now)
        text = desk.say("Wrong password. Try again in {s} seconds.", s=seconds)
        return desk.page("confirm.html", 422, problem=text)
    throttle.succeeded(state)
    session.confirm(state, known, desk.now)
    return desk.go("settings", desk.say("Thank you. Now do it once more within five minutes."))


def logout(desk: Desk) -> Response:
    """End this session."""
    if desk.door.session:
        session.end(desk.services.state, desk.door.session.token)
    response = desk.go("login")
    response.headers.add("Set-Cookie", session.set_cookie("", desk.door.secure))
    return response


def _let_in(desk: Desk, place: str) -> Response:
    begun = session.begin(desk.services.state, desk.door.network, desk.now)
    response = desk.go(place)
    response.headers.add("Set-Cookie", session.set_cookie(begun.token, desk.door.secure))
    return response


def _later(desk: Desk, template: str, wait: int) -> Response:
    text = desk.say("Too many tries. Wait {s} seconds, then try again.", s=wait)
    response = desk.page(template, 429, problem=text)
    response.headers["Retry-After"] = str(wait)
    return response


def _reason(desk: Desk, refusal: Refusal) -> str:
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
