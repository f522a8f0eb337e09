"""Pixel and token; everything else that a shop owner may decide."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from werkzeug.wrappers import Response

from capi_middleware.admin import account, audit, session
from capi_middleware.admin.desk import Desk

_QUOTES = "\"'“”‘’«» \t\r\n\u00a0\u200b"


def connect(desk: Desk) -> Response:
    """The two fields that make it work. The token is never shown again."""
    meta = desk.settings.meta
    if desk.request.method != "POST":
        return _connect_page(desk, meta.pixel_id, {}, 200)
    pixel_id = tidy_pixel(desk.request.form.get("pixel_id", ""))
    token = tidy_token(desk.request.form.get("access_token", ""))
    problems = {}
    wrong = pixel_problem(desk, pixel_id)
    if wrong:
        problems["pixel_id"] = wrong
    wrong = token_problem(desk, token) if token or not meta.access_token else ""
    if wrong:
        problems["access_token"] = wrong
    if problems:
        return _connect_page(desk, pixel_id, problems, 422)
    saved: dict[str, Any] = {"pixel_id": pixel_id}
    if token:
        saved["access_token"] = token
    desk.services.source.save({"meta": saved}, desk.site)
    desk.note("settings", f"pixel {pixel_id}" + (", new token " + fingerprint(token) if token else ""))
    in_force = desk.settings.meta
    if in_force.pixel_id != pixel_id or (token and in_force.access_token.reveal() != token):
        return desk.go("connect", desk.say("Saved, but the server's environment or a keyword says otherwise and wins."))
    return desk.go(f"try?since={desk.now:.0f}", desk.say("Saved. Now open your shop and click around."))


def settings(desk: Desk) -> Response:
    """Consent, privacy, excluded pages, password, sessions, log."""
    if desk.request.method == "POST":
        form = desk.request.form
        excluded = [line.strip() for line in form.get("exclude", "").splitlines() if line.strip()]
        mode = form.get("mode", "")
        tables: dict[str, Any] = {"shop": {"exclude": excluded[:200]}}
        if mode in ("auto", "required", "implied", "off"):
            if mode == "off" and desk.settings.consent.mode != "off" and not _is_fresh(desk):
                return desk.go("confirm")
            tables["consent"] = {"mode": mode}
        currency = form.get("currency", "").strip().upper()
        if re.fullmatch(r"[A-Z]{3}", currency) or not currency:
            tables["shop"]["currency"] = currency
        desk.services.source.save(tables, desk.site)
        desk.note("settings", f"consent {mode}, currency {currency}, {len(excluded)} excluded paths")
        return desk.go("settings", desk.say("Saved."))
    state = desk.services.state
    return desk.page(
        "settings.html",
        settings=desk.settings,
        problems=desk.services.source.problems,
        sessions=session.open_sessions(state, desk.now),
        mine=hashlib.sha256((desk.door.session.token if desk.door.session else "").encode()).hexdigest(),
        log=audit.latest(state, 50),
        whole=audit.is_whole(state),
        fixed=bool(desk.settings.server.admin_password),
    )


def password(desk: Desk) -> Response:
    """A new password; ends every session."""
    form = desk.request.form
    if form.get("password", "") != form.get("again", ""):
        return desk.go("settings", desk.say("The two passwords are not the same."))
    refusal = account.change_password(desk.services.state, form.get("password", ""), desk.now)
    if refusal is not None:
        return desk.go("settings", desk.say("The password was not changed: it is {why}.", why=desk.say(refusal.value)))
    desk.note("password", "changed, all sessions ended")
    return desk.go("login")


def end_session(desk: Desk) -> Response:
    """Log another device out."""
    session.end(desk.services.state, key=desk.request.form.get("key", ""))
    desk.note("session", "ended")
    return desk.go("settings", desk.say("Done."))


def tidy_pixel(text: str) -> str:
    """What people paste: digits with spaces or quotes around them."""
    return re.sub(r"[\s\u00a0\u200b]", "", text.strip(_QUOTES))


def tidy_token(text: str) -> str:
    """What people paste: quotes, line breaks, ``access_token=`` before it."""
    text = re.sub(r"[\s\u00a0\u200b]", "", text).strip(_QUOTES)
    return text.removeprefix("access_token=").removeprefix("Bearer").strip(_QUOTES)


def pixel_problem(desk: Desk, pixel_id: str) -> str:
    """Why this is no Pixel ID, or "". Nothing that might be one is refused."""
    if not pixel_id:
        return desk.say("Paste the Pixel ID: the number at the top of Events Manager.")
    if not pixel_id.isascii() or not pixel_id.isdigit():
        return desk.say("A Pixel ID has digits only, usually 15 or 16 of them.")
    if not 5 <= len(pixel_id) <= 20:
        return desk.say("This has {n} digits; a Pixel ID usually has 15 or 16.", n=len(pixel_id))
    return ""


def token_problem(desk: Desk, token: str) -> str:
    """Why this is no access token, or ""."""
    if not token:
        return desk.say("Paste the access token from Events Manager.")
    if len(token) < 20:
        return desk.say("This looks too short to be an access token. Did you copy all of it?")
    if not re.fullmatch(r"[!-~]+", token):
        return desk.say("An access token has letters and digits only.")
    return ""


def fingerprint(token: str) -> str:
    """What may be shown of a token: enough to tell two apart, too little to use."""
    return hashlib.sha256(token.encode("utf-8")).hexdigest()[:8]


def _is_fresh(desk: Desk) -> bool:
    return bool(desk.door.session and desk.door.session.fresh)


def _connect_page(desk: Desk, pixel_id: str, problems: dict[str, str], status: int) -> Response:
    token = desk.settings.meta.access_token.reveal()
    return desk.page(
        "connect.html", status, pixel_id=pixel_id, problems=problems, has_token=bool(token),
        fingerprint=fingerprint(token) if token else "",
    )  # fmt: skip
