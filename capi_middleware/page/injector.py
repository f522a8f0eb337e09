"""Puts two pieces of script into a page as its bytes pass: one early in the head, one at the end of the body."""

from __future__ import annotations

import re
from collections.abc import Callable

from .codec import Codec, DamagedBody
from .scan import HeadScanner
from .verdict import Reason, Verdict

WINDOW = 1024
"""``</body>`` is looked for in this many last bytes of the page; otherwise the second piece goes to the very end,
where browsers treat it as the body's last child all the same (HTML Standard 13.2.6.4.19, "after body")."""

TAPPED = 2 * 1024 * 1024
"""Bytes of a page that a reader of facts is given: a stream without end must not keep it reading."""

# What may follow the real </body>: anything else means that those letters stood in a script or a comment.
_AFTER_BODY = re.compile(
    rb"</body[ \t\r\n\f]*+>(?:[ \t\r\n\f]++|</html[ \t\r\n\f]*+>|<!--(?:[^-]++|-(?!->))*+-->)*+\Z", re.I
)


class Injector:
    """``feed`` it the body's chunks in turn and send on what it returns; ``finish`` gives the rest.

    ``head``: bytes for the head. ``tail``: asked once, when the page's end is there; its answer goes before
    ``</body>``. Neither is used when the first bytes show that this is no document after all: then ``injected`` stays
    False, ``reason`` says why, and the body goes out as it came. ``tap``: is given each decoded chunk, before ``tail``
    is asked (a reader of product facts), up to :data:`TAPPED` bytes.

    A fault of ours or of ``tail`` or ``tap`` never reaches the page: it is kept in ``fault``, and the bytes go on as
    they came. At most the unfinished tag before the place, or the last :data:`WINDOW` bytes, are held back; all other
    chunks pass as the objects they are. What is in ``Content-Encoding`` is decoded and encoded again on the way.
    """

    __slots__ = (
        "fault",
        "injected",
        "reason",
        "_codec",
        "_head",
        "_held",
        "_lost",
        "_raw",
        "_scanner",
        "_tail",
        "_tap",
        "_tapped",
    )

    def __init__(
        self,
        verdict: Verdict,
        head: bytes,
        tail: Callable[[], bytes],
        tap: Callable[[bytes], None] | None = None,
    ) -> None:
        self.injected = False
        self.reason = verdict.reason
        self.fault: Exception | None = None
        self._scanner: HeadScanner | None = HeadScanner(verdict.charset)
        self._codec: Codec | None = Codec(verdict.coding) if verdict.coding else None
        # The compressed chunks, until the first bytes of ours go out.
        self._raw: list[bytes] | None = []
        self._lost = False
        self._head = head
        self._held = b""
        self._tail: Callable[[], bytes] | None = tail
        self._tap = tap
        self._tapped = 0

    def whole(self, body: bytes) -> bytes:
        """The same as ``feed`` and ``finish`` for a body that is there in one piece, with one copy less."""
        if self._codec is not None:
            return self.feed(body) + self.finish()
        try:
            return self._whole(body)
        except Exception as error:
            self._let_go(error)
            self.injected = False
            self.reason = Reason.FAULT
            return body

    def feed(self, chunk: bytes) -> bytes:
        """What may go out now."""
        if self._codec is not None:
            return self._recode(self._codec, chunk)
        # The head is out, nothing is held, and the end is not here: nearly all chunks of a long page.
        idle = self._scanner is None and self._tap is None and not self._held
        if idle and (self._tail is None or _last_body(chunk) < 0):
            return chunk
        return self._pass(chunk)

    def finish(self) -> bytes:
        """The rest of the page, once its last chunk has been fed."""
        return self._end() if self._codec is None else self._recode_end(self._codec)

    def _recode(self, codec: Codec, chunk: bytes) -> bytes:
        if self._lost:
            return b""
        out = []
        try:
            for piece in codec.decode(chunk):
                piece = self._pass(piece)
                if piece:
                    out.append(codec.encode(piece))
        except DamagedBody as damage:
            return self._damaged(codec, damage, b"".join(out), chunk)
        if self._raw is not None:
            if not out:
                self._raw.append(chunk)
                return b""
            self._raw = None
        if out:
            out.append(codec.flush())
        return b"".join(out)

    def _recode_end(self, codec: Codec) -> bytes:
        if self._lost:
            return b""
        try:
            codec.ended()
        except DamagedBody as damage:
            return self._damaged(codec, damage, b"", b"")
        return codec.encode(self._end()) + codec.finish()

    def _damaged(self, codec: Codec, damage: DamagedBody, out: bytes, chunk: bytes) -> bytes:
        """Nothing has gone out yet: the app's own bytes go, as they are. Otherwise the body ends where it became
        unreadable, as it would have in the browser."""
        held = self._let_go(damage)
        if self._raw is None:
            self._lost = True
            return out + codec.encode(held) + codec.flush()
        self.injected = False
        self.reason = Reason.BOMB if damage.bomb else Reason.DAMAGED
        raw, self._raw, self._codec = self._raw, None, None
        return b"".join((*raw, chunk))

    def _whole(self, body: bytes) -> bytes:
        if self._tap is not None:
            self._tap(body[:TAPPED])
        scanner, tail = self._scanner, self._tail
        if scanner is None or tail is None:
            raise RuntimeError("whole() is for a body of which nothing was fed yet")
        place = scanner.scan(body, True)
        self._scanner = self._tail = self._tap = None
        if scanner.reason is not None:
            self.reason = scanner.reason
            return body
        self.injected = True
        end = _end_of_body(body)
        if end < place:
            end = len(body)
        extra = tail()
        view = memoryview(body)
        return b"".join((view[:place], self._head, view[place:end], extra, view[end:]))

    def _pass(self, chunk: bytes) -> bytes:
        try:
            if self._tap is not None and chunk:
                self._tapped += len(chunk)
                self._tap(chunk)
                if self._tapped >= TAPPED:
                    self._tap = None
            if self._scanner is not None:
                return self._search(self._scanner, chunk, False)
            return chunk if self._tail is None else self._watch(chunk)
        except Exception as error:
            return self._let_go(error) + chunk

    def _let_go(self, error: Exception) -> bytes:
        """What is held goes out, and everything passes from here on."""
        self.fault = error
        if not self.injected:
            self.reason = Reason.FAULT
        held, self._held = self._held, b""
        self._scanner = self._tail = self._tap = None
        return held

    def _search(self, scanner: HeadScanner, chunk: bytes, last: bool) -> bytes:
        """The place is not found yet."""
        data = self._held + chunk
        out = scanner.scan(data, last)
        if not scanner.done:
            self._held = data[out:]
            return data[:out]
        self._scanner = None
        self._held = b""
        if scanner.reason is not None:
            self.reason = scanner.reason
            self._tail = self._tap = None
            return data
        self.injected = True
        at = _last_body(data)
        if at < out:
            at = len(data)
        self._held = data[at:]
        view = memoryview(data)
        return b"".join((view[:out], self._head, view[out:at]))

    def _watch(self, chunk: bytes) -> bytes:
        """The head is out: holds back from the last ``</body`` on, if there is one in the window."""
        data = self._held + chunk
        at = _last_body(data)
        if at < 0:
            self._held = b""
            return data
        self._held = data[at:]
        return data[:at]

    def _end(self) -> bytes:
        out = b""
        try:
            if self._scanner is not None:
                out = self._search(self._scanner, b"", True)
            if self._tail is None:
                return out
            extra = self._tail()
        except Exception as error:
            return out + self._let_go(error)
        held = self._held
        self._held, self._tail = b"", None
        return b"".join((out, extra, held) if _AFTER_BODY.match(held) else (out, held, extra))


def _last_body(data: bytes) -> int:
    """Where the window's last ``</body``, or the beginning of one at the very end, starts; -1 if nowhere. Of mixed case
    there is none: a second look at every chunk would cost more than the end of the page is worth."""
    at = max(data.rfind(b"</body", -WINDOW), data.rfind(b"</BODY", -WINDOW))
    if at < 0:
        at = data.rfind(b"<", -5)
        if at >= 0 and not (b"</body".startswith(data[at:]) or b"</BODY".startswith(data[at:])):
            return -1
    return at


def _end_of_body(body: bytes) -> int:
    """Where the real ``</body>`` of a whole page starts; its length if there is none."""
    at = _last_body(body)
    return at if at >= 0 and _AFTER_BODY.match(body, at) else len(body)
