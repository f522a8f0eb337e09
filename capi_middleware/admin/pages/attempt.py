"""A test code, a test event, and what an address of the shop would send."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from werkzeug.wrappers import Response

from capi_middleware.admin import answers, inside, terms, throttle
from capi_middleware.admin.desk import Desk
from capi_middleware.delivery import send_test_event
from capi_middleware.explain import Answer, Explanation, Request, explain
from capi_middleware.infer import Inference
from capi_middleware.settings import Settings
from capi_middleware.settings.rule import Rule

from .connect import too_many

HOURS = (1, 4, 24)
_EVENTS = ("PageView", "ViewContent", "AddToCart", "Purchase", "Lead")
_OUTCOMES = {
    "cart": ("302", "/varukorg"),
    "same": ("302", ""),
    "page": ("200", ""),
    "json": ("200", ""),
    "refused": ("422", ""),
}


class Attempt(NamedTuple):
    """What an address would send. ``status``: of the shop's answer; ``wrong``: why it could not be tried."""

    wrong: str = ""
    explanation: Explanation | None = None
    status: int = 0


def page(desk: Desk, **more: Any) -> Response:
    """The three forms."""
    meta = desk.settings.meta
    left = meta.test_event_until - desk.now if meta.test_event_until else 0.0
    form = desk.request.form
    values: dict[str, Any] = {
        "settings": desk.settings,
        "code": meta.test_event_code if left > 0 or not meta.test_event_until else "",
        "left": max(0.0, left),
        "hours": HOURS,
        "names": _EVENTS,
        "tried": {name: form.get(name, "") for name in ("url", "method", "form", "outcome")},
        "attempt": None,
        "sent": None,
        "chosen": form.get("event", ""),
        "given_code": form.get("code", "")[:100],
        "wrong_code": "",
        "problem": "",
        "problem_sending": "",
        "status": 200,
    }
    values.update(more)
    return desk.page("test.html", values.pop("status"), **values)


def code(desk: Desk) -> Response:
    """Save the test code for some hours, or take it away."""
    form = desk.request.form
    if form.get("remove"):
        wrong = desk.save({"meta": {"test_event_code": "", "test_event_until": 0}})
        desk.note("test code", "–")
        return desk.go("test", wrong or desk.say("The test code is removed."), "bad" if wrong else "good")
    text = "".join(form.get("code", "").split())[:100]
    if not re.fullmatch(r"[A-Za-z0-9_-]{4,100}", text):
        wrong = desk.say("A test code has letters and digits only, such as TEST12345. Events Manager shows it.")
        return page(desk, wrong_code=wrong, status=422)
    hours = form.get("hours", 4, type=int)
    until = int(desk.now) + (hours if hours in HOURS else 4) * 3600
    wrong = desk.save({"meta": {"test_event_code": text, "test_event_until": until}})
    desk.note("test code", text)
    return desk.go("test", wrong or desk.say("Saved. The code expires automatically."), "bad" if wrong else "good")


def send(desk: Desk) -> Response:
    """One event of a made-up visitor, to Meta at once."""
    settings = desk.settings
    if not settings.meta.pixel_id or not settings.meta.access_token:
        return desk.go("connect", desk.say("Paste the Pixel ID and the access token."), "note")
    if not settings.meta.test_event_code:
        text = desk.say("Save a test code first: without one the event would count as real.")
        return page(desk, problem_sending=text, status=422)
    wait = throttle.take(desk.services.state, "trial", (10.0, 10.0 / 60), desk.now)
    if wait:
        return page(desk, problem_sending=too_many(desk, wait), status=429)
    name = desk.request.form.get("event", "PageView")
    trial = send_test_event(settings.meta, desk.shop_url, event_name=name if name in _EVENTS else "PageView")
    desk.note("test event", name)
    verdict = trial.verdict
    told = answers.meaning(verdict.code, verdict.subcode, verdict.reason, desk.say, settings.meta.pixel_id)
    sent = {
        "ok": trial.ok,
        "text": desk.say("Meta received your test event. Look for it in Events Manager, under Test events.")
        if trial.ok
        else f"{told.text} {told.todo}".strip(),
        "event_id": trial.event_id,
        "trace": verdict.trace,
    }
    return page(desk, sent=sent)


def url(desk: Desk) -> Response:
    """What would be sent for an address, and why. Nothing is sent; nothing but the shop itself is asked."""
    form = desk.request.form
    tried = attempt(desk, form.get("url", ""), form.get("method", "GET"), form.get("form", ""), form.get("outcome", ""))
    return page(desk, attempt=tried, status=422 if tried.wrong else 200)


def attempt(
    desk: Desk, address: str, method: str = "GET", fields: str = "", outcome: str = "", more: Sequence[Rule] = ()
) -> Attempt:
    """The same engine as ``capi-middleware explain``. ``more``: rules to try before those in force."""
    place = inside.typed_place(address[:2000], desk.authority)
    if place is None:
        text = desk.say(
            "This is no address of your shop. Write one that begins with {url} or with a slash.", url=desk.shop_url
        )
        return Attempt(text)
    settings = desk.settings
    if place.path.startswith(desk.mount + "/"):
        return Attempt(desk.say("This is one of our own pages: nothing is ever sent for it."))
    if more:
        settings = dataclasses.replace(settings, rules=(*more, *settings.rules))
    try:
        if method == "POST":
            request, answer = _posted(desk, place, fields, outcome)
        else:
            where, answer = inside.ask(
                desk.services.call, desk.request.environ, desk.authority, desk.door.secure, place
            )
            request = Request(_whole(desk, where))
    except Exception as error:  # the shop's own fault, whatever it is
        return Attempt(desk.say("The shop itself failed on this page ({name}).", name=type(error).__name__))
    return Attempt("", _explained(desk, settings, request, answer), answer.status)


def _explained(desk: Desk, settings: Settings, request: Request, answer: Answer) -> Explanation:
    """Judged as the middleware would; the visitor has said yes, for the question is what the rules make of it."""
    allowing = dataclasses.replace(settings, consent=dataclasses.replace(settings.consent, mode="off"))
    memory = desk.services.memory
    inference = Inference(allowing, memory)
    return explain(allowing, request, answer, products=memory, inference=inference, now=desk.now)


def _posted(desk: Desk, place: inside.Place, fields: str, outcome: str) -> tuple[Request, Answer]:
    """A form that is sent, answered as the owner says: nothing is really sent to the shop."""
    pairs = []
    for line in fields[:4000].splitlines():
        name, _, value = line.partition("=")
        if name.strip():
            pairs.append((name.strip(), value.strip()))
    status, location = _OUTCOMES.get(outcome, _OUTCOMES["cart"])
    headers = [("Content-Type", "application/json" if outcome == "json" else "text/html; charset=utf-8")]
    if status == "302":
        headers.append(("Location", location or place.text))
    body = b'{"success": true}' if outcome == "json" else b""
    request = Request(_whole(desk, place), "POST", pairs, headers=[("Referer", desk.shop_url)])
    return request, Answer(int(status), headers, body)


def _whole(desk: Desk, place: inside.Place) -> str:
    return desk.shop_url.rstrip("/") + place.text


def verdict_words(desk: Desk, explanation: Explanation) -> str:
    """What becomes of the page, in plain words."""
    return desk.say(terms.VERDICTS.get(explanation.verdict.reason.name, "")) or explanation.reason
