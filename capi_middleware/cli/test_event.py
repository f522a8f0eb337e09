"""``capi-middleware test-event``: is the pixel reached, and what does Meta say?"""

from __future__ import annotations

import argparse
import json
import re

from capi_middleware.delivery import send_test_event
from capi_middleware.events.standard import STANDARD_EVENTS, is_standard, is_valid_name
from capi_middleware.settings.suggest import nearest

from .delivering import answer, common_options, source_of
from .terminal import Misuse, page_address, short

_CODE = re.compile(r"[A-Za-z0-9_-]{1,40}")


def options(parser: argparse.ArgumentParser) -> None:
    common_options(parser)
    parser.add_argument("--code", default="", help="from Events Manager, Test events (default: the settings')")
    parser.add_argument("--pixel", default="", metavar="ID", help="which pixel, where the settings have several sites")
    parser.add_argument("--event", default="PageView", help="the event's name (default: %(default)s)")
    parser.add_argument("--url", default="", help="the page's address (default: the shop's host, or shop.example)")


def run(arguments: argparse.Namespace) -> int:
    """0 where Meta accepted it, 1 where not, 2 where pixel, token or code are missing or something is no name."""
    if not is_valid_name(arguments.event):
        raise Misuse(f"{short(arguments.event)!r} is no event name: letters, digits, space, _ . and -, at most 50")
    if not is_standard(arguments.event) and (meant := nearest(arguments.event, STANDARD_EVENTS, 0.85)):
        raise Misuse(f"there is no standard event {arguments.event}: did you mean {meant}?")
    if arguments.url:
        page_address(arguments.url)
    if arguments.code and not _CODE.fullmatch(arguments.code):
        raise Misuse(f"{short(arguments.code)!r} is no test code: they look like TEST12345")
    settings = source_of(arguments).current
    sites = [site for site in (settings, *settings.sites) if arguments.pixel in ("", site.meta.pixel_id)]
    site = next((site for site in sites if site.meta.pixel_id), None)
    if site is None:
        known = ", ".join(found.meta.pixel_id for found in (settings, *settings.sites) if found.meta.pixel_id)
        if arguments.pixel and known:
            raise Misuse(f"no site has the pixel {short(arguments.pixel)}; there are: {short(known)}")
        raise Misuse("no Pixel ID is set: set CAPI_PIXEL_ID, or pixel_id under [meta], or save it on the admin page")
    if not site.meta.access_token:
        raise Misuse("no access token is set: set CAPI_ACCESS_TOKEN, or access_token under [meta]")
    if not (arguments.code or site.meta.test_event_code):
        raise Misuse("give --code from Events Manager, Test events: without one the event would count as a real one")
    url = arguments.url or f"https://{site.host or 'shop.example'}/"
    trial = send_test_event(site.meta, url, arguments.code, arguments.event)
    told = {
        "ok": trial.ok,
        "words": trial.words,
        "event_id": trial.event_id,
        "code": trial.verdict.code,
        "subcode": trial.verdict.subcode,
        "payload": trial.payload,
        "answer": _json(trial.answer),
    }
    answer(arguments, told, f"{trial.words}\nEvent ID {trial.event_id}\nMeta's answer: {trial.answer or '-'}")
    return 0 if trial.ok else 1


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
