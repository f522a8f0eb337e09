"""granian: HTTP in Rust, by far the fastest, with TLS and HTTP/2, and with limits (docs/proxy.md, Servers): it keeps
no raw address, so ``%2F`` comes as ``/``, no header fields that are not ASCII, and an answer of unknown length is
collected before it goes out, since its end could not be told from its breaking off.

granian's own threads all work at once. Here a few of them take the requests in and hand them to our :class:`Crew`. A
body they read before, into memory or a file: it can be read only while granian waits for its thread.
"""

from __future__ import annotations

import functools
import io
import logging
import multiprocessing.util
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import mp

from capi_middleware.page.verdict import LOWER
from capi_middleware.proxy.application import Application
from capi_middleware.proxy.core import Core
from capi_middleware.proxy.crew import Crew
from capi_middleware.proxy.failure import Failure, GatewayError
from capi_middleware.proxy.options import Options
from capi_middleware.proxy.upstream import answer_failure

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("capi_middleware.proxy")

_IN_MEMORY = 1 << 20
_EVENTS = "text/event-stream"
_DIGITS = 18
_SPOOLED = 16 << 20
"""Bytes of a body that are received before the shop is asked."""
_SERVER: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "capi.unsafe_chunks": True,
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": False,
    "wsgi.multithread": True,
    "wsgi.run_once": False,
    "wsgi.version": (1, 0),
}


def run(options: Options) -> int:
    """Serve. SIGHUP: fresh workers, old ones end their requests; SIGTERM: all end theirs."""
    # As a WSGI server granian copies the process environment into each request's: HTTP_PROXY would pass for a header.
    for name in [name for name in os.environ if name.startswith("HTTP_") or name == "SCRIPT_NAME"]:
        del os.environ[name]
    server: Any = Granian(
        "capi_middleware",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.processes,
        blocking_threads=takers(options.threads),
        backlog=1024,
        http=HTTPModes.auto if options.tls_cert else HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=30_000, max_buffer_size=131072),
        websockets=False,
        log_level=LogLevels.warning,
        ssl_cert=Path(options.tls_cert) if options.tls_cert else None,
        ssl_key=Path(options.tls_key) if options.tls_key else None,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        respawn_interval=3.5,  # seconds in which a fresh worker must be listening
        workers_kill_timeout=int(options.grace) + 5,
    )
    server.serve(target_loader=functools.partial(load, options), wrap_loader=False)
    return 0


def takers(threads: int) -> int:
    """Threads of granian's own. All but two may wait for a body at once; further ones are answered 503."""
    return max(8, threads // 4)


def _received(body: Any, length: int) -> Any:
    """The body, to be read anew; a shorter one where the visitor breaks off."""
    if length <= _IN_MEMORY:
        return io.BytesIO(body.read(length))
    spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    while length > 0 and (piece := body.read(min(length, 65536))):
        spool.write(piece)
        length -= len(piece)
    spool.seek(0)
    return spool


class _Granian:
    """granian ends the body of a broken upload as if it were whole, hands over header fields that are not ASCII as
    empty ones, sends ours in UTF-8, and ends an answer cleanly whose iterable failed.

    ``take`` is what granian calls with one request: its end of the answer, and the request's part of a WSGI environ.
    """

    def __init__(self, application: WSGIApplication, threads: int, core: Core | None = None) -> None:
        self._application = application
        self._warned = False
        self._crew: Crew[tuple[Any, WSGIEnvironment]] = Crew(self._serve, threads, core=core)
        self._bodies = threading.BoundedSemaphore(takers(threads) - 2)

    def take(self, end: Any, scope: WSGIEnvironment) -> None:
        length: str = scope.get("CONTENT_LENGTH", "")
        if length in ("", "0") or not length.isascii() or not length.isdigit() or len(length) > _DIGITS:
            self._crew.put((end, scope))
        elif not self._bodies.acquire(blocking=False):
            scope["capi.busy"] = True
            self._crew.put((end, scope))
        else:
            try:
                self._take_body(end, scope, int(length))
            finally:
                self._bodies.release()

    def _take_body(self, end: Any, scope: WSGIEnvironment, length: int) -> None:
        """One that would fill the disk passes through this thread instead."""
        if length <= _SPOOLED:
            scope["wsgi.input"] = _received(scope["wsgi.input"], length)
            self._crew.put((end, scope))
        else:
            self._serve((end, scope))

    def _serve(self, request: tuple[Any, WSGIEnvironment]) -> None:
        end, scope = request
        try:
            self._answer(end, {**_SERVER, **scope})
        except BaseException:
            log.exception("an answer failed")
            end.response_bytes(500, [], b"")  # nothing happens where the answer has begun
        finally:
            body = scope["wsgi.input"]
            if isinstance(body, tempfile.SpooledTemporaryFile):
                body.close()

    def _answer(self, end: Any, environ: WSGIEnvironment) -> None:
        started = _Started("HTTP_TRANSFER_ENCODING" in environ)
        answer = self._answered(environ, started)
        if isinstance(answer, list):
            body = answer[0] if len(answer) == 1 else b"".join(answer)
            end.response_bytes(started.status, started.fields, body)
        else:
            end.response_iter(started.status, started.fields, _Pieces(answer))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """As a WSGI app on granian's own threads, should a version of it not ask :meth:`take`."""
        started = _Started("HTTP_TRANSFER_ENCODING" in environ)
        answer = self._answered({**environ, **_SERVER}, started)
        start_response(f"{started.status} ", started.fields)
        return answer

    def _answered(self, environ: WSGIEnvironment, started: _Started) -> Iterable[bytes]:
        if environ.get("HTTP_COOKIE") == "":
            del environ["HTTP_COOKIE"]
            self._warn()
        if "capi.busy" in environ:
            return answer_failure(GatewayError(Failure.BUSY, "bodies"), environ, started)
        answer = self._application(environ, started)
        if isinstance(answer, list) or started.sized:
            return answer
        try:
            return _collect(answer, started)
        except Exception as error:
            broken = GatewayError(Failure.BROKEN, f"in the middle of its answer: {error}")
            return answer_failure(broken, environ, started)

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            log.warning("granian lost a Cookie field that is not ASCII: use --server waitress or gunicorn")


class _Started:
    """``start_response``; ``sized``: the answer may go out as it comes, since a short one will be seen as such."""

    __slots__ = ("_close", "fields", "sized", "status")

    def __init__(self, close: bool) -> None:
        self._close = close  # a body in chunks is refused in any case: nothing more is read on its connection
        self.status = 500
        self.fields: list[tuple[str, str]] = []
        self.sized = False

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        fields = headers
        sized = False
        for name, value in headers:
            if not value.isascii():
                fields = [field if field[1].isascii() else (field[0], _as_utf8(field[1])) for field in headers]
            lower = LOWER[name]
            if lower == "content-length" or (lower == "content-type" and value.startswith(_EVENTS)):
                sized = True
        if self._close:
            fields = [*fields, ("Connection", "close")]
        self.status, self.fields, self.sized = int(status[:3]), fields, sized
        return _no_write

    def give_length(self, length: int) -> None:
        """Now that it is known; granian sends nothing before the app has returned."""
        self.fields = [*self.fields, ("Content-Length", str(length))]


def _no_write(data: bytes) -> None:
    raise NotImplementedError("nothing in the proxy writes: all of it returns iterables")


class _Pieces:
    """An answer as granian takes it: the next piece by a look-up that costs nothing, and ``close``."""

    __slots__ = ("__next__", "_answer")

    def __init__(self, answer: Iterable[bytes]) -> None:
        self._answer = answer
        self.__next__ = iter(answer).__next__

    def close(self) -> None:
        close = getattr(self._answer, "close", None)
        if close is not None:
            close()


def _as_utf8(value: str) -> str:
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _collect(answer: Iterable[bytes], started: _Started) -> Iterable[bytes]:
    """The whole of an answer of unknown length, in memory up to a mebibyte, else in a file; raises as it does."""
    spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    try:
        for piece in answer:
            spool.write(piece)
        length = spool.tell()
        spool.seek(0)
        if length <= _IN_MEMORY:
            return [spool.read()]
        started.give_length(length)
        return _File(spool)
    finally:
        if hasattr(answer, "close"):
            answer.close()


class _File(Iterator[bytes]):
    def __init__(self, file: Any) -> None:
        self._file = file

    def __next__(self) -> bytes:
        piece: bytes = self._file.read(65536)
        if not piece:
            raise StopIteration
        return piece

    def close(self) -> None:
        self._file.close()


def load(options: Options) -> Any:
    """Called in each worker; what it returns is called for each request."""
    # Until granian has set its own, a worker has its parent's handlers, which would swallow a signal to stop.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    application = Application(options)
    multiprocessing.util.Finalize(application, application.close, exitpriority=10)
    application.announce()
    served = _Granian(application, options.threads, Core(options.cores))
    # granian would wrap what it is given, to call it as a WSGI app on the thread that brings the request.
    granian: Any = mp
    granian._wsgi_call_wrap = lambda *_: served.take
    return served
