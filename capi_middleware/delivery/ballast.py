"""A few megabytes to throw overboard: on a full disk SQLite can otherwise not even delete."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

SIZE = 4 << 20
FREE = 32 << 20


class Ballast:
    """A file of :data:`SIZE` bytes in ``folder``, made while there is plenty of room."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"
        self.restore()

    def drop(self) -> bool:
        """Throw it away; True if there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> None:
        """Take it on again, once there is room."""
        with contextlib.suppress(OSError):
            if not self._path.exists() and shutil.disk_usage(self._path.parent).free > FREE:
                handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                try:
                    os.write(handle, bytes(SIZE))
                finally:
                    os.close(handle)
