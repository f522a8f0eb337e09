"""The state folder: where queue, ledger, saved settings and the signing key live."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from .settings import Settings

_KEY_FILE = "signing.key"


def state_dir(settings: Settings) -> Path:
    """The folder, not yet created: ``CAPI_STATE_DIR``, else the platform's user state folder; ``/var/lib`` for a user
    who has no home."""
    if settings.server.state_dir:
        return Path(settings.server.state_dir)
    return _base() / "capi_middleware"


def _base() -> Path:
    given = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME")
    if given and sys.platform != "darwin":
        return Path(given)
    try:
        home = Path.home()
    except RuntimeError:  # a container's user of whom the system knows only the number
        return Path("/var/lib")
    if sys.platform == "win32":
        return home / "AppData" / "Local"
    return home / "Library" / "Application Support" if sys.platform == "darwin" else home / ".local" / "state"


def signing_key(folder: Path) -> bytes:
    """32 bytes that all processes of this shop share; made on first use, readable by the owner only.

    Raises ``OSError`` where the folder cannot be written: the caller then signs with a key of its own process.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / _KEY_FILE
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    fresh = folder / f"{_KEY_FILE}.{secrets.token_hex(8)}"  # containers that share the folder have the same numbers
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, os.urandom(32))
    finally:
        os.close(handle)
    try:
        os.link(fresh, path)  # fails when another process was first: its key counts
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return _read(path)


def _read(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != 32:
        raise OSError(f"{path} is damaged: delete it, a new one is made")
    return key
