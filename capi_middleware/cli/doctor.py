"""``capi-middleware doctor URL``: walks a shop and says what to fix. Opens pages only; sends nothing to Meta."""

from __future__ import annotations

import argparse
import json
from urllib.parse import urlsplit

from capi_middleware import doctor
from capi_middleware.delivery import Ledger, StoreError
from capi_middleware.doctor import Finding, Page
from capi_middleware.explain import Request, Unreachable, explain, fetch
from capi_middleware.infer import Inference, ProductMemory
from capi_middleware.infer.catalogue import FeedError, match, read
from capi_middleware.settings import SettingsSource
from capi_middleware.settings.state import state_dir
from capi_middleware.visit import judge_addresses

from .delivering import settings_file
from .terminal import Misuse, Trouble, page_address, read_file

_MARKS = {"good": "ok  ", "note": "note", "warn": "WARN", "bad": "BAD "}
_MOST_ASKED = 200
_MOST_PAGES = 1000


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("url", metavar="URL", help="the shop's address, or any page of it")
    parser.add_argument("--pages", type=int, default=8, metavar="N", help="how many pages to open at most (8)")
    parser.add_argument("--catalogue", metavar="FEED", help="the catalogue feed (CSV, TSV, RSS or Atom; a file)")
    parser.add_argument("--config", metavar="FILE", help="settings (default: $CAPI_CONFIG, else capi.toml)")
    parser.add_argument("--json", action="store_true", help="print what a program can read")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 nothing to fix, 1 something to fix or the shop cannot be reached, 2 misuse."""
    settings_file(arguments)
    host = (urlsplit(page_address(arguments.url)).hostname or "").lower()
    if not 1 <= arguments.pages <= _MOST_PAGES:
        raise Misuse(f"--pages takes a number from 1 to {_MOST_PAGES}")
    feed = None
    if arguments.catalogue:
        try:
            feed = read(read_file(arguments.catalogue))
        except FeedError as error:
            raise Misuse(f"{arguments.catalogue}: {error}") from error
    source = SettingsSource(arguments.config)
    settings = source.for_host(host)
    try:
        pages = walk(arguments.url, host, source, arguments.pages)
    except Unreachable as error:
        raise Trouble(str(error)) from error
    findings = doctor.examine(settings, source.problems, pages)
    findings += doctor.addresses(judge_addresses(_recent(source)))
    if feed is not None:
        memory = ProductMemory(state_dir(settings))
        shown = [*memory.products(host), *(event.custom_data for page in pages for event in page.explanation.events)]
        memory.close()
        findings += doctor.catalogue(match(shown, feed))
    if arguments.json:
        found = {
            "pages": [page.request.url for page in pages],
            "findings": [finding._asdict() for finding in findings],
        }
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        print(told(pages, findings))
    return 1 if doctor.worst(findings) in ("bad", "warn") else 0


def walk(url: str, host: str, source: SettingsSource, most: int) -> list[Page]:
    """Open the page, then the most telling ones that it links to. Raises where the first cannot be opened."""
    inference = Inference(source.for_host(host))
    waiting: list[str] = [url]
    opened: set[str] = set()
    pages: list[Page] = []
    while waiting and len(pages) < most:
        next_url = waiting.pop(0)
        if next_url in opened:
            continue
        opened.add(next_url)
        try:
            request, answer = fetch(Request(next_url))
        except Unreachable:
            if not pages:
                raise
            continue
        if request.url in opened and request.url != next_url:
            continue
        opened.add(request.url)
        page = Page(request, answer, explain(source.current, request, answer, inference=inference))
        pages.append(page)
        new = [link for link in doctor.links(page, host) if link not in opened and link not in waiting]
        # Some of each page's links, so that a menu of a hundred categories does not hide the products behind it.
        waiting = (waiting + new[:6]) if len(pages) > 1 else new[:12]
    return pages


def _recent(source: SettingsSource) -> list[tuple[str, str]]:
    ledger = Ledger(source)
    found = []
    try:
        for entry in ledger.recent(limit=_MOST_ASKED):
            record = ledger.record(entry.number)
            user = dict(record.payload.get("user_data", {})) if record else {}
            if user:
                found.append((str(user.get("client_ip_address", "")), str(user.get("client_user_agent", ""))))
    except StoreError:
        return []
    finally:
        ledger.close()
    return found


def told(pages: list[Page], findings: list[Finding]) -> str:
    """For people."""
    lines = [f"Looked at {len(pages)} page{'' if len(pages) == 1 else 's'}:"]
    for page in pages:
        names = ", ".join(event.event_name for event in page.explanation.events) or "nothing"
        lines.append(f"  {page.answer.status} {page.request.url}  ->  {names}")
    lines.append("")
    for finding in sorted(findings, key=lambda one: list(_MARKS)[::-1].index(one.level)):
        lines.append(f"{_MARKS[finding.level]} {finding.what}" + (f" ({finding.url})" if finding.url else ""))
        if finding.todo:
            lines.append(f"       {finding.todo}")
    return "\n".join(lines)
