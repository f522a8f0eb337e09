"""The ``capi-middleware`` command: one module per command, imported only when it is asked for.

A command module has ``options(parser)`` (adds its arguments) and ``run(arguments) -> int``. Exit codes: 0 good, 1 a
problem was found, 2 misuse.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from capi_middleware.version import __version__

COMMANDS = {
    "demo": "the demo shop, wrapped, with a local stand-in of Meta and the admin page",
    "proxy": "a reverse proxy with everything, in front of a shop in any language",
    "check": "validate a settings file",
    "explain": "what would be sent for a request, and why; never sends",
    "doctor": "walk a shop and say what to fix",
    "init": "write a commented starter file, platform recognised",
    "test-event": "send one event with the test code and print Meta's answer in plain words",
    "status": "the outbox: waiting, paused, dead, lost",
    "replay": "send dead letters again",
    "purge": "delete events or a visitor's data",
    "export": "print what is stored about a visitor",
    "worker": "deliver events from the store, outside the web processes",
    "sandbox": "the local stand-in of Meta alone",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        print(f"capi-middleware {__version__}")
        return 0
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        print(f"capi-middleware: no command {name!r}.\n\n{_overview()}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(
        prog=f"capi-middleware {name}", description=COMMANDS[name][0].upper() + COMMANDS[name][1:] + "."
    )
    module.options(parser)
    try:
        code: int = module.run(parser.parse_args(rest))
        sys.stdout.flush()
    except BrokenPipeError:  # `… | head`: the reader has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _overview() -> str:
    lines = [f"  {name:<11} {text}" for name, text in COMMANDS.items()]
    return "usage: capi-middleware COMMAND [options]\n\n" + "\n".join(lines) + "\n\nEach command has --help."
