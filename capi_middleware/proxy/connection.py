"""Connections to the shop: opened with their own time limits, kept and taken newest first."""

from __future__ import annotations

import functools
import os
import select
import socket
import ssl
import struct
import sys
import time
from collections import deque
from typing import Final

from .failure import Failure, GatewayError
from .origin import Origin

_RECORD: Final = 16384
"""Bytes of the largest TLS record (RFC 8446, 5.1)."""
_KERNEL_TIMEOUTS: Final = sys.platform == "linux" and struct.calcsize("l") == 8


class Timeouts:
    """Seconds: to connect, until the answer's first byte, and between two pieces of a body."""

    __slots__ = ("answer", "connect", "idle")

    def __init__(self, connect: float = 5.0, answer: float = 60.0, idle: float = 60.0) -> None:
        self.connect = connect
        self.answer = answer
        self.idle = idle


class Connection:
    """One socket to the shop. ``used``: how many requests it has carried before this one."""

    __slots__ = ("_ahead", "_limit", "_poller", "idle_since", "sock", "used")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.used = 0
        self.idle_since = 0.0
        self._limit = -1.0
        self._ahead: bytes | None = None
        self._poller = None
        if hasattr(select, "poll"):
            self._poller = select.poll()
            self._poller.register(sock, select.POLLIN)

    def limit(self, seconds: float) -> None:
        """Let each later read and write wait this long. In the kernel where it can be: one system call less a read."""
        if seconds == self._limit:
            return
        self._limit = seconds
        if _KERNEL_TIMEOUTS and not isinstance(self.sock, ssl.SSLSocket):
            value = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
        else:
            self.sock.settimeout(seconds)

    def receive(self, size: int) -> bytes:
        """Bytes, or ``b""`` at the end. Raises ``TimeoutError``, ``OSError``."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        try:
            return self.sock.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError):
            raise TimeoutError("no bytes in time") from None

    def send(self, data: bytes) -> None:
        """Send all of it. Raises ``TimeoutError``, ``OSError``."""
        try:
            self.sock.sendall(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            raise TimeoutError("not taken in time") from None

    def readable(self) -> bool:
        """Whether bytes or the end wait. On an idle connection both mean that it is of no use any more."""
        if isinstance(self.sock, ssl.SSLSocket):
            return self._ahead is not None or self._looks_ahead(self.sock)
        return self._polled()

    def _polled(self) -> bool:
        if self._poller is None:
            return bool(select.select([self.sock], [], [], 0)[0])
        return bool(self._poller.poll(0))

    def _looks_ahead(self, sock: ssl.SSLSocket) -> bool:
        """Of what has come over TLS, reading alone tells whether it is data: each handshake of TLS 1.3 is followed by
        session tickets (RFC 8446, 4.6.1), which are no answer."""
        if not (sock.pending() or self._polled()):
            return False
        try:
            sock.settimeout(0)
            self._ahead = sock.recv(_RECORD)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            self._ahead = b""
        finally:
            sock.settimeout(self._limit if self._limit >= 0 else None)
        return True

    def close(self) -> None:
        """Close; never raises."""
        try:
            self.sock.close()
        except OSError:
            pass


class Pool:
    """Idle connections to one origin. Taking and putting back are single operations of a deque: no lock is held.

    ``keep``: seconds a connection may idle, below what servers allow (gunicorn 2, Node 5, nginx 75).
    """

    def __init__(self, origin: Origin, timeouts: Timeouts, *, verify: bool = True, ca_file: str = "") -> None:
        self.origin = origin
        self.timeouts = timeouts
        self.keep = 4.0
        self.most = 128
        self._idle: deque[Connection] = deque()
        self._context = tls_context(verify, ca_file) if origin.scheme == "https" else None
        self._process = os.getpid()

    def take(self) -> Connection:
        """A connection for one request, the newest first. One that has something to read while idle (its end, or
        bytes that belong to no request) is never used: they would be taken for the next visitor's answer."""
        if self._process != os.getpid():  # forked: the sockets are the parent's
            self._idle = deque()
            self._process = os.getpid()
        now = time.monotonic()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self.open()
            age = now - connection.idle_since
            if age < self.keep and not connection.readable():
                return connection
            connection.close()

    def give(self, connection: Connection) -> None:
        """Back after a whole answer."""
        connection.used += 1
        connection.idle_since = time.monotonic()
        if len(self._idle) < self.most:
            self._idle.append(connection)
        else:
            connection.close()

    def open(self) -> Connection:
        """A fresh connection. Raises :class:`GatewayError`."""
        origin = self.origin
        try:
            sock = socket.create_connection((origin.host, origin.port), self.timeouts.connect)
        except socket.gaierror as error:
            raise GatewayError(Failure.NAME, f"{origin}: {error.strerror}") from None
        except ConnectionRefusedError:
            raise GatewayError(Failure.REFUSED, str(origin)) from None
        except TimeoutError:
            raise GatewayError(Failure.CONNECT_TIMEOUT, str(origin)) from None
        except OSError as error:
            raise GatewayError(Failure.UNREACHABLE, f"{origin}: {error.strerror or error}") from None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_hostname=origin.host)
        except TimeoutError:
            sock.close()
            raise GatewayError(Failure.CONNECT_TIMEOUT, f"{origin}: TLS handshake") from None
        except (ssl.SSLError, OSError) as error:
            sock.close()
            raise GatewayError(Failure.TLS, f"{origin}: {error}") from None
        if _KERNEL_TIMEOUTS and self._context is None:
            sock.settimeout(None)
        return Connection(sock)

    def sweep(self, now: float) -> None:
        """Close what has idled too long; ``now`` as of ``time.monotonic``."""
        while self._idle and now - self._idle[0].idle_since >= self.keep:
            try:
                connection = self._idle.popleft()
            except IndexError:
                return
            if now - connection.idle_since < self.keep:  # another thread took the old one meanwhile
                self._idle.append(connection)
                return
            connection.close()

    def close(self) -> None:
        """Close what idles."""
        self.sweep(float("inf"))


@functools.lru_cache(maxsize=64)
def tls_context(verify: bool, ca_file: str) -> ssl.SSLContext:
    """TLS towards the shop: verified against the system's authorities or ``ca_file``. Raises ``OSError``."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
