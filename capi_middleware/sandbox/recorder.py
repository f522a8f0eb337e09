"""Keeps what arrived, for as many readers as like to wait for it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from .record import BrowserEvent, GraphCall, ServerEvent


class Recorder:
    """Safe from any thread. Holds the newest ``keep`` of each kind."""

    def __init__(self, keep: int) -> None:
        self._changed = threading.Condition()
        self._browser: deque[BrowserEvent] = deque(maxlen=keep)
        self._server: deque[ServerEvent] = deque(maxlen=keep)
        self._calls: deque[GraphCall] = deque(maxlen=keep)
        self._number = 0
        self._revision = 0

    @property
    def browser_events(self) -> list[BrowserEvent]:
        with self._changed:
            return list(self._browser)

    @property
    def server_events(self) -> list[ServerEvent]:
        with self._changed:
            return list(self._server)

    @property
    def calls(self) -> list[GraphCall]:
        with self._changed:
            return list(self._calls)

    @property
    def revision(self) -> int:
        """Moves with every change: equal means that there is nothing new to read."""
        with self._changed:
            return self._revision

    def add_browser(self, event: BrowserEvent) -> None:
        with self._changed:
            self._browser.append(replace(event, number=self._next()))
            self._tell()

    def add_server(self, events: Iterable[ServerEvent]) -> None:
        with self._changed:
            self._server.extend(replace(event, number=self._next()) for event in events)
            self._tell()

    def add_call(self, call: GraphCall) -> None:
        with self._changed:
            self._calls.append(call)
            self._tell()

    def clear(self) -> None:
        with self._changed:
            self._browser.clear()
            self._server.clear()
            self._calls.clear()
            self._tell()

    def touch(self) -> None:
        """Something else that readers show has changed."""
        with self._changed:
            self._tell()

    def wait(self, until: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``until()`` holds, asked anew after each arrival; False when ``timeout`` seconds have passed.

        ``until`` runs outside the lock, so it may read anything of this object.
        """
        deadline = time.monotonic() + timeout
        while True:
            revision = self.revision
            if until():
                return True
            with self._changed:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if self._revision == revision:
                    self._changed.wait(left)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _tell(self) -> None:
        self._revision += 1
        self._changed.notify_all()
