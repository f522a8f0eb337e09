"""nginx with proxy_cache, as shops have it in front of them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.e2e.conftest import SHOP_HOST

CONFIGURATION = """
{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=pages:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{upstream};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_cache pages;
      add_header X-Cache $upstream_cache_status always;
      {more}
    }}
  }}
}}
"""


class Nginx:
    """``url``: where visitors find the shop now. ``more``: directives for the shop's location."""

    def __init__(self, folder: Path, upstream: int, more: str = "") -> None:
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        # Started by root, the workers would be of a user who may not enter the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(folder=folder, port=port, upstream=upstream, user=user, more=more)
        )
        self.url = f"http://{SHOP_HOST}:{port}"
        arguments = [program, "-c", str(configuration), "-p", str(folder), "-e", str(folder / "error.log")]
        self._process = subprocess.Popen(arguments, stderr=subprocess.PIPE)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"nginx does not answer: {(folder / 'error.log').read_text()}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        if self._process.stderr:
            self._process.stderr.close()
