"""A copy of the request's body, made while the app reads it: nothing is read ahead, nothing is kept from the app."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LARGEST_BODY = 64 * 1024
"""Bytes of a request's body that are kept for the rules; a larger one is not looked at."""


class TeeInput:
    """``wsgi.input`` that remembers up to ``limit`` bytes of what passes (PEP 3333, "Input and Error Streams").

    >>> tee = TeeInput(environ["wsgi.input"])      # doctest: +SKIP
    >>> environ["wsgi.input"] = tee                # doctest: +SKIP
    """

    __slots__ = ("_stream", "_pieces", "_room")

    def __init__(self, stream: Any, limit: int = LARGEST_BODY) -> None:
        self._stream = stream
        self._pieces: list[bytes] = []
        self._room = limit

    @property
    def body(self) -> bytes | None:
        """What the app has read so far; None when it was more than the limit."""
        return b"".join(self._pieces) if self._room >= 0 else None

    def read(self, *size: int) -> bytes:
        return self._keep(self._stream.read(*size))

    def readline(self, *size: int) -> bytes:
        return self._keep(self._stream.readline(*size))

    def readlines(self, *hint: int) -> list[bytes]:
        lines: list[bytes] = self._stream.readlines(*hint)
        for line in lines:
            self._keep(line)
        return lines

    def readinto(self, buffer: Any) -> int:
        """Some apps wrap the stream in ``io.BufferedReader``, which wants this."""
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def __iter__(self) -> Iterator[bytes]:
        for line in self._stream:
            yield self._keep(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _keep(self, piece: bytes) -> bytes:
        try:
            self._copy(piece)
        except Exception:  # the app gets its bytes whatever happens to our copy
            self._room = -1
        return piece

    def _copy(self, piece: bytes) -> None:
        if piece and self._room >= 0:
            self._room -= len(piece)
            if self._room >= 0:
                self._pieces.append(piece)
            else:
                self._pieces.clear()
