"""Meta's end of the line, in a thread: takes what comes, and answers (or fails) as it is told."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reply:
    """``how``: answer, silent, drip-headers, drip-body, endless, reset (after all was read), cut (reset unread),
    close."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    how: str = "answer"


def error(code: int, subcode: int = 0, status: int = 400, **more: Any) -> Reply:
    """Graph's way to say no."""
    told = {"message": "no", "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "E1"}
    return Reply(status, {"error": {**told, **more}})


class Sink:
    """``script(events, body)`` gives the reply; None: as Meta, all good. ``batches``: the event IDs of each request in
    order; ``accepted``: those that were answered with 200."""

    def __init__(self, script: Callable[[list[dict[str, Any]], dict[str, Any]], Reply | None] | None = None) -> None:
        self.script = script
        self.batches: list[list[str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.accepted: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.lock = threading.Lock()
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    while sink._one(self):
                        pass
                except (OSError, ValueError):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._stop = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._stop = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _one(self, handler: socketserver.StreamRequestHandler) -> bool:
        line = handler.rfile.readline()
        if not line:
            return False
        length = 0
        while True:
            header = handler.rfile.readline()
            if header in (b"\r\n", b""):
                break
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        body = json.loads(handler.rfile.read(length))
        events = body["data"]
        ids = [event["event_id"] for event in events]
        with self.lock:
            self.paths.append(line.split()[1].decode())
            self.batches.append(ids)
            self.bodies.append({key: value for key, value in body.items() if key != "data"})
            self.times.append(time.monotonic())
        reply = (self.script(events, body) if self.script else None) or Reply()
        told = reply.body
        if told is None:
            told = {"events_received": len(events), "messages": [], "fbtrace_id": "A1"} if reply.status == 200 else {}
        text = told if isinstance(told, bytes) else json.dumps(told).encode()
        if reply.how == "answer" and reply.status == 200 and isinstance(told, dict) and "error" not in told:
            with self.lock:
                self.accepted += ids
                self.events += events
        return self._answer(handler, reply, text)

    def _answer(self, handler: socketserver.StreamRequestHandler, reply: Reply, text: bytes) -> bool:
        wire: socket.socket = handler.connection
        headers = {"Content-Type": "application/json", "Content-Length": str(len(text)), **reply.headers}
        head = f"HTTP/1.1 {reply.status} X\r\n" + "".join(f"{key}: {value}\r\n" for key, value in headers.items())
        if reply.how == "answer":
            handler.wfile.write(head.encode() + b"\r\n" + text)
            return True
        if reply.how in ("reset", "cut"):
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if reply.how == "silent":
            self._wait(30)
        elif reply.how == "drip-headers":
            self._drip(handler, b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000)
        elif reply.how == "drip-body":
            handler.wfile.write(head.encode() + b"\r\n")
            self._drip(handler, b" " * len(text))
        elif reply.how == "endless":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            while not self._stop:
                handler.wfile.write(b" " * 65536)
        return False

    def _drip(self, handler: socketserver.StreamRequestHandler, text: bytes) -> None:
        for byte in text:
            if self._stop:
                return
            handler.wfile.write(bytes([byte]))
            time.sleep(0.2)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stop and time.monotonic() < end:
            time.sleep(0.05)
