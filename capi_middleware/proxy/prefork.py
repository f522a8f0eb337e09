"""A parent process and its workers, for servers that have none of their own: one listening socket for all."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from .options import Options

log = logging.getLogger("capi_middleware.proxy")

_FIRST_PASSED = 3


def listening_socket(options: Options) -> socket.socket:
    """The socket that systemd passed (``LISTEN_FDS``), else a new one. Raises ``OSError``."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()) and int(os.environ.get("LISTEN_FDS", "0")) >= 1:
        return socket.socket(fileno=_FIRST_PASSED)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((options.host, options.port))
        sock.listen(1024)
    except OSError:
        sock.close()
        raise
    return sock


def supervise(count: int, work: Callable[[], int], grace: float) -> int:
    """Keep ``count`` forked workers running. SIGHUP: a fresh worker takes the place of each, one after the other, and
    the old one ends its requests. SIGTERM, SIGINT: all end. A worker that dies is replaced, not more than once a
    second. Returns the exit code."""
    return _Parent(count, work, grace).run()


class _Parent:
    def __init__(self, count: int, work: Callable[[], int], grace: float) -> None:
        self._count = count
        self._work = work
        self._grace = grace
        self._workers: set[int] = set()
        self._leaving: set[int] = set()
        self._stop = False
        self._reload = False

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        for _ in range(self._count):
            self._start()
        while not self._stop:
            signal.sigtimedwait((signal.SIGCHLD,), 0.2)
            self._reap()
            if self._reload:
                self._reload = False
                self._replace()
            while len(self._workers) < self._count and not self._stop:
                log.warning("a worker ended; starting another")
                time.sleep(1)
                self._start()
        self._end()
        return 0

    def _on_stop(self, *_: Any) -> None:
        self._stop = True

    def _on_reload(self, *_: Any) -> None:
        self._reload = True

    def _start(self) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._workers.add(pid)
            return pid
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            code = self._work()
        except BaseException:
            log.exception("a worker failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _replace(self) -> None:
        """The new one listens before the old one stops."""
        for old in sorted(self._workers):
            self._start()
            time.sleep(0.5)
            self._workers.discard(old)
            self._leaving.add(old)
            _signal(old, signal.SIGTERM)

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._workers.discard(pid)
            self._leaving.discard(pid)

    def _end(self) -> None:
        for pid in self._workers | self._leaving:
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + self._grace + 5
        while (self._workers or self._leaving) and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.05)
        for pid in self._workers | self._leaving:
            _signal(pid, signal.SIGKILL)
        self._reap()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
