"""Links in pages that point to the shop's own address, for shops that build them from a fixed base address."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from capi_middleware.page.verdict import LOWER

from .body import Body
from .forwarded import Public
from .origin import Origin

_BOUNDARY = frozenset(b"/\"'<>?#& \t\r\n),;\\|`]}")


def may_hold_links(fields: Sequence[tuple[str, str]]) -> bool:
    """Whether an answer with these fields is a page whose text can be changed."""
    html = False
    for name, value in fields:
        lower = LOWER[name]
        if lower == "content-type":
            html = value[:9].lower() == "text/html"
        elif (lower == "content-encoding" and value.lower() != "identity") or (
            lower == "cache-control" and "no-transform" in value.lower()
        ):
            return False
    return html


def without_length(fields: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields of a page whose bytes change: length and digests of the old bytes are gone."""
    return [field for field in fields if LOWER[field[0]] not in _OF_BYTES]


_OF_BYTES = frozenset(("content-length", "content-md5", "digest", "content-digest", "repr-digest"))


@lru_cache(maxsize=1024)
def link_patterns(origin: Origin, public: Public) -> LinkPatterns:
    """The patterns of one shop as one host name shows it, made once."""
    return LinkPatterns(origin, public)


class LinkPatterns:
    """What is looked for and what stands in its place: plain, and as in JSON (``http:\\/\\/``)."""

    __slots__ = ("authority", "longest", "pairs")

    def __init__(self, origin: Origin, public: Public) -> None:
        self.authority = origin.authority.encode()
        before, after = f"{origin.scheme}://{origin.authority}", f"{public.scheme}://{public.authority}"
        self.pairs = tuple(
            (before.replace("/", slash).encode(), after.replace("/", slash).encode()) for slash in ("/", "\\/")
        )
        self.longest = max(len(pair[0]) for pair in self.pairs) + 1

    def replace(self, page: bytes, following: bytes = b"") -> bytes:
        """``page`` with each whole address replaced: ``http://shop:80`` is not found in ``http://shop:8080``.
        ``following``: the byte behind the page, where it goes on."""
        if self.authority not in page:
            return page
        for before, after in self.pairs:
            page = _replace_whole(page, before, after, following)
        return page


def _replace_whole(page: bytes, before: bytes, after: bytes, following: bytes) -> bytes:
    at = page.find(before)
    if at < 0:
        return page
    out, start = [], 0
    while at >= 0:
        end = at + len(before)
        beyond = page[end : end + 1] or following
        if not beyond or beyond[0] in _BOUNDARY:
            out += [page[start:at], after]
            start = end
        at = page.find(before, end)
    out.append(page[start:])
    return b"".join(out)


class LinkedBody(Iterator[bytes]):
    """A body's pieces with links replaced across their borders: at most one address's length is held back."""

    __slots__ = ("_held", "_inner", "_patterns")

    def __init__(self, inner: Body, patterns: LinkPatterns) -> None:
        self._inner = inner
        self._patterns = patterns
        self._held = b""

    def __next__(self) -> bytes:
        try:
            piece = next(self._inner)
        except StopIteration:
            held, self._held = self._held, b""
            if not held:
                raise
            return self._patterns.replace(held)
        text = self._held + piece
        keep = self._kept(text)
        self._held = text[len(text) - keep :]
        return self._patterns.replace(text[: len(text) - keep], self._held[:1])

    def _kept(self, text: bytes) -> int:
        """Length of an ending that may be the beginning of an address, or a whole one whose next byte decides."""
        tail = text[-self._patterns.longest :]
        for length in range(len(tail), 0, -1):
            ending = tail[-length:]
            if any(pair[0].startswith(ending) for pair in self._patterns.pairs):
                return length
        return 0

    def finally_do(self, done: Callable[[], None]) -> None:
        """As :meth:`Body.finally_do`."""
        self._inner.finally_do(done)

    def close(self) -> None:
        """Called by the server."""
        self._inner.close()
