"""A wrapped app's answer on its way to the server (PEP 3333): started late, changed in passing, closed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from .verdict import LOWER, Headers

EAGER = 4 * 1024 * 1024
"""Content-Length up to which the first chunk of a body is taken before the server asks for it: the app has the
whole page in hand then, and the new Content-Length can be told exactly."""


class Filter(Protocol):
    """What a body passes through. Must not raise: after a fault it sets ``faulty`` and gives the rest as it is; where
    nothing has gone out yet, the headers go out as the app made them too."""

    faulty: bool

    def whole(self, body: bytes) -> bytes: ...

    def feed(self, chunk: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class Decision(NamedTuple):
    """``headers``: as they go out, without Content-Length if ``filter`` changes the length. ``filter``: None lets the
    app's own object through. ``gather``: put off the headers until this many bytes of the body, or all of it, are
    there, since ``filter.whole`` may add headers (a short JSON answer)."""

    headers: Headers
    filter: Filter | None = None
    gather: int = 0


Start = Callable[[str, Headers], Decision | None]
"""Asked once the app has called ``start_response`` (again, if it starts over with ``exc_info``). None: not ours."""

End = Callable[[bool], None]
"""Told once that the answer is over: True if the app's body was passed on to its end."""


def answer(
    app: Callable[[Any, Any], Iterable[bytes]],
    environ: dict[str, Any],
    start_response: Callable[..., Any],
    on_start: Start,
    on_end: End,
) -> Iterable[bytes]:
    """Calls ``app`` and returns what the server shall send: the app's own object where nothing changes.

    Neither callback may raise (whoever passes them fails open). ``on_end`` comes before this returns if the body is
    out of our hands then."""
    passage = _Passage(start_response, on_start, on_end)
    try:
        result = app(environ, passage.start_response)
    except BaseException:
        passage.end(False)
        raise
    return _passed_on(passage, result)


def _passed_on(passage: _Passage, result: Iterable[bytes]) -> Iterable[bytes]:
    """What the server is given for what the app has returned."""
    if passage.started:
        if passage.filter is None:
            passage.end(True)
            return result
        if isinstance(result, (list, tuple)) and len(result) == 1 and isinstance(result[0], bytes):
            body = passage.whole(result[0])
            passage.end(True)
            return [body]
        if not hasattr(result, "__iter__"):  # a wsgi.file_wrapper that only its server can read (uWSGI's)
            passage.give_up()
            passage.end(True)
            return result
    body_ = _Body(result, passage)
    if passage.started:
        body_.begin()
    return body_


class Aside:
    """One answer of which most likely nothing is ours: calling this is :func:`answer` at half the cost, as long as the
    answer's head :meth:`passes`. Once it has passed it stays so, should the app begin anew."""

    __slots__ = ("_passage", "_passed", "_server")

    def passes(self, status: str, headers: Headers) -> bool:
        """Whether the answer is nobody's business. Must not raise."""
        raise NotImplementedError

    def on_start(self, status: str, headers: Headers) -> Decision | None:
        """As :data:`Start`, asked where it does not pass."""
        raise NotImplementedError

    def on_end(self, complete: bool) -> None:
        """As :data:`End`, likewise."""

    def __call__(
        self,
        app: Callable[[Any, Any], Iterable[bytes]],
        environ: dict[str, Any],
        start_response: Callable[..., Any],
    ) -> Iterable[bytes]:
        self._server = start_response
        self._passage: _Passage | None = None
        self._passed = False
        result = app(environ, self._start_response)
        if self._passed:
            return result
        if self._passage is None:  # an app that begins when its first bytes are asked for
            self._passage = _Passage(start_response, self.on_start, self.on_end)
        return _passed_on(self._passage, result)

    def _start_response(self, status: str, headers: Headers, *exc_info: Any) -> Any:
        """What the app calls."""
        if self._passage is None:
            if self._passed or self.passes(status, headers):
                self._passed = True
                return self._server(status, headers, *exc_info)
            self._passage = _Passage(self._server, self.on_start, self.on_end)
        return self._passage.start_response(status, headers, *exc_info)


class _Passage:
    """One response: between the app's ``start_response`` and the server's."""

    __slots__ = (
        "filter",
        "gather",
        "_headers",
        "started",
        "_ended",
        "_on_end",
        "_on_start",
        "_pending",
        "_sent",
        "_server",
        "_write",
    )

    def __init__(self, server: Callable[..., Any], on_start: Start, on_end: End) -> None:
        self.started = False
        self.filter: Filter | None = None
        self._headers: Headers = []
        self.gather = 0
        self._server = server
        self._on_start = on_start
        self._on_end = on_end
        self._pending: tuple[str, Headers, Headers, tuple[Any, ...]] | None = None
        self._write: Callable[[bytes], Any] | None = None
        self._sent = False
        self._ended = False

    def start_response(self, status: str, headers: Headers, *exc_info: Any) -> Any:
        """What the app calls. The server's is called at once if the body is not ours, else when its length is known
        or it turns out to stream."""
        if self.started and (self._sent or not exc_info):
            # A second call without exc_info, or with it after bytes went out: the server raises.
            self.forward()
            self.filter = None
            return self._server(status, headers, *exc_info)
        decision = self._on_start(status, headers)
        again = self._write is not None
        self.started = True
        self._pending = None
        self.filter = None
        if decision is None:
            self._write = self._server(status, headers, *exc_info)
            return self._write
        if decision.filter is None:
            self._write = self._server(status, decision.headers, *exc_info)
            return self._write
        self.filter = decision.filter
        self.gather = 0 if again else decision.gather
        self._headers = [] if again else headers
        self._pending = (status, headers, decision.headers, exc_info)
        if again:
            self.forward()
        return self.write

    @property
    def length(self) -> int:
        """The Content-Length that the app announced and that still counts; -1 for none."""
        return _length(self._headers)

    def write(self, data: bytes) -> None:
        """The callable that ``start_response`` returns (PEP 3333, "The write() Callable")."""
        self._headers = []
        self.gather = 0
        self.forward()
        self.send(self.filter.feed(data) if self.filter is not None else data)

    def send(self, data: bytes) -> None:
        if data and self._write is not None:
            self._sent = True
            self._write(data)

    def forward(self, length: int = -1) -> None:
        """Calls the server's ``start_response``, if that was put off."""
        if self._pending is None:
            return
        status, _, headers, exc_info = self._pending
        self._pending = None
        if length >= 0:
            for name, _ in headers:
                if LOWER[name] == "content-length":
                    break
            else:
                headers = [*headers, ("Content-Length", str(length))]
        self._write = self._server(status, headers, *exc_info)

    def whole(self, body: bytes) -> bytes:
        """The complete body is there, and nothing has gone out."""
        if self.filter is not None:
            try:
                changed = self.filter.whole(body)
            except Exception:  # it must not, but here the shop's page can still be saved
                self.give_up()
                return body
            if self.filter.faulty:
                self.give_up()
            body = changed
        self.forward(len(body))
        return body

    def give_up(self) -> None:
        """The response goes out as the app made it."""
        if self._pending is not None:
            status, headers, _, exc_info = self._pending
            self._pending = None
            self._write = self._server(status, headers, *exc_info)

    def passed(self, chunk: bytes) -> bytes:
        """One chunk of the app's iterable on its way."""
        self.forward()
        if self.filter is not None and isinstance(chunk, bytes):
            chunk = self.filter.feed(chunk)
        if chunk:
            self._sent = True
        return chunk

    def end(self, complete: bool) -> None:
        if not self._ended:
            self._ended = True
            self._on_end(complete)


class _Body:
    """The app's iterable, changed in passing. A class, not a generator: ``close`` must run even if nothing was read."""

    __slots__ = ("_begun", "_closed", "_iterator", "_over", "_passage", "_ready", "_result")

    def __init__(self, result: Iterable[bytes], passage: _Passage) -> None:
        self._result = result
        self._passage = passage
        self._iterator: Iterator[bytes] | None = None
        self._ready: bytes | None = None
        self._begun = False
        self._over = False
        self._closed = False

    def begin(self) -> None:
        """Called before the server asks for anything: forwards the headers, with the new length if it is known."""
        if not self._passage.gather and not 0 <= self._passage.length <= EAGER:
            self._passage.forward()
            return
        try:
            self._ready = self._first()
        except StopIteration:
            pass  # nothing to send
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._ready is not None:
            ready, self._ready = self._ready, None
            return ready
        try:
            if not self._begun:
                return self._first()
            if self._over:
                raise StopIteration
            try:
                chunk = next(self._iterator)  # type: ignore[arg-type]
            except StopIteration:
                return self._last()
            return self._passage.passed(chunk)
        except StopIteration:
            raise
        except BaseException:
            self._passage.end(False)
            raise

    def _first(self) -> bytes:
        self._begun = True
        passage = self._passage
        self._iterator = iter(self._result)
        try:
            chunk = next(self._iterator)
        except StopIteration:
            return self._whole(b"") if passage.gather else self._last()
        if passage.filter is not None and isinstance(chunk, bytes):
            if len(chunk) == passage.length:
                chunk = passage.whole(chunk)
                passage.filter = None
                return chunk
            if passage.gather:
                return self._gather(self._iterator, chunk)
        return passage.passed(chunk)

    def _gather(self, rest: Iterator[bytes], first: bytes) -> bytes:
        """The whole body at once, if it is short; else what is there of it."""
        passage = self._passage
        judged = passage.filter
        pieces, size = [first], len(first)
        while size <= passage.gather and judged is not None:
            try:
                chunk = next(rest)
            except StopIteration:
                return self._whole(b"".join(pieces))
            if passage.filter is not judged:  # the app has started over: what it said before is forgotten
                judged = passage.filter
                pieces.clear()
                size = 0
            pieces.append(chunk)
            size += len(chunk)
        return passage.passed(b"".join(pieces))

    def _whole(self, body: bytes) -> bytes:
        self._over = True
        body = self._passage.whole(body)
        self._passage.end(True)
        return body

    def _last(self) -> bytes:
        """The app's body is over; raises StopIteration when there is nothing left to send."""
        self._over = True
        passage = self._passage
        rest = passage.filter.finish() if passage.filter is not None else b""
        passage.forward(len(rest))
        passage.end(True)
        if rest:
            return rest
        raise StopIteration

    def close(self) -> None:
        """Closes the app's iterable, once, whatever happened before (PEP 3333, "Specification Details")."""
        if self._closed:
            return
        self._closed = True
        try:
            close = getattr(self._result, "close", None)
            if close is not None:
                close()
        finally:
            self._passage.end(self._over)


def _length(headers: Headers) -> int:
    """Content-Length; -1 if there is none, or several, or one that is no number."""
    found = [value for name, value in headers if LOWER[name] == "content-length"]
    return int(found[0]) if len(found) == 1 and found[0].isascii() and found[0].strip().isdigit() else -1
