"""What the journal cannot take: kept in memory, within bounds, the least valuable dropped first and counted."""

from __future__ import annotations

from collections import Counter, deque

from .native import RLock

MAX_BYTES = 16 << 20
_LEVELS = 4


class Overflow:
    """Records in memory, by value (0 goes first). Also an inlet of the deliverer, like :class:`~.spool.Spool`."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self.limit = limit
        self.lost: Counter[str] = Counter()
        self.bytes = 0
        self._lock = RLock()
        self._queues: list[deque[tuple[int, bytes]]] = [deque() for _ in range(_LEVELS)]
        self._told: Counter[str] = Counter()
        self._read: list[tuple[int, bytes, int]] = []

    def __len__(self) -> int:
        """What is read and not committed is still here."""
        return sum(len(queue) for queue in self._queues) + len(self._read)

    def put(self, kind: int, data: bytes, value: int) -> bool:
        """Take a record, dropping less valuable ones if need be; False if it was itself dropped."""
        with self._lock:
            while self.bytes + len(data) > self.limit:
                victim = next((queue for queue in self._queues[:value] if queue), None)
                if victim is None:
                    self.lose("memory-full")
                    return False
                _, old = victim.popleft()
                self.bytes -= len(old)
                self.lose("memory-full")
            self._queues[value].append((kind, data))
            self.bytes += len(data)
        return True

    def pop(self) -> tuple[int, bytes, int] | None:
        """The most valuable of the oldest."""
        with self._lock:
            for value in range(_LEVELS - 1, -1, -1):
                if self._queues[value]:
                    kind, data = self._queues[value].popleft()
                    self.bytes -= len(data)
                    return kind, data, value
        return None

    def lose(self, reason: str, count: int = 1) -> None:
        """Count a loss."""
        self.lost[reason] += count

    # An inlet, as the deliverer sees it.

    def read(self, limit: int) -> list[tuple[int, bytes]]:
        """Take up to ``limit`` records; :meth:`commit` or :meth:`rewind` follows."""
        while len(self._read) < limit:
            record = self.pop()
            if record is None:
                break
            self._read.append(record)
        return [record[:2] for record in self._read]

    def commit(self, mark: int = 0) -> dict[str, int]:
        """They are kept elsewhere. Returns losses not told before."""
        self._read.clear()
        fresh = dict(self.lost - self._told)
        self._told.update(fresh)
        return fresh

    def rewind(self) -> None:
        """They could not be kept elsewhere."""
        with self._lock:
            for kind, data, value in reversed(self._read):
                self._queues[value].appendleft((kind, data))
                self.bytes += len(data)
            self._read.clear()

    def sync(self) -> None:
        """Memory has no disk to sync to."""

    def release(self, oldest_unsettled: int) -> None:
        """Nothing is kept."""
