"""Who may do what on this host: one deliverer per folder, one writer per journal segment.

``flock`` where the system has it (Linux, macOS): no clock is involved, and the kernel lets go the moment a process
dies. Elsewhere the filelock library, whose Windows lock behaves the same way.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


class HostLock:
    """A lock that its process loses by dying. A child of ``fork`` must call :meth:`abandon`, or it keeps it alive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = -1
        self._other: Any = None

    @property
    def held(self) -> bool:
        return self._handle >= 0 or self._other is not None

    def acquire(self) -> bool:
        """Take it without waiting; True if it is ours now. Raises ``OSError`` where the file cannot be made."""
        if self.held:
            return True
        if fcntl is None:
            return self._acquire_elsewhere()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except OSError:
            os.close(handle)
            raise
        try:
            gone = os.stat(self.path).st_ino != os.fstat(handle).st_ino
        except FileNotFoundError:
            gone = True
        if gone:  # the folder was removed meanwhile: a lock on a file that nobody finds locks nothing
            os.close(handle)
            return False
        self._handle = handle
        return True

    def _acquire_elsewhere(self) -> bool:
        import filelock

        lock = filelock.FileLock(f"{self.path}.lock", timeout=0, thread_local=False)
        try:
            lock.acquire()
        except filelock.Timeout:
            return False
        self._other = lock
        return True

    def still_ours(self) -> bool:
        """False once the file was deleted from under us: another process may hold a new one."""
        if self._handle < 0:
            return self.held
        try:
            return os.stat(self.path).st_ino == os.fstat(self._handle).st_ino
        except OSError:
            return False

    def release(self) -> None:
        """Let go."""
        if self._other is not None:
            self._other.release()
            self._other = None
        self.abandon()

    def abandon(self) -> None:
        """Close without unlocking: in a forked child, where unlocking would let go for the parent too."""
        if self._handle >= 0:
            with contextlib.suppress(OSError):
                os.close(self._handle)
            self._handle = -1


def hold(handle: int) -> None:
    """Mark an open file as in use for as long as it is open and its process lives."""
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_held(path: Path) -> bool:
    """Whether a living process holds the file, or may: where no more files can be opened, it is not known. Where this
    cannot be asked at all (Windows), a file that can be renamed is not in use."""
    if fcntl is None:
        try:
            os.rename(path, path)
        except PermissionError:
            return True
        except OSError:
            return False
        return False
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
