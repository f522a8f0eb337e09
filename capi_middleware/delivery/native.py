"""Threads, locks and sleep of the operating system, also where gevent has put its own in their place.

The deliverer waits for disks and sockets; as a greenlet it would hold up every request of its worker.
"""

from __future__ import annotations

import importlib
import sys
import threading
from _queue import Empty, SimpleQueue
from _thread import RLock
from collections.abc import Callable
from typing import Any

__all__ = ["Empty", "RLock", "SimpleQueue", "original", "start_thread", "threads_run"]


def original(module: str, name: str) -> Any:
    """``module.name`` as the interpreter ships it."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched(module):
        return monkey.get_original(module, name)
    return getattr(importlib.import_module(module), name)


def start_thread(run: Callable[[], None], name: str) -> None:
    """Run it on a native thread that never keeps the interpreter alive. Raises ``RuntimeError`` where none can start
    (at interpreter shutdown)."""
    start = original("_thread", "start_new_thread")
    if start is getattr(importlib.import_module("_thread"), "start_new_thread"):  # noqa: B009
        threading.Thread(target=run, name=name, daemon=True).start()
    else:
        start(run, ())


def threads_run() -> str:
    """ "" where background threads run, else the sentence that says how to get them."""
    uwsgi = sys.modules.get("uwsgi")
    options = getattr(uwsgi, "opt", None)
    if not options:
        return ""
    names = {key.decode() if isinstance(key, bytes) else str(key) for key in options}
    if names & {"enable-threads", "threads", "gevent"}:
        return ""
    return (
        "uWSGI runs without threads, so no events leave this process. Start uWSGI with --enable-threads (in an ini "
        "file: enable-threads = true), or run `capi-middleware worker` beside it. Until then events are kept on disk."
    )
