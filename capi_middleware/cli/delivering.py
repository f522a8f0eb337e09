"""What the commands around delivery share: options, settings, telling people what went wrong."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from capi_middleware.delivery import StoreError
from capi_middleware.settings import SettingsSource
from capi_middleware.settings.state import state_dir


def common_options(parser: argparse.ArgumentParser) -> None:
    """``--config`` and ``--json``."""
    parser.add_argument("--config", metavar="FILE", help="the settings file (default: $CAPI_CONFIG, else capi.toml)")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def source_of(arguments: argparse.Namespace) -> SettingsSource:
    """The settings that the shop's own processes have; their mistakes go to standard error."""
    source = SettingsSource(arguments.config)
    for problem in source.problems:
        print(f"capi-middleware: {problem}", file=sys.stderr)
    return source


def misread(source: SettingsSource) -> bool:
    """Whether the named settings file could not be read at all: then the wrong shop would be looked at."""
    return any(problem.key in ("file", "TOML") for problem in source.problems)


def folder_problem(source: SettingsSource) -> str:
    """Why the state folder cannot be used, or "". One that is not there yet is no problem if it can be made."""
    folder = state_dir(source.current)
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return f"the state folder {folder} cannot be used: set CAPI_STATE_DIR to a folder that can be written"
    return ""


def answer(arguments: argparse.Namespace, told: dict[str, Any], text: str) -> None:
    """Print it, for a program or for a person."""
    print(json.dumps(told, ensure_ascii=False) if arguments.json else text)


def guarded(arguments: argparse.Namespace, work: Callable[[], int]) -> int:
    """Run it; 1 and a sentence where the store cannot do it."""
    try:
        return work()
    except StoreError as error:
        if arguments.json:
            print(json.dumps({"error": str(error)}))
        else:
            print(f"capi-middleware: {error}", file=sys.stderr)
        return 1
