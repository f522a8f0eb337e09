"""The deliverer's side of the journals: read what all processes of the host appended, dead ones included."""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from . import lock
from .segment import (
    LOSSES,
    PAGE,
    SIGNATURE,
    SIZE,
    SUFFIX,
    W_CURSOR,
    W_LOST,
    W_SEALED,
    W_SIGNATURE,
    W_SIZE,
    W_TAIL,
    W_TOLD,
    records,
)

log = logging.getLogger("capi_middleware.delivery")
_KEPT = ".kept"
_MAX_KEPT = 32
_PATIENCE = 2.0  # a record that stays damaged this long is damage, not a writer at work


class _Reading:
    """One segment being read. Raises ``OSError`` or ``ValueError`` for what is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.handle = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        try:
            if os.fstat(self.handle).st_size != SIZE:
                raise ValueError("is cut off")
            self._map = mmap.mmap(self.handle, SIZE)
        except BaseException:
            os.close(self.handle)
            raise
        self.memory = memoryview(self._map)
        self.words = self.memory.cast("Q")
        if self.words[W_SIGNATURE] != SIGNATURE or self.words[W_SIZE] != SIZE:
            self.close()
            raise ValueError("has no valid header")
        self.at = min(max(self.words[W_CURSOR], PAGE), SIZE)
        self.damaged = 0
        self.orphaned = False
        self.asked = 0.0
        self.stuck = 0.0

    def close(self) -> None:
        self.words.release()
        self.memory.release()
        self._map.close()
        os.close(self.handle)

    def read(self, now: float) -> Iterator[tuple[int, bytes]]:
        """Records not read yet."""
        tail = self.words[W_TAIL]
        if not PAGE <= tail <= SIZE or tail % 8:
            tail = SIZE if self.finished(now) else self.at
        patient = not self.stuck or now - self.stuck < _PATIENCE
        for found in records(self.memory, self.at, tail, skip_damage=not patient):
            self.at = found.after
            self.stuck = 0.0
            if found.data is None:
                self.damaged += 1
            else:
                yield found.kind, found.data
        if self.at < tail and not self.stuck:
            self.stuck = now
        if self.at >= tail and self.finished(now):
            # After a power loss the header page may be older than the records.
            for found in records(self.memory, self.at, SIZE, skip_damage=False):
                self.at = found.after
                if found.data is not None:
                    yield found.kind, found.data

    def finished(self, now: float) -> bool:
        """Whether nothing will be appended any more: sealed, or its process is gone."""
        if self.orphaned or self.words[W_SEALED]:
            return True
        if now - self.asked >= 1.0:
            self.asked = now
            self.orphaned = not lock.is_held(self.path)
        return self.orphaned

    def losses(self) -> dict[str, int]:
        """What the writer could not keep and nobody has counted yet."""
        lost: dict[str, int] = {}
        for index, reason in enumerate(LOSSES):
            fresh = self.words[W_LOST + index] - self.words[W_TOLD + index]
            if fresh > 0:
                lost[reason] = fresh
                self.words[W_TOLD + index] += fresh
        return lost


class Spool:
    """All journals of a folder. :meth:`read` then, once the records are safe elsewhere, :meth:`commit`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged = 0
        self._readings: dict[str, _Reading] = {}
        self._refused: set[str] = set()
        self._stamp = 0
        self._swept = 0.0

    def read(self, limit: int) -> list[tuple[int, bytes]]:
        """Up to ``limit`` records, from all journals in turn."""
        now = time.monotonic()
        self._look(now)
        found: list[tuple[int, bytes]] = []
        for reading in list(self._readings.values()):
            if len(found) >= limit:
                break
            found.extend(islice(reading.read(now), limit - len(found)))
            if reading.damaged:
                log.error(
                    "the journal %s is damaged in %d place(s); all else in it was kept",
                    reading.path.name,
                    reading.damaged,
                )
                self.damaged += reading.damaged
                reading.damaged = 0
        return found

    def commit(self, mark: int = 0) -> dict[str, int]:
        """What was read is in the store. ``mark``: the highest event number it was given there; a finished journal is
        kept until :meth:`release` says that all up to its mark are settled (0: it goes at once). Returns losses that
        writers have counted, by reason."""
        now = time.monotonic()
        lost: dict[str, int] = {}
        for name, reading in list(self._readings.items()):
            if reading.words[W_CURSOR] != reading.at:
                reading.words[W_CURSOR] = reading.at
            for reason, count in reading.losses().items():
                lost[reason] = lost.get(reason, 0) + count
            # In this order: a writer may append once more and end while it is being asked whether it has ended.
            if reading.finished(now) and reading.at >= min(reading.words[W_TAIL], SIZE):
                reading.close()
                del self._readings[name]
                with contextlib.suppress(OSError):
                    if mark and reading.at > PAGE:
                        os.rename(reading.path, reading.path.with_name(f"{mark:020d}-{name}{_KEPT}"))
                    else:
                        os.unlink(reading.path)
        return lost

    def release(self, oldest_unsettled: int) -> None:
        """Delete kept journals whose events are all settled, and the oldest beyond a bound."""
        kept = self._kept()
        for position, path in enumerate(kept):
            if int(path.name[:20]) < oldest_unsettled or position < len(kept) - _MAX_KEPT:
                with contextlib.suppress(OSError):
                    path.unlink()

    def replay_kept(self) -> int:
        """The store is gone: read all journals again from their beginning, those in use and those kept. Some events
        will be sent twice, with their own IDs. How many journals there are."""
        self._look(time.monotonic())
        kept = self._kept()
        for path in kept:
            with contextlib.suppress(OSError, ValueError):
                plain = path.with_name(path.name[21:].removesuffix(_KEPT))
                os.rename(path, plain)
                reading = _Reading(plain)
                reading.words[W_CURSOR] = PAGE
                reading.close()
        for reading in self._readings.values():
            reading.words[W_CURSOR] = reading.at = PAGE
        self._stamp = 0
        return len(kept) + len(self._readings)

    def _kept(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{_KEPT}"))

    def rewind(self) -> None:
        """What was read since the last :meth:`commit` could not be kept: read it again."""
        for reading in self._readings.values():
            reading.at = min(max(reading.words[W_CURSOR], PAGE), SIZE)

    def sync(self) -> None:
        """Write the journals to the disk itself: while the store is down they are all there is. Raises ``OSError``."""
        self._look(time.monotonic())
        for reading in self._readings.values():
            if reading.words[W_TAIL] != reading.words[W_CURSOR]:
                sync_data = getattr(os, "fdatasync", os.fsync)
                sync_data(reading.handle)

    def close(self) -> None:
        for reading in self._readings.values():
            reading.close()
        self._readings.clear()

    def _look(self, now: float) -> None:
        """Notice new files. Also looks without a changed time stamp now and then: coarse clocks miss changes."""
        try:
            stamp = os.stat(self.folder).st_mtime_ns
        except OSError:
            return
        if stamp == self._stamp and now - self._swept < 1.0:
            return
        self._stamp, self._swept = stamp, now
        with contextlib.suppress(OSError), os.scandir(self.folder) as files:
            for file in files:
                if file.name.endswith(SUFFIX):
                    if file.name not in self._readings and file.name not in self._refused:
                        self._open(Path(file.path))
                elif file.name.endswith(".new"):
                    with contextlib.suppress(OSError):
                        if time.time() - file.stat().st_mtime > 60 and not lock.is_held(Path(file.path)):
                            os.unlink(file.path)  # its maker died while making it

    def _open(self, path: Path) -> None:
        try:
            self._readings[path.name] = _Reading(path)
        except FileNotFoundError:
            return
        except ValueError as error:
            log.error("the journal %s %s: it was set aside as %s.damaged", path.name, error, path.name)
            self.damaged += 1
            with contextlib.suppress(OSError):
                os.rename(path, path.with_name(path.name + ".damaged"))
        except PermissionError:
            self._refused.add(path.name)
            log.error("the journal %s may not be read: is it another user's?", path.name)
        except OSError as error:
            log.error("the journal %s cannot be read now (%s): it is tried again", path.name, error.strerror)
