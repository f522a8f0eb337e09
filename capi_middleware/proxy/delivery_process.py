"""Delivery beside the proxy: packing and sending events is work that would keep the interpreter from visitors'
requests, and its libraries and batches are memory that a process which serves need not have."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from types import TracebackType

from .options import Options

log = logging.getLogger("capi_middleware.proxy")

HEAD_START = 10.0
"""Seconds in which a serving process leaves the sending to it. Later, and after its end, one of them takes its place:
events lie in the journal meanwhile."""
_PATIENCE = 8.0
_FRUGAL = {"MALLOC_ARENA_MAX": "1"}
"""glibc gives each thread that sends a store of memory of its own, of which none shrinks."""


class DeliveryProcess:
    """``capi-middleware worker`` as a child of this process, which ends with it: a context manager."""

    def __init__(self, options: Options) -> None:
        self._command = [sys.executable, "-m", "capi_middleware", "worker", "--beside", str(os.getpid())]
        if options.config:
            self._command += ["--config", options.config]
        self._wanted = options.delivery == "process"
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> DeliveryProcess:
        if self._wanted:
            try:
                self._child = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, env=_FRUGAL | os.environ)
            except OSError as error:
                log.warning("events are sent by a thread: no process could be started (%s)", error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """After the last request: it sends what is waiting, for a few seconds."""
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
