"""nginx as a plain reverse proxy, from the system's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.proxy.wire import accepts, free_port, wait_for

CONF = """
{user}
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  {http}
}}
"""
PLAIN = """
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0; underscores_in_headers off; large_client_header_buffers 4 16k;
    location / {{ proxy_pass http://127.0.0.1:{shop}; proxy_http_version 1.1; proxy_set_header Connection "";
                  proxy_set_header Host $http_host; proxy_redirect off; proxy_request_buffering off; }}
  }}
"""


@contextmanager
def nginx(folder: Path, http: str, port: int) -> Iterator[int]:
    """Run nginx with this inside ``http { }`` until the block ends."""
    folder.mkdir(exist_ok=True)
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(CONF.format(folder=folder, user=user, http=http))
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen(
        [binary, "-c", str(folder / "nginx.conf"), "-p", str(folder)],
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_for(lambda: accepts(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "error.log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def plain_nginx(folder: Path, shop: int) -> Iterator[int]:
    """nginx in front of a shop, changing as little as it can; yields its port."""
    port = free_port()
    with nginx(folder, PLAIN.format(port=port, shop=shop), port):
        yield port
