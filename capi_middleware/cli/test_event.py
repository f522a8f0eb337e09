"""``capi-middleware test-event``: is the pixel reached, and what does Meta say?"""

from __future__ import annotations

import argparse
import json
import sys

from capi_middleware.delivery import send_test_event

from .delivering import answer, common_options, source_of


def options(parser: argparse.ArgumentParser) -> None:
    common_options(parser)
    parser.add_argument("--code", default="", help="from Events Manager, Test events (default: the settings')")
    parser.add_argument("--pixel", default="", metavar="ID", help="which pixel, where the settings have several sites")
    parser.add_argument("--event", default="PageView", help="the event's name (default: %(default)s)")
    parser.add_argument("--url", default="", help="the page's address (default: the shop's host, or shop.example)")


def run(arguments: argparse.Namespace) -> int:
    """0 where Meta accepted it, 1 where not, 2 where pixel, token or code are missing."""
    settings = source_of(arguments).current
    sites = [site for site in (settings, *settings.sites) if arguments.pixel in ("", site.meta.pixel_id)]
    site = next((site for site in sites if site.meta.pixel_id), None)
    if site is None:
        missing = f"no site has the pixel {arguments.pixel}" if arguments.pixel else "set CAPI_PIXEL_ID"
        return _misuse(missing)
    if not site.meta.access_token:
        return _misuse("set CAPI_ACCESS_TOKEN, or [meta] access_token")
    if not (arguments.code or site.meta.test_event_code):
        return _misuse("give --code from Events Manager, Test events: without one the event would count as a real one")
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


def _misuse(words: str) -> int:
    print(f"capi-middleware test-event: {words}", file=sys.stderr)
    return 2
