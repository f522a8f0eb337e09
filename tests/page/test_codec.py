"""Section C of the checklist, compressed bodies: decoded, injected and encoded again as a stream, or left alone."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import create_environ

from capi_middleware.page import Carrier, Injector, Reason, Verdict
from capi_middleware.page import codec as codec_module
from capi_middleware.page.codec import Codec, DamagedBody, readable
from capi_middleware.page.judge import narrowed
from tests.page.conftest import visit
from tests.page.pages import PAGES
from tests.page.row import row
from tests.page.wire import HEAD, HTML, INJECTED, JUDGE, PAGE, TAIL


def bare(data: bytes) -> bytes:
    one = zlib.compressobj(6, zlib.DEFLATED, -15)
    return one.compress(data) + one.flush()


def bare_of(data: bytes) -> bytes:
    return zlib.decompressobj(-15).decompress(data)


PACK: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "gzip of two members": ("gzip", lambda data: gzip.compress(data[:40]) + gzip.compress(data[40:])),
    "deflate": ("deflate", zlib.compress),
    "deflate without zlib's frame": ("deflate", bare),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstandard.ZstdCompressor().compress),
}
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "x-gzip": gzip.decompress,
    "deflate": lambda data: zlib.decompressobj(15 if data[:1] == b"\x78" else -15).decompress(data),
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def brotli_so_far(data: bytes) -> bytes:
    """In small pieces: of an unfinished body its library gives 32 KiB a call."""
    one = brotli.Decompressor()
    return b"".join([one.process(data[at : at + 1000]) for at in range(0, len(data), 1000)])


DECODER: dict[str, Callable[[], Callable[[bytes], bytes]]] = {
    "gzip": lambda: zlib.decompressobj(31).decompress,
    "x-gzip": lambda: zlib.decompressobj(31).decompress,
    "deflate": lambda: zlib.decompressobj(15).decompress,
    "br": lambda: brotli_so_far,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
}


def injector(coding: str, tap: Callable[[bytes], Any] | None = None) -> Injector:
    return Injector(Verdict(Reason.INLINE, Carrier.INLINE, [], coding=coding), HEAD, lambda: TAIL, tap)


def streamed(one: Injector, data: bytes, size: int) -> bytes:
    return b"".join([one.feed(data[at : at + size]) for at in range(0, len(data), size)]) + one.finish()


@row("app compresses regardless (pre-gzipped cache)")
@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("name", PACK)
def test_decoded_injected_encoded(name: str, size: int) -> None:
    coding, pack = PACK[name]
    seen: list[bytes] = []
    one = injector(coding, seen.append)
    out = streamed(one, pack(PAGE), size)
    assert UNPACK[coding](out) == INJECTED
    assert b"".join(seen) == PAGE
    assert UNPACK[coding](injector(coding).whole(pack(PAGE))) == INJECTED


@row("app compresses regardless (pre-gzipped cache)")
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(PACK)), st.sampled_from(sorted(PAGES)), st.integers(1, 200))
def test_any_page_any_cut(name: str, page: str, size: int) -> None:
    coding, pack = PACK[name]
    plain = Injector(Verdict(Reason.INLINE, Carrier.INLINE, []), HEAD, lambda: TAIL).whole(PAGES[page])
    one = injector(coding)
    out = streamed(one, pack(PAGES[page]), size)
    assert UNPACK[coding](out) == plain


@row("app compresses regardless (pre-gzipped cache)")
@pytest.mark.parametrize("after", [b"\0\0\0", b"\x1e padding", b"rubbish"], ids=["zeros", "nearly a member", "text"])
@pytest.mark.parametrize("name", [name for name in PACK if name != "br"])
def test_what_follows_a_whole_body_is_ignored_as_browsers_do(name: str, after: bytes) -> None:
    """Some servers pad, some print a warning after the page."""
    coding, pack = PACK[name]
    one = injector(coding)
    assert UNPACK[coding](one.whole(pack(PAGE) + after)) == INJECTED
    assert one.fault is None


@row("app compresses regardless (pre-gzipped cache)")
def test_what_follows_a_whole_brotli_body_leaves_it_alone() -> None:
    """Its library gives nothing of a piece that goes on after the end."""
    one = injector("br")
    body = brotli.compress(PAGE) + b"rubbish"
    assert one.whole(body) == body
    assert one.reason is Reason.DAMAGED


@row("app compresses regardless (pre-gzipped cache)")
def test_deflate_without_a_frame_may_begin_as_if_it_had_one() -> None:
    """One in 31 passes the check sum of a frame's two bytes by chance; what it says of itself must fit too."""
    page = b"<html><head>".ljust(279)
    stored = zlib.compressobj(0, zlib.DEFLATED, -15)
    data = stored.compress(page) + stored.flush()
    assert int.from_bytes(data[:2], "big") % 31 == 0
    assert bare_of(injector("deflate").whole(data)) == page[:12] + HEAD + page[12:] + TAIL


@row("app compresses regardless (pre-gzipped cache)")
@pytest.mark.parametrize("coding", UNPACK)
def test_a_piece_of_html_stays_whole(coding: str) -> None:
    body = b"<div>a</div></body><p>b" + b"x" * 2000 + b"</body>"
    one = injector(coding)
    assert UNPACK[coding](streamed(one, PACK[coding][1](body), 10)) == body
    assert one.injected is False and one.reason is Reason.FRAGMENT


@row("app compresses regardless (pre-gzipped cache)")
def test_the_judge_lets_them_through() -> None:
    for coding in UNPACK:
        verdict = JUDGE("200 OK", [HTML, ("Content-Encoding", coding.upper())], visit())
        assert (verdict.reason, verdict.coding) == (Reason.INLINE, coding)


@row("app compresses regardless (pre-gzipped cache)")
@pytest.mark.parametrize("coding", ["compress", "gzip, br", "aes128gcm", "gzip,gzip", "exi"])
def test_unknown_or_several_codings(coding: str) -> None:
    headers = [HTML, ("Content-Encoding", coding)]
    verdict = JUDGE("200 OK", headers, visit())
    assert verdict.reason is Reason.ENCODING
    assert verdict.headers is headers


@row("app compresses regardless (pre-gzipped cache)")
def test_without_the_library_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_module, "_library", lambda name: None)
    narrowed.cache_clear()
    assert not readable("br")
    assert not readable("zstd")
    assert readable("gzip")
    assert JUDGE("200 OK", [HTML, ("Content-Encoding", "br")], visit()).reason is Reason.ENCODING
    assert narrowed("gzip, deflate, br, zstd") == "gzip, deflate"
    narrowed.cache_clear()


@row("Content-Encoding from the app")
@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("gzip, deflate, br, zstd", "gzip, deflate, br, zstd"),
        ("gzip;q=1.0, compress;q=0.5, *;q=0", "gzip;q=1.0"),
        ("compress", "identity"),
        ("identity", "identity"),
    ],
)
def test_the_app_is_asked_for_what_we_can_read(sent: str, seen: str) -> None:
    # Otherwise than the row says, not for "identity": where the app itself compresses (and no server in front does),
    # its visitors would get pages five times as large. Vary stays true: what we remove, the app never answers with.
    environ = create_environ(headers={"Accept-Encoding": sent})
    JUDGE.prepare(environ, visit())
    assert environ["HTTP_ACCEPT_ENCODING"] == seen


def bomb(coding: str, size: int) -> bytes:
    data = b"<!doctype html><html><head>" + bytes(size)
    return brotli.compress(data, quality=1) if coding == "br" else PACK[coding][1](data)


@row("decompression bomb")
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_bomb(coding: str) -> None:
    """In one piece: it goes out as it came, and what we hold of it stays small."""
    packed = bomb(coding, 30_000_000)
    one = injector(coding)
    tracemalloc.start()
    try:
        assert one.whole(packed) == packed
        assert tracemalloc.get_traced_memory()[1] < 24_000_000
    finally:
        tracemalloc.stop()
    assert one.reason is Reason.BOMB
    assert not one.injected


@row("decompression bomb")
def test_bomb_in_a_stream() -> None:
    """Once bytes of ours are out there is no way back: it ends where it becomes one, as a broken page does."""
    packed = bomb("gzip", 30_000_000)
    one = injector("gzip")
    out = streamed(one, packed, 1000)
    assert zlib.decompressobj(31).decompress(out, 200).startswith(b"<!doctype html><html><head>" + HEAD)
    assert isinstance(one.fault, DamagedBody)


@row("decompression bomb")
def test_a_large_page_is_no_bomb() -> None:
    page = b"<html><head></head>" + b"".join(b"<tr><td>row %d</td></tr>\n" % row for row in range(500_000))
    out = gzip.decompress(streamed(injector("gzip"), gzip.compress(page), 4096))
    assert len(out) == len(page) + len(HEAD) + len(TAIL)


@row("decompression bomb")
@pytest.mark.parametrize("coding", UNPACK)
@pytest.mark.parametrize(
    "body", [b"", b"not compressed at all, <html><head>", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd\xff"]
)
def test_damaged_from_the_start(coding: str, body: bytes) -> None:
    for size in (1, 1000):
        one = injector(coding)
        assert streamed(one, body, size) == body
        assert one.injected is False
        assert one.reason in (Reason.DAMAGED, Reason.EMPTY)


@row("decompression bomb")
@pytest.mark.parametrize("coding", UNPACK)
def test_cut_short(coding: str) -> None:
    """What the app lost is not invented: the visitor's browser sees the same cut, and what came before it."""
    page = PAGE + random.Random(0).randbytes(400_000).hex().encode()
    packed = PACK[coding][1](page)
    one = injector(coding)
    out = streamed(one, packed[:-40], 300)
    assert isinstance(one.fault, DamagedBody) and one.injected is True
    shown = DECODER[coding]()(out)
    assert 100_000 < len(shown) < len(page) + len(HEAD)
    assert (page[:27] + HEAD + page[27:]).startswith(shown)


@row("decompression bomb")
@pytest.mark.parametrize("size", [1000, 1 << 20])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])  # the others have bytes that mean nothing in few places only
def test_damaged_in_the_middle(coding: str, size: int) -> None:
    """What was read before goes out; after that, nothing."""
    page = PAGE + random.Random(0).randbytes(400_000).hex().encode()
    packed = bytearray(PACK[coding][1](page))
    packed[300_000:300_020] = b"\xff" * 20
    one = injector(coding)
    start = one.feed(bytes(packed[:2000]))
    out = start + b"".join([one.feed(bytes(packed[at : at + size])) for at in range(2000, len(packed), size)])
    assert isinstance(one.fault, DamagedBody) and one.injected is True
    shown = DECODER[coding]()(out)
    assert start and shown[:400_000] == (page[:27] + HEAD + page[27:])[:400_000]
    assert one.feed(bytes(packed[:100])) == b"" and one.finish() == b""


@row("brotli/zstd streaming")
@pytest.mark.parametrize("coding", UNPACK)
def test_flushed_with_each_chunk(coding: str) -> None:
    """Whoever has the bytes so far can show the page so far."""
    one = injector(coding)
    if coding == "br":
        packer: Any = brotli.Compressor()
        pieces = [packer.process(PAGE[:40]) + packer.flush(), packer.process(PAGE[40:]) + packer.finish()]
        unpacker: Any = brotli.Decompressor().process
    elif coding == "zstd":
        packer = zstandard.ZstdCompressor().compressobj()
        pieces = [packer.compress(PAGE[:40]) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)]
        pieces.append(packer.compress(PAGE[40:]) + packer.flush())
        unpacker = zstandard.ZstdDecompressor().decompressobj().decompress
    else:
        wbits = 15 if coding == "deflate" else 31
        packer = zlib.compressobj(6, zlib.DEFLATED, wbits)
        pieces = [packer.compress(PAGE[:40]) + packer.flush(zlib.Z_SYNC_FLUSH)]
        pieces.append(packer.compress(PAGE[40:]) + packer.flush())
        unpacker = zlib.decompressobj(wbits).decompress
    assert unpacker(one.feed(pieces[0])) == PAGE[:27] + HEAD + PAGE[27:40]
    assert unpacker(one.feed(pieces[1]) + one.finish()).endswith(TAIL + b"</body></html>")


def test_an_empty_body_with_a_coding() -> None:
    for coding in UNPACK:
        assert injector(coding).whole(b"") == b""


@pytest.mark.parametrize("name", PACK)
def test_a_page_without_a_byte_is_compressed_to_a_few(name: str) -> None:
    coding, pack = PACK[name]
    one = injector(coding)
    assert UNPACK[coding](one.whole(pack(b""))) == b""
    assert one.reason is Reason.EMPTY and one.fault is None


def test_the_fault_says_what_is_wrong_with_a_body() -> None:
    one = Codec("gzip")
    with pytest.raises(DamagedBody, match="ends before its compressed data do") as told:
        one.ended()
    assert not told.value.bomb
    with pytest.raises(DamagedBody, match="error: Error -3 while decompressing data: incorrect header check") as told:
        list(one.decode(b"<html>"))
    assert not told.value.bomb
    with pytest.raises(DamagedBody, match="more than a page's size") as told:
        list(Codec("gzip").decode(bomb("gzip", 10_000_000)))
    assert told.value.bomb
