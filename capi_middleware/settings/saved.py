"""What the admin page saved: a TOML file in the state folder, of the same form as the settings file."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .secret import Secret

try:
    import fcntl
except ImportError:  # Windows: one process at a time saves there, by the thread lock alone
    fcntl = None  # type: ignore[assignment]

FILE = "settings.toml"
_LOCK = threading.Lock()


def merged(text: str, tables: Mapping[str, Any], host: str = "") -> str:
    """The TOML ``text`` with ``tables`` written into it, its comments kept; ``None`` takes a key or table away.

    ``host``: into that ``[[site]]``, made if need be.
    """
    import tomlkit  # only when something is saved: it costs more to import than most shops ever need of it

    document: Any = tomlkit.parse(text)
    target = document
    if host:
        sites = document.setdefault("site", tomlkit.aot())
        target = next((site for site in sites if host in _hosts(site)), None)
        if target is None:
            target = tomlkit.table()
            target["host"] = host
            sites.append(target)
            target = sites[-1]
    for name, table in tables.items():
        if table is None:
            target.pop(name, None)
        elif isinstance(table, Mapping):
            section = target.setdefault(name, tomlkit.table())
            for key, value in table.items():
                if value is None:
                    section.pop(key, None)
                else:
                    section[key] = _plain(value)
        elif isinstance(table, (list, tuple)) and all(isinstance(part, Mapping) for part in table):
            rows = tomlkit.aot()
            for part in table:
                rows.append(tomlkit.item({key: _plain(value) for key, value in part.items()}))
            target[name] = rows
        else:
            target[name] = _plain(table)
    return tomlkit.dumps(document)


def _hosts(site: Mapping[str, Any]) -> list[str]:
    host = site.get("host", "")
    return [host] if isinstance(host, str) else list(host)


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value


def read(path: Path) -> str:
    """The file's text, "" where there is none. Raises ``OSError``."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def write(path: Path, text: str) -> None:
    """Put ``text`` in the file's place at once, readable by its owner only. Raises ``OSError``."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One saver at a time, over all processes of this machine. Raises ``OSError``."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _LOCK:
        handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
