"""Section C of the checklist: bytes. Where the snippet goes, for every way of cutting the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from capi_middleware.page import Carrier, Injector, Reason, Verdict
from capi_middleware.page.injector import TAPPED
from capi_middleware.page.scan import LONGEST_TAG, PATIENCE, PRESCAN, HeadScanner
from tests.page.pages import PAGES
from tests.page.row import row

HEAD = b'<script id="ours">1</script>'
TAIL = b'<script id="late">2</script>'


def injector(charset: bool = True) -> Injector:
    return Injector(Verdict(Reason.INLINE, Carrier.INLINE, [], charset=charset), HEAD, lambda: TAIL)


def cut(page: bytes, places: Sequence[int], charset: bool = True) -> tuple[bytes, Injector]:
    """The page through a fresh injector, cut at these offsets."""
    one = injector(charset)
    edges = [0, *sorted(place for place in places if place < len(page)), len(page)]
    out = b"".join(one.feed(page[start:end]) for start, end in zip(edges, edges[1:], strict=False))
    return out + one.finish(), one


def place(page: bytes, charset: bool = True) -> bytes:
    """What stands before the snippet."""
    one = injector(charset)
    out = one.whole(page)
    assert one.fault is None
    assert one.injected is True, one.reason
    assert one.reason is Reason.INLINE
    return out.partition(HEAD)[0]


def refused(page: bytes, charset: bool = True) -> Reason:
    one = injector(charset)
    assert one.whole(page) == page
    assert one.injected is False
    assert one.fault is None
    assert HeadScanner(charset).scan(page, True) == len(page)
    return one.reason


@row("charset utf-8, latin-1, windows-125x, Shift_JIS, GBK, Big5, EUC")
@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("utf-8", "åäö 商品"),
        ("latin-1", "åäö"),
        ("windows-1250", "ąęš"),
        ("windows-1251", "товар"),
        ("shift_jis", "表示ソ"),
        ("gbk", "商品價"),
        ("big5", "功許蓋"),
        ("euc-jp", "商品"),
        ("euc-kr", "상품"),
    ],
)
def test_charsets(charset: str, text: str) -> None:
    page = f"<html><head><title>{text}</title></head><body>{text}</body></html>".encode(charset)
    out = injector().whole(page)
    assert HEAD in out
    assert out.decode(charset).replace(HEAD.decode(), "").replace(TAIL.decode(), "") == page.decode(charset)


@row("utf-16/32, utf-7, ISO-2022-JP, HZ, or NUL / FE FF / FF FE in the first bytes")
@pytest.mark.parametrize(
    "page",
    ["<html><head>".encode(code) for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be")]
    + [b"\0<html><head>", b"\xfe\xff" + "商品".encode("utf-16-be"), b"\xff\xfe" + "商品".encode("utf-16-le")],
)
def test_not_ascii_compatible(page: bytes) -> None:
    assert refused(page) is Reason.BINARY


@row("utf-16/32, utf-7, ISO-2022-JP, HZ, or NUL / FE FF / FF FE in the first bytes")
@pytest.mark.parametrize("name", [b"iso-2022-jp", b"ISO-2022-KR", b"hz-gb-2312", b"utf-7"])
def test_not_ascii_compatible_by_meta(name: bytes) -> None:
    assert refused(b"<html><head><meta charset=" + name + b"><title>x", charset=False) is Reason.CHARSET


@row("UTF-8 BOM")
@pytest.mark.parametrize("charset", [True, False])
def test_bom_stays_first(charset: bool) -> None:
    page = b"\xef\xbb\xbf<!doctype html><html><head><meta charset=utf-8><title>x</title>"
    assert place(page, charset) == b"\xef\xbb\xbf<!doctype html><html><head>"


@row("no charset in the header")
@pytest.mark.parametrize(
    "meta",
    [
        b"<meta charset=utf-8>",
        b'<META CharSet="utf-8" />',
        b"<meta http-equiv='Content-Type' content='text/html; charset=iso-8859-1'>",
        b'<title>a<meta charset=x></title><script>"<meta charset=x>"</script><!-- <meta charset=x> --><meta charset=a>',
        b"<meta name=viewport content='charset=no'><link rel=x><base href=/><meta charset=utf-8>",
        b"<meta charset><meta charset=utf-8>",
        b"<meta http-equiv=content-type><meta charset=utf-8>",
        b"<meta http-equiv=content-type content=text/html><meta charset=utf-8>",
    ],
)
def test_after_meta_charset(meta: bytes) -> None:
    start = b"<!doctype html><html><head>" + meta
    assert place(start + b"<title>x</title></head>", charset=False) == start
    assert place(start + b"<title>x</title></head>", charset=True) == b"<!doctype html><html><head>"


@row("no charset in the header")
@pytest.mark.parametrize("length", [PRESCAN - 1, PRESCAN, PRESCAN + 1])
def test_meta_charset_at_the_edge(length: int) -> None:
    start = b"<html><head>"
    meta = b"<meta charset=utf-8>"
    page = start + b" " * (length - len(start) - len(meta)) + meta
    assert len(page) == length
    assert place(page + b"<title>", charset=False) == (page if length <= PRESCAN else start)
    for size in (1, 7, 1000):
        out, _ = cut(page + b"<title>", range(size, length + 7, size), charset=False)
        assert out.partition(HEAD)[0] == (page if length <= PRESCAN else start)


@row("no charset in the header")
@pytest.mark.parametrize(
    "rest",
    [
        b"<body>x<meta charset=utf-8>",
        b"</head><meta charset=utf-8>",
        b"<template><meta charset=utf-8></template>",
        b"<script><!-- <script></script><meta charset=utf-8> --></script>",
        b"<script><!-- </script>--><meta charset=utf-8>",
        b"<script>" + b"x" * 2000 + b"</script><meta charset=utf-8>",
        b"text<meta charset=utf-8>",
        b"",
    ],
)
def test_no_meta_charset(rest: bytes) -> None:
    assert place(b"<html><head>" + rest, charset=False) == b"<html><head>"


@row("mislabelled HTML")
@pytest.mark.parametrize(
    "page",
    [
        b'{"a": "<head>"}',
        b"var a = '<head>'",
        b"\x89PNG\r\n\x1a\n<head>",
        b"OK",
        b"<?xml version='1.0'?><rss><channel>",
        b"<?xml version='1.0'?><feed>",
        b"<svg xmlns=''><title>x</title>",
        b"<rss>",
        b"<!DOCTYPE svg PUBLIC ''><svg>",
        b"<?xml version='1.0'?><urlset>",
        b"<?xml version='1.0'?><plist>",
        b"<!DOCTYPE plist PUBLIC ''><head>",
        b"text\0<head>",
    ],
)
def test_mislabelled(page: bytes) -> None:
    assert refused(page) is Reason.NOT_MARKUP


@row("mislabelled HTML")
def test_xml_declaration_before_a_document() -> None:
    # Otherwise than the row: old shops send XHTML 1.0 with an XML declaration as text/html. Browsers read it as a
    # comment and the rest as the page that it is.
    start = (
        b'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"><html><head>'
    )
    assert place(start + b"<title>x") == start


@row("AMP (`<html amp>`, bolt sign)")
@pytest.mark.parametrize("mark", ["amp", "AMP", "⚡", '⚡=""', "lang=sv amp4ads", "⚡4email"])
def test_amp(mark: str) -> None:
    assert refused(f"<!doctype html><html {mark}><head>".encode()) is Reason.AMP


@row("AMP (`<html amp>`, bolt sign)")
@pytest.mark.parametrize("attributes", [b"class=amp", b"data-amp", b"amplitude=1", b'lang="en" class="no-js amp"'])
def test_not_amp(attributes: bytes) -> None:
    start = b"<!doctype html><html " + attributes + b"><head>"
    assert place(start) == start


@row("`<head` matching")
@pytest.mark.parametrize(
    "head",
    [
        b"<head>",
        b"<HEAD>",
        b"<head/>",
        b"<head >",
        b"<head\n>",
        b"<head data-x='a>b'>",
        b'<head data-x="a>b" y>',
        b"<head x=it's>",
        b"<head '>",
        b"<head a=b/c>",
        b"<head ==>",
        b"<head a=>",
    ],
)
def test_head_tags(head: bytes) -> None:
    assert place(b"<html>" + head + b"<title>x</title>") == b"<html>" + head


@row("`<head` matching")
@pytest.mark.parametrize("other", [b"<header>", b"<head-er>", b"<headx a=b>"])
def test_no_head_tags(other: bytes) -> None:
    assert place(b"<html>" + other + b"<head>") == b"<html>"


@row("comments, conditional comments, CDATA, `<!doctype ... [`, PI")
@pytest.mark.parametrize(
    "skipped",
    [
        b"<!-- <head> -->",
        b"<!--><!--->",
        b"<!---->",
        b"<!-- <head> --!>",
        b"<!-- a -- b -> <head> -->",
        b"<!--[if lt IE 9]><html class=ie><head><![endif]-->",
        b"<!--[if gt IE 8]><!--><!--<![endif]-->",
        b"<![CDATA[ <head ]]>",
        b"<?php echo 1; ?>",
        b"</x></>",
        b"<!-- --- -->",
    ],
)
def test_skipped(skipped: bytes) -> None:
    start = b"<!doctype html>" + skipped + b"<html>" + skipped + b"<head>"
    assert place(start + b"<title>x") == start
    for at in range(1, len(start)):
        assert cut(start + b"<title>x", [at])[0].partition(HEAD)[0] == start, at


@row("comments, conditional comments, CDATA, `<!doctype ... [`, PI")
@pytest.mark.parametrize("comment", [b"<!-->", b"<!--->", b"<!-->x-->"])
def test_a_comment_that_ends_where_it_begins(comment: bytes) -> None:
    """Nothing later can end it."""
    start = b"<!doctype html>" + comment.removesuffix(b"x-->")
    page = start + (b"<head>" if not comment.endswith(b"x-->") else b"x-->")
    for at in range(len(page)):
        out, _ = cut(page, [at])
        assert out.partition(HEAD)[0] == (page if page.endswith(b"<head>") else start)


@row("`<head` matching")
@pytest.mark.parametrize("charset", [True, False])
@pytest.mark.parametrize("tag", [b"<p a='>'>", b"<Xmp a='>'>", b'<h1 a=">">'])
def test_a_tag_cut_inside_its_quotes(tag: bytes, charset: bool) -> None:
    for start in (b"<!doctype html>", b"<!doctype html></p a='>'>"):
        page = start + tag + b"<meta charset=utf-8>"
        for at in range(1, len(page)):
            assert cut(page, [at], charset)[0].partition(HEAD)[0] == start, at


@row("comments, conditional comments, CDATA, `<!doctype ... [`, PI")
def test_internal_subset_is_no_html() -> None:
    # The standard ends a doctype at its first ">"; what follows is text, and with it the body begins.
    assert place(b'<!DOCTYPE html [ <!ENTITY a "b"> ]><html><head>') == b'<!DOCTYPE html [ <!ENTITY a "b"> '


@row("RAWTEXT/RCDATA: script, style, title, textarea, xmp, iframe, noembed, noframes, noscript; template")
@pytest.mark.parametrize("name", [b"script", b"style", b"title", b"noscript", b"noframes", b"SCRIPT"])
def test_raw_text_in_the_head(name: bytes) -> None:
    start = b"<html><head>"
    page = start + b"<" + name + b"><meta charset=x></" + name[:2] + b"></" + name + b"><meta charset=utf-8>"
    assert place(page + b"<p>", charset=False) == page


@row("RAWTEXT/RCDATA: script, style, title, textarea, xmp, iframe, noembed, noframes, noscript; template")
@pytest.mark.parametrize("name", [b"textarea", b"xmp", b"iframe", b"noembed", b"template"])
def test_what_ends_the_search(name: bytes) -> None:
    # Nothing after these is looked at, so their content need not be understood.
    page = b"<html><head><" + name + b"><meta charset=utf-8></" + name + b">"
    assert place(page, charset=False) == b"<html><head>"


@row("`<head>` absent (optional tags)")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<!doctype html>", b"<title>x</title><p>"),
        (b"<!doctype html><html lang=sv>\n", b"<title>x</title>"),
        (b"<html>", b"<p>x"),
        (b"", b"<title>x</title>"),
        (b"<!-- a -->\n", b"<meta name=a><p>"),
        (b"<!doctype html>", b"text"),
        (b"<!doctype html>", b"<script>1</script><html><head>"),
    ],
)
def test_no_head(before: bytes, after: bytes) -> None:
    assert place(before + after) == before


@row("`<head>` absent (optional tags)")
def test_no_head_but_a_meta_charset() -> None:
    assert (
        place(b"<!doctype html><meta charset=utf-8><title>x", charset=False) == b"<!doctype html><meta charset=utf-8>"
    )
    assert place(b"<!doctype html><meta charset=utf-8><title>x", charset=True) == b"<!doctype html>"


@row("size")
@pytest.mark.parametrize("more", [b"<meta a='" + b"x" * LONGEST_TAG + b"'>", b" " * PATIENCE, b"<!--" * PATIENCE])
def test_a_head_that_is_known_is_the_place_whatever_follows(more: bytes) -> None:
    start = b"<html><head>"
    for edges in ([], [len(start)], [len(start) + 100]):
        out, one = cut(start + more + b"<meta charset=utf-8>", edges, charset=False)
        assert out.partition(HEAD)[0] == start and one.reason is Reason.INLINE


@row("size")
def test_a_head_waits_for_its_charset_1024_bytes_and_no_longer() -> None:
    one = injector(False)
    start = b"<html><head>"
    assert one.feed(start + b" " * (PRESCAN - 1 - len(start))) == start
    assert one.feed(b" ").startswith(HEAD)


@row("`<head>` absent (optional tags)")
@pytest.mark.parametrize("page", [b"<div>x</div>", b"<!-- x --><p>", b"  <tr><td>", b"<script>1</script>"])
def test_fragments(page: bytes) -> None:
    assert refused(page) is Reason.FRAGMENT


@row("body before any head, `<frameset>`")
@pytest.mark.parametrize("body", [b"<body>", b"<BODY class='<head>'>", b"<body><head>"])
def test_body_before_head(body: bytes) -> None:
    assert place(b"<!doctype html><html>" + body) == b"<!doctype html><html>"
    assert place(body) == b""


@row("body before any head, `<frameset>`")
def test_frameset() -> None:
    assert refused(b"<html><frameset cols=1><frame></frameset>") is Reason.FRAMESET


@row("chunk boundary anywhere")
@pytest.mark.parametrize("charset", [True, False])
@pytest.mark.parametrize("name", PAGES)
def test_every_single_cut(name: str, charset: bool) -> None:
    page = PAGES[name]
    expected = injector(charset).whole(page)
    for at in range(1, len(page)):
        out, _ = cut(page, [at], charset)
        assert out == expected, at


@row("chunk boundary anywhere")
@pytest.mark.parametrize("charset", [True, False])
@pytest.mark.parametrize("name", PAGES)
def test_every_chunk_size(name: str, charset: bool) -> None:
    page = PAGES[name]
    expected = injector(charset).whole(page)
    for size in (1, 2, 3, 5, 7, 16, 61, 100, 1000, 1024):
        out, _ = cut(page, range(size, len(page), size), charset)
        assert out == expected, size


CORPUS = sorted((Path(__file__).parents[1] / "pages").glob("*.html"))


@row("chunk boundary anywhere")
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_pages_in_the_shapes_of_the_platforms(path: Path) -> None:
    page = path.read_bytes()
    for charset in (True, False):
        whole = injector(charset)
        expected = whole.whole(page)
        assert whole.injected
        for size in (1, 13, 1024, 4096):
            assert cut(page, range(size, len(page), size), charset)[0] == expected
        ours = LexborHTMLParser(expected).css_first("script#ours")
        assert ours is not None and ours.parent is not None and ours.parent.tag == "head"


SOUP = [
    *rb"""<!doctype html>|<!DOCTYPE html PUBLIC '-//W3C' "http://x">|<html>|<html lang='sv' x="a>b">|<head>|<head p='x'>
|<header>|</head>|<HEAD>|<body>|<body class='<head>'>|</body>|</html>|<meta charset=utf-8>|</BODY >|</bod|</body
|<META http-equiv='Content-Type' content="text/html; charset=latin1">|<title>|</title>|<title>a<b</title>|<script>
|</script>|<script>var a='</body>'</script>|<style>x</style>|<!--|-->|--!>|<!-->|<!--->|<!-- <head> -->|<svg>|</br>
|<!--[if IE]><html class=ie><![endif]-->|<![CDATA[ x ]]>|<?xml version='1.0'?>| |text|<p>|<div a=b c='d' e="f" g>
|<link rel=x href=/y/>|<base href=/>|<noscript>|</noscript>|<template>|</template>|<|>|'|"|=|<a =b>|<a ==>|</>|</x>
|<meta charset="utf-8">|<meta charset="utf-8'>|<meta charset='utf-8' />|<html class=a lang="sv">
|<html '>|<head '>|<head a='|<frameset>|&amp;|<textarea>|<h1|/|<html amp>|<meta charset=iso-2022-jp>
|<script><!--<script></script><meta charset=x>--></script>""".split(b"|"),
    b"\0",
    b" " * 500,
    b"<!--" + b"-" * 500 + b"-->",
    b"x" * 1000,
]
soup = st.lists(st.sampled_from(SOUP), max_size=20).map(b"".join)


@row("chunk boundary anywhere")
@settings(max_examples=400, deadline=None)
@given(soup, st.lists(st.integers(0, 3000), max_size=8), st.booleans())
@example(b"<!doctype html>" + b"<!--" + b"x" * PATIENCE + b"--><head>", [PATIENCE], True)
@example(b"<!doctype html><html " + b"a" * LONGEST_TAG + b"><head>", [100, LONGEST_TAG + 50], True)
@example(b"<!doctype html>" + b" " * PATIENCE + b"<head>", [PATIENCE + 15], True)
@example(b"<html><head>" + b" " * 1000 + b"<meta charset=utf-8>", [1010, 1020], False)
def test_any_cuts_of_anything(page: bytes, places: list[int], charset: bool) -> None:
    """The same bytes and the same reason however the page is cut; the page itself is there unchanged."""
    whole = injector(charset)
    expected = whole.whole(page)
    out, one = cut(page, places, charset)
    assert out == expected
    assert (one.injected, one.reason, one.fault) == (whole.injected, whole.reason, None)
    if whole.injected:
        assert expected.replace(HEAD, b"", 1).replace(TAIL, b"", 1) == page
    else:
        assert expected == page


@row("chunk boundary anywhere")
@settings(max_examples=400, deadline=None)
@given(soup, st.booleans())
def test_a_browser_finds_the_snippet_in_the_head(page: bytes, charset: bool) -> None:
    """Whatever the page is like: where we inject, a parser that follows the standard sees our element in the head."""
    one = injector(charset)
    out = one.whole(page)
    if one.injected:
        ours = LexborHTMLParser(out).css_first("script#ours")
        assert ours is not None
        assert ours.parent is not None
        assert ours.parent.tag == "head"


@row("size")
def test_gives_up_after_64_kib() -> None:
    page = b"<!doctype html><!--" + b"x" * PATIENCE + b"--><html><head>"
    assert refused(page) is Reason.UNDECIDED
    one = injector()
    assert b"".join(one.feed(page[at : at + 100]) for at in range(0, len(page), 100)) + one.finish() == page


@row("size")
@pytest.mark.parametrize(
    "start", [b"<!doctype html><!--", b"<!doctype html>" + b" " * 70000, b"<html><head><title>", b"<html a='"]
)
@pytest.mark.parametrize("charset", [True, False])
def test_what_is_held_stays_small(start: bytes, charset: bool) -> None:
    one = HeadScanner(charset)
    held = 0
    data = b""
    for at in range(0, 200_000, 500):
        data += (start + b"x" * 200_000)[at : at + 500]
        data = data[one.scan(data, False) :]
        if one.done:
            break
        held = max(held, len(data))
    assert held <= LONGEST_TAG + 500


@row("size")
@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize(
    ("start", "filler", "end", "bound"),
    [
        (b"<!doctype html>", b"<html ", b"><head>", LONGEST_TAG + 15 + 6),
        (b"<html>", b"<head ", b">", LONGEST_TAG + 6),
        (b"<html>", b"<!x ", b"><head>", LONGEST_TAG + 6 + 6),
        (b"<!doctype html>", b"<!--", b"--><head>", PATIENCE),
        (b"<!doctype html>", b"<!--->" + b" " * (PATIENCE - 100), b"<head>", PATIENCE),
        (b"<!doctype html>", b"<!--", b"--><!x><head>", PATIENCE),
    ],
    ids=["root", "head", "declaration", "comment", "blanks", "comment and declaration"],
)
def test_the_longest_that_is_read(start: bytes, filler: bytes, end: bytes, bound: int, more: int) -> None:
    """Tags and declarations up to 4096 bytes, a head that has ended within the first 65536; not one byte more."""
    page = start + filler + b" " * (bound + more - len(start + filler + end)) + end
    assert len(page) == bound + more
    if more:
        assert refused(page) is Reason.UNDECIDED
        assert cut(page, range(1000, len(page), 1000))[1].reason is Reason.UNDECIDED
    else:
        assert place(page + b"<title>x") == page
        assert cut(page + b"<title>x", range(1000, len(page), 1000))[0].partition(HEAD)[0] == page


@row("size")
@pytest.mark.parametrize("text", [b"text", b"</body>", b"<p>"])
@pytest.mark.parametrize("start", [b"<!doctype html>", b"<html>"])
def test_text_after_more_than_is_read(start: bytes, text: bytes) -> None:
    """A page whose head is implied has its place there, if that is within the first 65536 bytes."""
    before = start + b"<!--" + b"x" * (PATIENCE - len(start) - 7) + b"-->"
    assert len(before) == PATIENCE
    for size in (1000, PATIENCE, 1 << 20):
        out, one = cut(before + text, range(size, PATIENCE + 9, size))
        if text == b"text":
            assert out.partition(HEAD)[0] == before and one.reason is Reason.INLINE
        longer = before.replace(b"x", b"xx", 1) + text
        out, one = cut(longer, range(size, PATIENCE + 9, size))
        assert out == longer and one.reason is Reason.UNDECIDED


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (b"", Reason.EMPTY),
        (b" \n", Reason.EMPTY),
        (b"<!-- cached -->\n", Reason.EMPTY),
        (b"</x>", Reason.FRAGMENT),
        (b"<!x>", Reason.FRAGMENT),
        (b"<!x><div>", Reason.FRAGMENT),
        (b"<p class", Reason.FRAGMENT),
        (b"<!-- never closed", Reason.FRAGMENT),
        (b"<div", Reason.FRAGMENT),
        (b"<", Reason.FRAGMENT),
        (b"x", Reason.NOT_MARKUP),
        (b"<1", Reason.NOT_MARKUP),
        (b"<!doctype html><!-- never closed", Reason.UNDECIDED),
        (b"<!doctype html><html", Reason.UNDECIDED),
        (b"<!doctype html><html><", Reason.UNDECIDED),
    ],
)
def test_pages_that_end_before_they_begin(page: bytes, reason: Reason) -> None:
    assert refused(page) is reason
    assert cut(page, range(1, len(page)))[1].reason is reason


@pytest.mark.parametrize(
    "page",
    [
        b"<!doctype html>",
        b"<!doctype html><html>",
        b"<html><!-- x --> ",
        b"<!doctype html><!>",
        b"<!doctype html><!-->",
        b"<html></>",
        b"<html><?>",
    ],
)
def test_a_document_without_anything_in_it(page: bytes) -> None:
    assert place(page) == page


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "comments": lambda size: b"<!doctype html>" + b"<!--" * (size // 4),
    "closed comments": lambda size: b"<!doctype html>" + b"<!-- -->" * (size // 8),
    "dashes": lambda size: b"<!doctype html><!--" + b"-" * size,
    "scripts": lambda size: b"<html><head>" + b"<script>" * (size // 8),
    "metas": lambda size: b"<html><head>" + b"<meta " * (size // 6),
    "metas without head": lambda size: b"<meta " * (size // 6),
    "closed metas": lambda size: b"<html><head>" + b"<meta a>" * (size // 8),
    "quotes": lambda size: b"<html>" + b"<head '" * (size // 7),
    "values": lambda size: b"<html><head " + b"a='" * (size // 3),
    "blanks": lambda size: b"<html><head" + b" " * size,
    "blanks and names": lambda size: b"<html><head" + b" a" * (size // 2),
    "names and blanks": lambda size: b"<html><head a" + (b" " * 100 + b"a") * (size // 101),
    "equals": lambda size: b"<html><head" + b"=" * size,
    "lone angles": lambda size: b"<html>" + b"<" * size,
    "ends": lambda size: b"<!doctype html>" + b"</a>" * (size // 4),
    "declarations": lambda size: b"<!doctype html>" + b"<!" * (size // 2),
    "questions": lambda size: b"<!doctype html>" + b"<?x>" * (size // 4),
    "bodies": lambda size: b"<html><head></head>" + b"</body>" * (size // 7),
    "body comments": lambda size: b"<html><head></head></body>" + b"<!--" * (size // 4),
}


@row("hostile markup")
@pytest.mark.parametrize("charset", [True, False])
@pytest.mark.parametrize("chunk", [1 << 20, 1024, 16])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markup(name: str, chunk: int, charset: bool) -> None:
    """A second of processor time is two hundred times what it takes and a fifth of what a quadratic one does; the gate
    in milliseconds stands in benchmarks/page.py."""
    page = HOSTILE[name](64 * 1024)
    one = injector(charset)
    began = time.thread_time()
    for at in range(0, len(page), chunk):
        one.feed(page[at : at + chunk])
    one.finish()
    assert time.thread_time() - began < 1.0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"x", b"</body></html>"),
        (b"x", b"</BODY\n>\n</HTML>\n"),
        (b"x", b"</body><!-- made in 3 ms --></html>\n<!-- cached -->"),
        (b"<script>'</body>'</script>", b"</body>"),
        (b"x<script>'</body></html>'</script>", b""),
        (b"x<!-- </body></html> -->", b""),
        (b"<script>'</BODY>'</script>", b"</BODY>"),
        (b"x</body>" + b"<!--" + b"y" * 1100 + b"-->", b""),
        (b"x</BODY>" + b"<!--" + b"y" * 1100 + b"-->", b""),
        (b"x</body><p>late", b""),
        (b"x", b""),
        (b"x</bod", b""),
        (b"x</body", b""),
    ],
)
def test_tail_goes_before_the_body_ends(before: bytes, after: bytes) -> None:
    page = b"<html><head></head><body>" + before + after
    expected = b"<html><head>" + HEAD + b"</head><body>" + before + TAIL + after
    assert injector().whole(page) == expected
    for size in (1, 5, 8, 13, 1000):
        assert cut(page, range(size, len(page), size))[0] == expected


def test_what_looks_like_the_bodys_end_before_the_head() -> None:
    page = b"<!doctype html><!--</body><!-- -->"
    for size in (1, 20, 100):
        assert cut(page, range(size, len(page), size))[0] == page + HEAD + TAIL
    assert injector().whole(page) == page + HEAD + TAIL


def test_chunks_after_the_head_pass_as_the_objects_they_are() -> None:
    one = injector()
    one.feed(b"<html><head><title>x</title>")
    chunk = b"<p>" * 5000
    assert one.feed(chunk) is chunk
    assert one.feed(b"<p>") == b"<p>", "short ones too"


@pytest.mark.parametrize("chunk", [16_383, 1 << 24])
def test_a_reader_of_facts_reads_within_bounds(chunk: int) -> None:
    seen: list[bytes] = []
    one = Injector(Verdict(Reason.INLINE, Carrier.INLINE, []), HEAD, lambda: TAIL, seen.append)
    page = b"<html><head></head>" + b"<p>x</p>" * (TAPPED // 4)
    if chunk > len(page):
        out = one.whole(page)
    else:
        out = b"".join([one.feed(page[at : at + chunk]) for at in range(0, len(page), chunk)]) + one.finish()
    assert len(out) == len(page) + len(HEAD) + len(TAIL)
    assert sum(map(len, seen)) == (TAPPED if chunk > len(page) else -(-TAPPED // chunk) * chunk)
    assert page.startswith(b"".join(seen))


def test_an_empty_chunk_is_legal_anywhere() -> None:
    one = injector()
    assert one.feed(b"") == b""
    assert (
        one.feed(b"<html><head>") + one.feed(b"") + one.feed(b"x") + one.finish()
        == b"<html><head>" + HEAD + b"x" + TAIL
    )


def test_faults_never_reach_the_page() -> None:
    page = PAGES["plain"]

    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    verdict = Verdict(Reason.INLINE, Carrier.INLINE, [])
    for size in (10, 10_000):
        one = Injector(verdict, HEAD, lambda: TAIL, broken)
        assert b"".join(one.feed(page[at : at + size]) for at in range(0, len(page), size)) + one.finish() == page
        assert isinstance(one.fault, ZeroDivisionError)
        assert one.reason is Reason.FAULT
        two = Injector(verdict, HEAD, broken)
        out = b"".join(two.feed(page[at : at + size]) for at in range(0, len(page), size)) + two.finish()
        assert out.replace(HEAD, b"") == page
        assert isinstance(two.fault, ZeroDivisionError)
    for hook in ({"tail": broken}, {"tail": lambda: TAIL, "tap": broken}):
        three = Injector(verdict, HEAD, **hook)  # type: ignore[arg-type]
        assert three.whole(page) == page
        assert three.reason is Reason.FAULT
        assert three.injected is False
        assert isinstance(three.fault, ZeroDivisionError)


def test_a_body_in_one_piece_is_the_only_piece() -> None:
    for first in (lambda one: one.feed(b"<html><head>"), lambda one: one.whole(b"<html><head>")):
        one = injector()
        first(one)
        assert one.whole(b"<html><head>") == b"<html><head>"
        assert str(one.fault) == "whole() is for a body of which nothing was fed yet"
