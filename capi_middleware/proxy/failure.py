"""What can go wrong between us and the shop, and the page that says so to a visitor."""

from __future__ import annotations

import html
import secrets
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple


class _Kind(NamedTuple):
    status: str
    code: str
    sv: str
    en: str


class Failure(Enum):
    """Each member: the status line, a code for logs and metrics, and a sentence in Swedish and English.

    The sentences name no address, version or error text of the shop's: those go to the log, beside the request's ID.
    """

    REFUSED = _Kind(
        "502 Bad Gateway",
        "refused",
        "Butikens server tar inte emot anslutningar just nu. Den är troligen avstängd eller startar om.",
        "The shop's server does not accept connections right now. It is probably switched off or restarting.",
    )
    UNREACHABLE = _Kind(
        "502 Bad Gateway",
        "unreachable",
        "Butikens server går inte att nå över nätverket.",
        "The shop's server cannot be reached over the network.",
    )
    NAME = _Kind(
        "502 Bad Gateway",
        "name",
        "Namnet på butikens server går inte att slå upp.",
        "The name of the shop's server cannot be looked up.",
    )
    TLS = _Kind(
        "502 Bad Gateway",
        "tls",
        "Den säkra anslutningen till butikens server kunde inte upprättas: dess certifikat godkänns inte.",
        "No secure connection to the shop's server could be made: its certificate is not accepted.",
    )
    CONNECT_TIMEOUT = _Kind(
        "504 Gateway Timeout",
        "connect-timeout",
        "Butikens server svarade inte i tid när vi försökte ansluta.",
        "The shop's server did not answer in time when we tried to connect.",
    )
    ANSWER_TIMEOUT = _Kind(
        "504 Gateway Timeout",
        "answer-timeout",
        "Butikens server tog emot frågan men svarade inte i tid. Den är troligen överbelastad.",
        "The shop's server took the request but did not answer in time. It is probably overloaded.",
    )
    BROKEN = _Kind(
        "502 Bad Gateway",
        "broken",
        "Butikens server bröt anslutningen innan den hade svarat.",
        "The shop's server broke the connection before it had answered.",
    )
    MALFORMED = _Kind(
        "502 Bad Gateway",
        "malformed",
        "Butikens server svarade med något som inte är ett giltigt HTTP-svar.",
        "The shop's server answered with something that is not a valid HTTP response.",
    )
    UPGRADED = _Kind(
        "502 Bad Gateway",
        "upgraded",
        "Butikens server bytte protokoll utan att någon bad om det.",
        "The shop's server switched protocols without being asked.",
    )
    BUSY = _Kind(
        "503 Service Unavailable",
        "busy",
        "Butiken har för många samtidiga besökare just nu. Försök igen om en liten stund.",
        "The shop has too many visitors at once. Please try again in a moment.",
    )
    UNKNOWN_HOST = _Kind(
        "404 Not Found",
        "unknown-host",
        "Ingen butik finns på den här adressen.",
        "There is no shop at this address.",
    )
    BAD_REQUEST = _Kind(
        "400 Bad Request",
        "bad-request",
        "Webbläsarens fråga är felaktigt utformad.",
        "The browser's request is malformed.",
    )
    METHOD = _Kind(
        "405 Method Not Allowed",
        "method",
        "Den metoden tas inte emot här.",
        "This method is not accepted here.",
    )
    LENGTH_REQUIRED = _Kind(
        "411 Length Required",
        "length-required",
        "Den här servern tar bara emot uppladdningar vars längd anges i förväg.",
        "This server takes only uploads whose length is said beforehand.",
    )
    URI_TOO_LONG = _Kind("414 URI Too Long", "uri-too-long", "Adressen är för lång.", "The address is too long.")
    FIELDS_TOO_LARGE = _Kind(
        "431 Request Header Fields Too Large",
        "fields-too-large",
        "Webbläsaren skickar för mycket information i huvudet, ofta kakor. Rensa kakorna för sajten.",
        "The browser sends too much in its header, often cookies. Clear this site's cookies.",
    )
    BODY_TOO_LARGE = _Kind(
        "413 Content Too Large", "body-too-large", "Det som skickas är för stort.", "What is being sent is too large."
    )
    WEBSOCKET = _Kind(
        "501 Not Implemented",
        "websocket",
        "WebSocket går inte genom den här servern.",
        "WebSocket does not pass through this server.",
    )

    @property
    def status(self) -> str:
        """The status line, as WSGI takes it."""
        return self.value.status

    @property
    def code(self) -> str:
        """A short word for logs and metrics."""
        return self.value.code


class GatewayError(Exception):
    """Raised where the shop cannot be asked or its answer cannot be used; ``detail`` is for the log."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(f"{failure.code}: {detail}" if detail else failure.code)
        self.failure = failure
        self.detail = detail


class Truncated(ConnectionError):
    """Raised while a body passes: the shop broke off. The server must break off too, never end the answer cleanly."""


class ErrorPage(NamedTuple):
    """A whole answer of ours. ``request_id``: the same word in the page and in the log."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    request_id: str


def error_page(failure: Failure, environ: Mapping[str, Any]) -> ErrorPage:
    """The page for a visitor: in Swedish where the browser prefers it, HTML where it takes HTML, else plain text."""
    request_id = secrets.token_hex(6)
    kind = failure.value
    swedish = prefers_swedish(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
    sentence = kind.sv if swedish else kind.en
    label = "Ärende" if swedish else "Reference"
    if "text/html" in environ.get("HTTP_ACCEPT", ""):
        content_type = "text/html; charset=utf-8"
        text = _HTML.format(
            language="sv" if swedish else "en",
            title=html.escape(kind.status),
            sentence=html.escape(sentence, quote=False),
            label=label,
            request_id=request_id,
        )
    else:
        content_type = "text/plain; charset=utf-8"
        text = f"{kind.status}\n\n{sentence}\n\n{label}: {request_id}\n"
    body = text.encode()
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Content-Language", "sv" if swedish else "en"),
    ]
    if failure is Failure.BUSY:
        headers.append(("Retry-After", "1"))
    if failure is Failure.METHOD:
        headers.append(("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"))
    if environ.get("REQUEST_METHOD") == "HEAD":
        body = b""
    return ErrorPage(kind.status, headers, body, request_id)


def prefers_swedish(accept_language: str) -> bool:
    """Whether Swedish stands before English in an ``Accept-Language`` value (by its weights; RFC 9110, 12.5.4)."""
    best = {"sv": 0.0, "en": 0.0}
    for part in accept_language.lower().split(",")[:20]:
        tag, _, parameters = part.partition(";")
        language = tag.strip()[:2]
        if language in best:
            try:
                weight = float(parameters.partition("q=")[2]) if "q=" in parameters else 1.0
            except ValueError:
                weight = 0.0
            best[language] = max(best[language], weight)
    return best["sv"] > 0 and best["sv"] >= best["en"]


_HTML = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="robots" content="noindex">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}}
small{{color:#666}}</style></head>
<body><h1>{title}</h1><p>{sentence}</p><p><small>{label}: {request_id}</small></p></body></html>
"""
