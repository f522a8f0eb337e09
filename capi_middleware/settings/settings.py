"""The settings of one shop, as values.

Each field is also its own documentation, its environment variable and its rule of validation: the loader, the
JSON schema and ``docs/`` are made from the field metadata. To add a setting, add a field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .condition import PatternError
from .pattern import path_pattern
from .rule import Rule
from .secret import Secret
from .suggest import did_you_mean


def option(
    default: Any,
    doc: str,
    *,
    env: str = "",
    choices: tuple[str, ...] = (),
    pattern: str = "",
    right: str = "",
    low: float | None = None,
    high: float | None = None,
    check: Callable[[str], str] | None = None,
) -> Any:
    """A settings field: its default, a sentence of documentation, where else it is read from, what is valid.

    ``check``: for a text (or each text of a list), what would be right, "" where it is."""
    return field(
        default=default,
        metadata={
            "doc": doc,
            "env": env,
            "choices": choices,
            "pattern": pattern,
            "right": right,
            "low": low,
            "high": high,
            "check": check,
        },
    )


ID_KINDS = ("id", "sku", "product_id", "variant_id", "mpn", "gtin")
"""What a ``content_id`` template may be filled from."""


def _template(text: str) -> str:
    names = re.findall(r"\{([^{}]*)\}", text)
    if not names or "{" in re.sub(r"\{[^{}]*\}", "", text):
        return 'Write a template with one of the ids in braces, as "{sku}" or "shop_{variant_id}".'
    for name in names:
        if name not in ID_KINDS:
            return f"{did_you_mean(name, ID_KINDS)}Known: " + ", ".join(f"{{{kind}}}" for kind in ID_KINDS) + "."
    return ""


def _path_pattern(text: str) -> str:
    try:
        path_pattern(text)
    except PatternError as error:
        return f"It {error.wrong} {error.right}"
    return ""


@dataclass(frozen=True, slots=True)
class MetaSettings:
    """``[meta]``: which dataset (pixel), and how to reach Meta."""

    pixel_id: str = option(
        "",
        "The pixel's (dataset's) ID from Events Manager.",
        env="CAPI_PIXEL_ID",
        pattern=r"\d{5,20}",
        right='Write the digits from Events Manager, as "1234567890".',
    )
    access_token: Secret = option(
        Secret(), "The Conversions API access token; `env:NAME` reads a variable.", env="CAPI_ACCESS_TOKEN"
    )
    app_secret: Secret = option(
        Secret(), "The app's secret, only if the app demands appsecret_proof.", env="CAPI_APP_SECRET"
    )
    test_event_code: str = option(
        "", "Shows events under Test events. They still count: it expires by itself.", env="CAPI_TEST_EVENT_CODE"
    )
    test_event_until: int = option(
        0, "Unix time at which the test code ends; 0: `test_code_hours` after its first use.", low=0, high=1 << 40
    )
    paused: bool = option(False, "Nothing is done: pages pass untouched, what waits is kept and not sent.")
    graph_url: str = option(
        "https://graph.facebook.com",
        "Scheme and host of the Graph API.",
        env="CAPI_GRAPH_URL",
        pattern=r"https?://[^/\s]+/?",
        right='Write scheme and host only, as "https://graph.facebook.com".',
    )
    graph_version: str = option(
        "v25.0",
        "Version of the Graph API.",
        env="CAPI_GRAPH_VERSION",
        pattern=r"v\d+\.\d+",
        right='Write it as "v25.0".',
    )
    pixel_url: str = option(
        "https://connect.facebook.net/en_US/fbevents.js",
        "Where the browser loads the pixel.",
        env="CAPI_PIXEL_URL",
        pattern=r"https?://\S+",
        right='Write the whole address of the script, as "https://…/fbevents.js".',
    )


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """``[shop]``: what the pages alone do not tell."""

    platform: str = option("auto", "A preset's name, `auto`, or `none` for the general rules only.")
    currency: str = option(
        "",
        "For pages that only say `kr` or `$`; never invented.",
        pattern=r"[A-Z]{3}",
        right='Write the three letters of ISO 4217, as "SEK".',
    )
    language: str = option("", "The shop's language, where its pages do not say it.")
    country: str = option(
        "",
        "The shop's country (ISO 3166, two letters): national phone numbers get its code.",
        pattern=r"[A-Z]{2}",
        right='Write two letters, as "SE".',
    )
    vat: str = option(
        "auto",
        "Where pages show a price with and one without value added tax, which of them events tell: `incl`, `excl`, or"
        " `auto`: as the shop's structured data say, else the one with tax.",
        choices=("auto", "incl", "excl"),
    )
    content_id: str = option(
        "{id}",
        "How a content_id is made, to match the catalogue: `{id}` (found by itself), `{sku}`, `{product_id}`,"
        " `{variant_id}`, `{mpn}`, `{gtin}`, with text around it: `shop_{variant_id}`.",
        check=_template,
    )
    exclude: tuple[str, ...] = option(
        (), "Paths on which nothing is done, as patterns: `/admin/*`.", check=_path_pattern
    )
    off: tuple[str, ...] = option(
        (),
        "Rules that are switched off, by name, or events, by theirs: `Contact`, `general: *`, `woocommerce: search`.",
    )


@dataclass(frozen=True, slots=True)
class ConsentSettings:
    """``[consent]``: may we tell Meta?"""

    mode: str = option(
        "auto",
        "`required`, `implied`, `off`, or `auto`: required once a consent tool is seen.",
        choices=("required", "implied", "off", "auto"),
    )
    cookie: str = option("", "Generic rule: the name of the cookie in which your consent tool keeps its answer.")
    cookie_format: str = option(
        "raw", "Generic rule: how that cookie is written.", choices=("raw", "json", "query", "b64json")
    )
    cookie_path: str = option("", "Generic rule: where in it the answer stands, as `purposes.marketing`.")
    cookie_granted: tuple[str, ...] = option(
        ("1", "true", "yes", "allow", "granted"), "Generic rule: the values that mean yes to marketing."
    )
    cookie_denied: tuple[str, ...] = option(
        ("0", "false", "no", "deny", "denied"), "Generic rule: the values that mean no to marketing."
    )
    ignore_tools: tuple[str, ...] = option(
        (),
        "Consent tools whose cookies are left over and do not count any more, as `cookiebot` (names: docs/consent.md).",
        pattern=r"[a-z0-9-]+",
        right='Write tools\' names, as ["cookiebot"].',
    )
    onetrust_group: str = option("C0004", "OneTrust: the group that holds marketing.")
    services: tuple[str, ...] = option(
        ("facebook", "meta", "fbq", "metapixel", "facebookpixel"),
        "What Meta's pixel is called where a tool asks per service (Klaro, Axeptio, Didomi, tarteaucitron, Borlabs).",
    )
    per_service: bool = option(
        False, "Borlabs: only a yes to Meta's own service counts, not one to any service of the marketing group."
    )
    categories: tuple[str, ...] = option(
        ("marketing", "ads", "advertising", "advertisement", "targeting"),
        "Tools whose categories the shop names itself (vanilla-cookieconsent): which of them is marketing.",
    )
    moove_group: str = option(
        "", "Moove GDPR: the group under which the shop files Meta.", choices=("", "thirdparty", "advanced")
    )
    meta_atp_id: int = option(89, "Meta's ID in Google's list of ad technology providers.", low=1, high=65535)
    tcf_without_ac: bool = option(
        False, "Whether TCF purposes alone suffice where there is no additional-consent string."
    )
    gpc: str = option(
        "denied",
        "`Sec-GPC: 1` is a no; `outweighed`: a yes given on this site counts more; `ignore`.",
        choices=("denied", "outweighed", "ignore"),
    )
    do_not_track: bool = option(False, "Whether the old `DNT: 1` header is a no too.")
    us_opt_out: str = option(
        "drop", "What a US opt-out does: nothing is sent, or sent with Limited Data Use.", choices=("drop", "ldu")
    )
    ldu_state: int = option(
        0, "Limited Data Use: Meta's state code (1000 California); 0 lets Meta find out.", low=0, high=1100
    )


@dataclass(frozen=True, slots=True)
class PageSettings:
    """``[page]``: how pages are touched."""

    csp: str = option(
        "respect",
        "`respect` never changes the shop's policy; `extend` adds what the pixel needs.",
        choices=("respect", "extend"),
    )
    carrier: str = option(
        "auto",
        "`auto` goes by the page's caching headers. `collect`: pages are stored by a cache whose rules stand elsewhere"
        " (`proxy_cache_valid`, a CDN's page rules), so no page carries an ID. `inline`: nothing of yours is cached.",
        choices=("auto", "collect", "inline"),
    )
    existing: str = option(
        "adopt", "What to do with a pixel that is already on the page.", choices=("adopt", "replace", "ignore")
    )


@dataclass(frozen=True, slots=True)
class BrowserSettings:
    """``[browser]``: what the page's script does."""

    back_forward: str = option(
        "ignore",
        "A page shown again from the browser's back/forward cache: `ignore`, or `view` for a new PageView.",
        choices=("ignore", "view"),
    )
    routes: bool = option(True, "Whether a route change of a single-page shop is a view of its own.")
    data_layer: str = option(
        "",
        "Name of a `dataLayer` array that each event and its ID is pushed to, for tag managers.",
        pattern=r"[A-Za-z_$][A-Za-z0-9_$]{0,63}",
        right='Write the name of a global variable, as "dataLayer".',
    )
    track: tuple[str, ...] = option(
        (),
        "More event names that pages may send with `capi.track`: custom ones, and standard ones that the rules infer"
        " by themselves (they would count twice). Custom ones of the shop's own pixel are mirrored if they stand here.",
    )
    visitor_rate: int = option(300, "Calls a minute that the pages of one address may make to us.", low=1, high=6000)
    total_rate: int = option(
        6000, "Calls a minute that all pages together may make to one process.", low=10, high=600000
    )


@dataclass(frozen=True, slots=True)
class VisitSettings:
    """``[visit]``: who is asking."""

    trusted_hops: int = option(
        0,
        "How many reverse proxies of your own stand in front (X-Forwarded-For).",
        env="CAPI_TRUSTED_HOPS",
        low=0,
        high=10,
    )
    trusted_proxies: tuple[str, ...] = option(
        (),
        "Networks of your own proxies, as `10.0.0.0/8`: safer than counting hops, and used instead where given.",
        pattern=r"[0-9A-Fa-f.:]+(?:/\d{1,3})?",
        right='Write addresses or networks, as ["10.0.0.0/8", "fd00::/8"].',
    )
    address_headers: tuple[str, ...] = option(
        (),
        "Headers in which your CDN gives the visitor's address, as `CF-Connecting-IPv6`, `CF-Connecting-IP`; only if "
        "nobody can go round the CDN.",
        pattern=r"[A-Za-z][A-Za-z0-9-]*",
        right='Write the names of headers, as ["CF-Connecting-IP"].',
    )
    address_cookie: bool = option(
        False, "Use the IPv6 address that Meta's client library keeps in the cookie `_fbi`, where a page loads it."
    )
    forwarded: bool = option(False, "Read the `Forwarded` header (RFC 7239) of your proxies instead of X-Forwarded-*.")
    frames: str = option(
        "ignore", "Pages opened in an embedded frame: `ignore`, or `count` as views.", choices=("ignore", "count")
    )
    allow_agents: tuple[str, ...] = option(
        (), "Parts of user agents that are never taken for robots: the shop's own tests, as `HeadlessChrome`."
    )
    refuse_agents: tuple[str, ...] = option((), "Parts of user agents that are always taken for robots.")
    ignore_addresses: tuple[str, ...] = option(
        (),
        "Addresses or networks whose visits do not count, as the shop's own office: `198.51.100.7`, `2001:db8::/48`.",
        pattern=r"[0-9A-Fa-f.:]+(?:/\d{1,3})?",
        right='Write addresses or networks, as ["198.51.100.7", "2001:db8::/48"].',
    )
    domain: str = option(
        "",
        "The domain on which `_fbp` and `_fbc` are set, as `example.com`; default: the registrable domain of the host.",
        pattern=r"[A-Za-z0-9.-]+",
        right='Write the domain without scheme, as "example.com".',
    )
    advanced_matching: bool = option(
        False, "Use what visitors type into login, registration, newsletter and checkout forms, hashed at once."
    )
    matching_fields: tuple[str, ...] = option(
        (),
        "Further form fields for advanced matching, as `em=kundens_epost`; `-epost2` never takes that field.",
        pattern=r"(?:em|ph|fn|ln|ge|db|ct|st|zp|country)=\S.*|-\S.*",
        right='Write key=field, as ["em=kundens_epost", "-epost2"]; keys: em ph fn ln ge db ct st zp country.',
    )
    scrub: tuple[str, ...] = option((), "Further query parameters (patterns) whose values never leave, as `medlem_*`.")
    keep: tuple[str, ...] = option((), "Query parameters (patterns) that are kept although their name looks secret.")


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """``[delivery]``: how events travel."""

    late: str = option(
        "drop",
        "Events with a browser twin that are older than 48 h: Meta would count them twice.",
        choices=("drop", "send"),
    )
    deliverer: str = option(
        "auto",
        "`auto`: a thread of the web processes sends; `worker`: only `capi-middleware worker` does.",
        choices=("auto", "worker"),
    )
    sync_seconds: float = option(
        0.1, "How often journals are read into the store: what a power cut may cost at most.", low=0.01, high=5
    )
    connections: int = option(4, "How many requests to Meta may be under way at once.", low=1, high=32)
    test_code_hours: float = option(
        24.0, "After so many hours a test event code is no longer sent.", low=0.1, high=24 * 30
    )
    keep_personal_days: float = option(
        30.0, "Days after which a delivered or dead event's personal data leaves the ledger.", low=0, high=400
    )
    keep_days: float = option(90.0, "Days after which a delivered or dead event leaves the ledger.", low=1, high=400)
    max_disk_mb: int = option(512, "Megabytes that queue and ledger may take.", low=16, high=1 << 20)
    max_journal_mb: int = option(
        256, "Megabytes that the journals in front of the store may take.", low=8, high=1 << 20
    )


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """``[proxy]``: the shop behind the reverse proxy; in ``[[site]]``, one shop of many in one process."""

    upstream: str = option(
        "",
        "Scheme, host and port at which the shop itself answers, for `capi-middleware proxy`.",
        env="CAPI_UPSTREAM",
        pattern=r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?/?",
        right='Write scheme, host and port, as "http://127.0.0.1:8080".',
    )
    host_header: str = option(
        "pass",
        "The Host header that the shop gets: `pass` the visitor's, or `upstream`, the one of its address.",
        choices=("pass", "upstream"),
    )
    links: bool = option(
        True, "Replace the shop's own address in its pages, where it builds links from it, by the visitor's."
    )
    verify: bool = option(True, "Check the certificate of a shop behind https://.")
    ca_file: str = option("", "PEM file of the authority that signed the shop's certificate, if it is a private one.")
    connect_timeout: float = option(5.0, "Seconds to connect to the shop.", low=0.1, high=120)
    answer_timeout: float = option(60.0, "Seconds until the shop's answer begins.", low=0.1, high=3600)
    idle_timeout: float = option(60.0, "Seconds between two pieces of an answer or an upload.", low=0.1, high=86400)
    max_body: int = option(1 << 30, "Largest request body in bytes that is passed on to the shop.", low=0, high=1 << 50)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """``[server]``: of the process rather than of one shop; not allowed inside ``[[site]]``."""

    mount: str = option(
        "/_shop",
        "The path under which our own pages and endpoints live.",
        env="CAPI_MOUNT",
        pattern=r"/[A-Za-z0-9_.~/-]*[A-Za-z0-9_.~-]",
        right='Write a path, as "/_shop".',
    )
    state_dir: str = option(
        "", "Where queue, ledger and saved settings live. Default: the user state folder.", env="CAPI_STATE_DIR"
    )
    store: Secret = option(
        Secret(),
        "`sqlite:///path` (default, in the state folder) or `postgresql://…`, whose password nobody shall read.",
        env="CAPI_STORE",
    )
    admin_password: Secret = option(
        Secret(), "Password of the admin page, instead of one set there.", env="CAPI_ADMIN_PASSWORD"
    )
    metrics_token: Secret = option(
        Secret(),
        "Opens `{mount}/metrics` to whoever bears this token (Prometheus: `authorization`); without one there is none.",
        env="CAPI_METRICS_TOKEN",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything about one shop. ``sites`` is filled on the top level only.

    ``rules`` are checked and in order; ``infer`` compiles them. ``aliases``: more hosts of a site.
    """

    meta: MetaSettings = MetaSettings()
    shop: ShopSettings = ShopSettings()
    consent: ConsentSettings = ConsentSettings()
    page: PageSettings = PageSettings()
    browser: BrowserSettings = BrowserSettings()
    visit: VisitSettings = VisitSettings()
    delivery: DeliverySettings = DeliverySettings()
    proxy: ProxySettings = ProxySettings()
    server: ServerSettings = ServerSettings()
    rules: tuple[Rule, ...] = ()
    host: str = ""
    aliases: tuple[str, ...] = ()
    sites: tuple[Settings, ...] = ()

    @property
    def active(self) -> bool:
        """False: no pixel, or paused, so the shop runs as if unwrapped."""
        return bool(self.meta.pixel_id) and not self.meta.paused

    def for_host(self, host: str) -> Settings:
        """The site of this host (lower case, without port; ``www.`` before it is the same shop unless a site is called
        so), or the settings themselves."""
        for name in (host, host.removeprefix("www.")):
            for site in self.sites:
                if site.host == name or name in site.aliases:
                    return site
        return self
