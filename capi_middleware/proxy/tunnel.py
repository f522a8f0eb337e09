"""WebSockets, where the server gives its socket away (gunicorn): bytes are relayed both ways until one side ends."""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .connection import Connection
from .failure import Failure, GatewayError
from .forwarded import seen_by_visitor
from .reply import Reply
from .request import EMPTY, check
from .upstream import Upstream

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PIECE = 65536
_MAX_HEAD = 65536
_IDLE = 3600.0


def can_tunnel(environ: Mapping[str, Any]) -> bool:
    """Whether the server gave its socket along, and the request is a WebSocket's."""
    return "gunicorn.socket" in environ and environ["REQUEST_METHOD"] == "GET"


class Tunnels:
    """At most ``most`` WebSockets at once, since each takes a thread of the server's while it lasts."""

    def __init__(self, most: int) -> None:
        self._slots = threading.BoundedSemaphore(max(1, most))

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse, upstream: Upstream
    ) -> Iterable[bytes] | None:
        """Ask the shop for a WebSocket and relay; None when it has ended, the client's socket being spent then.

        What the shop answers instead of 101 is passed on as any answer. Raises :class:`GatewayError`.
        """
        if not self._slots.acquire(blocking=False):
            raise GatewayError(Failure.BUSY, "WebSockets")
        try:
            return _tunnel(environ, start_response, upstream)
        except TimeoutError:
            raise GatewayError(Failure.ANSWER_TIMEOUT, str(upstream.origin)) from None
        except OSError as error:
            raise GatewayError(Failure.BROKEN, f"{upstream.origin}: {error}") from None
        finally:
            self._slots.release()


def _tunnel(environ: WSGIEnvironment, start_response: StartResponse, upstream: Upstream) -> Iterable[bytes] | None:
    public = seen_by_visitor(environ, upstream.trust)
    head = upstream.head(environ, check(environ)._replace(body=EMPTY), public, upgrade="websocket")
    connection = upstream.pool.open()
    handed_on = False
    try:
        connection.limit(upstream.pool.timeouts.answer)
        connection.send(head)
        data = _answer_head(connection)
        if data[9:12] == b"101":
            client: socket.socket = environ["gunicorn.socket"]
            client.sendall(data)
            relay(client, connection.sock)
            return None
        reply = Reply("GET")
        reply.feed(data)
        handed_on = True
        return upstream.answer(connection, reply, environ, start_response, public)
    finally:
        if not handed_on:
            connection.close()


def _answer_head(connection: Connection) -> bytes:
    """The shop's answer up to the end of its head, and what came with it, unchanged."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.receive(_PIECE)
        if not more:
            raise ConnectionResetError("closed before an answer")
        data += more
        if len(data) > _MAX_HEAD:
            raise GatewayError(Failure.MALFORMED, "header too long")
    return data


def relay(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes both ways until either side closes or both have been silent for an hour."""
    for sock in (one, other):
        sock.settimeout(30)
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while ready := selector.select(_IDLE):
            for key, _ in ready:
                source, target = key.fileobj, key.data
                if not isinstance(source, socket.socket) or not _pass_on(source, target):
                    return


def _pass_on(source: socket.socket, target: socket.socket) -> bool:
    """One piece, and what TLS has already decrypted behind it. False at the end."""
    while True:
        try:
            data = source.recv(_PIECE)
            if not data:
                return False
            target.sendall(data)
        except OSError:
            return False
        if not (isinstance(source, ssl.SSLSocket) and source.pending()):
            return True
