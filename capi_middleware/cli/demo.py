"""``capi-middleware demo``: the demo shop, wrapped, with the stand-in of Meta beside it and the admin page."""

from __future__ import annotations

import argparse
import logging
import re
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from capi_middleware.demo import Shop, ShopServer
from capi_middleware.middleware import CapiMiddleware
from capi_middleware.sandbox import Sandbox

from .sandbox import address, end_as_with_ctrl_c, until_interrupted

PIXEL_ID = "1234567890"
TOKEN = "EAAdemo"
# Everything a person may want to change on the admin page stands in the file, which the page's answers win over.
SETTINGS = f"""\
[meta]
pixel_id = "{PIXEL_ID}"
access_token = "{TOKEN}"

[shop]
currency = "SEK"
country = "SE"
"""


class Demo:
    """The running demo, as a context manager. Port 0 takes free ports; state lives in a folder that goes with it.

    Raises ``OSError`` where an address cannot be had.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="capi-demo-"))
        self._host, self._port = host, port
        self.sandbox = Sandbox(host, port + 1 if port else 0)

    def __enter__(self) -> Demo:
        try:
            self._start()
        except BaseException:
            self.sandbox.stop()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.stop()
        self.app.flush(2.0)
        self.app.close()
        self.sandbox.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def shop_url(self) -> str:
        return f"http://{_reachable(self._host)}:{self._port}/"

    @property
    def events_url(self) -> str:
        return f"http://{_reachable(self._host)}:{self.sandbox.listener.port}/"

    @property
    def admin_url(self) -> str:
        return f"{self.shop_url}_shop/admin/"

    def _start(self) -> None:
        self.sandbox.start()
        settings = self._folder / "capi.toml"
        settings.write_text(SETTINGS, "utf-8")
        meta = self.events_url.rstrip("/")
        self.app = CapiMiddleware(
            Shop(),
            settings,
            state_dir=str(self._folder / "state"),
            graph_url=meta,
            pixel_url=f"{meta}/en_US/fbevents.js",
        )
        try:
            self._server = ShopServer(self.app, self._host, self._port)
        except BaseException:
            self.app.close()
            raise
        self._port = self._server.port


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", default="127.0.0.1:8600", metavar="HOST:PORT", help="default: %(default)s")
    parser.add_argument(
        "--port", type=int, default=None, help="only the port; Meta's stand-in takes the next one, 0 takes free ones"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C. 2 for an address that cannot be read, 1 where it is taken."""
    try:
        host, port = address(arguments.listen)
    except ValueError as problem:
        print(f"capi-middleware demo: {problem}", file=sys.stderr)
        return 2
    if arguments.port is not None and not 0 <= arguments.port < 65535:
        print(f"capi-middleware demo: --port {arguments.port} is none: choose one from 1 to 65534", file=sys.stderr)
        return 2
    if arguments.port is not None:
        port = arguments.port
    end_as_with_ctrl_c()
    try:
        with _SetupCode() as setup, Demo(host, port) as demo:
            print(f"The shop              {demo.shop_url}")
            print(f"What Meta would see   {demo.events_url}")
            print(f"The shop owner's page {demo.admin_url}")
            if setup.code:
                print(f"  its set-up code     {setup.code} (good once, for one hour)")
            print("\nClick around in the shop and watch the events arrive. Ctrl-C ends it.", flush=True)
            until_interrupted()
    except KeyboardInterrupt:
        return 0
    except OSError as problem:
        print(
            f"capi-middleware demo: cannot listen on {host}, ports {port} and {port + 1}: {problem.strerror}. "
            "Choose others: --port 9000",
            file=sys.stderr,
        )
        return 1
    return 0


class _SetupCode(logging.Filter):
    """Takes the line with the set-up code out of the log, to be printed beside the page that asks for it."""

    code = ""

    def filter(self, record: logging.LogRecord) -> bool:
        found = re.search(r"set-up code (\S+)", record.getMessage())
        self.code = found[1] if found else self.code
        return found is None

    def __enter__(self) -> _SetupCode:
        logging.getLogger("capi_middleware").addFilter(self)
        return self

    def __exit__(self, *exception: object) -> None:
        logging.getLogger("capi_middleware").removeFilter(self)


def _reachable(host: str) -> str:
    """A name for browsers: an address that means "all of them" is none."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"[{name}]" if ":" in name else name
