"""Where the shop really answers: scheme, host and port, fixed by the settings and by nothing in a request."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?")
_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """``host`` without brackets, lower case; ``port`` always given."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As in a URL or a ``Host`` field: IPv6 in brackets, no default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@lru_cache(maxsize=4096)
def parse_origin(text: str) -> Origin:
    """Read ``http://127.0.0.1:8080``. Raises ``ValueError`` with a sentence that says what would be right."""
    right = 'Write scheme, host and port, as "http://127.0.0.1:8080".'
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ValueError(f"{text!r} is not an address. {right}") from None
    if parts.scheme not in _PORTS:
        raise ValueError(f"{text!r} does not begin with http:// or https://. {right}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"The shop's address must not hold a user name or password. {right}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{text!r} holds a path: the visitor's own path is added to it. {right}")
    host = (parts.hostname or "").lower()
    if not _is_host(host) or port == 0:
        raise ValueError(f"{text!r} names no host. {right}")
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme])


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            ipaddress.IPv6Address(host.partition("%")[0])
        except ValueError:
            return False
        return True
    return bool(_HOST.fullmatch(host))
