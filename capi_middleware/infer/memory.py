"""What the shop has shown of its products: facts of pages seen, by id and by address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from cachetools import LRUCache

from .types import Facts


class ProductMemory:
    """Facts by ``(host, content_id)`` and by ``(host, path and query)``. No method waits for a disk or raises."""

    def __init__(self, folder: Path | None = None, *, limit: int = 10_000) -> None:
        self._folder = folder
        self._lock = Lock()
        self._ids: LRUCache[tuple[str, str], Mapping[str, Any]] = LRUCache(limit)
        self._urls: LRUCache[tuple[str, str], Facts] = LRUCache(limit)

    def learn(self, host: str, address: str, facts: Facts) -> None:
        """A page was seen. ``address``: path and query."""
        if not facts.is_product:
            return
        with self._lock:
            self._urls[host, address] = facts
            for content_id in facts.product.get("content_ids", ()):
                self._ids[host, str(content_id)] = facts.product

    def by_id(self, host: str, content_id: str) -> Mapping[str, Any] | None:
        """The product's custom_data as its page showed it, or None."""
        with self._lock:
            return self._ids.get((host, content_id))

    def by_url(self, host: str, address: str) -> Facts | None:
        """The facts of the page at this path and query, or None."""
        with self._lock:
            return self._urls.get((host, address))

    def flush(self, timeout: float = 5.0) -> bool:
        """Everything learnt is where other processes read it."""
        return True

    def close(self) -> None:
        """Write what is left and let go of the folder."""
