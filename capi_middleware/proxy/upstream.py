"""The shop, as a WSGI app: each request is asked of it over a kept connection, and its answer streams back."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from capi_middleware.settings.settings import VisitSettings

from .body import PIECE, Body, settle, whole_body
from .connection import Connection, Pool, Timeouts
from .failure import ErrorPage, Failure, GatewayError, error_page
from .forwarded import Public, forwarded_lines, seen_by_visitor
from .links import LinkedBody, LinkPatterns, link_patterns, may_hold_links, without_length
from .origin import Origin, parse_origin
from .reply import CHUNKED, Reply
from .request import CHECKED, IDEMPOTENT, Asked, Framing, check, request_head
from .response import response_fields

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger("capi_middleware.proxy")

_MAX_BODY = 1 << 30
_NOBODY = VisitSettings()


class Upstream:
    """A WSGI app that answers with what the shop at ``origin`` answers.

    ``host``: ``pass`` sends the visitor's ``Host`` (shops build their addresses from it), ``upstream`` the origin's.
    ``trust``: which front servers of our own are believed (``[visit]``). ``max_body``: bytes of request body.
    ``links``: replace the origin's address in pages by the visitor's.
    The origin is fixed here; no request can choose another, redirects are not followed, and no proxy settings of the
    environment apply. Raises ``ValueError`` for an address that cannot be one.
    """

    def __init__(
        self,
        origin: Origin | str,
        *,
        host: str = "pass",
        timeouts: Timeouts | None = None,
        verify: bool = True,
        ca_file: str = "",
        trust: VisitSettings = _NOBODY,
        max_body: int = _MAX_BODY,
        links: bool = True,
    ) -> None:
        self.origin = parse_origin(origin) if isinstance(origin, str) else origin
        self.pool = Pool(self.origin, timeouts or Timeouts(), verify=verify, ca_file=ca_file)
        self.trust = trust
        self._authority = self.origin.authority
        self._own_host = host == "upstream"
        self._max_body = max_body
        self._links = links

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            public = seen_by_visitor(environ, self.trust)
            connection, reply = self._ask(environ, public)
            return self.answer(connection, reply, environ, start_response, public)
        except GatewayError as error:
            return answer_failure(error, environ, start_response)

    def answer(
        self,
        connection: Connection,
        reply: Reply,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        public: Public,
    ) -> Iterable[bytes]:
        """Pass on an answer whose head was read. Raises :class:`GatewayError` before ``start_response`` only."""
        broken = not self._gather(connection, reply)
        fields = response_fields(reply.fields, self.origin, public, chunked=reply.length == CHUNKED)
        patterns = self._patterns(public, fields, environ)
        if broken or not reply.complete:
            body = Body(self.pool, connection, reply, broken=broken)
            start_response(reply.status, without_length(fields) if patterns else fields)
            return LinkedBody(body, patterns) if patterns else body
        settle(self.pool, connection, reply)
        page = b"".join(reply.parts)
        if patterns:
            changed = patterns.replace(page)
            if changed is not page or reply.length == CHUNKED:
                page = changed
                fields = [*without_length(fields), ("Content-Length", str(len(page)))]
        elif reply.length == CHUNKED and environ["REQUEST_METHOD"] != "HEAD":
            fields.append(("Content-Length", str(len(page))))
        start_response(reply.status, fields)
        return [page] if page else []

    def _patterns(self, public: Public, fields: list[tuple[str, str]], environ: WSGIEnvironment) -> LinkPatterns | None:
        """What to replace in this answer, or None: mostly."""
        if not self._links or public.authority in ("", self._authority) or environ["REQUEST_METHOD"] == "HEAD":
            return None
        return link_patterns(self.origin, public) if may_hold_links(fields) else None

    def head(self, environ: WSGIEnvironment, asked: Asked, public: Public, upgrade: str = "") -> bytes:
        """The request's head as the shop gets it. Its ``Host`` is the visitor's, unless the settings want its own.
        Raises :class:`GatewayError`."""
        host = self._authority if self._own_host else public.authority or self._authority
        lines = forwarded_lines(environ, self.trust, public)
        return request_head(environ, asked.target, host, asked.body, lines, upgrade)

    def close(self) -> None:
        """Close idle connections."""
        self.pool.close()

    def _ask(self, environ: WSGIEnvironment, public: Public) -> tuple[Connection, Reply]:
        """Send the request and read the head of its answer. Raises :class:`GatewayError`."""
        asked: Asked = environ.get(CHECKED) or check(environ)
        method: str = environ["REQUEST_METHOD"]
        body = asked.body
        if (body.length or 0) > self._max_body:
            raise GatewayError(Failure.BODY_TOO_LARGE)
        head = self.head(environ, asked, public)
        again = body.empty and method in IDEMPOTENT
        connection = self.pool.take()
        while True:
            reply = Reply(method)
            try:
                connection.limit(self.pool.timeouts.answer)
                self._send(connection, head, body, environ, reply)
                self._read_head(connection, reply)
                return connection, reply
            except GatewayError:
                connection.close()
                raise
            except OSError as error:
                connection.close()
                if isinstance(error, TimeoutError):
                    raise GatewayError(Failure.ANSWER_TIMEOUT, str(self.origin)) from None
                if not (connection.used and again) or reply.begun:
                    raise GatewayError(Failure.BROKEN, f"{self.origin}: {error}") from None
            connection = self.pool.open()  # the kept one had died unseen; a fresh one is tried once (used == 0)

    def _read_head(self, connection: Connection, reply: Reply) -> None:
        while not reply.head_done:
            data = connection.receive(PIECE)
            if not data:
                raise ConnectionResetError("closed before an answer")
            reply.feed(data)
        connection.limit(self.pool.timeouts.idle)

    def _gather(self, connection: Connection, reply: Reply) -> bool:
        """Read what can be had without waiting. False: the shop broke off, what came is passed on all the same."""
        if reply.complete:
            return True
        try:
            return whole_body(connection, reply)
        except OSError:
            return False
        except GatewayError:
            connection.close()
            raise

    def _send(self, connection: Connection, head: bytes, body: Framing, environ: WSGIEnvironment, reply: Reply) -> None:
        """Head and body. A shop that answers before it has the whole body (413, 401) is heard and the rest not sent."""
        if body.empty:
            connection.send(head)
            return
        source = environ["wsgi.input"]
        if body.length is not None and body.length <= PIECE:
            data = _read(source, body.length)
            if len(data) < body.length:
                raise GatewayError(Failure.BAD_REQUEST, "the visitor broke off")
            connection.send(head + data)
            return
        try:
            connection.send(head)
            self._send_pieces(connection, source, body.length)
        except _EarlyAnswer:
            pass
        except (BrokenPipeError, ConnectionResetError):
            if not connection.readable():
                raise
        else:
            return
        self._read_head(connection, reply)
        reply.keep = False

    def _send_pieces(self, connection: Connection, source: Any, length: int | None) -> None:
        left = self._max_body if length is None else length
        while left > 0 or length is None:
            data = _read(source, min(PIECE, left) if length is not None else PIECE)
            if not data:
                break
            left -= len(data)
            if left < 0:
                raise GatewayError(Failure.BODY_TOO_LARGE)
            if connection.readable():
                raise _EarlyAnswer
            connection.send(data if length is not None else b"%x\r\n%b\r\n" % (len(data), data))
        if length is None:
            connection.send(b"0\r\n\r\n")
        elif left:
            raise GatewayError(Failure.BAD_REQUEST, "the visitor broke off")


class _EarlyAnswer(Exception):
    """The shop speaks while we still send."""


def _read(source: Any, size: int) -> bytes:
    """Up to ``size`` bytes of the visitor's body, all of them where they come. A visitor who breaks off is a bad
    request, whatever the server raises then."""
    try:
        data: bytes = source.read(size)
    except Exception as error:
        raise GatewayError(Failure.BAD_REQUEST, f"the visitor broke off: {type(error).__name__}") from None
    return data


def answer_failure(error: GatewayError, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Our page for what went wrong, and a line in the log under the same reference."""
    page: ErrorPage = error_page(error.failure, environ)
    report(error, page.request_id, environ)
    start_response(page.status, page.headers)
    return [page.body] if page.body else []


_reported = [0.0, 0]
_A_SECOND = 20


def report(error: GatewayError, request_id: str, environ: WSGIEnvironment) -> None:
    """One line, at most 20 a second: a shop that is down must not fill the disk. Never a query or an address."""
    now = time.monotonic()
    if now - _reported[0] >= 1:
        _reported[:] = [now, 0]
    _reported[1] += 1
    if _reported[1] > _A_SECOND:
        return
    level = logging.WARNING if error.failure.status[0] == "5" else logging.INFO
    log.log(level, "%s %s: %s (%s)", environ.get("REQUEST_METHOD"), request_id, error.failure.code, error.detail)
