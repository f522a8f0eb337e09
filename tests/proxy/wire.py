"""Raw sockets on both sides of the proxy: a shop that answers what a test says, a client that sends what it says."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Request(NamedTuple):
    """As it came: ``raw`` head, ``fields`` in order with their bytes, ``body`` decoded from its framing."""

    line: str
    fields: list[tuple[str, str]]
    body: bytes
    raw: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        values = self.all(name)
        assert len(values) <= 1, values
        return values[0] if values else ""

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]


class Conversation:
    """One connection to the shop, read and written by the test's script."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""

    def read_head(self) -> bytes:
        """Up to and with the empty line, or b"" where the peer closed."""
        while b"\r\n\r\n" not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                return b""
            self.buffer += more
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def read(self, count: int) -> bytes:
        while len(self.buffer) < count:
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError(f"{len(self.buffer)} of {count} bytes")
            self.buffer += more
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("no line")
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def read_chunks(self) -> bytes:
        body = b""
        while size := int(self.read_line().partition(b";")[0], 16):
            body += self.read(size)
            assert self.read(2) == b"\r\n"
        while self.read_line():
            pass
        return body

    def request(self) -> Request | None:
        """A whole request, or None at the end of the connection."""
        head = self.read_head()
        if not head:
            return None
        line, fields = split_head(head)
        request = Request(line, fields, b"", head)
        length, coding = request.all("Content-Length"), request.all("Transfer-Encoding")
        assert len(length) + len(coding) <= 1, f"framing twice: {head!r}"
        if coding:
            assert coding == ["chunked"]
            return request._replace(body=self.read_chunks())
        return request._replace(body=self.read(int(length[0]))) if length else request

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)


def split_head(head: bytes) -> tuple[str, list[tuple[str, str]]]:
    lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    fields = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        assert colon and name == name.strip() and "\n" not in line, line
        fields.append((name, value.strip()))
    return lines[0], fields


Script = Callable[[Conversation, Request], bool | None]


class Shop:
    """Listens; ``answer`` is sent for each request, or ``script`` called, which returns False to hang up.
    ``early``: sent as soon as a request's head is there, and the body is thrown away.

    ``requests``: what came, in order. ``connections``: how many were opened.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._tls = tls
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.reset()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        """As new, for the next test: connections that idle are closed."""
        self.answer: bytes = OK
        self.early: bytes = b""
        self.script: Script | None = None
        self.requests: list[Request] = []
        self.connections = 0
        with self._lock:
            sockets, self._open = self._open, set()
        for sock in sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @property
    def request(self) -> Request:
        """The only request that came."""
        assert len(self.requests) == 1, self.requests
        return self.requests[0]

    def close(self) -> None:
        self.reset()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(sock,), daemon=True).start()

    def _converse(self, sock: socket.socket) -> None:
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            with self._lock:
                self._open.add(sock)
            self.connections += 1
            conversation = Conversation(sock)
            if self.early and conversation.read_head():
                conversation.send(self.early)
                while sock.recv(65536):
                    pass
                return
            while (request := conversation.request()) is not None:
                self.requests.append(request)
                if self.script is None:
                    conversation.send(self.answer)
                elif self.script(conversation, request) is False:
                    return
        except (OSError, ConnectionError):
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()


class Answer(NamedTuple):
    """What the client got. ``whole``: the body ended as its framing says; else the connection broke in it."""

    line: str
    fields: list[tuple[str, str]]
    body: bytes
    whole: bool

    @property
    def status(self) -> int:
        return int(self.line.split(" ")[1])

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        values = self.all(name)
        assert len(values) <= 1, (name, values)
        return values[0] if values else ""


class Client:
    """One connection to the proxy."""

    def __init__(
        self, port: int, tls: ssl.SSLContext | None = None, timeout: float = 10, host: str = "shop.test"
    ) -> None:
        sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.sock = tls.wrap_socket(sock, server_hostname=host) if tls else sock
        self.conversation = Conversation(self.sock)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, method: str = "GET") -> Answer:
        """The next answer; interim ones are skipped."""
        while True:
            head = self.conversation.read_head()
            if not head:
                raise ConnectionError("closed without an answer")
            line, fields = split_head(head)
            if not line.split(" ")[1].startswith("1") or line.split(" ")[1] == "101":
                break
        answer = Answer(line, fields, b"", True)
        if method == "HEAD" or answer.status in (101, 204, 304):
            return answer
        try:
            body, whole = self._body(answer)
        except ConnectionError:
            rest, self.conversation.buffer = self.conversation.buffer, b""
            return answer._replace(body=rest, whole=False)
        return answer._replace(body=body, whole=whole)

    def _body(self, answer: Answer) -> tuple[bytes, bool]:
        lengths, codings = answer.all("Content-Length"), answer.all("Transfer-Encoding")
        assert len(lengths) + len(codings) <= 1, answer.fields
        if codings:
            return self.conversation.read_chunks(), True
        if lengths:
            return self.conversation.read(int(lengths[0])), True
        while more := self.sock.recv(65536):
            self.conversation.buffer += more
        body, self.conversation.buffer = self.conversation.buffer, b""
        return body, True

    def closed(self, within: float = 5) -> bool:
        """Whether the peer closes, with nothing more said."""
        self.sock.settimeout(within)
        try:
            return self.conversation.buffer == b"" and self.sock.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        self.sock.close()


@contextmanager
def client(port: int, tls: ssl.SSLContext | None = None, host: str = "shop.test") -> Iterator[Client]:
    one = Client(port, tls, host=host)
    try:
        yield one
    finally:
        one.close()


def ask(port: int, raw: bytes | str, method: str = "") -> Answer:
    """One request on a connection of its own."""
    data = raw.encode("latin-1") if isinstance(raw, str) else raw
    with client(port) as one:
        one.send(data)
        return one.answer(method or data.partition(b" ")[0].decode("latin-1"))


def get(target: str = "/", host: str = "shop.test", extra: str = "", method: str = "GET") -> bytes:
    """A request's bytes; ``extra``: more fields, each ended by CRLF."""
    return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{extra}\r\n".encode("latin-1")


def wait_for(what: Callable[[], bool], seconds: float = 10) -> bool:
    """Poll until it is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port
