"""One request to the Graph API: where it goes, what it carries, how long it may take, and what came back."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from capi_middleware.settings.settings import MetaSettings
from capi_middleware.version import __version__

DEADLINE = 10.0
PARTNER_AGENT = "capimw-" + ".".join(__version__.split(".")[:2])  # Meta: below 23 characters, two letters at least


class Answer(NamedTuple):
    """What came back. ``status`` 0: nothing did, and ``error`` says why (``insecure``: the certificate is refused)."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    error: str = ""
    insecure: bool = False


class Target(NamedTuple):
    """Where a pixel's events go and what goes with them."""

    url: str
    tail: bytes
    fingerprint: str

    def body(self, payloads: list[str]) -> bytes:
        """The request's JSON, from ``data`` entries that are JSON already."""
        return b'{"data":[' + ",".join(payloads).encode("utf-8") + self.tail


def target_of(meta: MetaSettings, with_test_code: bool = True) -> Target:
    """The token travels in the body: a URL ends up in logs. ``fingerprint`` changes with whatever could make a refused
    request succeed; the token cannot be read from it."""
    token = meta.access_token.reveal()
    extra = {"access_token": token, "partner_agent": PARTNER_AGENT}
    if meta.app_secret:
        key = meta.app_secret.reveal().encode()
        extra["appsecret_proof"] = hmac.new(key, token.encode(), hashlib.sha256).hexdigest()
    if meta.test_event_code and with_test_code:
        extra["test_event_code"] = meta.test_event_code
    url = f"{meta.graph_url.rstrip('/')}/{meta.graph_version}/{meta.pixel_id}/events"
    secret = "\x1f".join((url, token, meta.app_secret.reveal()))
    mark = hashlib.sha256(("capi-target\x1f" + secret).encode()).hexdigest()[:16]
    return Target(url, b"]," + json.dumps(extra).encode()[1:], mark)


class Call:
    """One request under way. :meth:`abort` may be called from another thread once its time is up: no HTTP library
    has a deadline for the whole of a request, and a server that sends a byte now and then holds them for ever."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.end = time.monotonic() + DEADLINE
        self.aborted = False

    def overdue(self) -> bool:
        return time.monotonic() > self.end

    def abort(self) -> None:
        """Shut the socket down: whoever waits for it gets an error at once."""
        self.aborted = True
        wire = getattr(self.connection, "sock", None)
        if wire is not None:
            try:
                wire.shutdown(socket.SHUT_RDWR)
            except (OSError, ValueError, AttributeError):
                pass
