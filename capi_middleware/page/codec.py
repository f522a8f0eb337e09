"""Reading and rewriting compressed bodies as streams (Content-Encoding, RFC 9110 section 8.4.1)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

LARGEST = 64 * 1024 * 1024
"""Decoded bytes beyond which a body is not a page."""

RATIO = 200
"""Times its own size that a body may decompress to, once past :data:`RATIO_FROM`; HTML reaches about 20."""

RATIO_FROM = 8 * 1024 * 1024

_PIECE = 64 * 1024
_LEVEL = 4


class DamagedBody(Exception):
    """A body that does not decode, or (``bomb``) decodes to far more than a page."""

    def __init__(self, why: str, bomb: bool = False) -> None:
        super().__init__(why)
        self.bomb = bomb


class Codec(Protocol):
    """One body's decoder and encoder. ``decode`` and ``ended`` raise :class:`DamagedBody`."""

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """The decoded pieces, each at most 64 KiB."""

    def ended(self) -> None:
        """The body is over: was it whole?"""

    def encode(self, piece: bytes) -> bytes: ...

    def flush(self) -> bytes:
        """What the encoder holds: sent after each chunk, since a page that streams keeps streaming."""

    def finish(self) -> bytes: ...


def readable(coding: str) -> bool:
    """Whether a body with this Content-Encoding (lower case) can be read and rewritten here."""
    return coding in ("gzip", "x-gzip", "deflate")


def open_codec(coding: str) -> Codec:
    """A fresh pair for one body. Raises KeyError for a coding that is not :func:`readable`."""
    return _Zlib({"gzip": 31, "x-gzip": 31, "deflate": 15}[coding])


class Budget:
    """Counts what a body decodes to."""

    def __init__(self) -> None:
        self._taken = self._given = 0

    def take(self, data: bytes) -> None:
        self._taken += len(data)

    def give(self, piece: bytes) -> None:
        """Raises DamagedBody past the bounds."""
        self._given += len(piece)
        if self._given > RATIO_FROM and (self._given > LARGEST or self._given > RATIO * self._taken):
            raise DamagedBody("decompresses to more than a page's size", bomb=True)


class _Zlib:
    """gzip (RFC 1952, several members included) and deflate (RFC 1950; bare RFC 1951, as some servers send it)."""

    def __init__(self, wbits: int) -> None:
        self._budget = Budget()
        self._begun = False
        self._use(wbits)

    def _use(self, wbits: int) -> None:
        self._wbits = wbits
        self._inflate = zlib.decompressobj(wbits)
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, wbits)

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        self._budget.take(chunk)
        data = chunk
        while data:
            if self._inflate.eof:
                if self._wbits != 31 or data[:1] != b"\x1f":
                    return  # browsers ignore what follows a complete stream
                self._inflate = zlib.decompressobj(self._wbits)
            piece = self._inflated(data)
            data = self._inflate.unused_data
            while piece:
                self._budget.give(piece)
                yield piece
                piece = self._inflated(self._inflate.unconsumed_tail)
                data = self._inflate.unused_data

    def _inflated(self, data: bytes) -> bytes:
        try:
            piece = self._inflate.decompress(data, _PIECE)
        except zlib.error as error:
            if self._begun or self._wbits != 15:
                raise DamagedBody(str(error)) from error
            self._use(-15)
            return self._inflated(data)
        self._begun = True
        return piece

    def ended(self) -> None:
        if not self._inflate.eof:
            raise DamagedBody("ends before its compressed data do")

    def encode(self, piece: bytes) -> bytes:
        return self._deflate.compress(piece)

    def flush(self) -> bytes:
        return self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._deflate.flush()
