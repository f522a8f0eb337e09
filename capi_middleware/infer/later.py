"""What may wait until the response has gone: pages to be read in a thread of their own."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Hashable
from queue import SimpleQueue

MOST_WAITING = 16
PAUSE = 0.005
"""Seconds before each piece of work, in which the response that brought it goes out."""

_log = logging.getLogger(__name__)


class Later:
    """Does pieces of work one after another, in a daemon thread that the first one starts (in each process anew)."""

    def __init__(self) -> None:
        self._begin(os.getpid())

    def _begin(self, pid: int) -> None:
        self._pid = pid
        self._waiting: SimpleQueue[tuple[Hashable, Callable[[], object]]] = SimpleQueue()
        self._keys: set[Hashable] = set()
        self._thread: threading.Thread | None = None

    def put(self, key: Hashable, work: Callable[[], object]) -> bool:
        """Never waits, never raises. True: it will be done, or what was put under this key before; False: there is
        enough to do."""
        pid = os.getpid()
        if pid != self._pid:  # what waited at a fork is the parent's to do, and its thread is not here
            self._begin(pid)
        if key in self._keys:
            return True
        if len(self._keys) >= MOST_WAITING:
            return False
        self._keys.add(key)
        self._waiting.put((key, work))
        thread = self._thread
        if thread is None or not thread.is_alive():
            self._thread = thread = threading.Thread(target=self._run, name="capi-reading", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the process ends, or has too many
                self._keys.discard(key)
                return False
        return True

    def wait(self, timeout: float) -> bool:
        """Until nothing waits any more; False when that took longer."""
        until = time.monotonic() + timeout
        while self._keys:
            if time.monotonic() > until:
                return False
            time.sleep(0.002)
        return True

    def _run(self) -> None:
        while True:
            key, work = self._waiting.get()
            time.sleep(PAUSE)
            try:
                work()
            except Exception:
                _log.exception("A page was not read afterwards.")
            finally:
                self._keys.discard(key)
