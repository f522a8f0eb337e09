"""Caddy, from the system's packages, with certificates of its own authority."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.proxy.wire import wait_for

OPTIONS = """{{
	admin off
	default_bind 127.0.0.1
	http_port {plain}
	https_port {port}
	storage file_system {folder}/storage
	local_certs
	skip_install_trust
}}
"""
AUTHORITY = "storage/pki/authorities/local/root.crt"


@contextmanager
def caddy(folder: Path, sites: str, plain: int, port: int) -> Iterator[Path]:
    """Run Caddy with these sites until the block ends; yields its authority's certificate. ``plain``: port for HTTP."""
    folder.mkdir(exist_ok=True)
    (folder / "Caddyfile").write_text(OPTIONS.format(plain=plain, port=port, folder=folder) + sites)
    with (folder / "caddy.log").open("wb") as log:
        process = subprocess.Popen(
            [shutil.which("caddy") or "/usr/bin/caddy", "run", "--config", str(folder / "Caddyfile")],
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        )
        try:
            ready = lambda: shakes_hands(port, folder / AUTHORITY)  # noqa: E731
            assert wait_for(lambda: ready() or process.poll() is not None, 30), (folder / "caddy.log").read_text()
            assert process.poll() is None, (folder / "caddy.log").read_text()
            yield folder / AUTHORITY
        finally:
            process.terminate()
            process.wait(20)


def shakes_hands(port: int, authority: Path) -> bool:
    """Whether it has made its certificate and uses it: the file is there a moment earlier."""
    if not authority.exists():
        return False
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as one:
            ssl.create_default_context(cafile=str(authority)).wrap_socket(one, server_hostname="shop.example").close()
    except OSError:  # ssl.SSLError is one
        return False
    return True
