"""``capi-middleware explain URL``: what would be sent for this request, and why. Never sends anything to Meta."""

from __future__ import annotations

import argparse
import json
import re
import sys
from urllib.parse import urlsplit

from capi_middleware.explain import Answer, Explanation, Request, Unreachable, explain, fetch, is_request_header
from capi_middleware.infer import Inference, Inferred
from capi_middleware.settings import load
from capi_middleware.visit import ASKER_REASONS, CONSENT_REASONS

from .delivering import settings_file
from .terminal import Misuse, Trouble, page_address, read_file, short

_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]{1,60}")  # a token of RFC 9110 section 5.6.2
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
    settings_file(arguments)
    request, answer = _asked(arguments)
    after = read_file(arguments.next_html) if arguments.next_html else None
    loaded = load(arguments.config)
    for problem in loaded.problems:
        print(problem, file=sys.stderr)
    if answer is None:
        try:
            request, answer = fetch(request)
        except Unreachable as error:
            raise Trouble(str(error)) from error
    inference = Inference(loaded.settings.for_host(_host(request.url)))
    found = explain(loaded.settings, request, answer, inference=inference)
    if after is not None:
        page = Answer(200, [("Content-Type", "text/html")], after)
        follows = explain(loaded.settings, Request(request.url), page, pending=found.pending, inference=inference)
        found = found._replace(
            events=(*found.events, *_confirmed(follows, found)), refused=(*found.refused, *follows.refused), pending=()
        )
    print(json.dumps(found.as_json(), indent=1, ensure_ascii=False) if arguments.json else told(found))
    return 0


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _confirmed(after: Explanation, before: Explanation) -> list[Inferred]:
    waiting = {str(pending.get("event")) for pending in before.pending}
    return [event for event in after.events if event.event_name in waiting]


def _asked(arguments: argparse.Namespace) -> tuple[Request, Answer | None]:
    """The request, and the answer that was given for it; None where it is to be fetched. Raises :class:`Misuse`."""
    url = page_address(arguments.url)
    form = []
    for pair in arguments.form:
        name, equals, value = pair.partition("=")
        if not equals:
            raise Misuse(f"--form {short(pair)}: write it as name=value")
        form.append((name, value))
    sent, answered = _headers(arguments.header)
    posted = read_file(arguments.request_json) if arguments.request_json else b""
    method = arguments.method.upper() or ("POST" if form or posted else "GET")
    if not _METHOD.fullmatch(method):
        raise Misuse(f"--method {short(arguments.method)}: it is a word such as GET or POST")
    if arguments.status is not None and not 100 <= arguments.status <= 599:
        raise Misuse(f"--status {arguments.status}: a status is a number from 100 to 599")
    request = Request(url, method, form, posted, sent)
    body, kind = b"", ""
    if arguments.html:
        body, kind = read_file(arguments.html), "text/html"
    elif arguments.response_json:
        body, kind = read_file(arguments.response_json), "application/json"
    if not kind and arguments.status is None and not answered:
        if method != "GET":
            raise Misuse(
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
        if not (colon and _METHOD.fullmatch(name.strip().upper())) or "\n" in value or "\r" in value:
            raise Misuse(f"--header {short(text)}: write it as 'Name: value'")
        written = value.strip().encode("utf-8", "surrogateescape").decode("latin-1")  # as WSGI has it (PEP 3333)
        (sent if is_request_header(name.strip()) else answered).append((name.strip(), written))
    return sent, answered


def told(found: Explanation) -> str:
    """The explanation for people."""
    consent = found.visit.consent
    basis = " ".join(filter(None, (consent.source, CONSENT_REASONS.get(consent.reason, consent.reason))))
    lines = [
        found.url,
        f"  who      {found.visit.asker.value}: {ASKER_REASONS.get(found.visit.reason, found.visit.reason)}",
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
