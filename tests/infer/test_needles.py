"""What a page is known again by."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.infer import needles

_TEXT = st.text('ab1 \n,">;<"', max_size=80).map(str.encode)


@st.composite
def _page(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, int]]]:
    page = draw(_TEXT)
    ends = st.integers(0, len(page))
    return page, [(min(span), max(span)) for span in draw(st.lists(st.tuples(ends, ends), max_size=6))]


@given(_page())
def test_pieces_cover_the_spans_in_order_and_without_overlap(given_page: tuple[bytes, list[tuple[int, int]]]) -> None:
    page, spans = given_page
    cut = needles.pieces(page, spans)
    assert all(one[1] <= other[0] for one, other in zip(cut, cut[1:], strict=False))
    covered = {place for start, end in cut for place in range(start, end)}
    for start, end in spans:
        if end - start >= 3 * needles.LEAST:
            assert len(covered & set(range(start, end))) >= end - start - needles.LEAST


@given(_page())
def test_a_page_holds_its_own_needles(given_page: tuple[bytes, list[tuple[int, int]]]) -> None:
    page, spans = given_page
    cut = needles.pieces(page, spans)
    for kept in (cut, cut[::2], cut[1::3]):
        found = needles.joined(page, kept)
        assert all(needle in page for needle in found)
        assert needles.hold(b"token" + page + b"more", found) or any(
            page.count(needle[:48]) > needles.TRIES for needle in found
        )


def test_what_changes_is_left_out_and_what_stays_is_joined() -> None:
    first, second = (b'x {"name":"Mug", "t":"%s", "price":99, "sku":"1"}<' % token for token in (b"abc", b"defgh"))
    before = needles.marks(first, needles.pieces(first, [(2, len(first) - 1)]))
    cut = needles.pieces(second, [(2, len(second) - 1)])
    kept = needles.common(second, cut, before)
    assert needles.joined(second, kept) == (b'{"name":"Mug",', b' "price":99, "sku":"1"}<')


def test_a_longer_number_is_another() -> None:
    page = b"<b>199</b>"
    found = needles.joined(page, needles.pieces(page, [(0, 6)]))
    assert needles.hold(page, found)
    assert not needles.hold(b"<b>1999</b>", found)


def test_order_counts() -> None:
    assert needles.hold(b"first .. second", (b"first ", b"second"))
    assert not needles.hold(b"second .. first", (b"first", b"second"))


def test_a_page_in_countless_pieces_is_cut_so_often_only() -> None:
    page = b'{"a":1,"b":2}\n' * 5_000
    cut = needles.pieces(page, [(0, len(page) - 1)])
    assert len(cut) <= needles.MOST_PIECES + 1
    assert needles.joined(page, cut) == (page,)
