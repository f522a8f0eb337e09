"""``capi-middleware explain URL``: what would be sent for this request, and why. Never sends anything to Meta."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from capi_middleware.explain import Answer, Explanation, Request, explain, fetch, is_request_header
from capi_middleware.infer import Inference, Inferred
from capi_middleware.settings import load

_EPILOG = """\
examples:
  capi-middleware explain https://shop.example/p/mug
  capi-middleware explain https://shop.example/p/mug --html saved.html
  capi-middleware explain https://shop.example/cart/add --method POST --form id=12 --form qty=2 \\
      --status 302 --header 'Location: /cart'
  capi-middleware explain 'https://shop.example/?wc-ajax=add_to_cart' --method POST --form product_id=12 \\
      --response-json answer.json --header 'X-Requested-With: XMLHttpRequest'
"""


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("url", metavar="URL", help="the address, as a visitor has it")
    parser.add_argument("--html", metavar="FILE", help="a saved page that the shop answers with, instead of fetching")
    parser.add_argument("--method", metavar="M", default="", help="GET, or POST where a form is given")
    parser.add_argument("--form", metavar="K=V", action="append", default=[], help="a field of the posted form")
    parser.add_argument("--request-json", metavar="FILE", help="a posted JSON body")
    parser.add_argument("--response-json", metavar="FILE", help="the JSON that the shop answers with")
    parser.add_argument("--status", type=int, metavar="N", help="the status that the shop answers with (200)")
    parser.add_argument(
        "--header",
        metavar="'K: V'",
        action="append",
        default=[],
        help="a header of the answer; of the request if browsers send it (Cookie, User-Agent, X-Requested-With, …)",
    )
    parser.add_argument("--next-html", metavar="FILE", help="a saved page that follows the answer, as evidence")
    parser.add_argument("--config", metavar="FILE", help="settings (default: $CAPI_CONFIG, else capi.toml)")
    parser.add_argument("--json", action="store_true", help="print what a program can read")


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 explained, 1 the shop cannot be reached, 2 misuse."""
    loaded = load(arguments.config)
    for problem in loaded.problems:
        print(problem, file=sys.stderr)
    try:
        request, answer = _asked(arguments)
    except (ValueError, OSError) as error:
        print(f"capi-middleware explain: {error}", file=sys.stderr)
        return 2
    if answer is None:
        try:
            request, answer = fetch(request)
        except (OSError, ValueError) as error:
            print(f"capi-middleware explain: {request.url} cannot be fetched: {error}", file=sys.stderr)
            return 1
    inference = Inference(loaded.settings.for_host(_host(request.url)))
    found = explain(loaded.settings, request, answer, inference=inference)
    if arguments.next_html:
        page = Answer(200, [("Content-Type", "text/html")], Path(arguments.next_html).read_bytes())
        after = explain(loaded.settings, Request(request.url), page, pending=found.pending, inference=inference)
        found = found._replace(
            events=(*found.events, *_confirmed(after, found)), refused=(*found.refused, *after.refused), pending=()
        )
    print(json.dumps(found.as_json(), indent=1, ensure_ascii=False) if arguments.json else told(found))
    return 0


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _confirmed(after: Explanation, before: Explanation) -> list[Inferred]:
    waiting = {str(pending.get("event")) for pending in before.pending}
    return [event for event in after.events if event.event_name in waiting]


def _asked(arguments: argparse.Namespace) -> tuple[Request, Answer | None]:
    """The request, and the answer that was given for it; None where it is to be fetched."""
    form = []
    for pair in arguments.form:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"--form {pair}: write it as name=value")
        form.append((name, value))
    sent, answered = _headers(arguments.header)
    posted = Path(arguments.request_json).read_bytes() if arguments.request_json else b""
    method = arguments.method.upper() or ("POST" if form or posted else "GET")
    request = Request(arguments.url, method, form, posted, sent)
    body, kind = b"", ""
    if arguments.html:
        body, kind = Path(arguments.html).read_bytes(), "text/html"
    elif arguments.response_json:
        body, kind = Path(arguments.response_json).read_bytes(), "application/json"
    if not kind and arguments.status is None and not answered:
        if method != "GET":
            raise ValueError(
                f"a {method} is not sent to the shop, it might buy something: say what it answers with --status,"
                " --html or --response-json"
            )
        return request, None
    if kind and not any(name.lower() == "content-type" for name, _ in answered):
        answered.append(("Content-Type", kind))
    redirected = any(name.lower() == "location" for name, _ in answered)
    return request, Answer(arguments.status or (302 if redirected else 200), answered, body)


def _headers(texts: list[str]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    sent: list[tuple[str, str]] = []
    answered: list[tuple[str, str]] = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon:
            raise ValueError(f"--header {text}: write it as 'Name: value'")
        (sent if is_request_header(name.strip()) else answered).append((name.strip(), value.strip()))
    return sent, answered


def told(found: Explanation) -> str:
    """The explanation for people."""
    consent = found.visit.consent
    basis = f"{consent.source} {consent.reason}".strip()
    lines = [
        found.url,
        f"  who      {found.visit.asker.value} ({found.visit.reason})",
        f"  answer   {found.reason}",
        f"  consent  {'Meta may be told' if consent.allowed else 'Meta may not be told (yet)'}: {basis}",
        f"  platform {found.platform or 'none recognised: the general rules'}"
        + (f" (by {found.why})" if found.platform else ""),
        "",
    ]
    for event in found.events:
        lines.append(f"  {event.event_name}   rule: {event.rule}" + (f"; {event.why}" if event.why else ""))
        for name, value in event.custom_data.items():
            lines.append(f"      {name:<16} {_shown(value)}   from {event.sources.get(name, '?')}")
    for waiting in found.pending:
        lines.append(
            f"  {waiting.get('event')}   rule: {waiting.get('rule')}; the following page decides (--next-html)"
        )
    for refused in found.refused:
        lines.append(f"  no {refused.event_name}   rule: {refused.rule}; {refused.why}")
    if not found.events and not found.pending and not found.refused:
        lines.append("  nothing is sent")
    return "\n".join(lines)


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
