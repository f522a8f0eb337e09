"""granian: HTTP in Rust, by far the fastest, with TLS and HTTP/2, and with limits (docs/proxy.md, Servers): it keeps
no raw address, so ``%2F`` comes as ``/``, no header fields that are not ASCII, and an answer of unknown length is
collected before it goes out, since its end could not be told from its breaking off."""

from __future__ import annotations

import functools
import logging
import multiprocessing.util
import os
import signal
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels

from capi_middleware.proxy.application import Application
from capi_middleware.proxy.failure import Failure, GatewayError
from capi_middleware.proxy.options import Options
from capi_middleware.proxy.upstream import answer_failure

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger("capi_middleware.proxy")

_IN_MEMORY = 1 << 20
_EVENTS = "text/event-stream"


def run(options: Options) -> int:
    """Serve. SIGHUP: fresh workers, old ones end their requests; SIGTERM: all end theirs."""
    # granian copies the process environment into each request's: HTTP_PROXY would pass for a header of the visitor's.
    for name in [name for name in os.environ if name.startswith("HTTP_") or name == "SCRIPT_NAME"]:
        del os.environ[name]
    server: Any = Granian(
        "capi_middleware",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.processes,
        blocking_threads=options.threads,
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


class _Granian:
    """granian ends the body of a broken upload as if it were whole, hands over header fields that are not ASCII as
    empty ones, sends ours in UTF-8, and ends an answer cleanly whose iterable failed."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._warned = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["capi.unsafe_chunks"] = True
        if environ.get("HTTP_COOKIE") == "":
            del environ["HTTP_COOKIE"]
            self._warn()
        started = _Started(start_response, "HTTP_TRANSFER_ENCODING" in environ)
        answer = self._application(environ, started)
        if isinstance(answer, list) or started.sized:
            return answer
        try:
            return _collect(answer, started)
        except Exception as error:
            broken = GatewayError(Failure.BROKEN, f"in the middle of its answer: {error}")
            return answer_failure(broken, environ, start_response)

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            log.warning("granian lost a Cookie field that is not ASCII: use --server waitress or gunicorn")


class _Started:
    """``start_response``; ``sized``: the answer may go out as it comes, since a short one will be seen as such."""

    def __init__(self, start_response: StartResponse, close: bool) -> None:
        self._start_response: Any = start_response
        self._close = close  # a body in chunks is refused in any case: nothing more is read on its connection
        self._status = ""
        self._fields: list[tuple[str, str]] = []
        self.sized = False

    def __call__(self, status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        fields = [field if field[1].isascii() else (field[0], _as_utf8(field[1])) for field in headers]
        if self._close:
            fields.append(("Connection", "close"))
        self._status, self._fields = status, fields
        self.sized = any(
            name.lower() == "content-length" or (name.lower() == "content-type" and value.startswith(_EVENTS))
            for name, value in fields
        )
        return self._start_response(status, fields, *rest)

    def give_length(self, length: int) -> None:
        """Start again, now that the length is known; granian sends nothing before the app has returned."""
        self._start_response(self._status, [*self._fields, ("Content-Length", str(length))])


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


def load(options: Options) -> _Granian:
    """Called in each worker."""
    # Until granian has set its own, a worker has its parent's handlers, which would swallow a signal to stop.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    application = Application(options)
    multiprocessing.util.Finalize(application, application.close, exitpriority=10)
    application.announce()
    return _Granian(application)
