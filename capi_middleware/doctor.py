"""What stands in the way in a shop, and what to do about it: pages in, findings out.

Pure: :func:`examine` takes pages that were fetched (:func:`capi_middleware.explain.fetch`) and says what it finds;
:func:`links` says which pages to open next. Nothing is sent to Meta, and nothing that could change a cart is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit, urlunsplit

from .explain import Answer, Explanation, Request
from .infer.catalogue import Match
from .page import existing_pixels
from .page.csp import CspReader, Row
from .page.verdict import Carrier, Reason
from .settings import Problem, Settings
from .settings.words import path_kinds
from .visit import AddressFinding, consent_tools_in

_HREF = re.compile(
    rb"""<a\b[^<>]{0,800}?\bhref\s{0,4}=\s{0,4}(?:"([^"<>]{1,600})"|'([^'<>]{1,600})'|([^\s"'<>]{1,600}))""", re.I
)
_PIXEL = re.compile(rb"['\"]?\bpixel['\"]?\s{0,4}:\s{0,4}['\"](\d{1,20})['\"]")
_META_POLICY = re.compile(rb"<meta[^<>]{0,200}content-security-policy[\"' >]", re.I)
_OURS = re.compile(
    rb"<script[^<>]{0,120}>\s{0,8}(?:window\.)?capi(?: = \{|\.).*?</script>"
    rb"|<script[^<>]{0,120}\bcapi-config\b.*?</script>",
    re.DOTALL,
)
_DANGER = re.compile(
    r"logout|loggaut|signout|abmelden|remove|delete|ta-?bort|add[-_]?to|lagg[-_]?(?:i|till)|/add\b|unsubscribe|avregistrera",
    re.I,
)
_FILES = re.compile(r"\.(?:pdf|jpe?g|png|gif|webp|svg|zip|css|js|xml|json|mp4|ico)$", re.I)
_FIELDS = {"content_name": "name", "value": "price", "currency": "currency", "content_ids": "id"}
_TODO = {
    Reason.ENCODING: "Let the shop send pages uncompressed and the front server compress them, or install the library"
    " that reads this coding.",
    Reason.XHTML: "Let the shop send its pages as text/html.",
    Reason.CHARSET: "Let the shop send its pages as UTF-8.",
    Reason.CSP: "Allow scripts of the shop's own address: add 'self' to script-src.",
    Reason.NO_TRANSFORM: "Take no-transform out of Cache-Control, if the shop itself sets it.",
    Reason.FRAGMENT: "Open a whole page instead: this address answers a piece of one.",
    Reason.LENGTH: "Repair the shop's Content-Length header.",
}


class Page(NamedTuple):
    """One page of the shop, as it was answered, and what the middleware would make of it."""

    request: Request
    answer: Answer
    explanation: Explanation


class Finding(NamedTuple):
    """``level``: "good", "note", "warn" or "bad". ``code`` is for programs, ``what`` and ``todo`` for people."""

    level: str
    code: str
    what: str
    todo: str = ""
    url: str = ""


def examine(settings: Settings, problems: Sequence[Problem], pages: Sequence[Page]) -> list[Finding]:
    """Everything that can be said, the worst first within each subject."""
    found = [*_connection(settings, problems, _wrapped_for(pages))]
    if not pages:
        return found
    found += _touched(pages)
    found += _policies(settings, pages)
    found += _caching(pages)
    found += _pixels(settings, pages)
    found += _consent(settings, pages)
    found += _platform(settings, pages)
    found += _products(pages)
    return found


def worst(findings: Iterable[Finding]) -> str:
    """The worst level there is."""
    levels = {finding.level for finding in findings}
    return next((level for level in ("bad", "warn", "note") if level in levels), "good")


def _wrapped_for(pages: Sequence[Page]) -> str:
    """The pixel ID of our own snippet in the pages; "" where there is none."""
    for page in pages:
        for snippet in _OURS.finditer(page.answer.body):
            pixel = _PIXEL.search(snippet[0])
            if pixel is not None:
                return pixel[1].decode("ascii")
    return ""


def _connection(settings: Settings, problems: Sequence[Problem], wrapped: str) -> Iterable[Finding]:
    for problem in problems:
        yield Finding("bad", "settings", f"A mistake in the settings: {problem}")
    if wrapped and wrapped != settings.meta.pixel_id:
        here = f"pixel {settings.meta.pixel_id}" if settings.meta.pixel_id else "no pixel"
        yield Finding("note", "other_settings", f"This shop is wrapped already, for pixel {wrapped}; the settings that"
                      f" are read here know {here}.", "What follows is by the settings read here: name the shop's own"
                      " with --config, and look into its admin page for what it sends.")  # fmt: skip
        return
    if not settings.meta.pixel_id:
        yield Finding("bad", "no_pixel_id", "No Pixel ID is set: the shop runs as if unwrapped.",
                      "Set CAPI_PIXEL_ID, or pixel_id under [meta], or paste it on the admin page.")  # fmt: skip
    if not settings.meta.access_token:
        yield Finding("bad", "no_access_token", "No access token is set: the server cannot send.",
                      "Generate one in Events Manager (Settings, Conversions API); set CAPI_ACCESS_TOKEN.")  # fmt: skip
    if settings.meta.test_event_code:
        yield Finding("warn", "test_code", "A test event code is set. Test events count in Meta's reports too.",
                      "Take it out when you are done.")  # fmt: skip


def _touched(pages: Sequence[Page]) -> Iterable[Finding]:
    touched = 0
    for page in pages:
        verdict = page.explanation.verdict
        if verdict.inject:
            touched += 1
        elif verdict.reason is Reason.STATUS:
            yield Finding("note", "status", f"Answered {page.answer.status}.", url=page.request.url)
        else:
            yield Finding("warn", verdict.reason.name.lower(), f"The pixel cannot be put in: {verdict.reason.value}.",
                          _TODO.get(verdict.reason, ""), page.request.url)  # fmt: skip
    if touched:
        yield Finding("good", "touched", f"The pixel can be put into {touched} of {len(pages)} pages looked at.")


def _policies(settings: Settings, pages: Sequence[Page]) -> Iterable[Finding]:
    reader = CspReader(settings.server.mount, settings.meta.pixel_url, settings.page.csp == "extend")
    seen: set[tuple[Row, ...]] = set()
    embedded = in_markup = False
    for page in pages:
        headers: dict[str, str] = {}
        for name, value in page.answer.headers:
            headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
        csp, _ = reader.read(headers, page.request.url)
        if headers.get("cross-origin-embedder-policy", "").startswith("require-corp") and not embedded:
            embedded = True
            yield Finding("note", "coep", Row.COEP.value, url=page.request.url)
        if _META_POLICY.search(page.answer.body[:65536]) and not in_markup:
            in_markup = True
            yield Finding("note", "csp_in_markup", Row.IN_MARKUP.value, url=page.request.url)
        if csp.rows in seen or csp.rows == (Row.NONE,):
            continue
        seen.add(csp.rows)
        level = "good" if csp.pixel and csp.script else "warn"
        needed = "; ".join(f"{directive} {source}" for directive, source in csp.missing)
        todo = f"To let the pixel in, add to the policy: {needed}." if needed else ""
        yield Finding(level, "csp", " ".join(row.value for row in csp.rows), todo, page.request.url)


def _caching(pages: Sequence[Page]) -> Iterable[Finding]:
    stored = [page for page in pages if page.explanation.verdict.carrier is Carrier.COLLECT]
    if stored:
        yield Finding(
            "good", "cached", f"A cache may store {len(stored)} of {len(pages)} pages: they carry no visitor's ID, the"
            " browser asks for its own.", url=stored[0].request.url,
        )  # fmt: skip


def _pixels(settings: Settings, pages: Sequence[Page]) -> Iterable[Finding]:
    ours = any(_OURS.search(page.answer.body) for page in pages)
    if ours and _wrapped_for(pages) in ("", settings.meta.pixel_id):
        yield Finding("good", "wrapped", "This shop is wrapped already: our snippet stands in its pages.")
    ids: set[str] = set()
    loaded = tag_manager = False
    for page in pages:
        found = existing_pixels(_OURS.sub(b"", page.answer.body))
        ids |= found.ids
        loaded = loaded or found.loader
        tag_manager = tag_manager or found.tag_manager
    mode = settings.page.existing
    for pixel_id in sorted(ids):
        if pixel_id == settings.meta.pixel_id:
            yield Finding("note", "same_pixel", f"The shop's pages load pixel {pixel_id} already.",
                          f'existing = "{mode}" under [page] decides; "adopt" gives its calls our IDs.')  # fmt: skip
        else:
            yield Finding("warn", "other_pixel", f"The shop's pages load another Meta pixel, {pixel_id}.",
                          "Two pixels count every visit twice, unless that is on purpose. Take one out.")  # fmt: skip
    if loaded and not ids:
        yield Finding("note", "unknown_pixel", "The page loads Meta's script, for a pixel that is set elsewhere.",
                      "Find out which pixel it is; the same one must not be set up twice.")  # fmt: skip
    if tag_manager:
        yield Finding("note", "tag_manager", "Google Tag Manager is used: it may load a Meta pixel that no page shows.",
                      "Look into its tags, and pause a Meta pixel there.")  # fmt: skip


def _consent(settings: Settings, pages: Sequence[Page]) -> Iterable[Finding]:
    tools = sorted(set().union(*(consent_tools_in(page.answer.body) for page in pages)))
    mode = settings.consent.mode
    if tools:
        yield Finding("good", "consent_tool", f"Consent tool: {', '.join(tools)}; its answer is read (mode {mode}).")
    elif mode == "auto":
        yield Finding("note", "no_consent_tool", "No consent tool is seen: visits are told to Meta without asking.",
                      'In the EU: use a consent tool, or set mode = "required" under [consent].')  # fmt: skip
    if mode == "off":
        yield Finding("warn", "consent_off", "Consent is switched off: every visit is told to Meta.",
                      "Be sure that the shop asks in another way.")  # fmt: skip


def _platform(settings: Settings, pages: Sequence[Page]) -> Iterable[Finding]:
    named = next((page.explanation for page in pages if page.explanation.platform), None)
    if named:
        yield Finding("good", "platform", f"Platform: {named.platform}, by {named.why}.")
    elif not settings.rules:
        yield Finding("note", "no_platform", "No platform is recognised: the general rules read the shop.",
                      "If events are missing, add rules (docs/rules.md) or use the admin page.")  # fmt: skip


def _products(pages: Sequence[Page]) -> Iterable[Finding]:
    products = [
        (page, event) for page in pages for event in page.explanation.events if event.event_name == "ViewContent"
    ]
    if not products:
        yield Finding("warn", "no_product", "No product page was found among the pages looked at.",
                      "Give the address of a product's page. If that is one, add JSON-LD or a rule.")  # fmt: skip
        return
    for page, event in products[:3]:
        missing = [word for field, word in _FIELDS.items() if field not in event.custom_data]
        if missing:
            yield Finding("warn", "product_data", f"A product page tells no {', no '.join(missing)}.",
                          "Add JSON-LD (schema.org/Product), or a rule that says where they stand.",
                          page.request.url)  # fmt: skip
        else:
            yield Finding("good", "product_data", "A product page tells name, price, currency and id.",
                          url=page.request.url)  # fmt: skip


def addresses(finding: AddressFinding) -> list[Finding]:
    """What the addresses of recent visitors say."""
    if finding.code == "one_address":
        return [Finding("bad", "one_address", f"All {finding.visits} recent visitors share one address: a proxy is"
                        " not counted.", "Set CAPI_TRUSTED_HOPS to the number of proxies of your own.")]  # fmt: skip
    if finding.code == "no_address":
        return [Finding("bad", "no_address", "The addresses of nearly all recent visitors are unknown or private.",
                        "Set CAPI_TRUSTED_HOPS to the number of proxies of your own.")]  # fmt: skip
    return []


def catalogue(match: Match) -> list[Finding]:
    """How many of the products shown the catalogue feed knows."""
    if not match.seen:
        return [Finding("note", "catalogue", "No product has been shown yet, so the feed cannot be compared.")]
    share = round(100 * match.share)
    text = f"The feed knows {match.known} of {match.seen} products that the shop has shown ({share} %)."
    todo = f'Set content_id = "{match.better}" under [shop]: it would know more.' if match.better else ""
    if match.unknown:
        text += f" Unknown to it, for example: {', '.join(match.unknown[:5])}."
    return [Finding("good" if match.share >= 0.9 else "warn", "catalogue", text, todo)]


def links(page: Page, host: str) -> list[str]:
    """Pages of the same shop to open next, the most telling first; none that changes anything."""
    found: dict[str, int] = {}
    for match in _HREF.finditer(page.answer.body[: 1024 * 1024]):
        text = unescape((match[1] or match[2] or match[3]).decode("utf-8", "replace"))
        parts = urlsplit(urljoin(page.request.url, text))
        if parts.scheme not in ("http", "https") or (parts.hostname or "").lower() != host:
            continue
        whole = parts.path + ("?" + parts.query if parts.query else "")
        if _DANGER.search(whole) or _FILES.search(parts.path):
            continue
        url = urlunsplit(parts._replace(fragment=""))
        found.setdefault(url, _interest(parts.path))
    return sorted(found, key=lambda url: (found[url], len(url)))


def _interest(path: str) -> int:
    kinds: Any = path_kinds(path)
    if "product" in kinds:
        return 0
    if "cart" in kinds or "checkout" in kinds:
        return 2
    return 1 if path.count("/") > 1 else 3
