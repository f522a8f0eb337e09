"""Section A of the checklist: the mechanics of PEP 3333, under wsgiref's handler with lint on both sides."""

from __future__ import annotations

import gc
import io
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from werkzeug.test import create_environ

from capi_middleware.page import Decision, Injector, Reason, answer
from tests.page.row import row
from tests.page.wire import HEAD, HTML, INJECTED, PAGE, TAIL, Ours, both, page, request

LENGTH = ("Content-Length", str(len(PAGE)))


class Body:
    """An iterable that counts."""

    def __init__(self, chunks: Iterable[Any], fails: bool = False) -> None:
        self.chunks = iter(chunks)
        self.closed = 0
        self.asked = 0
        self.fails = fails

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.asked += 1
        if self.fails:
            raise ZeroDivisionError
        return next(self.chunks)  # type: ignore[no-any-return]

    def close(self) -> None:
        self.closed += 1


class Server:
    """The other side of start_response, by hand."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.written: list[bytes] = []
        self.fails = False

    def start_response(self, *arguments: Any) -> Any:
        self.calls.append(arguments)
        if len(arguments) > 2 and self.fails:
            raise arguments[2][1].with_traceback(arguments[2][2])
        return self.written.append

    def run(self, app: Any, **options: Any) -> list[bytes]:
        result = app(create_environ(**options), self.start_response)
        try:
            return list(result)
        finally:
            if hasattr(result, "close"):
                result.close()

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.calls[-1][1]}


@row("positional call")
@pytest.mark.parametrize("html", [True, False])
def test_positional_call(html: bool) -> None:
    server = Server()
    kind = HTML if html else ("Content-Type", "application/json")
    seen = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(start_response("200 OK", [kind]))
        return [PAGE]

    server.run(Ours(app))
    assert [len(call) for call in server.calls] == [2]
    assert callable(seen[0])
    assert html or seen[0] == server.written.append


@row("header list")
def test_header_list_is_never_changed() -> None:
    constant = [HTML, ("Set-Cookie", "a=1"), ("X", "1"), ("Set-Cookie", "b=2"), ("ETag", '"1"'), LENGTH]
    copy = list(constant)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", constant)
        return [PAGE]

    for _ in range(2):
        answered, _ours = both(app)
        assert constant == copy
        assert [pair for pair in answered.headers if pair[0] in ("Set-Cookie", "X")] == copy[1:4]
        assert all(type(name) is str and type(value) is str for name, value in answered.headers)


@row("second start_response")
def test_second_start_response_without_exc_info() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML])
        start_response("200 OK", [HTML])
        return [PAGE]

    server = request(Ours(app), lint=False)
    assert server.status == "500 Server's own"
    assert server == request(app, lint=False)


@row("second start_response")
@pytest.mark.parametrize("before", ["nothing", "a chunk that is held back"])
def test_second_start_response_with_exc_info(before: str) -> None:
    """What was said and held before is forgotten, and the error page is judged anew."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML, ("X-First", "1")])
        try:
            if before != "nothing":
                yield b"<!doctype ht"
            raise ZeroDivisionError
        except ZeroDivisionError:
            start_response("500 Oops", [HTML], sys.exc_info())
        yield b"<html><head>sorry"

    server = Server()
    ours = Ours(app)
    assert b"".join(server.run(ours)) == b"<html><head>sorry"
    assert server.calls[-1][:2] == ("500 Oops", [HTML])
    assert len(server.calls[-1]) == 3
    assert [verdict.reason for verdict in ours.verdicts] == [Reason.INLINE, Reason.STATUS]


@row("second start_response")
def test_second_start_response_is_the_servers_to_judge() -> None:
    """One that lets it pass gets what the app says, and the body as the app made it."""
    again = [HTML, ("X-Second", "1")]

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML])
        start_response("201 Made", again)
        return [PAGE]

    server = Server()
    assert server.run(Ours(app)) == [PAGE]
    assert [call[0] for call in server.calls] == ["200 OK", "201 Made"]
    assert server.calls[-1][1] is again


@row("second start_response")
def test_a_server_that_has_sent_the_headers_says_so_at_once() -> None:
    """Where the app starts over, not when its next bytes come."""
    server = Server()
    server.fails = True
    went_on = []

    def body(start_response: Any) -> Iterator[bytes]:
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            start_response("200 OK", [HTML], sys.exc_info())
        went_on.append(True)
        yield PAGE

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        return body(start_response)

    with pytest.raises(ZeroDivisionError):
        server.run(Ours(app))
    assert not went_on


@row("second start_response")
def test_exc_info_is_not_kept() -> None:
    class Error(Exception):
        pass

    alive: list[weakref.ref[BaseException]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            raise Error
        except Error as error:
            alive.append(weakref.ref(error))
            start_response("200 OK", [HTML], sys.exc_info())
        return [PAGE]

    server = Server()
    result = Ours(app)(create_environ(), server.start_response)
    server.calls.clear()
    gc.collect()
    assert alive[0]() is None
    assert list(result) == [INJECTED]


@row("exc_info after real bytes went out")
def test_exc_info_after_bytes() -> None:
    server = Server()
    server.fails = True

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield PAGE[:60]
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            start_response("500 Oops", [HTML], sys.exc_info())
        yield b"never"

    ours = Ours(app)
    with pytest.raises(ZeroDivisionError):
        server.run(ours)
    assert ours.ends == [False]


@row("app raises before/while iterating")
@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("html", [True, False])
def test_app_raises_while_iterating(html: bool, length: bool) -> None:
    body = Body([], fails=True)
    kind = HTML if html else ("Content-Type", "application/json")

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [kind, *([LENGTH] if length else [])])
        return body

    ours = Ours(app)
    with pytest.raises(ZeroDivisionError):
        Server().run(ours)
    assert body.closed == 1
    assert ours.ends == [not html]  # what is not ours is out of our hands at once


@row("app raises before/while iterating")
@pytest.mark.parametrize("started", [True, False])
def test_app_raises_before_iterating(started: bool) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if started:
            start_response("200 OK", [HTML])
        raise ZeroDivisionError

    ours = Ours(app)
    with pytest.raises(ZeroDivisionError):
        Server().run(ours)
    assert ours.ends == [False]


@row("start_response inside first next()")
@pytest.mark.parametrize("length", [True, False])
def test_start_response_inside_first_next(length: bool) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML, *([LENGTH] if length else [])])
        yield PAGE

    answered, _ = both(app)
    assert answered.body == INJECTED
    assert answered.header("Content-Length") == (str(len(INJECTED)) if length else None)


@row("start_response inside first next()")
def test_the_app_is_not_asked_before_the_server_asks() -> None:
    body = Body([PAGE])

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [HTML])
        return body

    server = Server()
    result = Ours(app)(create_environ(), server.start_response)
    assert body.asked == 0
    assert len(server.calls) == 1
    iterator = iter(result)
    assert body.asked == 0
    next(iterator)
    assert body.asked == 1


@row("start_response inside first next()")
def test_a_body_with_a_length_is_begun_at_once() -> None:
    # Otherwise than the row says: an app that has announced Content-Length has its page in hand. Taking the first chunk
    # before start_response is passed on tells the new length exactly, and servers that want start_response called
    # before they iterate (granian) are content. HTTP/1.0 clients, nginx's default among them, keep their connection.
    body = Body([PAGE])

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [HTML, LENGTH])
        return body

    server = Server()
    result = Ours(app)(create_environ(), server.start_response)
    assert server.headers["content-length"] == str(len(INJECTED))
    assert list(result) == [INJECTED]
    assert body.closed == 0
    result.close()  # type: ignore[attr-defined]
    assert body.closed == 1


@row("never called at all")
def test_never_called() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return [b"x", b"y"]

    server = Server()
    ours = Ours(app)
    assert server.run(ours) == [b"x", b"y"]
    assert server.calls == []
    assert request(ours, lint=False).status == "500 Server's own"


@row('b"" chunks')
def test_empty_chunks() -> None:
    cut = [b"", PAGE[:10], b"", b"", PAGE[10:40], b"", PAGE[40:], b""]
    body = Body(cut)

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [HTML])
        return body

    out = Server().run(Ours(app))
    assert b"".join(out) == INJECTED
    assert len(out) == len(cut) + 1


@row("no blocking")
def test_one_output_for_one_input() -> None:
    body = Body([PAGE[at : at + 1] for at in range(len(PAGE))])

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [HTML])
        return body

    server = Server()
    result = iter(Ours(app)(create_environ(), server.start_response))
    assert len(server.calls) == 1
    for asked in range(1, len(PAGE) + 1):
        next(result)
        assert body.asked == asked


@row("no blocking")
def test_nothing_empty_before_start_response() -> None:
    # wsgiref asserts that not even b"" comes before start_response: the app's own b"" passes only as it came.
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield b"<"
        yield PAGE[1:]

    assert both(app)[0].body == INJECTED


@row("header timing")
@pytest.mark.parametrize("kind", [list, tuple])
def test_single_chunk_list(kind: Any) -> None:
    server = Server()
    ours = Ours(page(PAGE, headers=[LENGTH], kind=kind))
    assert ours(create_environ(), server.start_response) == [INJECTED]
    assert ours.ends == [True]
    assert server.headers["content-length"] == str(len(INJECTED))


@row("header timing")
def test_single_chunk_list_without_length_gets_one() -> None:
    answered = request(Ours(page(PAGE)))
    assert answered.header("Content-Length") == str(len(INJECTED))
    assert answered.body == INJECTED


@row("header timing")
@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("kind", [list, iter])
def test_several_chunks_go_without_length(kind: Any, length: bool) -> None:
    answered, _ = both(page(PAGE[:50], PAGE[50:], headers=[LENGTH] if length else [], kind=kind))
    assert answered.header("Content-Length") is None
    assert answered.body == INJECTED


@row("Content-Length unparsable / duplicate")
@pytest.mark.parametrize("lengths", [["x"], ["-5"], ["78", "78"], ["7 8"], ["٣"], ["1e2"], [""]])
def test_damaged_content_length(lengths: list[str]) -> None:
    server = Server()
    app = page(PAGE, headers=[("Content-Length", one) for one in lengths])
    ours = Ours(app)
    assert server.run(ours) == [PAGE]
    assert [value for name, value in server.calls[0][1] if name == "Content-Length"] == lengths
    assert ours.verdicts[0].reason is Reason.LENGTH


@row("write()")
@pytest.mark.parametrize("cut", [0, 10, 30, 60, len(PAGE) - 10, len(PAGE)])
def test_write(cut: int) -> None:
    """Through the same scanner; its bytes go before those of the iterable."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [HTML, LENGTH])
        write(PAGE[:cut])
        return [PAGE[cut:]]

    answered, _ = both(app)
    assert answered.body == INJECTED
    assert answered.header("Content-Length") is None


@row("write()")
def test_write_alone() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [HTML])
        for at in range(0, len(PAGE), 7):
            write(PAGE[at : at + 7])
        return []

    assert both(app)[0].body == INJECTED


@row("write()")
def test_write_of_what_is_not_ours() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])(b"a")
        return [b"b"]

    assert both(app)[0].body == b"ab"


@row("close()")
@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("kind", [HTML, ("Content-Type", "text/css")])
@pytest.mark.parametrize("read", [0, 1, 99])
def test_close(kind: tuple[str, str], read: int, length: bool) -> None:
    """Once on every path: read to the end, given up in the middle, never read at all."""
    body = Body([PAGE[:40], PAGE[40:]])

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [kind, *([LENGTH] if length else [])])
        return body

    ours = Ours(app)
    result = ours(create_environ(), Server().start_response)
    for _, _chunk in zip(range(read), result, strict=False):
        pass
    result.close()  # type: ignore[attr-defined]
    assert body.closed == 1
    assert ours.ends == [read == 99 or kind != HTML]
    if kind == HTML:
        result.close()  # type: ignore[attr-defined]
        assert body.closed == 1


@row("close()")
def test_no_close_where_the_app_has_none() -> None:
    result = Ours(page(PAGE[:40], PAGE[40:], kind=iter))(create_environ(), Server().start_response)
    assert b"".join(result) == INJECTED
    result.close()  # type: ignore[attr-defined]


@row("wsgi.file_wrapper")
def test_file_wrapper_comes_back_as_itself() -> None:
    wrapped = FileWrapper(io.BytesIO(b"body{}"))

    def app(environ: dict[str, Any], start_response: Any) -> FileWrapper:
        assert environ["wsgi.file_wrapper"] is FileWrapper
        start_response("200 OK", [("Content-Type", "text/css")])
        return wrapped

    environ = create_environ()
    environ["wsgi.file_wrapper"] = FileWrapper
    assert Ours(app)(environ, Server().start_response) is wrapped


@row("wsgi.file_wrapper")
def test_file_wrapper_of_a_page() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> FileWrapper:
        start_response("200 OK", [HTML, LENGTH])
        return FileWrapper(io.BytesIO(PAGE), 16)

    assert both(app)[0].body == INJECTED


@row("wsgi.file_wrapper")
def test_file_wrapper_that_only_its_server_can_read() -> None:
    class Sendfile:
        pass

    wrapped = Sendfile()

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [HTML, LENGTH, ("ETag", '"1"')])
        return wrapped

    server = Server()
    ours = Ours(app)
    assert ours(create_environ(), server.start_response) is wrapped
    assert server.headers["content-length"] == LENGTH[1]
    assert server.headers["etag"] == '"1"'
    assert ours.ends == [True]


@row("str chunk / non-bytes")
@pytest.mark.parametrize("chunks", [["text"], [PAGE[:40], "text"], [None]])
def test_not_bytes(chunks: list[Any]) -> None:
    """The app's bug stays visible to the server."""
    server = Server()
    out = server.run(Ours(page(*chunks, kind=Body)))
    assert chunks[-1] in out


@row("iterator in another thread, interleaved")
def test_another_thread() -> None:
    """Two requests of one wrapped app, each read in turns by a thread that did not call the app."""
    ours = Ours(page(*[PAGE[at : at + 9] for at in range(0, len(PAGE), 9)], kind=iter))
    results = [iter(ours(create_environ(), Server().start_response)) for _ in range(2)]
    bodies = [b"", b""]

    def read() -> None:
        for _ in range(len(PAGE)):
            for number, result in enumerate(results):
                bodies[number] += next(result, b"")

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert bodies == [INJECTED, INJECTED]


@row("environ")
def test_environ_is_not_held() -> None:
    class Environ(dict[str, Any]):
        pass

    environ = Environ(create_environ())
    alive = weakref.ref(environ)

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        return iter([PAGE])

    class Kept:
        ends: list[bool] = []

    kept = Kept()
    result = answer(app, environ, Server().start_response, lambda *_: None, kept.ends.append)
    del environ
    gc.collect()
    assert alive() is None
    assert list(result) == [PAGE]


@row("HEAD")
@pytest.mark.parametrize("body", [[], [PAGE]])
def test_head(body: list[bytes]) -> None:
    server = Server()
    ours = Ours(page(*body, headers=[LENGTH, ("ETag", '"1"'), ("Set-Cookie", "a=1")]))
    assert server.run(ours, method="HEAD") == body
    assert server.headers == {"content-type": HTML[1], "set-cookie": "a=1", "cache-control": "private, no-cache"}
    assert ours.verdicts[0].reason is Reason.HEAD
    assert not ours.verdicts[0].inject


@row("HEAD")
def test_head_of_what_is_not_ours_keeps_its_length() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "image/png"), ("Content-Length", "99")])
        return []

    assert Server().run(Ours(app), method="HEAD") == []


@row("1xx, 204, 205, 304")
@pytest.mark.parametrize(
    "status", ["101 Switching Protocols", "204 No Content", "205 Reset Content", "304 Not Modified"]
)
def test_no_body(status: str) -> None:
    headers = [("ETag", '"1"'), ("X", "1")]
    constant: list[bytes] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return constant

    server = Server()
    ours = Ours(app)
    assert ours(create_environ(), server.start_response) is constant
    assert server.calls[0][1] is headers
    assert ours.verdicts[0].reason in (Reason.STATUS, Reason.NOT_MODIFIED)


@row("206, multipart/byteranges, Content-Range")
@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("206 Partial Content", [HTML, ("Content-Range", "bytes 0-9/99")]),
        ("206 Partial Content", [("Content-Type", "multipart/byteranges; boundary=x")]),
        ("200 OK", [HTML, ("Content-Range", "bytes 0-9/99")]),
    ],
)
def test_ranges(status: str, headers: list[tuple[str, str]]) -> None:
    server = Server()
    ours = Ours(page(PAGE, status=status, headers=headers[1:]) if headers[0] == HTML else _plain(status, headers))
    assert server.run(ours) == [PAGE]
    assert ours.verdicts[0].reason is Reason.PARTIAL


@row("206, multipart/byteranges, Content-Range")
def test_no_more_ranges_of_a_page_of_ours() -> None:
    for extra in ([], [("ETag", '"1"')]):
        answered, _ = both(page(PAGE, headers=[("Accept-Ranges", "bytes"), *extra]))
        assert answered.header("Accept-Ranges") is None


@row("3xx")
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirects(status: str) -> None:
    ours = Ours(page(PAGE, status=status, headers=[("Location", "/")]))
    assert Server().run(ours) == [PAGE]
    assert ours.verdicts[0].reason is Reason.STATUS


@row("4xx/5xx")
@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "500 Error", "503 Busy"])
def test_errors(status: str) -> None:
    ours = Ours(page(PAGE, status=status))
    assert Server().run(ours) == [PAGE]
    assert ours.verdicts[0].reason is Reason.STATUS


@row("X-Sendfile, X-Accel-Redirect, X-LiteSpeed-Location, X-Reproxy-URL")
@pytest.mark.parametrize("name", ["X-Sendfile", "x-accel-redirect", "X-LiteSpeed-Location", "X-Reproxy-URL"])
def test_sendfile(name: str) -> None:
    ours = Ours(page(PAGE, headers=[(name, "/srv/a.html")]))
    assert Server().run(ours) == [PAGE]
    assert ours.verdicts[0].reason is Reason.SENDFILE


@row("103 early hints (`wsgi.early_hints`)")
def test_early_hints() -> None:
    sent = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.early_hints"]([("Link", "</a.css>")])
        start_response("200 OK", [HTML])
        return [PAGE]

    environ = create_environ()
    environ["wsgi.early_hints"] = sent.append
    assert list(Ours(app)(environ, Server().start_response)) == [INJECTED]
    assert sent == [[("Link", "</a.css>")]]


@row("text/event-stream, multipart/x-mixed-replace, application/*")
@pytest.mark.parametrize(
    "kind",
    [
        "text/event-stream",
        "multipart/x-mixed-replace; boundary=x",
        "application/json",
        "application/xhtml+xml",
        "application/rss+xml",
        "text/plain",
        "text/htmlx",
        "text/vnd.turbo-stream.html",
        "",
    ],
)
def test_not_html(kind: str) -> None:
    body = iter([PAGE])

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", kind)])
        return body

    assert Ours(app)(create_environ(), Server().start_response) is body


@row("text/event-stream, multipart/x-mixed-replace, application/*")
@pytest.mark.parametrize("kind", ["text/html", "Text/HTML", "text/html ;charset=utf-8", " text/html", "TEXT/HTML;a=b"])
def test_html(kind: str) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", kind)])
        return [PAGE]

    assert Server().run(Ours(app)) == [INJECTED]


@row("slow streaming HTML")
def test_streaming() -> None:
    """The snippet comes with the chunk that has the head; what follows passes as the objects they are."""
    rest = [b"<p>" + bytes([65 + number]) * 5000 for number in range(5)]

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        return iter([b"<html><head><title>x</title>", *rest])

    out = iter(Ours(app)(create_environ(), Server().start_response))
    assert next(out) == b"<html><head>" + HEAD + b"<title>x</title>"
    for chunk in rest:
        assert next(out) is chunk
    assert list(out) == [TAIL]


@row("slow streaming HTML")
def test_a_long_stream_takes_little_memory() -> None:
    """Each chunk comes out before the next is asked for, and what is held of 8 MB is small."""
    asked: list[int] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield b"<!doctype html><html><head><title>x</title></head><body>"
        for number in range(500):
            asked.append(number)
            yield b"<p>" + bytes([97 + number % 26]) * 16_000 + b"</p>"
        yield b"</body></html>"

    ours = Ours(app)
    tracemalloc.start()
    try:
        size = 0
        for count, chunk in enumerate(ours(create_environ(), Server().start_response)):
            size += len(chunk)
            assert len(asked) in (count, 500)
        assert tracemalloc.get_traced_memory()[1] < 128 * 1024
    finally:
        tracemalloc.stop()
    assert size > 8_000_000


def test_a_filter_that_fails_costs_nothing_but_itself() -> None:
    class Broken(Injector):
        __slots__ = ()
        faulty = True

        def whole(self, body: bytes) -> bytes:
            raise ZeroDivisionError

    def start(status: str, headers: list[tuple[str, str]]) -> Decision:
        return Decision([("X-Ours", "1")], Broken.__new__(Broken))

    server = Server()
    assert list(answer(page(PAGE, headers=[LENGTH]), create_environ(), server.start_response, start, print)) == [PAGE]
    assert server.calls == [("200 OK", [HTML, LENGTH])]


def test_what_turns_out_to_be_a_fragment_keeps_its_headers() -> None:
    fragment = b"<div>x</div>"
    headers = [("ETag", '"1"'), ("Content-Length", str(len(fragment))), ("Set-Cookie", "a=1")]
    for kind in (list, iter):
        server = Server()
        assert server.run(Ours(page(fragment, headers=headers, kind=kind))) == [fragment]
        assert server.calls == [("200 OK", [HTML, *headers])]


def _plain(status: str, headers: list[tuple[str, str]]) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return [PAGE]

    return app
