"""The two fields that make it work: checked as typed, then against Meta, then in force everywhere."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from typing import Any, NamedTuple

from werkzeug.wrappers import Response

from capi_middleware.admin import answers, throttle
from capi_middleware.admin.answers import Meaning
from capi_middleware.admin.desk import Desk
from capi_middleware.delivery import try_access
from capi_middleware.settings import Secret

_QUOTES = "\"'“”‘’«» \t\r\n\u00a0\u200b"
_PENDING = 600.0
"""Seconds that a token which Meta would not take is kept, so that nobody need paste it twice."""
FINAL = ("token", "pixel", "permission")


class Given(NamedTuple):
    """What the form says. ``kept``: the token comes from an earlier try. ``typed``: what stood in the Pixel ID's field,
    unless it was a token, which no page ever shows again; ``moved``: that token, taken for what it is."""

    pixel_id: str
    token: str
    kept: bool
    typed: str = ""
    moved: bool = False


def connect(desk: Desk) -> Response:
    """The form. Saved is what Meta accepts; anything else only on the owner's own word."""
    if desk.request.method != "POST":
        return _page(desk, desk.settings.meta.pixel_id)
    given = _given(desk)
    problems = _problems(desk, given)
    if problems:
        good = given.token and "access_token" not in problems
        if good:
            _keep_pending(desk, given.token)
        return _page(desk, given.typed, problems=problems, status=422, kept=bool(good))
    found, reached = ask_meta(desk, given)
    anyway = bool(desk.request.form.get("anyway"))
    if found is not None and found.kind in FINAL and not anyway:
        _keep_pending(desk, given.token)
        field = "access_token" if found.kind in ("token", "permission") else "pixel_id"
        told = {field: f"{found.text} {found.todo}".strip()}
        return _page(desk, given.typed, problems=told, status=422, anyway=True, kept=bool(given.token))
    return _save(desk, given, reached and found is None, found)


def check(desk: Desk) -> Response:
    """The same for the page's script, while the form is being filled in; saves nothing."""
    given = _given(desk)
    problems = _problems(desk, given)
    if problems:
        return _json({"ok": False, "problems": problems, "text": ""}, 200)
    wait = throttle.take(desk.services.state, f"check {desk.door.network}", (10.0, 10.0 / 60), desk.now)
    if wait:
        return _json({"ok": False, "problems": {}, "text": ""}, 429)
    found, _ = ask_meta(desk, given)
    if found is None:
        text = desk.say("Meta knows this pixel, and the token may send to it.")
        return _json({"ok": True, "problems": {}, "text": text}, 200)
    field = {"token": "access_token", "permission": "access_token", "pixel": "pixel_id"}.get(found.kind, "")
    text = f"{found.text} {found.todo}".strip()
    return _json({"ok": False, "problems": {field: text} if field else {}, "text": "" if field else text}, 200)


def ask_meta(desk: Desk, given: Given) -> tuple[Meaning | None, bool]:
    """(what is wrong, None for nothing; whether Meta answered at all). No event comes of it."""
    meta = desk.settings.meta
    token = Secret(given.token) if given.token else meta.access_token
    trial = try_access(dataclasses.replace(meta, pixel_id=given.pixel_id, access_token=token), desk.shop_url)
    if trial.ok:
        return None, True
    verdict = trial.verdict
    told = answers.meaning(verdict.code, verdict.subcode, verdict.reason, desk.say, given.pixel_id)
    return told, told.kind != "network"


def _save(desk: Desk, given: Given, good: bool, found: Meaning | None) -> Response:
    saved: dict[str, Any] = {"pixel_id": given.pixel_id}
    had_token = bool(desk.settings.meta.access_token)
    if given.token:
        saved["access_token"] = given.token
    wrong = desk.save({"meta": saved})
    if wrong:
        return _page(desk, given.typed, problems={"pixel_id": wrong}, status=422)
    _keep_pending(desk, "")
    if not had_token:
        set_first_run(desk, True)
    desk.note("connect", given.pixel_id + (f" · {fingerprint(given.token)}" if given.token else ""))
    in_force = desk.settings.meta
    if in_force.pixel_id != given.pixel_id or (given.token and in_force.access_token.reveal() != given.token):
        text = desk.say("Saved, but the server's own configuration says otherwise, and that counts more.")
        return desk.go("connect", text, "warn")
    place = f"try?since={desk.now:.0f}"
    if good:
        return desk.go(place, desk.say("Saved. Meta knows this pixel, and the token may send to it."))
    text = found.text if found is not None else ""
    return desk.go(place, desk.say("Saved, but not confirmed by Meta: {text}", text=text), "warn")


def _given(desk: Desk) -> Given:
    form = desk.request.form
    typed, token = form.get("pixel_id", "")[:2000], tidy_token(form.get("access_token", "")[:2000])
    if looks_like_token(typed):  # in the wrong field; it changes places with a number, and is never shown
        number = tidy_pixel(token) if re.fullmatch(r"\d{5,20}", tidy_pixel(token)) else ""
        if number or not token:
            return Given(number, tidy_token(typed), False, number, not number)
        typed = ""
    kept = "" if token or not form.get("use_kept") else _pending(desk)
    return Given(tidy_pixel(typed)[:100], token or kept, bool(kept), typed[:100])


def _problems(desk: Desk, given: Given) -> dict[str, str]:
    problems = {"pixel_id": pixel_problem(desk, given.pixel_id)}
    if given.moved:
        problems["pixel_id"] = desk.say("That was an access token, and is kept as one. Now paste the Pixel ID here.")
    if given.token or not desk.settings.meta.access_token:
        problems["access_token"] = token_problem(desk, given.token)
    return {name: problem for name, problem in problems.items() if problem}


def _page(
    desk: Desk,
    pixel_id: str,
    *,
    problems: dict[str, str] | None = None,
    status: int = 200,
    anyway: bool = False,
    kept: bool = False,
) -> Response:
    token = desk.settings.meta.access_token.reveal()
    return desk.page(
        "connect.html",
        status,
        pixel_id=pixel_id,
        problems=problems or {},
        has_token=bool(token),
        fingerprint=fingerprint(token) if token else "",
        anyway=anyway,
        kept=kept,
        fixed=_fixed(desk),
        first=not token or is_first_run(desk),
    )


def _fixed(desk: Desk) -> bool:
    """Whether the environment or the program itself sets the token, so that nothing saved here would count."""
    return bool(os.environ.get("CAPI_ACCESS_TOKEN") or os.environ.get("CAPI_PIXEL_ID")) and not desk.site


def is_first_run(desk: Desk) -> bool:
    """Whether the owner is on the way from the set-up code to the first events; over a day later is another day."""
    return bool(desk.services.state.note("first run", desk.now))


def set_first_run(desk: Desk, on: bool) -> None:
    """Begin or end that way."""
    desk.services.state.set_note("first run", "1" if on else "", desk.now + 86400, desk.now)


def _pending_key(desk: Desk) -> str:
    token = desk.door.session.token if desk.door.session else ""
    return "pending " + hashlib.sha256(token.encode("utf-8")).hexdigest()[:32]


def _pending(desk: Desk) -> str:
    return desk.services.state.note(_pending_key(desk), desk.now)


def _keep_pending(desk: Desk, token: str) -> None:
    desk.services.state.set_note(_pending_key(desk), token, desk.now + _PENDING, desk.now)


def tidy_pixel(text: str) -> str:
    """What people paste: digits with spaces or quotes around them."""
    return re.sub(r"[\s\u00a0\u200b]", "", text.strip(_QUOTES))


def tidy_token(text: str) -> str:
    """What people paste: quotes, line breaks, ``access_token=`` before it."""
    text = re.sub(r"[\s\u00a0\u200b]", "", text).strip(_QUOTES)
    return text.removeprefix("access_token=").removeprefix("Bearer").strip(_QUOTES)


def looks_like_token(text: str) -> bool:
    """Whether this is an access token rather than a mistyped number. Nothing that may be one is shown again."""
    token = tidy_token(text)
    return len(token) >= 20 and bool(re.fullmatch(r"[!-~]+", token)) and (token.startswith("EAA") or len(token) > 40)


def pixel_problem(desk: Desk, pixel_id: str) -> str:
    """Why this is no Pixel ID, or "". Nothing that might be one is refused."""
    if not pixel_id:
        return desk.say("Paste the Pixel ID: the number at the top of Events Manager.")
    if not pixel_id.isascii() or not pixel_id.isdigit():
        return desk.say("A Pixel ID has digits only, usually 15 or 16 of them.")
    if not 5 <= len(pixel_id) <= 20:
        return desk.many(
            "This has one digit; a Pixel ID usually has 15 or 16.",
            "This has {n} digits; a Pixel ID usually has 15 or 16.",
            len(pixel_id),
        )
    return ""


def token_problem(desk: Desk, token: str) -> str:
    """Why this is no access token, or ""."""
    if not token:
        return desk.say("Paste the access token from Events Manager.")
    if len(token) < 20:
        return desk.say("This looks too short to be an access token. Did you copy all of it?")
    if not re.fullmatch(r"[!-~]+", token) or token.startswith("env:"):
        return desk.say("An access token has letters and digits only.")
    return ""


def too_many(desk: Desk, wait: int) -> str:
    """How long to wait after too many tries."""
    return desk.many(
        "Too many tries. Wait one second, then try again.", "Too many tries. Wait {n} seconds, then try again.", wait
    )


def fingerprint(token: str) -> str:
    """What may be shown of a token: enough to tell two apart, too little to use."""
    return hashlib.sha256(token.encode("utf-8")).hexdigest()[:8]


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
