"""What people ask of a deliverer that runs in another process: an order is a file, and so is the answer.

The embedded store has one writer. ``replay`` and ``purge`` therefore leave an order in the state folder, unless no
deliverer runs: then they carry it out themselves.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from .journal import Journal, journal_bytes
from .lock import HostLock
from .places import is_shared, is_there, journal_folder, lock_path, open_store, sqlite_path
from .segment import FORGET
from .store import Store, StoreError

_ORDER = "order-"
_STALE = 60.0


class Executor(Protocol):
    """Who carries out orders."""

    def obey(self, order: dict[str, Any]) -> dict[str, Any]: ...


def place(folder: Path, order: dict[str, Any], timeout: float) -> dict[str, Any] | None:
    """Leave an order and wait for its answer; None if none came. Raises ``OSError``."""
    name = f"{_ORDER}{secrets.token_hex(8)}"
    fresh, path, answer = folder / f"{name}.new", folder / f"{name}.json", folder / f"{name}.done"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(order, file)
    os.rename(fresh, path)
    end = time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            with contextlib.suppress(OSError, ValueError):
                found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
                return found
            time.sleep(0.1)
    finally:
        for left in (path, answer):
            left.unlink(missing_ok=True)
    return None


def carry_out(executor: Executor, folder: Path) -> None:
    """Carry out the orders that lie in the folder. What has lain there for long, nobody waits for any more."""
    for path in folder.glob(f"{_ORDER}*"):
        with contextlib.suppress(OSError, ValueError):
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink()
            elif path.suffix == ".json":
                _carry_out(executor, path)


def _carry_out(executor: Executor, path: Path) -> None:
    answer = executor.obey(json.loads(path.read_text(encoding="utf-8")))
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(answer, file)
    os.rename(fresh, path.with_suffix(".done"))
    path.unlink()


def obey(store: Store, order: dict[str, Any]) -> dict[str, Any]:
    """Do it: ``{"do": "replay", "numbers": […]}``, ``{"do": "purge", "fbp": …, "before": …, "dead": …}``."""
    try:
        if order.get("do") == "replay":
            return {"done": store.replay([int(n) for n in order.get("numbers", [])], time.time())}
        if order.get("do") == "purge":
            wanted = {key: order[key] for key in ("fbp", "before", "dead") if order.get(key)}
            if wanted:
                return {"done": store.purge(**wanted)}
        return {"error": "no such order"}
    except StoreError as error:
        return {"error": str(error)}


class OrderDesk:
    """Where people leave orders: ``replay`` and ``purge`` from any process. Each raises :class:`StoreError`."""

    def __init__(self, source: Any, timeout: float = 15.0) -> None:
        self._source = source
        self._timeout = timeout

    def replay(self, numbers: Sequence[int] = ()) -> int:
        """Send dead or expired events again (all dead ones without numbers). How many wait now."""
        return self._give({"do": "replay", "numbers": list(numbers)})

    def purge(self, *, fbp: str = "", before: float = 0.0, dead: bool = False) -> int:
        """Delete everything of a visitor, everything settled of before a time, or dead letters. How many events (what
        no deliverer has read yet goes too, uncounted)."""
        if fbp:
            self._forget_unread(fbp)
        return self._give({"do": "purge", "fbp": fbp, "before": before, "dead": dead})

    def _forget_unread(self, fbp: str) -> None:
        """What the journals hold of a visitor is not to be stored later: whoever reads them reads that, too."""
        settings = self._source.current
        folder = journal_folder(settings)
        if not journal_bytes(folder):
            return
        journal = Journal(folder, settings.delivery.max_journal_mb << 20)
        kept = journal.append(FORGET, fbp.encode("utf-8", "replace"))
        journal.close()
        if not kept:
            raise StoreError(f"the journals in {folder} cannot be written: {journal.error}")

    def _give(self, order: dict[str, Any]) -> int:
        settings = self._source.current
        if not is_shared(settings) and not is_there(sqlite_path(settings)):
            return 0
        lock = HostLock(lock_path(settings))
        try:
            if is_shared(settings) or lock.acquire():
                answer: dict[str, Any] | None = self._myself(order)
            else:
                answer = place(lock.path.parent, order, self._timeout)
        except OSError as error:
            raise StoreError(f"the state folder cannot be used: {error.strerror}") from error
        finally:
            lock.release()
        if answer is None:
            raise StoreError("the process that delivers did not answer: is it stopped?")
        if "error" in answer:
            raise StoreError(answer["error"])
        return int(answer["done"])

    def _myself(self, order: dict[str, Any]) -> dict[str, Any]:
        store = open_store(self._source.current)
        try:
            return obey(store, order)
        finally:
            store.close()
