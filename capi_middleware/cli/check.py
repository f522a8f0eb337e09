"""``capi-middleware check [FILE]``: is the settings file right?"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from capi_middleware.infer.inference import problems
from capi_middleware.settings import Settings, load
from capi_middleware.settings.load import config_file


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="default: $CAPI_CONFIG, else capi.toml")
    parser.add_argument("--json", action="store_true", help="print what a program can read")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 nothing to mend, 1 problems, 2 there is no file."""
    path = config_file(arguments.file)
    if not path:
        print("No settings file: name one, or run capi-middleware init to write a starter.", file=sys.stderr)
        return 2
    loaded = load(path)
    found = [*loaded.problems, *(dataclasses.replace(problem, file=path) for problem in problems(loaded.settings))]
    if arguments.json:
        rows = [
            {"file": one.file, "line": one.line, "key": one.key, "wrong": one.wrong, "right": one.right}
            for one in found
        ]
        print(json.dumps({"file": path, "ok": not found, "problems": rows}, indent=1, ensure_ascii=False))
        return 1 if found else 0
    for problem in found:
        print(problem)
    if found:
        many = f"{len(found)} problems" if len(found) > 1 else "1 problem"
        print(f"\n{many}. The shop runs on with the last good version of this file.")
        return 1
    print(f"{path} is right. {_summary(loaded.settings)}")
    return 0


def _summary(settings: Settings) -> str:
    rules = len(settings.rules)
    parts = [f"{rules} rule{'' if rules == 1 else 's'} of your own", f"platform {settings.shop.platform}"]
    if settings.sites:
        parts.append(f"{len(settings.sites)} site{'' if len(settings.sites) == 1 else 's'}")
    elif not settings.meta.pixel_id:
        parts.append("no pixel ID yet (meta.pixel_id): nothing is sent")
    elif not settings.meta.access_token:
        parts.append("no access token yet (meta.access_token): only the browser's half is sent")
    return ", ".join(parts) + "."
