"""What the commands around delivery share: options, settings, telling people what went wrong."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from capi_middleware.delivery import StoreError
from capi_middleware.settings import SettingsSource


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
