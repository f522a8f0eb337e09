"""Where settings come from while the shop runs: changed files and saved settings are picked up without a restart."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import saved
from .load import check_keywords, config_file, examine, merge, parse_text, read_text
from .problem import Problem, SettingsError
from .reader import Text
from .settings import Settings
from .state import state_dir

_log = logging.getLogger("capi_middleware.settings")
POLL = 1.0
"""Seconds between two looks at the files."""
_PATIENCE = 5.0


class SettingsSource:
    """The settings in force. ``current``, ``hosts``, ``generation``, ``version`` and ``problems`` are plain attributes,
    replaced whole when something changed; reading them costs nothing.

    ``config`` and ``keywords`` as in :func:`~capi_middleware.settings.load.load`. Each process looks at the times of
    its files at most once a second, from :meth:`for_host`, and reads changed ones in a thread. A file with mistakes
    changes nothing but ``problems``: its last good version stays in force, over restarts too.

    ``generation`` counts changes in this process; ``version`` is the same in all processes that use the same settings.
    """

    def __init__(self, config: str | os.PathLike[str] | None = None, **keywords: Any) -> None:
        check_keywords(keywords)
        self._config = config_file(config)
        self._keywords = keywords
        self._good: dict[str, Text] = {}
        self._subscribers: list[Callable[[Settings], None]] = []
        self.current = Settings()
        self.hosts: dict[str, Settings] = {}
        self.generation = 0
        self.version = ""
        self.problems: tuple[Problem, ...] = ()
        self._new_locks()
        self._stamp: tuple[Any, ...] = ()
        self._load(first=True)
        self._due = time.monotonic() + POLL
        _SOURCES.add(self)

    def _new_locks(self) -> None:
        self._lock = threading.Lock()
        self._started = 0.0

    def for_host(self, host: str) -> Settings:
        """The settings of this host (lower case, without port); also the moment at which changes are noticed."""
        if time.monotonic() >= self._due:
            self._look()
        return self.hosts.get(host, self.current)

    def poll(self) -> bool:
        """Look at the files now, and wait for what is new; True if settings changed."""
        before = self.generation
        if self._read_stamp() != self._stamp:
            self._load()
        return self.generation != before

    def subscribe(self, subscriber: Callable[[Settings], None]) -> None:
        """Call ``subscriber(settings)`` after each change, in the thread that read it."""
        self._subscribers.append(subscriber)

    @property
    def saved_path(self) -> Path:
        """Where :meth:`save` keeps what the admin page says."""
        return state_dir(self.current) / saved.FILE

    def saved_text(self) -> str:
        """What was saved, as TOML; the access token stands in it. Raises ``OSError``."""
        return saved.read(self.saved_path)

    def save(self, tables: Mapping[str, Any], host: str = "") -> None:
        """Keep what the admin page says, for all processes and restarts.

        ``tables``: ``{"meta": {"pixel_id": "…"}, "rule": [{…}]}``: given keys replace saved ones, a list replaces the
        whole list, ``None`` forgets. ``host``: for that site only. Comments in the file stay.
        Raises :class:`SettingsError` (and saves nothing) where a value is not valid, ``OSError`` where the state
        folder cannot be written.
        """
        with saved.locked(self.saved_path):
            self._write(saved.merged(self.saved_text(), tables, host))

    def edit(self, change: Callable[[str], str]) -> None:
        """Replace the saved TOML text by what ``change`` makes of it; nobody else saves meanwhile. Raises as
        :meth:`save`, and whatever ``change`` raises."""
        with saved.locked(self.saved_path):
            self._write(change(self.saved_text()))

    def _write(self, text: str) -> None:
        problems: list[Problem] = []
        read = parse_text(str(self.saved_path), text, problems)
        problems += examine(read)
        if problems:
            raise SettingsError(problems)
        saved.write(self.saved_path, text)
        self._load()

    def _look(self) -> None:
        now = time.monotonic()
        self._due = now + POLL
        if self._read_stamp() == self._stamp:
            return
        if not self._started:
            self._started = now
            threading.Thread(target=self._load_aside, name="capi-settings", daemon=True).start()
        elif now - self._started > _PATIENCE:  # a server that gives threads no time (uWSGI without enable-threads)
            self._load()

    def _load_aside(self) -> None:
        try:
            self._load()
        finally:
            self._started = 0.0

    def _load(self, first: bool = False) -> None:
        with self._lock:
            stamp = self._read_stamp()
            problems: list[Problem] = []
            texts = [self._text(self._config, problems, first)] if self._config else []
            path = self._state_dir(texts) / saved.FILE
            if os.path.exists(path):  # False, too, where the folder may not be entered: the shop starts all the same
                texts.append(self._text(str(path), problems, first))
            settings, more = merge(texts, self._keywords)
            self._stamp = stamp
            told, self.problems = self.problems, (*problems, *more)
            before = self.generation
            self._take(settings, _version(texts))
            if not first:
                _tell(told, self.problems, self.generation != before)
            if first:  # only now is the state folder known
                self._stamp = self._read_stamp()

    def _text(self, path: str, problems: list[Problem], first: bool) -> Text:
        """This file's text, or its last good one where it has mistakes."""
        wrong: list[Problem] = []
        text = read_text(path, wrong)
        wrong += examine(text)
        copy = self._copy_path(path, text)
        if not wrong:
            if self._good.get(path) != text:
                _keep(copy, text)
            self._good[path] = text
            return text
        problems += wrong
        if first and path not in self._good:
            before: list[Problem] = []
            kept = read_text(str(copy), before)
            if not before and not examine(kept):
                self._good[path] = kept._replace(file=path)
        return self._good.get(path, text)

    def _copy_path(self, path: str, text: Text) -> Path:
        name = hashlib.sha256(os.path.abspath(path).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return self._state_dir([text]) / "good" / f"{name}.toml"

    def _state_dir(self, texts: Sequence[Text]) -> Path:
        """The state folder that these name, without reading the thousand sites beside it."""
        servers = [text._replace(tables={"server": text.tables.get("server", {})}) for text in texts]
        return state_dir(merge(servers, self._keywords)[0])

    def _take(self, settings: Settings, version: str) -> None:
        known = {site.host: site for site in self.current.sites}
        sites = tuple(known[site.host] if known.get(site.host) == site else site for site in settings.sites)
        settings = dataclasses.replace(settings, sites=sites)
        if self.generation and settings == self.current:
            return
        hosts: dict[str, Settings] = {}
        for prefix in ("", "www."):  # a site that is called www.… itself has the name before another one's
            for site in sites:
                for host in (site.host, *site.aliases):
                    hosts.setdefault(prefix + host, site)
        self.current, self.hosts, self.version = settings, hosts, version
        self.generation += 1
        for subscriber in tuple(self._subscribers):
            subscriber(settings)

    def _read_stamp(self) -> tuple[Any, ...]:
        paths: list[str | Path] = [self.saved_path]
        if self._config:
            paths.append(self._config)
        return tuple(map(_stamp, paths))


_SOURCES: weakref.WeakSet[SettingsSource] = weakref.WeakSet()


def _after_fork() -> None:
    for source in list(_SOURCES):
        source._new_locks()  # a thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _tell(before: Sequence[Problem], now: Sequence[Problem], changed: bool) -> None:
    """What changed while the shop runs; at the start, whoever made the source says it."""
    for problem in now:
        if problem not in before:
            _log.warning("%s The last good version stays in force.", problem)
    if changed:
        _log.info("settings changed and are in force")


def _stamp(path: str | Path) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _version(texts: list[Text]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.source.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()[:12]


def _keep(copy: Path, text: Text) -> None:
    """Remember a good file for the next start; a folder that cannot be written costs only that."""
    try:
        if saved.read(copy) != text.source:
            saved.write(copy, text.source)
    except (OSError, ValueError):
        pass
