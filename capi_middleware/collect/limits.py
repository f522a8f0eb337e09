"""How often: per visitor and in all, in constant memory."""

from __future__ import annotations

from threading import Lock

from cachetools import LRUCache

_VISITORS = 20_000


class Limits:
    """Token buckets that hold one minute's worth. ``visitor_rate``, ``total_rate``: calls a minute."""

    def __init__(self, visitor_rate: int, total_rate: int) -> None:
        self._visitor_rate = visitor_rate
        self._total_rate = total_rate
        self._visitors: LRUCache[str, tuple[float, float]] = LRUCache(_VISITORS)
        self._total = (float(total_rate), 0.0)
        self._lock = Lock()

    def admit(self, visitor: str, now: float) -> bool:
        """Whether this call may be answered. A refused visitor takes nothing of what all have together."""
        with self._lock:
            mine = _drip(self._visitors.get(visitor), self._visitor_rate, now)
            if mine < 1:
                return False
            total = _drip(self._total, self._total_rate, now)
            if total < 1:
                return False
            self._visitors[visitor] = (mine - 1, now)
            self._total = (total - 1, now)
            return True


def _drip(bucket: tuple[float, float] | None, rate: int, now: float) -> float:
    if bucket is None:
        return float(rate)
    level, then = bucket
    return min(float(rate), level + max(0.0, now - then) * rate / 60)
