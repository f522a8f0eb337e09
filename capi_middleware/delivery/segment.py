"""The layout of a journal segment: one header page, then records. Words are native 64-bit, for this host only.

A record is magic, length, CRC-32 (of the payload, started with the kind), kind; then the payload, padded to 8 bytes.
``TAIL`` is the point of commit: the writer moves it after the record is whole, with one aligned store.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

SUFFIX = ".journal"
SIZE = 2 << 20
PAGE = 4096
SIGNATURE = int.from_bytes(b"CAPIJRN1", "little")
# Words of the header page.
W_SIGNATURE, W_SIZE, W_TAIL, W_CURSOR, W_SEALED = range(5)
W_LOST = 64  # how many events the writer could not keep, by reason
W_TOLD = 128  # how many of them the reader has counted

HEADER = struct.Struct("<IIIHH")
MAGIC = 0x5A17E7E5
_MAGIC_BYTES = MAGIC.to_bytes(4, "little")
MAX_RECORD = 512 << 10
_PIECE = 4096  # zlib gives up the GIL above 5 KiB, and a busy thread then keeps it for 5 ms

EVENT, REPORT, FORGET = 1, 2, 3
LOSSES = ("memory-full", "too-large", "not-storable")


class Found(NamedTuple):
    """What stands at a position: the next position, and the record (``data`` None: damaged bytes were skipped)."""

    after: int
    kind: int
    data: bytes | None


def checksum(kind: int, data: bytes) -> int:
    """CRC-32 of a record."""
    if len(data) <= _PIECE:
        return zlib.crc32(data, kind)
    value = kind
    for start in range(0, len(data), _PIECE):
        value = zlib.crc32(data[start : start + _PIECE], value)
    return value


def length_on_disk(payload: int) -> int:
    """Bytes that a record with this many payload bytes takes."""
    return HEADER.size + (payload + 7 & ~7)


def record_at(memory: memoryview, at: int, end: int) -> Found | None:
    """The record at ``at`` if it is whole and ends by ``end``."""
    if at + HEADER.size > end:
        return None
    magic, length, crc, kind, _ = HEADER.unpack_from(memory, at)
    start = at + HEADER.size
    if magic != MAGIC or length > MAX_RECORD or start + length > end:
        return None
    data = bytes(memory[start : start + length])
    if checksum(kind, data) != crc:
        return None
    return Found(at + length_on_disk(length), kind, data)


def next_record(memory: memoryview, at: int, end: int) -> int:
    """Where the next whole record after ``at`` begins, else ``end``: how reading goes on behind damage."""
    text = bytes(memory[at:end])
    found = text.find(_MAGIC_BYTES, 8)
    while found >= 0:
        if found % 8 == 0 and record_at(memory, at + found, end):
            return at + found
        found = text.find(_MAGIC_BYTES, found + 1)
    return end


def records(memory: memoryview, at: int, end: int, skip_damage: bool) -> Iterator[Found]:
    """Records from ``at`` to ``end``. At damage: stop, or with ``skip_damage`` yield ``data`` None and go on."""
    while at < end:
        found = record_at(memory, at, end)
        if found is None:
            if not skip_damage:
                return
            found = Found(next_record(memory, at, end), 0, None)
        yield found
        at = found.after
