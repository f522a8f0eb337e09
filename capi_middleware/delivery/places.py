"""Where on this host things lie, and which store the settings mean."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path

from capi_middleware.settings import Settings
from capi_middleware.settings.state import state_dir

from .spool import Spool
from .sqlite import SqliteStore
from .store import ReadStore, Store, StoreError

log = logging.getLogger("capi_middleware.delivery")
_NETWORK = ("nfs", "cifs", "smb", "sshfs", "fuse.sshfs", "gluster", "ceph", "lustre", "afs", "9p2000.remote")


def journal_folder(settings: Settings) -> Path:
    """Where the journals lie."""
    return state_dir(settings) / "journal"


def lock_path(settings: Settings) -> Path:
    """The lock of the host's one deliverer."""
    return state_dir(settings) / "deliverer.lock"


def status_path(settings: Settings) -> Path:
    """What the deliverer says of itself, every few seconds."""
    return state_dir(settings) / "status.json"


def sqlite_path(settings: Settings) -> Path:
    """The embedded store's file: ``[server] store`` as ``sqlite:///path``, else in the state folder. Raises
    :class:`StoreError` for a store that is neither."""
    url = settings.server.store.reveal()
    if url.startswith("sqlite:///"):
        return Path(url.removeprefix("sqlite:///"))
    if url:
        raise StoreError("CAPI_STORE is neither sqlite:///path nor postgresql://user:password@host/database")
    return state_dir(settings) / "ledger.sqlite3"


def is_there(path: Path) -> bool:
    """Whether the file exists. Raises :class:`StoreError` where that cannot be seen."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StoreError(f"the state folder {path.parent} cannot be used: {error.strerror}") from error
    return True


def is_shared(settings: Settings) -> bool:
    """Whether the store is one that several hosts send from."""
    return settings.server.store.reveal().startswith(("postgresql://", "postgres://"))


def open_store(settings: Settings, spool: Spool | None = None) -> Store:
    """The store for writing. A damaged SQLite file is set aside; whenever a new one is made, ``spool`` is read again
    from what it kept. Raises :class:`StoreError`."""
    if is_shared(settings):
        return _postgresql(settings.server.store.reveal(), write=True)
    path = sqlite_path(settings)
    try:
        store = SqliteStore(path)
    except StoreError as error:
        if not error.damaged:
            raise
        _set_aside(path)
        store = SqliteStore(path)
    if store.fresh and spool is not None:
        spool.replay_kept()
    return store


def open_ledger(settings: Settings) -> ReadStore | None:
    """The store for reading; None while there is none. Raises :class:`StoreError`."""
    if is_shared(settings):
        store: ReadStore = _postgresql(settings.server.store.reveal(), write=False)
    else:
        path = sqlite_path(settings)
        if not is_there(path):
            return None
        store = SqliteStore(path, write=False)
    if store.version:
        return store
    store.close()  # it is being made this very moment
    return None


def _postgresql(url: str, write: bool) -> Store:
    try:
        from .postgresql import PostgresqlStore
    except ImportError as error:
        raise StoreError("CAPI_STORE names PostgreSQL: pip install 'capi-middleware[postgresql]'") from error
    return PostgresqlStore(url, write)


def _set_aside(path: Path) -> None:
    """A damaged file, for whoever wants to look into it. Raises :class:`StoreError`."""
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(OSError):
            os.unlink(f"{path}{suffix}")
    try:
        os.rename(path, aside)
    except OSError as error:
        raise StoreError(f"{path} is damaged and cannot be set aside: {error.strerror}") from error
    log.error("the store was damaged: it is set aside as %s; unsent events are read again from the journals", aside)


def on_network(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The kind of network file system that the folder lies on, "" for a local one. Mapped files and locks of two
    hosts do not go together."""
    try:
        table = mounts.read_text(encoding="utf-8", errors="replace")
        where = str(folder.absolute())
    except OSError:
        return ""
    best, kind = "", ""
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) > 2 and (where + "/").startswith(fields[1].rstrip("/") + "/") and len(fields[1]) >= len(best):
            best, kind = fields[1], fields[2]
    return kind if kind.startswith(_NETWORK) else ""
