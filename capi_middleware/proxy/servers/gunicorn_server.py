"""gunicorn with threads: the one that gives its socket away, so WebSockets pass. Has TLS and its own reload."""

from __future__ import annotations

import html
import os
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.http import wsgi  # type: ignore[import-untyped]
from gunicorn.http.errors import InvalidHeader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from capi_middleware.proxy.application import Application
from capi_middleware.proxy.options import Options
from capi_middleware.proxy.request import MAX_FIELD, MAX_FIELDS, MAX_TARGET

_STALL_SECONDS = 60.0


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn joins several cookie fields with a comma, and waits for ever for a slow body."""

    def handle_request(self, req: Any, conn: Any) -> Any:
        cookies = [value for name, value in req.headers if name == "COOKIE"]
        if len(cookies) > 1:
            req.headers = [field for field in req.headers if field[0] != "COOKIE"]
            req.headers.append(("COOKIE", "; ".join(cookies)))
        if sum(name == "HOST" for name, _ in req.headers) > 1:
            raise InvalidHeader("HOST")
        conn.sock.settimeout(_STALL_SECONDS)
        return super().handle_request(req, conn)


def _write_error(sock: Any, status: int, reason: str, message: str) -> None:
    """Under Python 3.14 gunicorn 27's own ends its head with a bare line feed: ``textwrap.dedent`` now takes the CR
    of an empty line away."""
    page = f"<!doctype html><title>{reason}</title><h1>{reason}</h1><p>{html.escape(message)}</p>\n"
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: text/html\r\n"
    util.write_nonblock(sock, f"{head}Content-Length: {len(page)}\r\n\r\n{page}".encode("latin-1", "replace"))


util.write_error = _write_error


class _Response(wsgi.Response):  # type: ignore[misc]
    """gunicorn drops the shop's ``Server`` and ``Date`` for its own."""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        super().process_headers(headers)
        self.headers += [field for field in headers if field[0].lower() in ("server", "date")]

    def default_headers(self) -> list[str]:
        theirs = {name.lower() for name, _ in self.headers}
        lines: list[str] = super().default_headers()
        return [line for line in lines if line[:7] != "Server:" and not (line[:5] == "Date:" and "date" in theirs)]


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: Options) -> None:
        self._options = options
        self._application: Application | None = None
        super().__init__()

    def load_config(self) -> None:
        options = self._options
        values: dict[str, Any] = {
            "workers": options.processes,
            "threads": options.threads,
            "worker_class": f"{__name__}.Worker",
            "worker_connections": max(1000, options.threads * 2),
            "keepalive": 75,
            "graceful_timeout": int(options.grace),
            "limit_request_line": MAX_TARGET - 2,
            "limit_request_fields": MAX_FIELDS,
            "limit_request_field_size": MAX_FIELD - 4,
            "forwarded_allow_ips": "",
            "proc_name": "capi-middleware",
            "post_worker_init": self._announce,
            "worker_exit": self._close,
        }
        if not os.environ.get("LISTEN_FDS"):
            values["bind"] = options.address
        if options.tls_cert:
            values.update(certfile=options.tls_cert, keyfile=options.tls_key)
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        """Called in each worker."""
        wsgi.Response = _Response
        self._application = Application(self._options)
        return self._application

    def _announce(self, worker: Any) -> None:
        if self._application is not None:
            self._application.announce(worker.sockets[0].getsockname()[1])

    def _close(self, _server: Any, _worker: Any) -> None:
        if self._application is not None:
            self._application.close()


def run(options: Options) -> int:
    """Serve. SIGHUP: fresh workers, old ones end their requests; SIGTERM: all end theirs."""
    _Gunicorn(options).run()
    return 0
