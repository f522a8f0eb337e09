"""A small threaded HTTP server that can be taken away from under its clients, and come back on the same port.

Not werkzeug's: that one closes every connection after one answer, and Meta keeps them open.
"""

from __future__ import annotations

import io
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

CONNECTION = "capi_sandbox.connection"
"""``environ`` key of the connection's socket: an app may break it."""
_MAX_BODY = 64 * 1024 * 1024
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with connections kept alive; an answer goes out whole, in one write. No log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    server: _Server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_") and name[3:] in _METHODS:
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            return self.send_error(400)
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = [status, headers]
            return lambda data: None

        chunks: Iterable[bytes] = self.server.app(self._environ(body), start_response)
        try:
            content = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()
        status, headers = started
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        if int(code) not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self._headers_buffer: list[bytes]
        self._headers_buffer.append(b"\r\n" + (b"" if self.command == "HEAD" else content))
        self.flush_headers()

    def _body(self) -> bytes | None:
        """The request's body, None where it is framed wrongly or too large."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _MAX_BODY:
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes | None:
        body = bytearray()
        while True:
            try:
                size = int(self.rfile.readline(100).split(b";")[0], 16)
            except ValueError:
                return None
            if size < 0 or len(body) + size > _MAX_BODY:
                return None
            body += self.rfile.read(size)
            self.rfile.readline(100)
            if size == 0:
                return bytes(body)

    def _environ(self, body: bytes) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": self.path,
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if isinstance(self.connection, ssl.SSLSocket) else "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            CONNECTION: self.connection,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH", "TRANSFER_ENCODING"):  # the body is whole by now
                joint = "; " if key == "COOKIE" else ", "
                before = environ.get(f"HTTP_{key}")
                environ[f"HTTP_{key}"] = f"{before}{joint}{value}" if before else value
        return environ

    def version_string(self) -> str:
        return "sandbox"

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(socketserver.ThreadingTCPServer):
    """Knows its connections, so that all of them can be cut. TLS shakes hands in the connection's own thread."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, app: WSGIApplication, tls: ssl.SSLContext | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.app = app
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self._tls is None:
            return super().finish_request(request, client_address)
        request.settimeout(30)
        with self._tls.wrap_socket(request, server_side=True, suppress_ragged_eofs=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is no news: this server exists to be broken. A fault of the app's own is."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def cut(self) -> None:
        """End every open connection now."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            hang_up(connection)


def hang_up(connection: Any) -> None:
    """Break a connection; one that is broken already stays so."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def unreachable(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A WSGI app that breaks every connection without an answer: a host that is down behind a port that is open."""
    hang_up(environ[CONNECTION])
    start_response("502 Bad Gateway", [("Content-Length", "0")])
    return []


class Listener:
    """Serves ``app`` on its own thread. Port 0 takes a free one, which is kept over ``stop`` and ``start``.

    ``tls``: a server context, or None for plain HTTP. Raises ``OSError`` where the address cannot be had.
    """

    def __init__(
        self, app: WSGIApplication, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.app = app
        self.host = host
        self.port = port
        self._tls = tls
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"

    @property
    def running(self) -> bool:
        return self._server is not None

    def start(self) -> None:
        """Begin to answer; nothing happens where it already does."""
        if self._server is not None:
            return
        server = _Server(self.host, self.port, self.app, self._tls)
        self.port = server.server_address[1]
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=f"listener-{self.port}", daemon=True
        )
        thread.start()
        self._server, self._thread = server, thread

    def stop(self) -> None:
        """Refuse new connections and cut the open ones, as a host that went down."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._server = self._thread = None
        server.shutdown()
        server.server_close()
        server.cut()
        thread.join(timeout=5)

    def __enter__(self) -> Listener:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
