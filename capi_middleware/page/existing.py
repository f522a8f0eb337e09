"""A Meta pixel that the shop's own pages bring: recognised in their HTML (docs/pixel.md)."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

# Bounded in every repetition, so linear on any page.
_INIT = re.compile(rb"""fbq\(\s{0,8}['"]init['"]\s{0,8},\s{0,8}['"]?(\d{5,20})""")
_LOADER = re.compile(rb"connect\.facebook\.net/[A-Za-z_]{2,8}/fbevents\.js")
_IMAGE = re.compile(rb"facebook\.com/tr/?\?(?:[\w=.%-]{0,80}&(?:amp;)?){0,4}id=(\d{5,20})")
_TAG_MANAGER = re.compile(rb"googletagmanager\.com/gtm\.js|\bGTM-[A-Z0-9]{4,10}\b")
FIRST = 16
EVERY = 15.0


class Existing(NamedTuple):
    """``ids``: the pixels that are named. ``loader``: Meta's script is loaded. ``tag_manager``: Google Tag Manager,
    which may bring a pixel that no page shows."""

    ids: frozenset[str]
    loader: bool
    tag_manager: bool

    def __bool__(self) -> bool:
        return bool(self.ids) or self.loader


def existing_pixels(html: bytes) -> Existing:
    """What the shop's own bytes (without our snippet) show."""
    if b"facebook" not in html and b"fbq" not in html:
        return Existing(frozenset(), False, _TAG_MANAGER.search(html) is not None)
    found = {*_INIT.findall(html), *_IMAGE.findall(html)}
    return Existing(
        frozenset(one.decode("ascii") for one in found),
        _LOADER.search(html) is not None,
        _TAG_MANAGER.search(html) is not None,
    )


class Sightings:
    """Looks at a shop's :data:`FIRST` pages, then at one every :data:`EVERY` seconds: what is found is for people
    (``health``, ``doctor``); in the page itself the snippet meets an existing pixel whether it was seen here or not."""

    def __init__(self, pixel_id: str) -> None:
        self._own = pixel_id
        self._left = FIRST
        self._due = 0.0

    def look(self, html: bytes) -> str:
        """The counter to move: ``SAME_PIXEL``, ``OTHER_PIXEL``, or "" for none."""
        if not self._left and time.monotonic() < self._due:
            return ""
        self._left = max(self._left - 1, 0)
        self._due = time.monotonic() + EVERY
        found = existing_pixels(html)
        if not found:
            return ""
        return "SAME_PIXEL" if self._own in found.ids else "OTHER_PIXEL"
