"""One event to Meta at once, and the answer in plain words: for ``test-event`` and the admin's test page."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from typing import Any

from capi_middleware.events import Event, Visitor, graph_event, new_event_id
from capi_middleware.settings.settings import MetaSettings

from .graph import Call, Graph, target_of
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
    target = target_of(meta)
    graph = Graph(1)
    try:
        answer = graph.post(target.url, target.body([json.dumps(payload)]), Call())
    finally:
        graph.close()
    if answer.status:
        verdict = judge(answer.status, answer.headers, answer.body, 1)
    else:
        verdict = untrusted(answer.error) if answer.insecure else unreachable(answer.error)
    text = answer.body.decode("utf-8", "replace").replace(meta.access_token.reveal() or "\0", "***")
    return Trial(verdict.kind is Kind.DONE, _words(meta, verdict), made.event_id, payload, verdict, text)


def _words(meta: MetaSettings, verdict: Verdict) -> str:
    if verdict.kind is Kind.DONE:
        where = f'look for it in Events Manager under "Test events" ({meta.test_event_code})'
        more = f" Meta adds: {verdict.reason}" if verdict.reason else ""
        return f"Meta accepted the event: {where if meta.test_event_code else 'it counts'}.{more}"
    if verdict.kind is Kind.RETRY or verdict.kind is Kind.FEW or verdict.kind is Kind.THROTTLED:
        return f"Not accepted, but that may pass: {verdict.reason}."
    code = f" (code {verdict.code}/{verdict.subcode})" if verdict.code else ""
    return f"Not accepted: {verdict.reason}{code}."
