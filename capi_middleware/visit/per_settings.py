"""One prepared thing for each settings object: frozen settings never change, so the same object is the same rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Made = TypeVar("Made")
_MOST = 256


class PerSettings(Generic[Key, Made]):
    """``prepared = PerSettings(make); prepared(settings)`` calls ``make(settings)`` the first time only.

    By identity: hashing two dozen fields at each request would cost more than what is prepared. Thread-safe: at worst
    two threads make the same thing at once.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[Key], Made]) -> None:
        self._make = make
        self._made: dict[int, tuple[Key, Made]] = {}

    def __call__(self, settings: Key) -> Made:
        found = self._made.get(id(settings))
        if found is not None and found[0] is settings:
            return found[1]
        if len(self._made) >= _MOST:
            self._made = {}
        made = self._make(settings)
        self._made[id(settings)] = (settings, made)  # holding the settings keeps their id theirs
        return made
