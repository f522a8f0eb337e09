"""A process that only delivers: for servers without threads, for shops that want sending out of their web processes,
and, with PostgreSQL, for any number of further machines."""

from __future__ import annotations

import time
from typing import Any

from .native import start_thread
from .overflow import Overflow
from .places import journal_folder
from .runner import Runner


class Worker:
    """With the embedded store it stands by while another process of the host delivers."""

    def __init__(self, source: Any) -> None:
        self._runner = Runner(source, journal_folder(source.current), None, Overflow(), worker=True)

    def start(self) -> None:
        """Deliver on a thread until :meth:`stop`."""
        start_thread(self._runner.run, "capi-delivery")

    def stop(self, timeout: float) -> None:
        """Finish what is under way."""
        self._runner.stop(timeout)

    def finish(self, timeout: float) -> None:
        """Send what waits, if that takes no longer than ``timeout`` seconds, then stop."""
        self._runner.hurry_always = True
        end = time.monotonic() + timeout
        while time.monotonic() < end and not self._runner.drained():
            time.sleep(0.05)
        self.stop(timeout)

    def run_once(self, timeout: float) -> bool:
        """Deliver what waits; True if nothing is left (or another process of this host is at it)."""
        self._runner.hurry_always = True
        self.start()
        end = time.monotonic() + timeout
        done = False
        while not done and time.monotonic() < end:
            time.sleep(0.1)
            done = self._runner.drained()
        self.stop(5.0)
        return done
