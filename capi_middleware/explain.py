"""What would be sent for one request, and why: the same visit, page and rules as the middleware's, and nothing sent.

Pure: :func:`explain` takes a request and the shop's answer. :func:`fetch` is the thin shell that gets an answer from
the shop itself; it talks to nobody else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from werkzeug.test import EnvironBuilder

from .infer import FactReader, Facts, Inference, Inferred, Plan, ProductMemory, Refused, Response
from .page import Injector, Judge, Verdict
from .settings import Settings
from .visit import Asker, Visit, read_visit

LARGEST_ANSWER = 4 * 1024 * 1024
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "sv,en;q=0.8",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Site": "none",
}
"""The headers of a person who opens a page; :attr:`Request.headers` win over them."""
_REQUEST_HEADERS = frozenset(
    {
        "cookie",
        "user-agent",
        "referer",
        "x-requested-with",
        "dnt",
        "authorization",
        "origin",
        "x-forwarded-for",
        "next-action",
    }
)
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5


class Request(NamedTuple):
    """``form``: fields of a posted form; ``json``: a posted JSON body instead. ``headers``: the request's own."""

    url: str
    method: str = "GET"
    form: Sequence[tuple[str, str]] = ()
    json: bytes = b""
    headers: Sequence[tuple[str, str]] = ()


class Answer(NamedTuple):
    """What the shop answers, or would."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes = b""


class Unreachable(OSError):
    """The shop could not be asked. The text is a sentence for people."""


class Explanation(NamedTuple):
    """What the middleware would do. ``events``: in order, PageView first. ``refused``: whose rule matched and which do
    not count, and why. ``pending``: what the following page decides, as the flash cookie would carry it. ``why``: by
    what the platform was recognised."""

    url: str
    visit: Visit
    verdict: Verdict
    reason: str
    platform: str
    why: str
    events: tuple[Inferred, ...]
    refused: tuple[Refused, ...]
    pending: tuple[Mapping[str, Any], ...]

    @property
    def rule(self) -> str:
        """The rules that decided, PageView's aside."""
        names = [event.rule for event in self.events if event.event_name != "PageView"]
        return ", ".join(dict.fromkeys(names))

    def as_json(self) -> dict[str, Any]:
        """The documented shape of ``explain --json``."""
        consent = self.visit.consent
        return {
            "url": self.url,
            "verdict": {"kind": self.verdict.carrier.value, "reason": self.reason},
            "consent": {
                "answer": consent.answer.value,
                "allowed": consent.allowed,
                "source": consent.source,
                "reason": consent.reason,
            },
            "platform": self.platform,
            "rule": self.rule,
            "events": [
                {
                    "event_name": event.event_name,
                    "custom_data": dict(event.custom_data),
                    "sources": dict(event.sources),
                }
                for event in self.events
            ],
        }


def explain(
    settings: Settings,
    request: Request,
    answer: Answer,
    *,
    products: ProductMemory | None = None,
    pending: Sequence[Mapping[str, Any]] = (),
    inference: Inference | None = None,
    now: float | None = None,
) -> Explanation:
    """Judge one request and its answer as the middleware would; nothing is remembered, nothing is sent.

    ``products``: what the shop has shown before; ``pending``: what an earlier request left to be decided by this page;
    ``inference``: for several requests of one shop, so that the platform is recognised once.
    """
    host = (urlsplit(request.url).hostname or "localhost").lower()
    shop = settings.for_host(host)
    environ, body = _environ(request)
    visit = read_visit(environ, shop, time.time() if now is None else now, remember=False)
    inference = inference or Inference(shop, products)
    headers = list(answer.headers)
    if inference.curious(visit.host):
        inference.platforms.look(visit.host, visit.cookies, headers, answer.body if _is_html(headers) else b"")
    plan = inference.plan(visit, environ.get("CONTENT_TYPE", ""), len(body) or None)
    judge = Judge(shop)
    verdict = judge(f"{answer.status} -", headers, visit, judge.prepare(environ, visit), plan.personal)
    facts, reason = _read(shop, visit, plan, verdict, answer, products)
    json = facts is None and (_is_json(headers) or answer.body.lstrip()[:1] in (b"{", b"["))
    if facts is None and not json and visit.asker is Asker.SCRIPT and answer.body:
        fragment = FactReader(visit, shop.shop, {"notices"})
        fragment.feed(answer.body)
        facts = fragment.facts()
    concluded = plan.conclude(
        Response(
            answer.status,
            headers,
            facts,
            answer.body if json else None,
            body if plan.wants_body else None,
            pending,
        )
    )
    recognised = inference.recognised(visit.host)
    return Explanation(
        visit.source_url,
        visit,
        verdict,
        reason,
        recognised.name,
        recognised.why,
        concluded.events,
        concluded.refused,
        concluded.pending,
    )


def _read(
    settings: Settings, visit: Visit, plan: Plan, verdict: Verdict, answer: Answer, products: ProductMemory | None
) -> tuple[Facts | None, str]:
    """The page's facts, None where it is none; and what became of it, in words."""
    if not verdict.inject:
        return None, verdict.reason.value
    reader = FactReader(visit, settings.shop, plan.wanted | {"notices"}, products, whole=True)
    found: list[Facts] = []

    def tail() -> bytes:
        found.append(reader.facts())
        return b""

    injector = Injector(verdict, b"", tail, reader.feed)
    injector.whole(answer.body)
    return (found[0] if found else None), injector.reason.value


def fetch(request: Request, timeout: float = 10.0) -> tuple[Request, Answer]:
    """Open the page as a person's browser would; redirects within the same host are followed. The request that was
    answered in the end, and its answer, within 4 MiB.

    Raises :class:`Unreachable`, whose text is a sentence for people.
    """
    import requests  # a quarter of a second that saved pages need not wait for
    from urllib3.exceptions import HTTPError

    headers = {**BROWSER, "Accept-Encoding": "gzip, deflate", **dict(request.headers)}
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            if urlsplit(request.url).scheme not in ("http", "https") or not urlsplit(request.url).hostname:
                raise Unreachable(f"{request.url} is no address of a page: write it with https://")
            with requests.get(
                request.url, headers=headers, timeout=timeout, allow_redirects=False, stream=True
            ) as reply:
                content = reply.raw.read(LARGEST_ANSWER, decode_content=True)
                answer = Answer(reply.status_code, _plain_headers(list(reply.raw.headers.items())), content)
            target = urljoin(request.url, reply.headers.get("Location", ""))
            if reply.status_code not in _REDIRECTS or urlsplit(target).hostname != urlsplit(request.url).hostname:
                return request, answer
            request = request._replace(url=target)
    except Unreachable:
        raise
    except (OSError, HTTPError, ValueError) as error:
        raise Unreachable(f"{request.url} cannot be opened: {_in_words(error, timeout)}") from error
    raise Unreachable(f"{request.url} cannot be opened: it redirects for ever")


def _in_words(error: BaseException, timeout: float) -> str:
    """What went wrong on the way to the shop. Libraries wrap their errors in one another: the innermost tells most."""
    chain = [error]
    while len(chain) < 12:
        last = chain[-1]
        inner = [getattr(last, "reason", None), *last.args, last.__cause__, last.__context__]
        found = next((one for one in inner if isinstance(one, BaseException) and one not in chain), None)
        if found is None:
            break
        chain.append(found)
    chain.sort(key=lambda one: type(one).__name__ == "ProxyError")
    for one in chain[::-1]:
        for kind in type(one).__mro__:
            if kind.__name__ in _WORDS:
                reason = getattr(one, "verify_message", "") or "nobody says why"
                return _WORDS[kind.__name__].format(timeout=timeout, reason=reason)
        if isinstance(one, OSError) and one.errno:
            return os.strerror(one.errno)
    return "the address cannot be used"


_WORDS = {
    "ProxyError": "the proxy that the environment names (HTTPS_PROXY) does not answer",
    "NameResolutionError": "its host name is unknown (DNS)",
    "gaierror": "its host name is unknown (DNS)",
    "SSLCertVerificationError": "its certificate cannot be trusted: {reason}",
    "SSLError": "it does not speak TLS there; is it http:// instead?",
    "ConnectTimeout": "no connection within {timeout:.0f} s",
    "ReadTimeoutError": "no answer within {timeout:.0f} s",
    "ReadTimeout": "no answer within {timeout:.0f} s",
    "TimeoutError": "no answer within {timeout:.0f} s",
    "ConnectionRefusedError": "nothing answers there (connection refused)",
    "RemoteDisconnected": "the connection was closed without an answer",
    "ConnectionResetError": "the connection was closed without an answer",
    "DecodeError": "its answer is compressed wrongly",
    "IncompleteRead": "its answer broke off",
    "InvalidChunkLength": "its answer broke off",
    "HTTPException": "what answers there is no web server",
    "InvalidHeader": "a header cannot be sent as it is written",
}


def _plain_headers(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what spoke of the coding: the body is decoded by now."""
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
    ]


def _environ(request: Request) -> tuple[dict[str, Any], bytes]:
    parts = urlsplit(request.url)
    given = {name.lower(): value for name, value in request.headers}
    browser = BROWSER if "Mozilla" in given.get("user-agent", "Mozilla") else {}
    headers = {**browser, **dict(request.headers)}
    if "x-requested-with" in given:
        headers = {name: value for name, value in headers.items() if not name.startswith("Sec-Fetch-")}
    body = request.json or urlencode(request.form).encode("utf-8")
    builder = EnvironBuilder(
        path=parts.path or "/",
        base_url=f"{parts.scheme or 'https'}://{parts.netloc or 'localhost'}/",
        query_string=parts.query,
        method=request.method,
        headers=list(headers.items()),
        data=body if body else None,
        content_type=("application/json" if request.json else "application/x-www-form-urlencoded") if body else None,
    )
    try:
        return dict(builder.get_environ()), body
    finally:
        builder.close()


def is_request_header(name: str) -> bool:
    """Whether ``--header`` means the request: browsers send it, shops do not."""
    name = name.lower()
    return name in _REQUEST_HEADERS or name.startswith(("accept", "sec-", "hx-", "if-"))


def _is_html(headers: Sequence[tuple[str, str]]) -> bool:
    return _content_type(headers) == "text/html"


def _is_json(headers: Sequence[tuple[str, str]]) -> bool:
    kind = _content_type(headers)
    return kind == "application/json" or kind.endswith("+json")


def _content_type(headers: Sequence[tuple[str, str]]) -> str:
    found = next((value for name, value in headers if name.lower() == "content-type"), "")
    return found.partition(";")[0].strip().lower()
