"""``capi-middleware init [URL]``: a commented starter file, for the platform that is recognised."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from capi_middleware.explain import Request, Unreachable, explain, fetch
from capi_middleware.infer.platform import recognise
from capi_middleware.infer.preset import preset
from capi_middleware.settings import Settings
from capi_middleware.visit import consent_tools_in

from .terminal import Misuse, Trouble, page_address

FILE = "capi.toml"


class Seen(NamedTuple):
    """What the shop's first page told."""

    url: str = ""
    platform: str = ""
    why: str = ""
    currency: str = ""
    language: str = ""
    tools: tuple[str, ...] = ()


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("url", nargs="?", default="", metavar="URL", help="a page of the shop, best a product's")
    parser.add_argument("--output", default=FILE, metavar="FILE", help=f"where to write (default {FILE}); - prints it")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 written, 1 the shop cannot be reached, 2 the file is there already."""
    target = Path(arguments.output)
    if arguments.output != "-" and os.path.exists(target) and not arguments.force:
        raise Misuse(f"{target} is there already; --force writes over it, --output FILE elsewhere")
    seen = Seen()
    if arguments.url:
        try:
            seen = look(page_address(arguments.url))
        except Unreachable as error:
            raise Trouble(str(error)) from error
    text = starter(seen)
    if arguments.output == "-":
        print(text, end="")
        return 0
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Misuse(f"{target} cannot be written: {error.strerror}") from error
    print(f"{target} is written.")
    if seen.platform:
        print(f"Platform: {preset(seen.platform).title}, by {seen.why}.")
    elif seen.url:
        print("No platform was recognised: the general rules read the shop.")
    print(f"Next: put in pixel ID and access token, then run capi-middleware check {target}")
    return 0


def look(url: str) -> Seen:
    """Open one page and say what it tells. Raises as :func:`~capi_middleware.explain.fetch`."""
    request, answer = fetch(Request(url))
    cookies = [value.partition("=")[0] for name, value in answer.headers if name.lower() == "set-cookie"]
    found = recognise(cookies, answer.headers, answer.body)
    told = explain(Settings(), request, answer)
    currency = next(
        (str(event.custom_data["currency"]) for event in told.events if "currency" in event.custom_data), ""
    )
    return Seen(request.url, found.name, found.why, currency, "", tuple(sorted(consent_tools_in(answer.body))))


def starter(seen: Seen) -> str:
    """The file's text; it passes ``check`` as it stands."""
    platform = preset(seen.platform) if seen.platform else None
    host = urlsplit(seen.url).hostname or ""
    about = f" for {host}" if host else ""
    recognised = f"   # {platform.title}, recognised by {seen.why}" if platform else ""
    consent = f"; seen: {', '.join(seen.tools)}" if seen.tools else ""
    currency = f'currency = "{seen.currency}"' if seen.currency else '# currency = "SEK"'
    reads = ""
    if platform is not None:
        names = sorted({rule.event for rule in platform.rules.rules})
        reads = f"# The preset {platform.name} reads: {', '.join(names)}. docs/platforms.md says how.\n"
    filled = {
        "ABOUT": about,
        "PLATFORM": json.dumps(platform.name if platform else "auto") + recognised,
        "CURRENCY": currency,
        "CONSENT": consent,
        "READS": reads,
    }
    text = _TEXT
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text


_TEXT = """\
# Settings of capi_middleware@ABOUT@. Every key has a default; docs/rules.md teaches the rules by examples.
# Try: capi-middleware check, capi-middleware explain https://… (nothing is sent).

[meta]
pixel_id = ""                     # the digits from Events Manager, as "1234567890"
access_token = ""                 # from Events Manager; "env:CAPI_ACCESS_TOKEN" keeps it out of this file
# test_event_code = "TEST12345"   # shows events under Test events; they still count

[shop]
platform = @PLATFORM@
@CURRENCY@                # for pages that only say kr or $; never invented
# content_id = "{sku}"            # so that ids match the catalogue: {id}, {sku}, shop_{variant_id}
# exclude = ["/admin/*"]          # paths on which nothing is done
# off = ["Contact"]               # events or rules that are switched off

[consent]
mode = "auto"                     # required | implied | off | auto: required once a consent tool is seen@CONSENT@

@READS@# What the rules do not find by themselves is said like this; rules of this file come first.
#
# [[rule]]
# event = "AddToCart"
# method = "POST"
# path = "/kundvagn/lagg-till/<int:id>"
# when = { status = [200, 302, 303], json = { success = true } }
# data = { content_ids = "path:id", quantity = "form:antal" }
"""
