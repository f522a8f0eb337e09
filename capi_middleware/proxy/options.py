"""What one proxy process is told on its command line; a plain value, so that worker processes get it whole."""

from __future__ import annotations

from dataclasses import dataclass

from .core import allowed

SERVERS = ("auto", "waitress", "gunicorn", "granian")


@dataclass(frozen=True, slots=True)
class Options:
    """``listen``: host and port. ``access_log``: "" for none, ``-`` for standard output, else a path.

    ``grace``: seconds that requests under way get to finish when the proxy stops. ``delivery``: ``process`` or
    ``thread``, what sends events to Meta. ``affinity``: keep the threads of a process that run Python on one core.
    """

    upstream: str = ""
    config: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    server: str = "auto"
    threads: int = 64
    processes: int = 1
    tls_cert: str = ""
    tls_key: str = ""
    access_log: str = ""
    grace: float = 30.0
    delivery: str = "thread"
    affinity: bool = False

    @property
    def chosen_server(self) -> str:
        """``auto``: waitress; with TLS, which waitress has not, gunicorn."""
        if self.server != "auto":
            return self.server
        return "gunicorn" if self.tls_cert else "waitress"

    @property
    def cores(self) -> frozenset[int]:
        """Those of which one is chosen; empty where any will do."""
        return allowed() if self.affinity else frozenset()

    @property
    def scheme(self) -> str:
        return "https" if self.tls_cert else "http"

    @property
    def address(self) -> str:
        """As people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(text: str) -> tuple[str, int]:
    """``127.0.0.1:8080``, ``[::]:80``, ``:8080`` or ``8080``. Raises ``ValueError``."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535 or (":" in host and not host.startswith("[")):
        raise ValueError(f'{text!r} is no address to listen on. Write host and port, as "127.0.0.1:8080".')
    return host.strip("[]") or "127.0.0.1", int(port)
