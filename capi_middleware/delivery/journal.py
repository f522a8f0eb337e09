"""The hand-over: a process appends its events to a file that is mapped into memory.

Once :meth:`Journal.append` has returned, the record is in the page cache and survives ``kill -9`` of this process. No
system call is made and no lock is held over I/O, so a busy sibling thread cannot stall the caller (a write() gives up
the GIL, and gets it back a switch interval later).
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import time
from pathlib import Path

from . import lock
from .native import RLock
from .segment import (
    HEADER,
    LOSSES,
    MAGIC,
    MAX_RECORD,
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
    checksum,
)

_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, Linux 5.14: page faults now rather than under a request
_RETRY = 1.0
MAX_AGE = 3600.0
_pack = HEADER.pack_into


class _Segment:
    """One file that this process writes. Raises ``OSError`` (ENOSPC, EROFS, EACCES, …)."""

    def __init__(self, folder: Path, number: int) -> None:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        self.path = folder / f"{os.getpid()}-{time.time_ns():x}-{number}{SUFFIX}"
        fresh = self.path.with_suffix(".new")
        self._handle = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            lock.hold(self._handle)
            _reserve(self._handle)
            self.memory = mmap.mmap(self._handle, SIZE)
            if hasattr(self.memory, "madvise"):
                with contextlib.suppress(OSError, ValueError):
                    self.memory.madvise(_POPULATE_WRITE)
            self.words = memoryview(self.memory).cast("Q")
            self.at = PAGE
            self.born = time.monotonic()
            for word, value in ((W_SIZE, SIZE), (W_TAIL, PAGE), (W_CURSOR, PAGE), (W_SIGNATURE, SIGNATURE)):
                self.words[word] = value
            # Readers only see names that end in SUFFIX: by then the file is locked and whole.
            os.rename(fresh, self.path)
        except BaseException:
            os.close(self._handle)
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            raise

    def seal(self) -> None:
        """No record will follow."""
        self.words[W_SEALED] = 1
        self.close()

    def close(self) -> None:
        self.words.release()
        self.memory.close()
        os.close(self._handle)

    def is_there(self) -> bool:
        """False once somebody has deleted the file from under us."""
        try:
            return os.stat(self.path).st_ino == os.fstat(self._handle).st_ino
        except OSError:
            return False


class Journal:
    """This process's journal in ``folder``. ``limit``: bytes that all journals of the folder may take on disk.
    ``refused``: why nothing may be written there at all."""

    def __init__(self, folder: Path, limit: int, refused: str = "") -> None:
        self.folder = folder
        self.limit = limit
        self._refused = refused
        self._retry_at = 0.0
        self.error: OSError | None = None
        self._lock = RLock()
        self._inside = False
        self._late: list[tuple[int, bytes]] = []
        self._number = 0
        self._current: _Segment | None = None
        self._next: _Segment | None = None

    def append(self, kind: int, data: bytes) -> bool:
        """Keep a record; False where it cannot be kept (see :attr:`error`)."""
        with self._lock:
            if self._inside:  # called by a signal handler or finaliser that interrupted this very method
                self._late.append((kind, data))
                return True
            self._inside = True
            try:
                kept = self._append(kind, data)
                while self._late:
                    self._append(*self._late.pop(0))
            finally:
                self._inside = False
        return kept

    def _append(self, kind: int, data: bytes) -> bool:
        length = len(data)
        segment = self._current
        if segment is None or segment.at + length + 24 > SIZE:
            if length > MAX_RECORD or not self._rotate():
                return False
            segment = self._current
            assert segment is not None
        at = segment.at
        start = at + 16
        segment.memory[start : start + length] = data
        _pack(segment.memory, at, MAGIC, length, checksum(kind, data), kind, 0)
        segment.at = at = start + (length + 7 & ~7)
        segment.words[W_TAIL] = at
        return True

    def _rotate(self) -> bool:
        fresh = self._next
        self._next = None
        if fresh is None:
            # Normally :meth:`tend` has made it. A folder that refused a moment ago is not asked again per request.
            if self.error is not None and time.monotonic() < self._retry_at:
                return False
            fresh = self._make()
            if fresh is None:
                return False
        self.error = None
        old, self._current = self._current, fresh
        if old is not None:
            old.seal()
        return True

    def _make(self) -> _Segment | None:
        self._number += 1
        try:
            if self._refused:
                raise OSError(errno.EPERM, self._refused)
            if journal_bytes(self.folder) + SIZE > self.limit:
                raise OSError(errno.EDQUOT, "the journals have reached their limit: events cannot be stored or sent")
            return _Segment(self.folder, self._number)
        except OSError as error:
            self.error = error
            self._retry_at = time.monotonic() + _RETRY
            return None

    def lose(self, reason: str, count: int = 1) -> None:
        """Count events that could not be kept, where the deliverer (any process) finds the figure."""
        with self._lock:
            if self._current is not None:
                self._current.words[W_LOST + LOSSES.index(reason)] += count

    def tend(self) -> None:
        """Background work: have the next segment ready before a request needs it; notice a deleted file."""
        current = self._current
        if current is not None and not current.is_there():
            self._rescue()
            return
        # Read long ago: what it tells of people must not lie about.
        aged = current is not None and current.at > PAGE and time.monotonic() - current.born > MAX_AGE
        aged = aged and self.drained()
        wanted = aged or (current.at > SIZE // 2 if current is not None else self.error is not None)
        if wanted and self._next is None and (self.error is None or time.monotonic() >= self._retry_at):
            self._next = self._make()
        if aged and self._next is not None:
            with self._lock:
                self._rotate()

    def _rescue(self) -> None:
        """The file was deleted: what nobody has read yet goes into a new one."""
        with self._lock:
            lost = self._current
            if lost is None or not self._rotate_from_nothing():
                return
            assert self._current is not None
            begin = min(max(lost.words[W_CURSOR], PAGE), lost.at)
            rest = lost.memory[begin : lost.at]
            self._current.memory[PAGE : PAGE + len(rest)] = rest
            self._current.at = PAGE + len(rest)
            self._current.words[W_TAIL] = self._current.at
            lost.close()

    def _rotate_from_nothing(self) -> bool:
        if self._next is not None and not self._next.is_there():
            self._next.close()
            self._next = None
        old, self._current = self._current, None
        if self._rotate():
            return True
        self._current = old
        return False

    def drained(self) -> bool:
        """Whether the deliverer has taken all that was appended."""
        with self._lock:
            current = self._current
            return current is None or current.words[W_CURSOR] >= current.at

    @property
    def open(self) -> bool:
        return self._current is not None

    def close(self) -> None:
        """Seal what is open: the deliverer removes it once it is read."""
        with self._lock:
            for segment in (self._current, self._next):
                if segment is not None:
                    segment.seal()
            self._current = self._next = None

    def abandon(self) -> None:
        """In a forked child: the files are the parent's."""
        for segment in (self._current, self._next):
            if segment is not None:
                segment.close()
        self._current = self._next = None


def journal_bytes(folder: Path) -> int:
    """Bytes that the folder's journals take. Raises nothing: 0 where there is no folder."""
    try:
        with os.scandir(folder) as found:
            return sum(SIZE for file in found if file.name.endswith(SUFFIX))
    except OSError:
        return 0


def _reserve(handle: int) -> None:
    """Take the room on disk now, as an error that can be handled: a mapped page without room kills the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, SIZE)
    else:
        os.write(handle, bytes(SIZE))
