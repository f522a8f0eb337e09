"""``capi-middleware check [FILE]``: is the settings file right?"""

from __future__ import annotations

import argparse
import dataclasses
import json
import tomllib
from typing import Any

from capi_middleware.infer.inference import problems
from capi_middleware.settings import Problem, Settings, load
from capi_middleware.settings.lines import Lines
from capi_middleware.settings.load import config_file

from .terminal import Misuse, read_file


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("file", nargs="?", metavar="FILE", help="default: $CAPI_CONFIG, else capi.toml")
    parser.add_argument("--json", action="store_true", help="print what a program can read")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 nothing to mend, 1 problems, 2 there is no file."""
    path = config_file(arguments.file)
    if not path:
        raise Misuse("there is no settings file here: name one, or write a starter with capi-middleware init")
    source = read_file(path)
    loaded = load(path)
    found = sorted([*loaded.problems, *_of_platforms(path, source, loaded.settings)], key=lambda one: one.line)
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


def _of_platforms(path: str, source: bytes, settings: Settings) -> list[Problem]:
    """Platforms that there is no preset for, with the lines where they stand."""
    found = problems(settings)
    if not found:
        return []
    text = source.decode("utf-8-sig", "replace")
    lines, sites = Lines(text), tomllib.loads(text).get("site", [])
    placed = []
    for problem in found:
        host, colon, key = problem.key.removeprefix("site ").rpartition(": ")
        if colon:
            index = next((n for n, site in enumerate(sites) if host in _hosts(site)), 0)
            key = f"site[{index}].{key}"
        placed.append(dataclasses.replace(problem, file=path, line=lines.of(key), key=key))
    return placed


def _hosts(site: dict[str, Any]) -> list[str]:
    host = site.get("host", ())
    return [str(one).lower() for one in ([host] if isinstance(host, str) else host)]


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
