"""``capi-middleware worker``: deliver outside the web processes."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from types import FrameType

from capi_middleware.delivery import Ledger
from capi_middleware.delivery.worker import Worker
from capi_middleware.settings import SettingsSource
from capi_middleware.settings.state import state_dir

from .delivering import answer, common_options, folder_problem, guarded, source_of
from .terminal import Misuse, Trouble


def options(parser: argparse.ArgumentParser) -> None:
    common_options(parser)
    parser.add_argument("--once", action="store_true", help="deliver what waits, then stop (for cron)")
    parser.add_argument("--beside", type=int, default=0, help=argparse.SUPPRESS)  # a proxy's process: ends with it
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="with --once: at most so long (60)")


def run(arguments: argparse.Namespace) -> int:
    """Until SIGTERM or Ctrl-C. With ``--once``: 1 if something still waits."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    if not 0 < arguments.timeout < 1e9:
        raise Misuse("--timeout takes seconds above 0")
    source = source_of(arguments)
    wrong = folder_problem(source)
    if wrong:
        raise Trouble(wrong)
    if arguments.beside and source.current.delivery.deliverer != "auto":
        return 0  # another worker is meant to deliver
    worker = Worker(source)
    if arguments.once:
        return guarded(lambda: _once(arguments, source, worker))
    stop = threading.Event()

    def stopped(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, stopped)
    signal.signal(signal.SIGINT, signal.SIG_IGN if arguments.beside else stopped)
    if not arguments.beside:
        print(f"Delivering from {state_dir(source.current)}. Ctrl-C ends it.", file=sys.stderr, flush=True)
    worker.start()
    while not stop.wait(0.5) and arguments.beside in (0, os.getppid()):
        pass
    if arguments.beside:
        worker.finish(3.0)
    else:
        worker.stop(5.0)
    return 0


def _once(arguments: argparse.Namespace, source: SettingsSource, worker: Worker) -> int:
    _waiting(source)  # a place that cannot be used is said now, not after a minute of trying
    done = worker.run_once(arguments.timeout)
    left = _waiting(source)
    text = f"{left} event(s) still wait." if left else "Everything is delivered."
    if left and done:
        text += " A web process delivers, and goes on by itself."
    answer(arguments, {"waiting": left, "ok": not left}, text)
    return 0 if done and not left else 1


def _waiting(source: SettingsSource) -> int:
    """How many events wait. Raises ``StoreError`` or ``OSError`` where nobody can tell."""
    ledger = Ledger(source)
    try:
        return sum(pixel.waiting for pixel in ledger.pixels())
    finally:
        ledger.close()
