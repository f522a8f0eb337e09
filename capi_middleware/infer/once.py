"""What has been counted already, shared by all processes of a machine: a small file of fingerprints with a time.

A table in shared memory: asking and marking takes a few microseconds, waits for nobody and survives a restart. It tells
nothing of anyone: 8 bytes of a digest, the second at which they lapse, and where it was asked for a sum of money.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: two processes may both count the same double click
    fcntl = None  # type: ignore[assignment]

FILE = "once.bin"
_SLOT = struct.Struct("<QI4sq")
_WAYS = 8
_BUCKETS = 1 << 14
_SIZE = _BUCKETS * _WAYS * _SLOT.size


class Once:
    """Remembers keys for a while. ``folder``: where the file lives, None for this process alone; a folder that cannot
    be written is as good as None. 131 072 keys; when a bucket is full, the one that lapses first goes.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._handle = -1
        self._table = _shared(folder) if folder is not None else None
        if self._table is None:
            self._map: mmap.mmap | bytearray = bytearray(_SIZE)
        else:
            self._handle, self._map = self._table

    def first(self, key: str, seconds: float, now: float | None = None) -> bool:
        """True, and the key is remembered for so long, unless it is remembered already."""
        with self._held(key) as (start, mark):
            now = time.time() if now is None else now
            if self._place(start, mark, now) >= 0:
                return False
            self._put(start, mark, now, seconds, b"", 0)
            return True

    def seen(self, key: str, now: float | None = None) -> bool:
        """Whether the key is remembered; nothing changes."""
        with self._held(key) as (start, mark):
            return self._place(start, mark, time.time() if now is None else now) >= 0

    def forget(self, key: str) -> None:
        """As if it had never been."""
        with self._held(key) as (start, mark):
            place = self._place(start, mark, 0)
            if place >= 0:
                _SLOT.pack_into(self._map, place, 0, 0, b"", 0)

    def note(self, key: str, value: float, code: str, seconds: float, now: float | None = None) -> None:
        """Remember a sum of money under this key, in the place of an earlier one."""
        with self._held(key) as (start, mark):
            self._put(start, mark, time.time() if now is None else now, seconds, code.encode("ascii"), value)

    def noted(self, key: str, now: float | None = None) -> tuple[float, str] | None:
        """The sum and its currency, None where none is remembered."""
        with self._held(key) as (start, mark):
            place = self._place(start, mark, time.time() if now is None else now)
            if place < 0:
                return None
            _, _, code, thousandths = _SLOT.unpack_from(self._map, place)
        return (thousandths / 1000, code.rstrip(b"\0").decode("ascii")) if code.rstrip(b"\0") else None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1
            self._map = bytearray(_SIZE)

    @contextlib.contextmanager
    def _held(self, key: str) -> Iterator[tuple[int, int]]:
        """The bucket of this key and its mark there, while nobody else touches it."""
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=12).digest()
        start = int.from_bytes(digest[8:], "little") % _BUCKETS * _WAYS * _SLOT.size
        with self._lock:
            locked = self._lock_bucket(start)
            try:
                yield start, int.from_bytes(digest[:8], "little") or 1
            finally:
                if locked:
                    fcntl.lockf(self._handle, fcntl.LOCK_UN, _WAYS * _SLOT.size, start)

    def _place(self, start: int, mark: int, now: float) -> int:
        """Where in the bucket the mark stands, -1 for nowhere."""
        for place in range(start, start + _WAYS * _SLOT.size, _SLOT.size):
            known, lapses, _, _ = _SLOT.unpack_from(self._map, place)
            if known == mark and lapses > now:
                return place
        return -1

    def _put(self, start: int, mark: int, now: float, seconds: float, code: bytes, value: float) -> None:
        """In the mark's own place, else in that of the one that lapses first."""
        soonest, chosen = 1 << 33, start
        for place in range(start, start + _WAYS * _SLOT.size, _SLOT.size):
            known, lapses, _, _ = _SLOT.unpack_from(self._map, place)
            if known == mark:
                chosen = place
                break
            if lapses < soonest:
                soonest, chosen = lapses, place
        lapses = min(int(now) + max(1, int(seconds)), (1 << 32) - 1)
        _SLOT.pack_into(self._map, chosen, mark, lapses, code[:4], round(value * 1000))

    def _lock_bucket(self, start: int) -> bool:
        """Between processes; one that is stopped while it holds the lock delays nobody."""
        if self._handle < 0 or fcntl is None:
            return False
        try:
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB, _WAYS * _SLOT.size, start)
        except OSError:
            return False
        return True


def _shared(folder: Path) -> tuple[int, mmap.mmap] | None:
    handle = -1
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(handle).st_size < _SIZE:
            os.ftruncate(handle, _SIZE)
        return handle, mmap.mmap(handle, _SIZE)
    except (OSError, ValueError):
        if handle >= 0:
            os.close(handle)
        return None
