"""Consent tools by what a page's HTML loads; a tool that a tag manager brings shows only in its cookie."""

from __future__ import annotations

from capi_middleware.settings import Settings

from .memory import memory_for

MARKS: dict[str, tuple[bytes, ...]] = {
    "cookiebot": (b"consent.cookiebot.", b"consentcdn.cookiebot.", b"CybotCookiebot"),
    "onetrust": (b"cdn.cookielaw.org", b"otSDKStub", b"cookie-cdn.cookiepro.com", b"OptanonWrapper"),
    "cookieyes": (b"cdn-cookieyes.com", b"cookie-law-info"),
    "complianz": (b"/complianz-gdpr", b"complianz-cmplz", b"cmplz-cookiebanner"),
    "cookieinformation": (b"policy.app.cookieinformation.com", b"policy.cookieinformation.com"),
    "cookietractor": (b"cdn.cookietractor.com", b"cookietractor.com/"),
    "borlabs": (b"/borlabs-cookie", b"borlabsCookieConfig"),
    "vanilla-cookieconsent": (b"cookieconsent.umd.js", b"vanilla-cookieconsent", b"orestbida/cookieconsent"),
    "klaro": (b"/klaro.js", b"klaroConfig", b"klaro-config", b"kiprotect.com/klaro"),
    "tarteaucitron": (b"tarteaucitron",),
    "didomi": (b"sdk.privacy-center.org", b"didomiConfig"),
    "cookiefirst": (b"consent.cookiefirst.com",),
    "iubenda": (b"iubenda.com/cs/", b"_iub.csConfiguration", b"embeds.iubenda.com"),
    "moove": (b"moove_gdpr", b"/gdpr-cookie-compliance/"),
    "trustarc": (b"consent.trustarc.com", b"consent.truste.com"),
    "axeptio": (b"static.axept.io", b"axeptioSettings"),
    "termly": (b"app.termly.io",),
    "usercentrics": (b"usercentrics.eu", b"usercentrics-cmp"),
    "osano": (b"cmp.osano.com",),
    "tcf": (b"cmp.inmobi.com", b"cmp.quantcast.com", b"quantcast.mgr.consensu.org", b"cdn.privacy-mgmt.com"),
    "cookiescript": (b"cdn.cookie-script.com",),
    "pandectes": (b"pandectes",),
    "consentmanager": (b"delivery.consentmanager.net", b"cdn.consentmanager.net"),
    "cookiehub": (b"cookiehub.net", b"cookiehub.eu"),
    "real-cookie-banner": (b"real-cookie-banner",),
}
LONGEST = 65_536
"""Bytes of a page that are looked at: scripts of consent tools stand early, as they must run first."""


def consent_tools_in(html: bytes) -> frozenset[str]:
    """Names of the consent tools that a piece of HTML loads. Linear; about 2 µs a KiB."""
    piece = bytes(html[:LONGEST])
    return frozenset(name for name, marks in MARKS.items() if any(mark in piece for mark in marks))


def scan_due(host: str, settings: Settings) -> bool:
    """Whether a page of this host is worth a look: only until a tool is known, and not where a yes is needed anyway.
    In the modes ``implied`` and ``off`` it is for the admin page, which says that the shop asks and is not heard."""
    return settings.consent.mode != "required" and memory_for(settings).scan_due(host)


def note_page(host: str, html: bytes, settings: Settings, now: float) -> frozenset[str]:
    """Look at a page and remember what it shows; the tools found. From then on ``auto`` means required."""
    found = consent_tools_in(html).difference(settings.consent.ignore_tools)
    if found:
        memory_for(settings).note(host, found, now)
    return found
