"""One event to Meta at once, and the answer in plain words: for ``test-event`` and the admin's test page."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from capi_middleware.events import Event, Visitor, graph_event, new_event_id
from capi_middleware.settings.settings import MetaSettings

from .request import DEADLINE, Call, target_of
from .validate import mend
from .verdict import Kind, Verdict, judge, unreachable, untrusted

_USER_AGENT = "Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


@dataclass(frozen=True, slots=True)
class Trial:
    """``ok``: Meta accepted it. ``words``: what that means, for people. ``answer``: Meta's own, as JSON text."""

    ok: bool
    words: str
    event_id: str
    payload: dict[str, Any]
    verdict: Verdict
    answer: str


def send_test_event(meta: MetaSettings, url: str, code: str = "", event_name: str = "PageView") -> Trial:
    """Send one event of a made-up visitor to ``url`` of the shop, marked with ``code`` (default: the settings'). Waits
    for Meta (10 s at most)."""
    if code:
        meta = dataclasses.replace(meta, test_event_code=code)
    now = time.time()
    made = Event(
        pixel_id=meta.pixel_id,
        event_name=event_name,
        event_id=new_event_id(),
        event_time=int(now),
        event_source_url=url,
        visitor=Visitor("203.0.113.1", _USER_AGENT, f"fb.1.{int(now * 1000)}.1234567890"),
        custom_data={"value": 1.0, "currency": "EUR"} if event_name == "Purchase" else {},
    )
    payload = graph_event(made)
    problem = mend(payload, now)
    if problem:
        return Trial(False, f"Not sent: {problem}.", made.event_id, payload, Verdict(Kind.POISON, reason=problem), "")
    verdict, text = _post(meta, payload)
    return Trial(verdict.kind is Kind.DONE, _words(meta, verdict), made.event_id, payload, verdict, text)


def try_access(meta: MetaSettings, url: str) -> Trial:
    """Whether this token may send events to this pixel, without an event that counts: Meta looks at the token first,
    then at the pixel, and then refuses this event for its age (code 100, subcode 2804003), so that nothing is stored.
    That refusal is the good answer. Waits for Meta (10 s at most)."""
    then = int(time.time()) - 30 * 86400
    visitor = Visitor("203.0.113.1", _USER_AGENT, f"fb.1.{then * 1000}.1234567890")
    made = Event(meta.pixel_id, "PageView", new_event_id(), then, url, visitor)
    payload = graph_event(made)
    verdict, text = _post(dataclasses.replace(meta, test_event_code=""), payload)
    ok = verdict.kind in (Kind.OLD, Kind.DONE)
    words = "Meta knows this pixel, and the token may send to it." if ok else _words(meta, verdict)
    return Trial(ok, words, made.event_id, payload, verdict, text)


def _post(meta: MetaSettings, payload: dict[str, Any]) -> tuple[Verdict, str]:
    """The verdict on one event, and Meta's answer without the token."""
    target = target_of(meta)
    from .graph import Graph

    graph, call = Graph(1), Call()
    watch = threading.Timer(DEADLINE, call.abort)
    watch.daemon = True
    watch.start()
    try:
        answer = graph.post(target.url, target.body([json.dumps(payload)]), call)
    finally:
        watch.cancel()
        graph.close()
    if answer.status:
        verdict = judge(answer.status, answer.headers, answer.body, 1)
    else:
        verdict = untrusted(answer.error) if answer.insecure else unreachable(answer.error)
    return verdict, answer.body.decode("utf-8", "replace").replace(meta.access_token.reveal() or "\0", "***")


def _words(meta: MetaSettings, verdict: Verdict) -> str:
    if verdict.kind is Kind.DONE:
        where = f'look for it in Events Manager under "Test events" ({meta.test_event_code})'
        more = f" Meta adds: {verdict.reason}" if verdict.reason else ""
        return f"Meta accepted the event: {where if meta.test_event_code else 'it counts'}.{more}"
    if verdict.kind is Kind.RETRY or verdict.kind is Kind.FEW or verdict.kind is Kind.THROTTLED:
        return f"Not accepted, but that may pass: {verdict.reason}."
    code = f" (code {verdict.code}/{verdict.subcode})" if verdict.code else ""
    return f"Not accepted: {verdict.reason}{code}."
