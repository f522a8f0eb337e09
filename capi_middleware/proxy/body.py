"""The shop's body as it passes: never held whole, never ended cleanly when it was cut short."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .connection import Connection, Pool
from .failure import GatewayError, Truncated
from .reply import Reply

PIECE = 65536
WHOLE = 262144
"""Bodies up to this size whose length is known are read at once: servers send one piece far cheaper than several."""


def whole_body(connection: Connection, reply: Reply) -> bool:
    """Read on as far as costs no waiting: all of a short body of known length, else what has already come.

    False where the shop broke off. Raises ``OSError`` and :class:`GatewayError` as reading does.
    """
    gathered = sum(map(len, reply.parts))
    if reply.length > 0 and gathered + reply.length <= WHOLE:
        while reply.length > 0:
            data = connection.receive(min(reply.length + 1, PIECE))
            if not data:
                return False
            reply.feed(data)
        return True
    while not reply.complete and gathered < WHOLE and connection.readable():
        data = connection.receive(PIECE)
        if not data:
            return _end(reply)
        gathered += len(data)
        reply.feed(data)
    return True


def _end(reply: Reply) -> bool:
    """The shop closed: the end of a body that ends so, else a body cut short."""
    if reply.until_close:
        reply.complete = True
    return reply.complete


class Body(Iterator[bytes]):
    """The pieces of one answer (WSGI iterable). ``close`` gives the connection back, or drops it if bytes are left.

    Raises :class:`Truncated` where the shop breaks off, after the bytes it did send.
    """

    __slots__ = ("_broken", "_connection", "_done", "_pool", "_reply")

    def __init__(self, pool: Pool, connection: Connection, reply: Reply, *, broken: bool = False) -> None:
        self._pool = pool
        self._connection: Connection | None = connection
        self._reply = reply
        self._broken = broken
        self._done: Callable[[], None] | None = None

    def finally_do(self, done: Callable[[], None]) -> None:
        """Call ``done`` once, when the answer has ended one way or the other."""
        self._done = done

    def __next__(self) -> bytes:
        reply = self._reply
        if reply.parts:
            piece = reply.parts[0] if len(reply.parts) == 1 else b"".join(reply.parts)
            reply.parts.clear()
            return piece
        if reply.complete:
            self.close()
            raise StopIteration
        return self._read(reply)

    def _read(self, reply: Reply) -> bytes:
        connection = self._connection
        if connection is None or self._broken:
            raise Truncated("the shop broke off in the middle of its answer")
        try:
            while not reply.parts and not reply.complete:
                data = connection.receive(PIECE)
                if not data:
                    if not _end(reply):
                        raise Truncated("the shop broke off in the middle of its answer")
                    break
                reply.feed(data)
        except (OSError, GatewayError) as error:
            self._broken = True
            self._drop()
            raise error if isinstance(error, Truncated) else Truncated(str(error)) from None
        return self.__next__()

    def close(self) -> None:
        """Called by the server, once or more; the connection leaves only once."""
        connection, self._connection = self._connection, None
        done, self._done = self._done, None
        if connection is not None:
            settle(self._pool, connection, self._reply)
        if done is not None:
            done()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def settle(pool: Pool, connection: Connection, reply: Reply) -> None:
    """Back into the pool after a whole, well-framed answer on a connection that both keep; else closed."""
    if reply.complete and reply.keep and not reply.surplus:
        pool.give(connection)
    else:
        connection.close()
