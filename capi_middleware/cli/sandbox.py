"""``capi-middleware sandbox``: the local stand-in of Meta alone, or with a shop of yours beside it."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

from capi_middleware.sandbox import Sandbox


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", default="127.0.0.1:8601", metavar="HOST:PORT", help="default: %(default)s")
    parser.add_argument(
        "--token",
        action="append",
        default=[],
        metavar="PIXEL_ID=TOKEN",
        help="a dataset and its access token; may be given again. Without any, every pixel and token is taken",
    )
    parser.add_argument(
        "shop",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND …",
        help="a shop to run with its settings pointing here, as: -- python shop.py",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C, or until the command ends, whose exit code is then ours.

    2 for an address or token that cannot be read, 1 where the address is taken.
    """
    try:
        host, port = address(arguments.listen)
        tokens = dict(_token(text) for text in arguments.token) or None
    except ValueError as problem:
        print(f"capi-middleware sandbox: {problem}", file=sys.stderr)
        return 2
    sandbox = Sandbox(host, port, tokens=tokens)
    end_as_with_ctrl_c()
    try:
        sandbox.start()
    except OSError as problem:
        print(f"capi-middleware sandbox: cannot listen on {arguments.listen}: {problem.strerror}", file=sys.stderr)
        return 1
    command = arguments.shop[1:] if arguments.shop[:1] == ["--"] else arguments.shop
    try:
        print(f"Events page   {sandbox.url}/")
        print(f"For the shop  CAPI_GRAPH_URL={sandbox.url} CAPI_PIXEL_URL={sandbox.pixel_url}")
        print("Ctrl-C ends it.", flush=True)
        if command:
            with tempfile.TemporaryDirectory(prefix="capi-sandbox-") as folder:
                return _run_beside(sandbox, command, folder)
        until_interrupted()
        return 0
    except KeyboardInterrupt:
        return 0
    finally:
        sandbox.stop()


def _run_beside(sandbox: Sandbox, command: list[str], folder: str) -> int:
    """The command, with an environment in which Meta is the sandbox. ``folder``: its state, apart from any real one."""
    settings = {
        "CAPI_PIXEL_ID": "1234567890",
        "CAPI_ACCESS_TOKEN": "EAAsandbox",
        "CAPI_STATE_DIR": folder,
        **os.environ,
        "CAPI_GRAPH_URL": sandbox.url,
        "CAPI_PIXEL_URL": sandbox.pixel_url,
    }
    try:
        shop = subprocess.Popen(command, env=settings)
    except OSError as problem:
        print(f"capi-middleware sandbox: cannot run {command[0]}: {problem.strerror}", file=sys.stderr)
        return 2
    with shop:
        try:
            return shop.wait()
        except KeyboardInterrupt:
            print()
            shop.terminate()
            return 0


def address(text: str) -> tuple[str, int]:
    """``HOST:PORT`` as its parts; a bare port means this machine alone. Raises ``ValueError`` with a sentence."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is no address: write HOST:PORT, as 127.0.0.1:8601")
    return host.strip("[]") or "127.0.0.1", int(port)


def until_interrupted() -> None:
    """Wait for Ctrl-C, or for somebody to end us politely."""
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print()


def end_as_with_ctrl_c() -> None:
    """SIGTERM too lets us tidy up: files of ours do not outlive us, nor does a shop that we started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _token(text: str) -> tuple[str, str]:
    pixel_id, equals, token = text.partition("=")
    if not (pixel_id.isdecimal() and equals and token):
        raise ValueError(f"{text!r} is no token: write PIXEL_ID=TOKEN")
    return pixel_id, token
