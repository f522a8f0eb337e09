"""Who went to pay for which order: what a payment provider's notice, which comes from a server, is joined with.

One small file an order, readable by the owner only, of no use after seven days (Meta takes no older events), and
deleted then when a process starts or keeps another order. Written aside, so that no visitor waits for a disk; read only
when a notice comes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cachetools import TTLCache

from capi_middleware.events import Visitor

FOLDER = "orders"
KEPT = 7 * 86400.0
"""Seconds for which a visitor is kept under an order."""
_SWEEP = 3600.0
_LARGEST = 16 * 1024
_MOST_REFERENCES = 5


class Owner(NamedTuple):
    """The visitor of an order, as Meta may know them. ``source_url``: where they went to pay; ``custom_data``: what the
    order came to, as far as it was known; ``consent``: the decision under which it was kept."""

    visitor: Visitor
    source_url: str = ""
    consent: str = ""
    data_processing_options: tuple[str, int, int] | tuple[()] = ()
    custom_data: Mapping[str, Any] = {}


class OrderMemory:
    """One a process. ``folder``: the state folder, shared by all processes of a machine; None for this process alone.
    No method raises; only :meth:`recall` may read a file."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder / FOLDER if folder is not None else None
        self._near: TTLCache[str, Owner] = TTLCache(2_000, KEPT, time.time)
        self._lock = threading.Lock()
        self._disk = threading.Lock()
        self._swept = 0.0
        if self._folder is not None and self._folder.is_dir():
            self._aside(self._sweep)

    def remember(self, host: str, references: Iterable[str], owner: Owner) -> None:
        """Keep the visitor under each of these order references."""
        names = [_name(host, reference) for reference in list(references)[:_MOST_REFERENCES] if reference]
        if not names:
            return
        with self._lock:
            for name in names:
                self._near[name] = owner
        self._aside(self._write, names, owner)

    def recall(self, host: str, reference: str) -> Owner | None:
        """The visitor of this order, None where nobody is known."""
        name = _name(host, reference)
        with self._lock:
            known = self._near.get(name)
        if known is not None or self._folder is None:
            return known
        path = self._folder / name
        try:
            if path.stat().st_mtime < time.time() - KEPT:
                return None
            return _owner(json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def forget(self, fbp: str) -> None:
        """Consent was withdrawn: no order names this visitor any more. The files go aside."""
        if fbp:
            self._drop(fbp)
            self._aside(self.purge, fbp)

    def purge(self, fbp: str) -> int:
        """As :meth:`forget`, and wait for it; how many files that were."""
        self._drop(fbp)
        gone = 0
        with self._disk:
            for path in self._files():
                try:
                    if _owner(json.loads(path.read_bytes())).visitor.fbp == fbp:
                        path.unlink()
                        gone += 1
                except (OSError, ValueError, TypeError, KeyError, AttributeError):
                    continue
        return gone

    def _aside(self, work: Callable[..., object], *arguments: object) -> None:
        if self._folder is not None:
            with contextlib.suppress(RuntimeError):  # the process ends, or has too many threads
                threading.Thread(target=work, args=arguments, name="capi-orders", daemon=True).start()

    def _drop(self, fbp: str) -> None:
        with self._lock:
            for name in [name for name, owner in self._near.items() if owner.visitor.fbp == fbp]:
                self._near.pop(name, None)

    def _write(self, names: list[str], owner: Owner) -> None:
        folder = self._folder
        content = json.dumps(_row(owner), separators=(",", ":")).encode("utf-8")
        if folder is None or len(content) > _LARGEST:
            return
        with contextlib.suppress(OSError), self._disk:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in names:
                with self._lock:
                    if self._near.get(name) is not owner:  # consent was withdrawn meanwhile
                        continue
                fresh = folder / f".{secrets.token_hex(8)}"
                handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                os.replace(fresh, folder / name)
        self._sweep()

    def _sweep(self) -> None:
        now = time.time()
        if now - self._swept < _SWEEP:
            return
        self._swept = now
        for path in self._files():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < now - KEPT:
                    path.unlink()

    def _files(self) -> list[Path]:
        try:
            return list(self._folder.iterdir()) if self._folder is not None else []
        except OSError:
            return []


def _name(host: str, reference: str) -> str:
    text = f"{host}\x1f{reference.strip()}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _row(owner: Owner) -> dict[str, Any]:
    visitor = {
        **owner.visitor._asdict(),
        "user_data": {key: list(value) for key, value in owner.visitor.user_data.items()},
    }
    return {**owner._asdict(), "visitor": visitor, "custom_data": dict(owner.custom_data)}


def _owner(row: Mapping[str, Any]) -> Owner:
    visitor = dict(row["visitor"])
    visitor["user_data"] = {str(key): tuple(map(str, value)) for key, value in visitor["user_data"].items()}
    options = tuple(row["data_processing_options"])
    return Owner(
        Visitor(**visitor),
        str(row["source_url"]),
        str(row["consent"]),
        options if len(options) == 3 else (),
        dict(row["custom_data"]),
    )
