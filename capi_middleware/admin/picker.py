"""Point and click: the owner's own browser sees the shop with a bar in it, and picks a button or a price.

The bar goes into pages only where a short-lived cookie says so, which is signed, bound to a session of the admin, and
out of reach of the page's scripts. While it is on, this browser's visits are not counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer

from capi_middleware.page import Decision, Injector, Judge, answer
from capi_middleware.page.verdict import Headers
from capi_middleware.settings import Settings
from capi_middleware.visit import Asker, read_visit

COOKIE = "shop_pick"
LIFE = 900
"""Seconds."""

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def cookie_for(session: str, key: bytes) -> str:
    """The cookie's value for a session's token."""
    return _signer(key).dumps(_mark(session))


def is_on(cookies: Mapping[str, str], key: bytes, session: str) -> bool:
    """Whether this browser may pick, for this very session."""
    return bool(session) and _read(cookies, key) == _mark(session)


def is_signed(cookies: Mapping[str, str], key: bytes) -> bool:
    """Whether the cookie is one that we gave out within the last quarter of an hour."""
    return bool(_read(cookies, key))


def serve(
    app: App, environ: dict[str, Any], start_response: Callable[..., Any], settings: Settings, script: str, now: float
) -> Iterable[bytes]:
    """The shop's answer, with the bar in its pages and nothing else of ours. ``script``: the bar's address."""
    visit = read_visit(environ, settings, now, remember=False)._replace(asker=Asker.PERSON)
    judge = Judge(settings)
    prepared = judge.prepare(environ, visit)

    def on_start(status: str, headers: Headers) -> Decision | None:
        verdict = judge(status, headers, visit, prepared)
        if not verdict.inject:
            return None
        nonce = f' nonce="{escape(verdict.nonce, quote=True)}"' if verdict.nonce else ""
        tag = f'<script src="{escape(script, quote=True)}"{nonce} defer></script>'.encode("ascii")
        kept = [pair for pair in headers if pair[0].lower() not in ("content-length", "etag", "last-modified")]
        kept = [pair for pair in kept if pair[0].lower() != "cache-control"]
        kept.append(("Cache-Control", "private, no-store"))
        injector = Injector(verdict, tag, lambda: b"", None)
        return Decision(kept, _Filter(injector))

    return answer(app, environ, start_response, on_start, lambda complete: None)


class _Filter:
    """Lets the page pass; never raises (:class:`Injector`)."""

    faulty = False

    def __init__(self, injector: Injector) -> None:
        self._injector = injector

    def whole(self, body: bytes) -> bytes:
        return self._injector.whole(body)

    def feed(self, chunk: bytes) -> bytes:
        return self._injector.feed(chunk)

    def finish(self) -> bytes:
        return self._injector.finish()


def _read(cookies: Mapping[str, str], key: bytes) -> str:
    given = cookies.get(COOKIE, "")
    if not given or len(given) > 300:
        return ""
    try:
        found = _signer(key).loads(given, max_age=LIFE)
    except BadData:
        return ""
    return found if isinstance(found, str) else ""


def _signer(key: bytes) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(key, salt="capi-admin-picker")


def _mark(session: str) -> str:
    return hashlib.sha256(b"picker" + session.encode("utf-8")).hexdigest()[:32]
