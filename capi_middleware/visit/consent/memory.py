"""Which consent tools a host uses: what turns ``auto`` from implied into required.

A visitor who has not answered yet has no cookie, so what other visitors and the pages showed must count for him. What
the shop's own pages load counts at once. A cookie alone anybody can forge: it counts for others only once visitors of
several networks have brought it, and no few of all. The processes of one shop share what was seen through a small file
in the state folder; nothing waits for that file.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from capi_middleware.settings import Settings
from capi_middleware.settings.settings import ServerSettings
from capi_middleware.settings.state import state_dir
from capi_middleware.visit.per_settings import PerSettings

_FILE = "consent_tools.json"
KEEP = 90 * 86_400
"""Seconds after which a tool that nobody has brought any more is forgotten."""
PAGES_EVERY = 15.0
"""Seconds between two looks at a host's pages, once its first ones showed no tool."""
NETWORKS = 3
"""Networks (:func:`~capi_middleware.visit.address.network_of`) whose visitors must have brought a tool's cookie, where
no page shows the tool."""
SHARE = 0.05
"""Their share of the visitors of late: what a flood of others leaves of a forger's few."""
_MOST_VOTES = 64
_FIRST_PAGES = 16
_RENEW = 86_400
_MAX_HOSTS = 512
_LOOK_AGAIN = 30.0
_NOTHING: frozenset[str] = frozenset()
_LOCAL = ("localhost", "127.", "[", "testserver")


class ToolMemory:
    """Hosts and the tools seen there. Thread-safe; reading costs a dictionary look-up. ``folder`` None: not shared."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / _FILE if folder else None
        self._lock = threading.Lock()
        self._times: dict[str, dict[str, float]] = {}
        self._tools: dict[str, frozenset[str]] = {}
        self._pages: dict[str, tuple[int, float]] = {}
        self._votes: dict[tuple[str, str], set[int]] = {}
        self._looked = 0.0
        self._stamp = 0

    def seen(self, host: str) -> frozenset[str]:
        """The tools known for a host."""
        if time.monotonic() >= self._looked:
            self._look()
        return self._tools.get(host, _NOTHING)

    def note(self, host: str, names: frozenset[str], now: float) -> None:
        """Remember tools on a host; what is known already costs nothing."""
        known = self._times.get(host)
        if known and all(now - known.get(name, 0.0) < _RENEW for name in names):
            return
        with self._lock:
            self._merge({host: dict.fromkeys(names, now)}, now)
        if self._path and not host.startswith(_LOCAL):
            threading.Thread(target=self._save, args=(now,), name="capi-consent-tools", daemon=True).start()

    def note_cookies(
        self, host: str, names: frozenset[str], network: Callable[[], str], visitors: Callable[[str], int], now: float
    ) -> None:
        """A visitor has brought these tools' cookies. Asked only where it decides something: his ``network()``, "" for
        none that is known, and how many ``visitors(host)`` came of late."""
        known = names & self.seen(host)
        if known:
            self.note(host, known, now)
        if len(known) < len(names) and (where := network()):
            proven = frozenset(name for name in names - known if self._vote(host, name, where, visitors))
            if proven:
                self.note(host, proven, now)

    def _vote(self, host: str, name: str, network: str, visitors: Callable[[str], int]) -> bool:
        with self._lock:
            if len(self._votes) >= _MAX_HOSTS and (host, name) not in self._votes:
                self._votes.pop(next(iter(self._votes)))
            networks = self._votes.setdefault((host, name), set())
            if hash(network) in networks or len(networks) >= _MOST_VOTES:
                return False
            networks.add(hash(network))
            votes = len(networks)
        return votes >= NETWORKS and votes >= visitors(host) * SHARE

    def forget(self, host: str = "") -> None:
        """Forget one host's tools, or all: the shop has changed its tool."""
        with self._lock:
            self._look_now()
            for name in [host] if host else list(self._times):
                self._times.pop(name, None)
                self._tools.pop(name, None)
            self._votes = {key: kept for key, kept in self._votes.items() if host and key[0] != host}
            self._write()

    def scan_due(self, host: str) -> bool:
        """Whether this page's HTML is worth a look for a tool's script: a host's first pages, then one every
        :data:`PAGES_EVERY` seconds, and none once a tool is known."""
        if host in self._tools:
            return False
        left, due = self._pages.get(host, (_FIRST_PAGES, 0.0))
        if not left and time.monotonic() < due:
            return False
        if len(self._pages) > _MAX_HOSTS:
            self._pages.clear()
        self._pages[host] = max(left - 1, 0), time.monotonic() + PAGES_EVERY
        return True

    def _merge(self, found: dict[str, dict[str, float]], now: float) -> None:
        for host, names in found.items():
            times = self._times.setdefault(host, {})
            for name, at in names.items():
                if now - at < KEEP:
                    times[name] = max(at, times.get(name, 0.0))
        if len(self._times) > _MAX_HOSTS:
            newest = sorted(self._times, key=lambda host: max(self._times[host].values(), default=0.0))
            for host in newest[: len(newest) - _MAX_HOSTS]:
                del self._times[host]
        self._tools = {host: frozenset(times) for host, times in self._times.items() if times}

    def _look(self) -> None:
        self._looked = time.monotonic() + _LOOK_AGAIN
        with self._lock:
            self._look_now()

    def _look_now(self) -> None:
        try:
            stamp = os.stat(self._path).st_mtime_ns if self._path else 0
            if self._path and stamp != self._stamp:
                self._stamp = stamp
                self._merge(_parse(self._path.read_text(encoding="utf-8")), time.time())
        except (OSError, ValueError):
            pass  # no file yet, or a damaged one: the next sighting writes it anew

    def _save(self, now: float) -> None:
        with self._lock:
            self._look_now()
            self._write()

    def _write(self) -> None:
        if not self._path:
            return
        shared = {host: times for host, times in self._times.items() if not host.startswith(_LOCAL)}
        fresh = self._path.with_name(f"{_FILE}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.write_text(json.dumps(shared, indent=1, sort_keys=True), encoding="utf-8")
            os.replace(fresh, self._path)
            self._stamp = os.stat(self._path).st_mtime_ns
        except OSError:
            self._path = None  # a folder that cannot be written: this process remembers for itself


def _parse(text: str) -> dict[str, dict[str, float]]:
    data = json.loads(text)
    if not isinstance(data, dict):
        raise ValueError("no object")
    return {
        host: {name: float(at) for name, at in names.items() if isinstance(at, (int, float))}
        for host, names in data.items()
        if isinstance(names, dict)
    }


_memories: dict[str, ToolMemory] = {}
_making = threading.Lock()


def _memory(server: ServerSettings) -> ToolMemory:
    folder = state_dir(Settings(server=server))
    with _making:
        return _memories.setdefault(str(folder), ToolMemory(folder))


_prepared = PerSettings(_memory)


def memory_for(settings: Settings) -> ToolMemory:
    """The memory of this shop's state folder, one a process."""
    return _prepared(settings.server)
