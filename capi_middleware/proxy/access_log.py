"""One line for each request, after its answer: who may read logs must not read visitors' data in them."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_UNSAFE = re.compile(r"[^\x21\x23-\x5b\x5d-\x7e]")


class AccessLog:
    """Wraps the whole app. Lines: address, time, request, status, bytes, seconds, user agent.

    Addresses are shortened (the last part of IPv4, the last five groups of IPv6 are zero); query strings, fragments
    of paths with an ``@`` and referrers are never written. ``reopen`` after the file was moved away.
    """

    def __init__(self, app: WSGIApplication, path: str) -> None:
        self._app = app
        self._path = path
        self._lock = threading.Lock()
        self._file = self._open()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        entry = _Entry(self, environ, start_response)
        try:
            answer = self._app(environ, entry.start)
        except BaseException:
            entry.close()
            raise
        if isinstance(answer, list):
            entry.count = sum(map(len, answer))
            entry.write()
            return answer
        entry.watch(answer)
        return entry

    def reopen(self) -> None:
        """Open the file anew, for log rotation. Raises ``OSError``."""
        if self._path != "-":
            fresh = self._open()
            with self._lock:
                self._file, old = fresh, self._file
            old.close()

    def write(self, line: str) -> None:
        """A full disk must not stop the shop."""
        try:
            with self._lock:
                self._file.write(line)
        except (OSError, ValueError):
            pass

    def _open(self) -> IO[str]:
        return sys.stdout if self._path == "-" else open(self._path, "a", buffering=1, encoding="utf-8")  # noqa: SIM115


class _Entry(Iterator[bytes]):
    """The answer's pieces, counted as they pass."""

    def __init__(self, log: AccessLog, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self._log: AccessLog | None = log
        self._start_response = start_response
        self._begun = time.perf_counter()
        self._who = anonymous(environ.get("REMOTE_ADDR", ""))
        self._method = clean(environ.get("REQUEST_METHOD", ""), 20)
        raw: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ.get("PATH_INFO", "")
        self._target = shown_target(raw, bool(environ.get("QUERY_STRING")))
        self._agent = clean(environ.get("HTTP_USER_AGENT", "-").replace(" ", "_"), 200)
        self._status = "-"
        self._answer: Any = None
        self._next: Any = None
        self.count = 0

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None) -> Any:
        self._status = status[:3]
        if exc_info:
            return self._start_response(status, headers, exc_info)
        return self._start_response(status, headers)

    def watch(self, answer: Iterable[bytes]) -> None:
        self._answer = answer
        self._next = iter(answer).__next__

    def __next__(self) -> bytes:
        piece: bytes = self._next()
        self.count += len(piece)
        return piece

    def close(self) -> None:
        try:
            if hasattr(self._answer, "close"):
                self._answer.close()
        finally:
            self.write()

    def write(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            took = time.perf_counter() - self._begun
            what = f"{self._method} {self._target} {self._status} {self.count}"
            log.write(f"{self._who} {when} {what} {took:.3f} {self._agent}\n")


def shown_target(raw: str, has_query: bool) -> str:
    """The path without its query, and without parts that hold an e-mail address."""
    path = raw.partition("?")[0].partition("#")[0]
    if "@" in path or "%40" in path:
        path = "/".join("***" if "@" in part or "%40" in part else part for part in path.split("/"))
    return clean(path, 500) + ("?..." if has_query else "")


@lru_cache(maxsize=4096)
def anonymous(address: str) -> str:
    """``203.0.113.9`` is ``203.0.113.0``; ``2001:db8:1:2::9`` is ``2001:db8:1::``; what is no address, ``-``."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "-"
    return str(ip_network((found, 24 if found.version == 4 else 48), strict=False).network_address)


def clean(text: str, longest: int) -> str:
    """Printable ASCII without blanks and quotes: a line can neither be forged nor broken."""
    return _UNSAFE.sub(
        lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode("utf-8", "replace")), text[:longest]
    )
