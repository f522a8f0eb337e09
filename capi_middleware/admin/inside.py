"""The shop's own pages, from inside: the wrapped app is called in this process, so nothing else can be reached."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from capi_middleware.explain import BROWSER, LARGEST_ANSWER, Answer
from capi_middleware.page.codec import Codec, DamagedBody, readable

App = Callable[[dict[str, Any], Callable[..., Any]], Any]
_MOST_REDIRECTS = 5
_KEPT = ("wsgi.version", "wsgi.multithread", "wsgi.multiprocess", "SERVER_PROTOCOL", "SERVER_NAME", "SERVER_PORT",
         "REMOTE_ADDR", "capi_middleware.intermediary", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO",
         "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PREFIX", "HTTP_FORWARDED")  # fmt: skip


class Place(NamedTuple):
    """An address of the shop: what is asked for, never who is asked."""

    path: str
    query: str = ""

    @property
    def text(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def place_of(text: str, authority: str) -> Place | None:
    """The place that somebody typed or pasted; None where its host is another than ``authority``, or it is no web
    address at all. Strings are compared, nothing is resolved and nothing is asked."""
    text = "".join(text.split())
    if not text or "\\" in text or any(ord(letter) < 32 for letter in text):
        return None
    try:
        parts = urlsplit(text if text.startswith("/") or "://" in text else f"https://{text}")
        host = parts.netloc.lower()
    except ValueError:
        return None
    if text.startswith("//") or parts.scheme not in ("", "http", "https") or "@" in host:
        return None
    if host and host.removesuffix(":443").removesuffix(":80") != authority.lower():
        bare = authority.lower().rpartition(":")[0] or authority.lower()
        if host != bare:
            return None
    path = parts.path or "/"
    return Place(path if path.startswith("/") else f"/{path}", parts.query)


def typed_place(text: str, authority: str) -> Place | None:
    """The same for what a person types: ``product/vase`` is a path too. Where its first part may be a host's name or
    number, it is taken for one."""
    first = "".join(text.split()).partition("/")[0].partition("?")[0]
    place = place_of(text, authority)
    if place is None and re.fullmatch(r"[A-Za-z_-][\w-]*", first) and first.lower() != "localhost":
        return place_of("/" + text.strip(), authority)
    return place


def ask(app: App, environ: Mapping[str, Any], authority: str, secure: bool, place: Place) -> tuple[Place, Answer]:
    """Open a page of the shop as a fresh visitor would; redirects within the shop are followed. The place that
    answered in the end, and its answer, within 4 MiB. Raises what the app raises."""
    for _ in range(_MOST_REDIRECTS + 1):
        answer = _once(app, _environ(environ, authority, secure, place))
        location = next((value for name, value in answer.headers if name.lower() == "location"), "")
        if answer.status not in (301, 302, 303, 307, 308) or not location:
            return place, answer
        scheme = "https" if secure else "http"
        target = place_of(urljoin(f"{scheme}://{authority}{place.path}", location), authority)
        if target is None:
            return place, answer
        place = target
    return place, answer


def _environ(environ: Mapping[str, Any], authority: str, secure: bool, place: Place) -> dict[str, Any]:
    """A request of nobody in particular: no cookie, no password, no body."""
    made: dict[str, Any] = {name: environ[name] for name in _KEPT if name in environ}
    made.update(
        {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": environ.get("SCRIPT_NAME", ""),
            "PATH_INFO": unquote_to_bytes(place.path).decode("latin-1"),
            "QUERY_STRING": place.query,
            "HTTP_HOST": environ.get("HTTP_HOST", authority),
            "wsgi.url_scheme": "https" if secure else "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": environ.get("wsgi.errors", io.StringIO()),
            "wsgi.run_once": False,
            "HTTP_ACCEPT_ENCODING": "identity",
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in BROWSER.items()},
        }
    )
    made.setdefault("wsgi.version", (1, 0))
    made.setdefault("wsgi.multithread", True)
    made.setdefault("wsgi.multiprocess", False)
    return made


def _once(app: App, environ: dict[str, Any]) -> Answer:
    told: list[Any] = [500, []]
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
        told[:] = [int(status[:3]), list(headers)]
        return written.append

    parts: Iterable[bytes] = app(environ, start_response)
    size = 0
    try:
        for part in parts:
            written.append(part)
            size += len(part)
            if size > LARGEST_ANSWER:
                break
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    return Answer(told[0], _plain_headers(told[1]), _plain(b"".join(written), told[1]))


def _plain(body: bytes, headers: Iterable[tuple[str, str]]) -> bytes:
    coding = next((value.strip().lower() for name, value in headers if name.lower() == "content-encoding"), "")
    if not coding or coding == "identity" or not readable(coding):
        return body[:LARGEST_ANSWER]
    out, size = [], 0
    try:
        for piece in Codec(coding).decode(body):
            out.append(piece)
            size += len(piece)
            if size > LARGEST_ANSWER:
                break
    except DamagedBody:  # what was read so far will do
        pass
    return b"".join(out)[:LARGEST_ANSWER]


def _plain_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    gone = ("content-encoding", "content-length", "transfer-encoding")
    return [(name, value) for name, value in headers if name.lower() not in gone]
