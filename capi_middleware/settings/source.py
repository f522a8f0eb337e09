"""Where settings come from while the shop runs: changed files and saved settings are picked up without a restart."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .load import Loaded, load
from .problem import Problem
from .settings import Settings
from .state import state_dir

_SAVED = "settings.json"
_POLL = 1.0


class SettingsSource:
    """The settings in force. ``current`` and ``hosts`` are plain attributes, replaced whole when something changed.

    ``config`` and ``keywords`` as in :func:`load`. Each process polls the files' times at most once a second, from
    :meth:`for_host`; a file with mistakes changes nothing but ``problems``.
    """

    def __init__(self, config: str | os.PathLike[str] | None = None, **keywords: Any) -> None:
        self._config = config
        self._keywords = keywords
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[Settings], None]] = []
        self.generation = 0
        self.problems: tuple[Problem, ...] = ()
        self.current = Settings()
        self.hosts: dict[str, Settings] = {}
        self._due = 0.0
        self._files: tuple[str, ...] = ()
        loaded = self._load()
        self._take(loaded)
        self._stamp = self._read_stamp()

    def for_host(self, host: str) -> Settings:
        """The settings of this host (lower case, without port); also the moment at which changes are noticed."""
        if time.monotonic() >= self._due:
            self.poll()
        return self.hosts.get(host, self.current)

    def poll(self) -> bool:
        """Look at the files now; True if settings changed."""
        self._due = time.monotonic() + _POLL
        stamp = self._read_stamp()
        if stamp == self._stamp or not self._lock.acquire(blocking=False):
            return False
        try:
            self._stamp = stamp
            loaded = self._load()
            self.problems = loaded.problems
            if loaded.problems:
                return False
            self._take(loaded)
        finally:
            self._lock.release()
        return True

    def subscribe(self, subscriber: Callable[[Settings], None]) -> None:
        """Call ``subscriber(settings)`` after each change."""
        self._subscribers.append(subscriber)

    def save(self, tables: Mapping[str, Any], host: str = "") -> None:
        """Keep what the admin page says, for all processes. ``tables``: ``{"meta": {"pixel_id": "…"}}``; given keys
        replace saved ones, ``None`` forgets one. ``host``: for one site only. Raises ``OSError``."""
        saved = self._saved()
        target = saved
        if host:
            sites = saved.setdefault("site", [])
            target = next((site for site in sites if site.get("host") == host), {})
            if not target:
                target["host"] = host
                sites.append(target)
        for name, table in tables.items():
            if isinstance(table, Mapping):
                merged = {**target.get(name, {}), **table}
                target[name] = {key: value for key, value in merged.items() if value is not None}
            else:
                target[name] = table
        path = self._saved_path()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(saved, file, indent=1)
        os.replace(fresh, path)
        self.poll()

    def _saved_path(self) -> Path:
        return state_dir(self.current) / _SAVED

    def _saved(self) -> dict[str, Any]:
        try:
            found = json.loads(self._saved_path().read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _load(self) -> Loaded:
        if not self.generation:
            self.current = load(self._config, **self._keywords).settings
        return load(self._config, saved=self._saved(), **self._keywords)

    def _take(self, loaded: Loaded) -> None:
        before = self.hosts
        sites = tuple(before[site.host] if before.get(site.host) == site else site for site in loaded.settings.sites)
        self._files = loaded.files
        self.problems = loaded.problems
        self.current = dataclasses.replace(loaded.settings, sites=sites)
        self.hosts = {site.host: site for site in sites}
        self.generation += 1
        for subscriber in self._subscribers:
            subscriber(self.current)

    def _read_stamp(self) -> tuple[tuple[int, int], ...]:
        stamps = []
        paths: list[str | Path] = [*self._files, self._saved_path()]
        for path in paths:
            try:
                found = os.stat(path)
                stamps.append((found.st_mtime_ns, found.st_size))
            except OSError:
                stamps.append((0, 0))
        return tuple(stamps)
