"""What the commands around delivery share: options, settings, telling people what went wrong."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from capi_middleware.delivery import StoreError
from capi_middleware.settings import SettingsSource, load
from capi_middleware.settings.load import config_file
from capi_middleware.settings.state import state_dir

from .terminal import Misuse, Trouble, read_file


def common_options(parser: argparse.ArgumentParser) -> None:
    """``--config`` and ``--json``."""
    parser.add_argument("--config", metavar="FILE", help="the settings file (default: $CAPI_CONFIG, else capi.toml)")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def source_of(arguments: argparse.Namespace) -> SettingsSource:
    """The settings that the shop's own processes have; their mistakes go to standard error. Raises :class:`Misuse`
    where a file is named and is none: then the wrong shop would be looked at."""
    settings_file(arguments)
    source = SettingsSource(arguments.config)
    for problem in source.problems:
        print(f"capi-middleware: {problem}", file=sys.stderr)
    return source


def settings_file(arguments: argparse.Namespace) -> None:
    """Raises :class:`Misuse` where the settings file that is named cannot be read, or is no TOML."""
    path = config_file(arguments.config)
    if path:
        read_file(path)
        problems = load(path).problems
        broken = next((problem for problem in problems if problem.key in ("file", "TOML")), None)
        if broken is not None:
            raise Misuse(f"the settings file is damaged. {broken}")


def folder_problem(source: SettingsSource) -> str:
    """Why the state folder cannot be used, or "". One that is not there yet is no problem if it can be made."""
    folder = state_dir(source.current)
    there = folder
    while not os.path.exists(there) and there != there.parent:
        there = there.parent
    if not os.path.isdir(there) or not os.access(there, os.W_OK | os.X_OK):
        return f"the state folder {folder} cannot be used: set CAPI_STATE_DIR to a folder that can be written"
    return ""


def answer(arguments: argparse.Namespace, told: dict[str, Any], text: str) -> None:
    """Print it, for a program or for a person."""
    print(json.dumps(told, ensure_ascii=False) if arguments.json else text)


def guarded(work: Callable[[], int]) -> int:
    """Run it. Raises :class:`Trouble` where the store cannot do it."""
    try:
        return work()
    except StoreError as error:
        raise Trouble(str(error)) from error
