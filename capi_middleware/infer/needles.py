"""What of a page its facts rest on, so that the page is known again although a token in it changes with every view.

A *span* is a place of the page that was read. It is cut into *pieces* (lines, attributes, members of JSON), which cover
it without a gap. Two readings of one page that gave the same facts show which pieces stay; those that stay, joined
where they touch, are the *needles* that are looked for in the next view.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from .lazy import regex

MOST_PIECES = 600
LEAST = 6
TRIES = 12
_LEAD = 48
_END = regex(rb'\n|,(?=\s*")|>|;|"(?=\s)')

Pieces = tuple[tuple[int, int], ...]


def pieces(page: bytes, spans: Iterable[tuple[int, int]]) -> Pieces:
    """The spans in their order, without what overlaps, cut into pieces. Each ends with what parts it from the next: the
    9 of ``9<`` is not the beginning of 99."""
    found: list[tuple[int, int]] = []
    until = -1
    for start, end in sorted(set(spans)):
        end = min(end + 1, len(page))
        start = max(start, until)
        if end - start < LEAST:
            continue
        for match in _END.finditer(page, start, end):
            if match.end() < end and len(found) < MOST_PIECES:
                found.append((start, match.end()))
                start = match.end()
        found.append((start, end))
        until = end
    return tuple(found)


def marks(page: bytes, cut: Pieces) -> array[int]:
    """By what the pieces are known again in another reading: eight bytes each, since thousands of pages are known."""
    return array("q", [hash(page[start:end]) for start, end in cut])


def common(page: bytes, cut: Pieces, before: Iterable[int]) -> Pieces:
    """The pieces that stood in an earlier reading, of which the marks are given, too."""
    known = frozenset(before)
    return tuple((start, end) for start, end in cut if hash(page[start:end]) in known)


def joined(page: bytes, kept: Pieces) -> tuple[bytes, ...]:
    """The needles that pieces make: those that touch are one."""
    runs: list[tuple[int, int]] = []
    for start, end in kept:
        if runs and runs[-1][1] == start:
            runs[-1] = runs[-1][0], end
        else:
            runs.append((start, end))
    return tuple(page[start:end] for start, end in runs if end - start >= LEAST)


def hold(page: bytes, needles: tuple[bytes, ...]) -> bool:
    """Do all the needles stand in the page, in this order?"""
    position = 0
    for needle in needles:
        lead = needle[:_LEAD]
        for _ in range(TRIES):
            position = page.find(lead, position)
            if position < 0:
                return False
            if page.startswith(needle, position):
                break
            position += 1
        else:
            return False
        position += len(needle)
    return True
