"""Which platform a host runs on: recognised from the first pages, cookies and headers seen, and remembered."""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from capi_middleware.settings.condition import Glob

from .preset import Mark, Preset, names, preset

FILE = "platforms.jsonl"
ENOUGH = 2
"""Weight of marks by which a platform counts as recognised."""
LOOKS = 30
"""Pages of a host that are looked at before it counts as none of ours."""
AGAIN = 3600.0
"""Seconds after which such a host is looked at again."""
HEAD = 128 * 1024
_MOST_HOSTS = 10_000
_LARGEST = 4 * 1024 * 1024


class Recognised(NamedTuple):
    """``why``: the marks, for people."""

    name: str = ""
    why: str = ""


_NOTHING = Recognised()


class _Host:
    __slots__ = ("found", "looks", "marks", "since")

    def __init__(self, found: Recognised) -> None:
        self.found = found
        self.looks = 0
        self.since = 0.0
        self.marks: dict[str, set[Mark]] = {}


class Platforms:
    """One a process. ``folder``: where what was found is kept for other processes and the next start, None for
    nowhere. Never raises, never waits."""

    def __init__(self, folder: Path | None = None) -> None:
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()
        self._path = folder / FILE if folder is not None else None
        if self._path is not None:
            self._read(self._path)

    def known(self, host: str) -> Recognised:
        """The platform of this host, empty while it is not known."""
        held = self._hosts.get(host)
        return held.found if held is not None else _NOTHING

    def curious(self, host: str) -> bool:
        """Whether another page of this host is worth a look."""
        held = self._hosts.get(host)
        if held is None:
            return True
        if held.found.name:
            return False
        if held.looks >= LOOKS and time.monotonic() - held.since > AGAIN:
            held.looks = 0
        return held.looks < LOOKS

    def look(
        self, host: str, cookies: Iterable[str], headers: Iterable[tuple[str, str]] = (), html: bytes = b""
    ) -> Recognised:
        """Look at one request or page; what is known of its host afterwards."""
        cookies = list(cookies)
        if not html and not any(map(_is_mark, cookies)):
            return self.known(host)
        found = list(marks_of(cookies, headers, html))
        if not self._lock.acquire(timeout=0.02):  # held by a thread that a fork left behind
            return self.known(host)
        try:
            held = self._hosts.get(host)
            if held is None:
                while len(self._hosts) >= _MOST_HOSTS:  # whoever invents hosts only pushes the oldest out
                    del self._hosts[next(iter(self._hosts))]
                held = self._hosts[host] = _Host(_NOTHING)
            if html:
                held.looks += 1
                held.since = time.monotonic()
            for name, mark in found:
                held.marks.setdefault(name, set()).add(mark)
            best = _best(held.marks)
            if best.name and best.name != held.found.name:
                held.found = best
                self._write(host, best)
            return held.found
        finally:
            self._lock.release()

    def _read(self, path: Path) -> None:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()[-_MOST_HOSTS:]
        except (OSError, ValueError):
            return
        for line in lines:
            try:
                row = json.loads(line)
                if row["platform"] in names():
                    self._hosts[str(row["host"])] = _Host(Recognised(str(row["platform"]), str(row["why"])))
            except (ValueError, KeyError, TypeError):
                continue

    def _write(self, host: str, found: Recognised) -> None:
        if self._path is None:
            return
        row = json.dumps({"host": host, "platform": found.name, "why": found.why}) + "\n"
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if os.fstat(handle).st_size < _LARGEST:
                    os.write(handle, row.encode("utf-8"))
            finally:
                os.close(handle)
        except OSError:
            pass


def recognise(cookies: Iterable[str], headers: Iterable[tuple[str, str]], html: bytes) -> Recognised:
    """What one page alone tells."""
    marks: dict[str, set[Mark]] = {}
    for name, mark in marks_of(cookies, headers, html):
        marks.setdefault(name, set()).add(mark)
    return _best(marks)


def marks_of(cookies: Iterable[str], headers: Iterable[tuple[str, str]], html: bytes) -> Iterable[tuple[str, Mark]]:
    """Preset names and their marks that are there."""
    head = html[:HEAD]
    cookies = list(cookies)
    headers = list(headers)
    set_cookies = [value.partition("=")[0].strip() for name, value in headers if name.lower() == "set-cookie"]
    for found in _presets():
        for mark in found.marks:
            if mark.where == "html":
                there = mark.text.encode("utf-8") in head
            elif mark.where == "cookie":
                there = any(map(mark.matches.match, cookies)) or any(map(mark.matches.match, set_cookies))
            else:
                value = mark.value
                there = any(mark.matches.match(name) and (value is None or value.match(text)) for name, text in headers)
            if there:
                yield found.name, mark


def _best(marks: Mapping[str, set[Mark]]) -> Recognised:
    weights = {name: sum(mark.weight for mark in found) for name, found in marks.items()}
    best = max(weights, key=lambda name: (weights[name], name), default="")
    if not best or weights[best] < ENOUGH:
        return Recognised()
    return Recognised(best, ", ".join(sorted(map(str, marks[best]))))


def _presets() -> list[Preset]:
    return [preset(name) for name in names()]


@functools.cache
def _cookie_marks() -> tuple[frozenset[str], tuple[Glob, ...]]:
    marks = [mark for found in _presets() for mark in found.marks if mark.where == "cookie"]
    exact = frozenset(mark.text.casefold() for mark in marks if "*" not in mark.text)
    return exact, tuple(mark.matches for mark in marks if "*" in mark.text)


def _is_mark(cookie: str) -> bool:
    """Whether a cookie's name is a mark of any platform; asked on many requests, so in one go."""
    exact, globs = _cookie_marks()
    return cookie.casefold() in exact or any(one.match(cookie) for one in globs)
