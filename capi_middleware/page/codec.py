"""Reading and rewriting compressed bodies as streams (Content-Encoding, RFC 9110 section 8.4.1)."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Protocol

LARGEST = 64 * 1024 * 1024
"""Decoded bytes beyond which a body is not a page."""

RATIO = 200
"""Times its own size that a body may decompress to once past :data:`RATIO_FROM`; HTML reaches about 20."""

RATIO_FROM = 8 * 1024 * 1024

_PIECE = 64 * 1024
_LEVELS = {"zlib": 4, "brotli": 4, "zstandard": 3}
"""About as small as shops' servers make their pages, at a third of the cost of the usual 6 (benchmarks/page.py)."""

_WINDOW = 8 * 1024 * 1024
"""What a zstd decoder must be able to hold, and no more (RFC 9659)."""


class DamagedBody(Exception):
    """A body that does not decode, or (``bomb``) decodes to far more than a page."""

    def __init__(self, why: str, bomb: bool = False) -> None:
        super().__init__(why)
        self.bomb = bomb


class Decoder(Protocol):
    """One body's decompressor."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """The decoded pieces, each of bounded size. Raises the library's own error."""

    @property
    def complete(self) -> bool:
        """Whether the body may end here."""


class Encoder(Protocol):
    """One body's compressor. ``flush``: all that was given can be decoded by whoever has the bytes so far."""

    def encode(self, piece: bytes) -> bytes: ...

    def flush(self) -> bytes: ...

    def finish(self) -> bytes: ...


def readable(coding: str) -> bool:
    """Whether a body with this Content-Encoding (lower case) can be read and rewritten here."""
    return coding in _ALWAYS or (coding in _IF_INSTALLED and _library(_IF_INSTALLED[coding]) is not None)


class Codec:
    """Decoder and encoder of one body, and the bounds."""

    __slots__ = ("_decoder", "_encoder", "_given", "_taken")

    def __init__(self, coding: str) -> None:
        """Raises KeyError for a coding that is not :func:`readable`."""
        self._decoder, self._encoder = {**_ALWAYS, "br": _brotli, "zstd": _zstandard}[coding]()
        self._taken = self._given = 0

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """The decoded pieces. Raises :class:`DamagedBody`."""
        self._taken += len(chunk)
        try:
            for piece in self._decoder.decode(chunk):
                self._given += len(piece)
                if self._given > RATIO_FROM and (self._given > LARGEST or self._given > RATIO * self._taken):
                    raise DamagedBody("decompresses to more than a page's size", bomb=True)
                yield piece
        except DamagedBody:
            raise
        except Exception as error:  # each library has its own
            raise DamagedBody(f"{type(error).__name__}: {error}") from error

    def ended(self) -> None:
        """The body is over. Raises :class:`DamagedBody` if it was not whole."""
        if not self._decoder.complete:
            raise DamagedBody("ends before its compressed data do")

    def encode(self, piece: bytes) -> bytes:
        return self._encoder.encode(piece)

    def flush(self) -> bytes:
        """What the encoder holds: sent after each chunk, since a page that streams keeps streaming."""
        return self._encoder.flush()

    def finish(self) -> bytes:
        return self._encoder.finish()


class _Inflate:
    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._inflate = zlib.decompressobj(wbits)

    @property
    def complete(self) -> bool:
        return self._inflate.eof

    def decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inflate.eof:
                if self._wbits != _GZIP or data[:1] != b"\x1f":
                    return  # browsers ignore what follows a complete stream
                self._inflate = zlib.decompressobj(self._wbits)  # another member (RFC 1952 section 2.2)
            piece = self._inflate.decompress(data, _PIECE)
            while piece:
                yield piece
                piece = self._inflate.decompress(self._inflate.unconsumed_tail, _PIECE)
            data = self._inflate.unused_data


class _Deflate:
    def __init__(self, wbits: int) -> None:
        self._deflate = zlib.compressobj(_LEVELS["zlib"], zlib.DEFLATED, wbits)

    def encode(self, piece: bytes) -> bytes:
        return self._deflate.compress(piece)

    def flush(self) -> bytes:
        return self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._deflate.flush()


class _DeflateAsSent:
    """``deflate`` is zlib's format (RFC 9110 section 8.4.1.2); some servers send bare RFC 1951. The first two bytes
    tell (RFC 1950 section 2.2)."""

    def __init__(self) -> None:
        self._start = b""
        self._inflate: _Inflate | None = None

    @property
    def complete(self) -> bool:
        return self._inflate is not None and self._inflate.complete

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._inflate is None:
            data = self._start = self._start + data
            if len(data) < 2:
                return
            framed = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            wbits = _ZLIB if framed else _BARE
            self._inflate = _Inflate(wbits)
            self._deflate = _Deflate(wbits)  # what is encoded has been decoded before
        yield from self._inflate.decode(data)

    def encode(self, piece: bytes) -> bytes:
        return self._deflate.encode(piece)

    def flush(self) -> bytes:
        return self._deflate.flush()

    def finish(self) -> bytes:
        return self._deflate.finish()


class _Brotli:
    """RFC 7932."""

    def __init__(self, library: Any) -> None:
        self._decompressor = library.Decompressor()
        self._compressor = library.Compressor(quality=_LEVELS["brotli"])

    @property
    def complete(self) -> bool:
        return bool(self._decompressor.is_finished())

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._decompressor.is_finished():
            return
        piece = self._decompressor.process(data, output_buffer_limit=_PIECE)
        while piece:
            yield piece
            piece = self._decompressor.process(b"", output_buffer_limit=_PIECE)

    def encode(self, piece: bytes) -> bytes:
        return bytes(self._compressor.process(piece))

    def flush(self) -> bytes:
        return bytes(self._compressor.flush())

    def finish(self) -> bytes:
        return bytes(self._compressor.finish())


class _Zstandard:
    """RFC 8878. Its decompressor knows no bound for what one call gives, so it gets little at a time: four bytes make
    128 KiB at most."""

    _SLICE = 64

    def __init__(self, library: Any) -> None:
        self._flush_block = library.COMPRESSOBJ_FLUSH_BLOCK
        self._decompressor = library.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        self._compressor = library.ZstdCompressor(level=_LEVELS["zstandard"]).compressobj()

    @property
    def complete(self) -> bool:
        return bool(self._decompressor.eof)

    def decode(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), self._SLICE):
            if self._decompressor.eof:
                return
            piece = self._decompressor.decompress(data[start : start + self._SLICE])
            if piece:
                yield piece

    def encode(self, piece: bytes) -> bytes:
        return bytes(self._compressor.compress(piece))

    def flush(self) -> bytes:
        return bytes(self._compressor.flush(self._flush_block))

    def finish(self) -> bytes:
        return bytes(self._compressor.flush())


_GZIP = 31
_ZLIB = 15
_BARE = -15
_Pair = tuple[Decoder, Encoder]


def _gzip() -> _Pair:
    return _Inflate(_GZIP), _Deflate(_GZIP)


def _deflate() -> _Pair:
    both = _DeflateAsSent()
    return both, both


def _brotli() -> _Pair:
    both = _Brotli(_library("brotli"))
    return both, both


def _zstandard() -> _Pair:
    both = _Zstandard(_library("zstandard"))
    return both, both


_ALWAYS: dict[str, Callable[[], _Pair]] = {"gzip": _gzip, "x-gzip": _gzip, "deflate": _deflate}
_IF_INSTALLED = {"br": "brotli", "zstd": "zstandard"}


@lru_cache
def _library(name: str) -> Any:
    try:
        library = importlib.import_module(name)
    except ImportError:
        return None
    # Older ones cannot bound what they decode to.
    return None if name == "brotli" and not hasattr(library.Decompressor, "can_accept_more_data") else library
