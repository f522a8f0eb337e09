"""The tee must give the app every byte, and the rules at most 64 KiB."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.body import TeeInput


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=20), st.integers(0, 400))
def test_app_reads_the_same_bytes_however_it_reads(body: bytes, sizes: list[int], limit: int) -> None:
    tee, plain = TeeInput(io.BytesIO(body), limit), io.BytesIO(body)
    for index, size in enumerate(sizes):
        if index % 3:
            assert tee.read(size) == plain.read(size)
        else:
            assert tee.readline(size) == plain.readline(size)
    assert tee.read() == plain.read()
    assert tee.body == (body if len(body) <= limit else None)


def test_lines_and_iteration_are_kept() -> None:
    tee = TeeInput(io.BytesIO(b"a=1\nb=2\nc=3"))
    assert tee.readlines(1) == [b"a=1\n"]
    assert list(tee) == [b"b=2\n", b"c=3"]
    assert tee.body == b"a=1\nb=2\nc=3"


def test_buffered_reader_on_top() -> None:
    tee = TeeInput(io.BytesIO(b"x" * 100))
    buffer = bytearray(60)
    assert tee.readinto(buffer) == 60
    assert tee.body == b"x" * 60


def test_nothing_is_read_that_the_app_does_not_read() -> None:
    stream = io.BytesIO(b"a=1&b=2")
    tee = TeeInput(stream)
    tee.read(3)
    assert tee.body == b"a=1"
    assert stream.tell() == 3
