"""What a filter is given of an answer, and what the server is told: by hand, whatever the answer is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from werkzeug.test import create_environ

from capi_middleware.page import Aside, Decision, answer
from capi_middleware.page.response import EAGER
from tests.page.test_response import Body, Server

JSON = ("Content-Type", "application/json")
Pairs = list[tuple[str, str]]


class Brackets:
    """A filter that shows what it was given."""

    faulty = False

    def __init__(self) -> None:
        self.given: list[tuple[str, bytes]] = []

    def whole(self, body: bytes) -> bytes:
        self.given.append(("whole", body))
        return b"<" + body + b">" if body else body

    def feed(self, chunk: bytes) -> bytes:
        self.given.append(("feed", chunk))
        return chunk

    def finish(self) -> bytes:
        self.given.append(("finish", b""))
        return b"!"


class Case:
    """An app behind a filter: ``decide`` is asked at each start."""

    def __init__(self, app: Any, decide: Callable[..., Decision | None]) -> None:
        self.server = Server()
        self.ends: list[bool] = []
        self.starts: list[str] = []
        self.decide = decide

        def on_start(status: str, headers: Pairs) -> Decision | None:
            self.starts.append(status)
            return self.decide(status, headers)

        self.result = answer(app, create_environ(), self.server.start_response, on_start, self.ends.append)


def says(body: Iterable[Any], headers: Pairs | None = None) -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[Any]:
        start_response("200 OK", [JSON, *(headers or [])])
        return body

    return app


def gathered(body: Body, most: int) -> tuple[Case, Brackets]:
    brackets = Brackets()
    return Case(says(body), lambda status, headers: Decision(list(headers), brackets, most)), brackets


@pytest.mark.parametrize("most", [10, 3], ids=["shorter", "just as long"])
def test_a_short_answer_is_gathered_before_its_headers_go_out(most: int) -> None:
    body = Body([b"ab", b"", b"c"])
    case, brackets = gathered(body, most)
    assert case.server.calls == [("200 OK", [JSON, ("Content-Length", "5")])]
    assert case.ends == [True]
    assert list(case.result) == [b"<abc>"]
    assert brackets.given == [("whole", b"abc")]
    assert body.asked == 4, "not again once it is over"
    case.result.close()  # type: ignore[attr-defined]
    assert body.closed == 1 and case.ends == [True]


def test_an_answer_without_a_byte_is_gathered_too() -> None:
    case, brackets = gathered(Body([]), 10)
    assert case.server.calls == [("200 OK", [JSON, ("Content-Length", "0")])] and case.ends == [True]
    assert list(case.result) == [b""] and brackets.given == [("whole", b"")]


def test_a_long_answer_passes_as_it_comes() -> None:
    body = Body([b"ab", b"c", b"d", b"e"])
    case, brackets = gathered(body, 2)
    assert case.server.calls == [("200 OK", [JSON])] and body.asked == 2 and case.ends == []
    assert list(case.result) == [b"abc", b"d", b"e", b"!"]
    assert brackets.given == [("feed", b"abc"), ("feed", b"d"), ("feed", b"e"), ("finish", b"")]
    assert body.asked == 5 and case.ends == [True]


def test_an_app_that_fails_while_it_is_gathered() -> None:
    body = Body([], fails=True)
    with pytest.raises(ZeroDivisionError):
        gathered(body, 10)
    assert body.closed == 1


def over(say: Callable[[Any], Iterator[bytes]], first: Decision, second: Decision | None) -> Case:
    """An app that starts with 200, and again with 500 in its body."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [JSON])
        return say(start_response)

    return Case(app, lambda status, headers: first if status == "200 OK" else second)


def sorry(start_response: Any) -> Any:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        return start_response("500 Oops", [JSON], sys.exc_info())


def half(start_response: Any) -> Iterator[bytes]:
    yield b'{"a'
    sorry(start_response)
    yield b"sorry"
    yield b"!"


def test_what_was_gathered_before_the_app_started_over_is_forgotten() -> None:
    case = over(half, Decision([JSON], Brackets(), 100), None)
    assert list(case.result) == [b"sorry", b"!"]
    assert [call[:2] for call in case.server.calls] == [("500 Oops", [JSON])]
    again = Brackets()
    case = over(half, Decision([JSON], Brackets(), 100), Decision([JSON], again, 50))
    assert list(case.result) == [b"<sorry!>"]
    assert case.server.calls[-1][1] == [JSON, ("Content-Length", "8")]
    streams = Brackets()
    case = over(half, Decision([JSON], Brackets(), 100), Decision([JSON], streams))
    assert list(case.result) == [b"sorry", b"!", b"!"]
    assert streams.given[0] == ("feed", b"sorry")
    longer = Brackets()
    case = over(half, Decision([JSON], Brackets(), 100), Decision([JSON], longer, 5))
    assert list(case.result) == [b"sorry!", b"!"]


@pytest.mark.parametrize("second", [None, Decision([JSON, ("X", "1")]), Decision([JSON], Brackets())])
def test_the_error_that_the_app_starts_over_with_reaches_the_server(second: Decision | None) -> None:
    def say(start_response: Any) -> Iterator[bytes]:
        sorry(start_response)
        yield b"sorry"

    case = over(say, Decision([JSON], Brackets()), second)
    assert b"".join(case.result).startswith(b"sorry")
    status, headers, (kind, error, _) = case.server.calls[-1]
    assert (status, kind, type(error)) == ("500 Oops", ZeroDivisionError, ZeroDivisionError)
    assert headers == (second.headers if second else [JSON])


def test_the_error_reaches_the_server_with_what_only_it_can_read() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> object:
        sorry(start_response)
        return object()

    case = Case(app, lambda *_: Decision([], Brackets()))
    assert case.server.calls[0][:2] == ("500 Oops", [JSON]) and case.server.calls[0][2][0] is ZeroDivisionError


@pytest.mark.parametrize("sends", ["a chunk", "write()"])
def test_once_bytes_went_out_the_server_alone_is_asked(sends: str) -> None:
    """A lenient one lets the app go on; those bytes are not the filter's any more."""
    brackets = Brackets()

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [JSON])
        if sends == "write()":
            write(b"a")
        return say(start_response)

    def say(start_response: Any) -> Iterator[bytes]:
        if sends != "write()":
            yield b"a"
        sorry(start_response)
        yield b"sorry"

    case = Case(app, lambda *_: Decision([JSON], brackets))
    assert b"".join([*case.server.written, *case.result]).replace(b"a", b"") == b"sorry"
    assert case.starts == ["200 OK"] and brackets.given == [("feed", b"a")]
    assert [call[0] for call in case.server.calls] == ["200 OK", "500 Oops"]


def test_the_first_write_still_works_after_the_app_has_started_over() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [JSON])
        sorry(start_response)
        write(b"")
        write(b"sorry")
        return []

    case = Case(app, lambda status, headers: Decision([JSON], Brackets(), 9) if status == "200 OK" else None)
    assert list(case.result) == [] and case.server.written == [b"sorry"]


def test_headers_that_the_server_has_are_not_waited_for() -> None:
    """Not ours at first; then an answer that a filter would like whole, to add headers. It is too late for them."""
    brackets = Brackets()
    body = Body([b"sorry"])

    def app(environ: dict[str, Any], start_response: Any) -> Body:
        start_response("200 OK", [JSON])
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            start_response("500 Oops", [JSON, ("Content-Length", "5")], sys.exc_info())
        return body

    case = Case(app, lambda status, headers: None if status == "200 OK" else Decision([JSON], brackets, 100))
    assert body.asked == 0 and [call[0] for call in case.server.calls] == ["200 OK", "500 Oops"]
    assert list(case.result) == [b"sorry", b"!"]
    assert brackets.given[0] == ("feed", b"sorry")


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ([JSON], [JSON, ("Content-Length", "3")]),
        ([JSON, ("content-length", "3")], [JSON, ("content-length", "3")]),
        ([("CONTENT-LENGTH", "3"), JSON], [("CONTENT-LENGTH", "3"), JSON]),
    ],
)
def test_the_length_is_told_once(headers: Pairs, told: Pairs) -> None:
    case = Case(says([b"a"]), lambda *_: Decision(headers, Brackets()))
    assert case.result == [b"<a>"] and case.server.calls == [("200 OK", told)] and case.ends == [True]


def test_no_bytes_have_a_length_too() -> None:
    case = Case(says([b""]), lambda *_: Decision([JSON], Brackets()))
    assert case.result == [b""] and case.server.calls == [("200 OK", [JSON, ("Content-Length", "0")])]


def test_an_announced_body_that_never_comes() -> None:
    """The server is told of what there is."""
    brackets = Brackets()
    body = Body([])
    case = Case(says(body, [("Content-Length", "9")]), lambda *_: Decision([JSON], brackets))
    assert case.server.calls == [("200 OK", [JSON, ("Content-Length", "1")])]
    assert list(case.result) == [b"!"] and body.asked == 1 and case.ends == [True]
    brackets.finish = lambda: b""  # type: ignore[method-assign]
    case = Case(says(Body([]), [("Content-Length", "9")]), lambda *_: Decision([JSON], brackets))
    assert case.server.calls == [("200 OK", [JSON, ("Content-Length", "0")])] and list(case.result) == []


@pytest.mark.parametrize(("length", "begun"), [(0, True), (EAGER, True), (EAGER + 1, False)])
def test_how_long_a_body_may_be_to_be_begun_at_once(length: int, begun: bool) -> None:
    body = Body([bytes(length)])
    brackets = Brackets()
    case = Case(says(body, [("Content-Length", str(length))]), lambda *_: Decision([JSON], brackets))
    assert body.asked == begun
    assert len(b"".join(case.result)) == length + 2 * (length > 0)
    assert brackets.given[0] == ("whole", bytes(length))


class Beside(Aside):
    """Lets 200 pass, where it shall."""

    __slots__ = ("asked", "ends", "filter", "lets", "starts")

    def __init__(self, lets: bool) -> None:
        self.lets = lets
        self.asked: list[tuple[str, Pairs]] = []
        self.starts: list[tuple[str, Pairs]] = []
        self.ends: list[bool] = []
        self.filter = Brackets()

    def passes(self, status: str, headers: Pairs) -> bool:
        self.asked.append((status, headers))
        return self.lets and status == "200 OK"

    def on_start(self, status: str, headers: Pairs) -> Decision | None:
        self.starts.append((status, headers))
        return Decision(list(headers), self.filter)

    def on_end(self, complete: bool) -> None:
        self.ends.append(complete)


def test_an_answer_that_is_nobodys_business_is_the_apps_own_object() -> None:
    environ, headers, body = create_environ(), [JSON], [b"a"]

    def app(seen: dict[str, Any], start_response: Any) -> list[bytes]:
        assert seen is environ
        assert start_response("200 OK", headers) == server.written.append
        return body

    server, aside = Server(), Beside(True)
    assert aside(app, environ, server.start_response) is body
    assert server.calls == [("200 OK", headers)] and server.calls[0][1] is headers
    assert aside.asked == [("200 OK", headers)] and aside.starts == [] and aside.ends == []


def test_once_it_has_passed_it_stays_so() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [JSON])
        sorry(start_response)
        return [b"sorry"]

    server, aside = Server(), Beside(True)
    assert aside(app, create_environ(), server.start_response) == [b"sorry"]
    assert [(call[0], len(call)) for call in server.calls] == [("200 OK", 2), ("500 Oops", 3)]
    assert len(aside.asked) == 1 and aside.starts == []


def test_what_does_not_pass_is_answered_as_any_other() -> None:
    server, aside = Server(), Beside(False)
    headers = [("X", "1")]
    assert aside(says([b"a"], headers), create_environ(), server.start_response) == [b"<a>"]
    assert server.calls == [("200 OK", [JSON, *headers, ("Content-Length", "3")])]
    assert aside.asked == aside.starts == [("200 OK", [JSON, *headers])] and aside.ends == [True]


def test_what_does_not_pass_takes_its_error_along() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        sorry(start_response)
        return [b"sorry"]

    server, aside = Server(), Beside(True)
    assert aside(app, create_environ(), server.start_response) == [b"<sorry>"]
    assert server.calls[0][0] == "500 Oops" and server.calls[0][2][0] is ZeroDivisionError


def test_an_app_that_begins_when_its_first_bytes_are_asked_for_never_passes() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [JSON])
        yield b"a"

    server, aside = Server(), Beside(True)
    result = aside(app, create_environ(), server.start_response)
    assert server.calls == [] and list(result) == [b"a", b"!"]
    assert server.calls == [("200 OK", [JSON])]
    assert aside.asked == [] and aside.starts == [("200 OK", [JSON])] and aside.ends == [True]
