"""The ``capi-middleware`` command: one module per command, imported only when it is asked for.

A command module has ``options(parser)`` (adds its arguments) and ``run(arguments) -> int``. Exit codes: 0 good, 1 a
problem was found, 2 misuse (and, as everywhere, 130 when Ctrl-C ended it).
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Sequence

from capi_middleware.settings.suggest import did_you_mean
from capi_middleware.version import __version__

from .terminal import Misuse, Parser, Trouble, say_wrong, short

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
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
    """Run one command; returns its exit code. Misuse that argparse finds, and ``--help``, leave by ``SystemExit``."""
    words = list(sys.argv[1:] if argv is None else argv)
    name, as_json = words[0] if words else "", "--json" in words
    _print_anything()
    try:
        try:
            return _run(words)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:  # `… | head`: the reader has had enough
        _print_nothing()
        return 0
    except Misuse as wrong:
        say_wrong(name, as_json, str(wrong))
        return 2
    except Trouble as wrong:
        say_wrong(name, as_json, str(wrong))
        return 1
    except KeyboardInterrupt:
        print(f"capi-middleware {name}: stopped.", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("CAPI_DEBUG"):
            raise
        if isinstance(error, OSError) and error.errno in _FULL:
            _print_nothing()
            print(f"capi-middleware {name}: {os.strerror(error.errno)}.", file=sys.stderr)
            return 1
        kind = type(error).__name__  # not its text, which may quote a token
        say_wrong(name, as_json, f"this should not happen ({kind}). CAPI_DEBUG=1 shows where; please report it.")
        return 1


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        return _overview_for(words)
    if words[0] in ("-V", "--version"):
        print(f"capi-middleware {__version__}")
        return 0
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        hint = did_you_mean(name, COMMANDS)
        print(f"capi-middleware: no command {short(name)!r}. {hint}\n\n{_overview()}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    parser = Parser(prog=f"capi-middleware {name}", description=COMMANDS[name][0].upper() + COMMANDS[name][1:] + ".")
    parser.words = tuple(rest)
    module.options(parser)
    code: int = module.run(parser.parse_args(rest))
    return code


def _print_nothing() -> None:
    """What is still to be printed cannot be: Python would try once more at its end, and say so."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_anything() -> None:
    """Whatever a shop or a file name holds is printed, on any terminal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _overview_for(words: Sequence[str]) -> int:
    """``--help``: the overview; without any word it is an answer to misuse. ``help COMMAND`` is that command's."""
    if len(words) == 2 and words[1] in COMMANDS:
        return main([words[1], "--help"])
    print(_overview(), file=sys.stdout if words else sys.stderr)
    return 0 if words else 2


def _overview() -> str:
    lines = [f"  {name:<11} {text}" for name, text in COMMANDS.items()]
    return "usage: capi-middleware COMMAND [options]\n\n" + "\n".join(lines) + "\n\nEach command has --help."
