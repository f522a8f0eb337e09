"""waitress on a thread of its own, for as long as somebody looks at the shop."""

from __future__ import annotations

import threading
from typing import Any
from wsgiref.types import WSGIApplication

import waitress  # type: ignore[import-untyped]
from waitress import wasyncore


class ShopServer:
    """Serves from the moment it is made until ``stop()``. ``port`` 0 takes a free one.

    Raises ``OSError`` where the address cannot be had.
    """

    def __init__(self, app: WSGIApplication, host: str, port: int) -> None:
        self._sockets: dict[int, Any] = {}
        try:
            self._server = waitress.create_server(
                app, map=self._sockets, host=host, port=port, threads=8, ident=None, clear_untrusted_proxy_headers=True
            )
        except BaseException:
            wasyncore.close_all(self._sockets)
            raise
        self.port: int = self._server.effective_port
        self._ending = False
        self._told = threading.Event()  # the pipe that wakes the thread is not closed while somebody writes into it
        self._thread = threading.Thread(target=self._run, name="demo-shop", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close every connection; answers on their way are given a second."""
        self._ending = True
        try:
            self._server.pull_trigger()
        finally:
            self._told.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._ending:
            wasyncore.loop(timeout=1.0, map=self._sockets, count=1)
        self._told.wait(5)
        self._server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._sockets)
