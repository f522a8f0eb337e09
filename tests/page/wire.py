"""A strict server for tests: wsgiref's handler, werkzeug's lint on both sides of ours, the bytes on the wire."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from wsgiref.handlers import SimpleHandler

from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import create_environ

from capi_middleware.page import Decision, Injector, Judge, Verdict, answer
from capi_middleware.settings import Settings
from capi_middleware.settings.settings import MetaSettings
from capi_middleware.visit import Visit
from tests.page.conftest import PIXEL, visit

HEAD = b"<script>ours</script>"
TAIL = b"<script>late</script>"
PAGE = b"<!doctype html><html><head><title>x</title></head><body><p>y</p></body></html>"
INJECTED = b"<!doctype html><html><head>" + HEAD + b"<title>x</title></head><body><p>y</p>" + TAIL + b"</body></html>"
HTML = ("Content-Type", "text/html; charset=utf-8")

App = Callable[[dict[str, Any], Any], Iterable[bytes]]
JUDGE = Judge(Settings(meta=MetaSettings(pixel_id=PIXEL)))


class Filter(Injector):
    """What the middleware makes of an injector."""

    __slots__ = ()

    @property
    def faulty(self) -> bool:
        return not self.injected


class Ours:
    """The room's part of the middleware around an app. ``verdicts``: one a decision; ``ends``: what on_end was told."""

    def __init__(self, app: App, who: Visit | None = None) -> None:
        self.app = app
        self.who = who
        self.verdicts: list[Verdict] = []
        self.ends: list[bool] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        who = self.who or visit(method=environ["REQUEST_METHOD"])
        prepared = JUDGE.prepare(environ, who)

        def start(status: str, headers: list[tuple[str, str]]) -> Decision | None:
            verdict = JUDGE(status, headers, who, prepared)
            self.verdicts.append(verdict)
            if verdict.inject:
                return Decision(verdict.headers, Filter(verdict, HEAD, lambda: TAIL))
            return None if verdict.headers is headers else Decision(verdict.headers)

        return answer(self.app, environ, start_response, start, self.ends.append)


class Answer(NamedTuple):
    """What a client saw."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, found
        return found[0] if found else None


class Handler(SimpleHandler):
    """One request on an HTTP/1.0 connection; the app's exceptions are the test's."""

    def log_exception(self, exc_info: Any) -> None:
        self.failure = exc_info[1]

    def error_output(self, environ: Any, start_response: Any) -> list[bytes]:
        start_response("500 Server's own", [("Content-Type", "text/plain")], sys.exc_info())
        return [b"server's own error page"]


def request(app: App, *, lint: bool = True, **options: Any) -> Answer:
    """One request through ``app`` (wrapped in lint if not told otherwise); werkzeug's options of an environ."""
    environ = create_environ(**options)
    out = io.BytesIO()
    handler = Handler(environ["wsgi.input"], out, io.StringIO(), environ, multithread=False)
    handler.failure = None
    handler.run(LintMiddleware(app) if lint else app)
    if isinstance(handler.failure, Warning):
        raise handler.failure
    head, _, body = out.getvalue().partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    pairs = [tuple(line.split(": ", 1)) for line in lines[1:]]
    skipped = ("Date", "Server")
    return Answer(lines[0].partition(" ")[2], [p for p in pairs if p[0] not in skipped], body)  # type: ignore[misc]


def both(app: App, **options: Any) -> tuple[Answer, Ours]:
    """The app through ours, with lint on both sides."""
    ours = Ours(LintMiddleware(app))
    return request(ours, **options), ours


def page(*chunks: bytes, headers: Iterable[tuple[str, str]] = (), status: str = "200 OK", kind: Any = list) -> App:
    """An app that answers these chunks, as what ``kind`` makes of them."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, [HTML, *headers])
        return kind(chunks)  # type: ignore[no-any-return]

    return app
