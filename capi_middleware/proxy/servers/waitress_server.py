"""waitress: pure Python, everywhere, the default. Slow clients cost it no thread; it has no TLS."""

from __future__ import annotations

import functools
import operator
import re
import signal
import socket
import time
from typing import Any

from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.parser import HTTPRequestParser, ParsingError  # type: ignore[import-untyped]
from waitress.server import create_server  # type: ignore[import-untyped]
from waitress.task import WSGITask  # type: ignore[import-untyped]
from waitress.utilities import Error, build_http_date  # type: ignore[import-untyped]

from capi_middleware.proxy.application import Application
from capi_middleware.proxy.core import Core
from capi_middleware.proxy.crew import Crew
from capi_middleware.proxy.options import Options
from capi_middleware.proxy.prefork import listening_socket, supervise
from capi_middleware.proxy.request import MAX_FIELDS, MAX_HEAD, MAX_TARGET

_HEAD_SECONDS = 30.0
_STALL_SECONDS = 120.0
_LINGER_SECONDS = 1.0
_SEVERAL = re.compile(rb"\n(host|content-length|transfer-encoding|cookie)[ \t]*:", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\ncookie:[ \t]*([^\r\n]*)", re.IGNORECASE)
_EMPTY = b"GET / HTTP/1.0\r\n"


class _TooLong(Error):  # type: ignore[misc]
    code = 414
    reason = "URI Too Long"


class _TooMany(Error):  # type: ignore[misc]
    code = 431
    reason = "Request Header Fields Too Large"


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """waitress joins repeated fields with a comma, lets chunks win over a length, and sets no limit to the address."""

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.begun = time.time()

    def parse_header(self, header_plus: bytes) -> None:
        first, _, _ = header_plus.partition(b"\r\n")
        if len(first) > MAX_TARGET + 20:
            self._refuse(_TooLong("the address is too long"))
            header_plus = _EMPTY
        elif header_plus.count(b"\n") > MAX_FIELDS + 2:
            self._refuse(_TooMany("too many fields"))
            header_plus = _EMPTY
        else:
            names = [name.lower() for name in _SEVERAL.findall(header_plus)]
            if len(names) > len(set(names)) or (b"content-length" in names and b"transfer-encoding" in names):
                header_plus = _single(header_plus, names)
        super().parse_header(header_plus)

    def _refuse(self, error: Error) -> None:
        self.error = error
        self.completed = True


def _single(head: bytes, names: list[bytes]) -> bytes:
    """Raises ``ParsingError`` where framing or host are said twice; several cookies become one field with "; "."""
    framings = names.count(b"content-length") + names.count(b"transfer-encoding")
    if names.count(b"host") > 1 or framings > 1:
        raise ParsingError("Host, or the length of the body, is given twice")
    cookies = b"; ".join(_COOKIE.findall(head))
    rest = _COOKIE.sub(b"", head).rstrip(b"\r\n")
    return rest + b"\r\nCookie: " + cookies + b"\r\n"


class _Task(WSGITask):  # type: ignore[misc]
    """waitress sorts the fields, adds ``Via``, ends each chunked connection, sends head and body apart, and gives a
    body to HEAD."""

    close_on_finish: bool
    wrote_header: bool

    def build_response_header(self) -> bytes:
        names = {name.lower() for name, _ in self.response_headers}
        asked = self.request.headers.get("CONNECTION", "").lower()
        lines = [f"HTTP/{self.version} {self.status}"]
        lines += [f"{name}: {value}" for name, value in self.response_headers]
        sized = "content-length" in names or not self.has_body
        self.close_on_finish = self.close_on_finish or not self.channel.server.accepting
        if not sized and self.content_length is not None:
            lines.append(f"Content-Length: {self.content_length}")
            sized = True
        if self.version == "1.0":
            self.close_on_finish = self.close_on_finish or asked != "keep-alive" or not sized
            if not self.close_on_finish:
                lines.append("Connection: Keep-Alive")
        else:
            self.close_on_finish = self.close_on_finish or "close" in asked
            if not sized and self.request.command != "HEAD":
                lines.append("Transfer-Encoding: chunked")
                self.chunked_response = True
        if self.close_on_finish and "connection" not in names:
            lines.append("Connection: close")
        if "date" not in names:
            lines.append(f"Date: {build_http_date(self.start_time)}")
        head: bytes = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head

    def write(self, data: bytes) -> None:
        if self.request.command == "HEAD":
            data = b""
        if self.wrote_header:
            super().write(data)
            return
        if not self.complete:
            raise RuntimeError("start_response was not called before body written")
        head = self.build_response_header()
        self.wrote_header = True
        if data and self.has_body:
            if self.chunked_response:
                data = b"%X\r\n%b\r\n" % (len(data), data)
            elif self.content_length is not None:
                data = data[: self.content_length]
                self.content_bytes_written += len(data)
            head += data
        self.channel.write_soon(head)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """waitress wakes its loop after each answer, also where nothing is left to do: all was sent by the thread that
    made it, and the connection goes on. And it puts each answer into a buffer first, and takes it out in pieces."""

    parser_class = _Parser
    task_class = _Task

    def __init__(self, server: Any, *rest: Any, **more: Any) -> None:
        super().__init__(_Sparing(server, self), *rest, **more)

    def write_soon(self, data: Any) -> int:
        """What the visitor's connection takes at once is sent at once; the rest goes waitress' way."""
        if type(data) is not bytes or self.total_outbufs_len:
            kept: int = super().write_soon(data)
            return kept
        sent = 0
        with self.outbuf_lock:
            if self.connected and not self.total_outbufs_len and not self.will_close:
                sent = int(self._flush_exception(functools.partial(self.send, data), do_close=False)[0])
        if sent < len(data):
            super().write_soon(data[sent:] if sent else data)
        else:
            self.last_activity = time.time()
        return len(data)


class _Sparing:
    """The server as one of its channels sees it."""

    def __init__(self, server: Any, channel: Any) -> None:
        self._server = server
        self._channel = channel
        self.add_task = server.task_dispatcher.add_task

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    def pull_trigger(self) -> None:
        channel = self._channel
        if channel.total_outbufs_len or channel.close_when_flushed or channel.will_close or channel.requests:
            self._server.pull_trigger()


class _Dispatcher:
    """Our :class:`Crew` in place of waitress' threads, which all work at once."""

    def __init__(self, threads: int, core: Core | None) -> None:
        self._crew: Crew[Any] = Crew(operator.methodcaller("service"), threads, core=core)
        self.add_task = self._crew.put

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        left = self._crew.end(timeout)
        for task in left:
            task.cancel()
        return bool(left)


def _maintenance(server: Any, now: float) -> None:
    """waitress lets a client trickle its header for ever, and one that stops reading keep a thread and the shop's
    connection: both end here."""
    for channel in list(server.active_channels.values()):
        request = channel.request
        quiet = now - channel.last_activity
        if channel.total_outbufs_len and quiet > _STALL_SECONDS:
            channel.handle_close()  # its socket will never be writable, which waitress would wait for
        elif (not channel.requests and quiet > server.adj.channel_timeout) or (
            request is not None and not request.headers_finished and now - request.begun > _HEAD_SECONDS
        ):
            channel.will_close = True


def run(options: Options) -> int:
    """Serve; with several processes under a parent that replaces them one by one on SIGHUP."""
    sock = listening_socket(options)
    if options.processes > 1:
        return supervise(options.processes, lambda: serve(options, sock), options.grace)
    return serve(options, sock)


def serve(options: Options, sock: socket.socket) -> int:
    """One process: until SIGTERM or SIGINT, then to the end of the requests under way, at most ``grace`` seconds."""
    application = Application(options)
    server = make_server(application, sock, options.threads, options.scheme, Core(options.cores))
    stopping = _Stop(application)
    application.announce(sock.getsockname()[1])
    while not stopping.at:
        server.asyncore.loop(timeout=0.5, map=server._map, use_poll=True, count=1)
    drain(server, stopping.at + options.grace)
    application.close()
    return 0


def make_server(app: Any, sock: socket.socket, threads: int, scheme: str = "http", core: Core | None = None) -> Any:
    """waitress with our parser, task and limits, on a socket that listens."""
    server = create_server(
        app,
        _dispatcher=_Dispatcher(threads, core),
        sockets=[sock],
        threads=threads,
        ident=None,
        expose_tracebacks=False,
        clear_untrusted_proxy_headers=False,
        url_scheme=scheme,
        connection_limit=4096,
        backlog=1024,
        cleanup_interval=5,
        channel_timeout=75,
        max_request_header_size=MAX_HEAD,
        max_request_body_size=1 << 50,
        channel_request_lookahead=1,
        asyncore_use_poll=True,
        outbuf_high_watermark=1 << 20,
    )
    server.channel_class = _Channel
    server.maintenance = lambda now: _maintenance(server, now)
    return server


class _Stop:
    """The signals of one process."""

    def __init__(self, application: Application) -> None:
        self.at = 0.0
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, lambda *_: application.reload())

    def _stop(self, *_: Any) -> None:
        self.at = self.at or time.monotonic()


def drain(server: Any, deadline: float) -> None:
    """Accept nothing more, let what is under way end, close what idles: after a second, since a request may be on its
    way already."""
    server.accepting = False
    server.del_channel()
    server.socket.close()
    while server.active_channels and time.monotonic() < deadline:
        now = time.time()
        for channel in list(server.active_channels.values()):
            under_way = channel.requests or channel.total_outbufs_len or channel.request is not None
            if not under_way and now - channel.last_activity > _LINGER_SECONDS:
                channel.will_close = True
        server.asyncore.loop(timeout=0.05, map=server._map, use_poll=True, count=1)
    server.task_dispatcher.shutdown(timeout=1)
