"""What a page's Content-Security-Policy leaves us, what it lacks, and (only if asked to) how to add it.

Nothing is ever loosened by default. The sentences of :class:`Row` are those of docs/csp.md and of ``doctor``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlsplit

from .policy import (
    CONNECT,
    FORM,
    FRAME,
    IMG,
    SCRIPT,
    Policy,
    Sources,
    in_force,
    matches,
    parse,
    sources,
    with_nonces,
    without_nonces,
)
from .verdict import Form

META_PIXEL_HOST = "connect.facebook.net"
META_COUNT_ORIGIN = "https://www.facebook.com"

BOOTSTRAP = (
    "(function(d){var s=d.createElement('script');s.async=true;"
    "s.src=location.origin+JSON.parse(d.getElementById('capi-config').textContent).script;"
    "d.head.appendChild(s)})(document)"
)
"""The one inline script that is the same on every page of every shop, so that a policy can name its hash."""

BOOTSTRAP_HASH = f"'sha256-{base64.b64encode(hashlib.sha256(BOOTSTRAP.encode()).digest()).decode()}'"


class Row(Enum):
    """Which case of docs/csp.md a page is."""

    NONE = "The page has no Content-Security-Policy: everything works."
    INLINE = "The policy allows inline code: the base code stands in the page, readable."
    NONCE = "The policy has a nonce: our scripts carry the page's own nonce."
    EXTERNAL = "The policy forbids inline code: a script file from the shop's own address does the work."
    HASH = 'The policy trusts scripts by hash: with csp = "extend" the hash of our one constant script is added to it.'
    NO_SCRIPT = (
        "The policy allows no script from the shop's own address: nothing is put into the page, the server sends its"
        " events alone."
    )
    NO_PIXEL = (
        "The policy keeps Meta's script or its requests out: the server sends its events alone, without a twin from the"
        " browser."
    )
    TRUSTED_TYPES = (
        "The policy requires Trusted Types for scripts, which Meta's script does not use: the server sends its events"
        " alone. No directive can change that."
    )
    SANDBOX = "The policy puts the page into a sandbox without scripts: the server sends its events alone."
    INTEGRITY = (
        "Integrity-Policy demands a fixed hash of every script, and Meta's script changes without notice: the server"
        " sends its events alone."
    )
    IN_MARKUP = (
        "The page has a Content-Security-Policy in a meta element: it stands after our snippet and is not weighed here."
        " If it shuts Meta's script out, the browser's console says so."
    )
    COEP = (
        "Cross-Origin-Embedder-Policy: require-corp lets a script of another site in only if that site says so; if the"
        " pixel stays silent, this is why."
    )


class Site(NamedTuple):
    """What a policy is asked about. ``origin``: the page's scheme, host and port. ``mount``: our path on it."""

    origin: str
    mount: str
    pixel_url: str

    @property
    def count_origin(self) -> str:
        """Where the pixel sends its events: Meta's other host, or where a stand-in of the pixel comes from."""
        parts = urlsplit(self.pixel_url)
        return META_COUNT_ORIGIN if parts.hostname == META_PIXEL_HOST else f"{parts.scheme}://{parts.netloc}"

    @property
    def pixel_origin(self) -> str:
        parts = urlsplit(self.pixel_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def own(self) -> str:
        return f"{self.origin}{self.mount}/"


class Csp(NamedTuple):
    """``form``, ``nonce``: how our scripts may stand in the page. ``script``: whether the served script may run and
    report. ``pixel``: whether Meta's script can load and send. ``rows``: the cases of docs/csp.md that apply.
    ``missing``: (directive, source) pairs that the policy would need for everything to work."""

    form: Form = Form.INLINE
    nonce: str = ""
    script: bool = True
    pixel: bool = True
    rows: tuple[Row, ...] = (Row.NONE,)
    missing: tuple[tuple[str, str], ...] = ()


OPEN = Csp()
_CACHED = 512


class CspReader:
    """Reads policies for one shop; the same policy, whatever its nonce, is worked out once."""

    def __init__(self, mount: str, pixel_url: str, extend: bool = False) -> None:
        self._mount = mount
        self._pixel_url = pixel_url
        self._extend = extend
        self._known: dict[tuple[str, str, str], tuple[Csp, str]] = {}

    def read(self, headers: Mapping[str, str], url: str) -> tuple[Csp, str | None]:
        """``headers``: lower-case names, several of one name joined by ", ". ``url``: the page's address. The second
        value is what the Content-Security-Policy header is to become, None if it stays."""
        if "content-security-policy" not in headers and "integrity-policy" not in headers:
            return OPEN, None
        value = headers.get("content-security-policy", "")
        integrity = headers.get("integrity-policy", "")
        origin = "/".join(url.split("/")[:3])
        template, nonces = without_nonces(value)
        key = (template, integrity, origin)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _CACHED:
                self._known.clear()
            site = Site(origin, self._mount, self._pixel_url)
            known = self._known[key] = _worked_out(template, integrity, site, self._extend)
        csp, changed = known
        if csp.nonce:
            csp = csp._replace(nonce=nonces[int(csp.nonce)])
        return csp, with_nonces(changed, nonces) if changed else None


def _worked_out(value: str, integrity: str, site: Site, extend: bool) -> tuple[Csp, str]:
    policies = parse([value])
    csp = assess(policies, site, integrity)
    if not extend or not csp.missing:
        return csp, ""
    changed = tuple(extended(policy, site) for policy in policies)
    return assess(changed, site, integrity), ", ".join(_written(policy) for policy in changed)


def assess(policies: Sequence[Policy], site: Site, integrity: str = "") -> Csp:
    """What these policies, and an Integrity-Policy header, together leave us."""
    if not policies and "script" not in integrity:
        return OPEN
    if any(_sandboxed(policy) for policy in policies):
        return Csp(Form.NONE, script=False, pixel=False, rows=(Row.SANDBOX,))
    scripts = [policy[name] for policy in policies if (name := in_force(policy, SCRIPT))]
    lists = [sources(listed) for listed in scripts]
    nonce = _common_nonce(lists)
    inline = all(one.inline or nonce in one.nonces for one in lists)
    file_ = all(_lets_file(one, nonce, site) for one in lists)
    trusted = any("'script'" in policy.get("require-trusted-types-for", ()) for policy in policies)
    # The one inline script sets an address, which Trusted Types forbids it.
    hashed = bool(scripts) and not trusted and all(BOOTSTRAP_HASH in listed for listed in scripts)
    connects = all(_lets(policy, CONNECT, f"{site.own}collect", site.origin) for policy in policies)
    blocked = "script" in integrity
    script = (file_ or hashed) and connects and not blocked
    form = Form.INLINE if inline else Form.HASH if hashed else Form.EXTERNAL if script else Form.NONE
    pixel = form is not Form.NONE and not trusted and not blocked and _pixel_works(policies, lists, site)
    rows = _rows(form, nonce, pixel, trusted, blocked)
    return Csp(form, nonce, script, pixel, rows, _missing(policies, site))


def _rows(form: Form, nonce: str, pixel: bool, trusted: bool, blocked: bool) -> tuple[Row, ...]:
    rows = [
        Row.NONCE
        if nonce
        else {Form.INLINE: Row.INLINE, Form.EXTERNAL: Row.EXTERNAL, Form.HASH: Row.HASH, Form.NONE: Row.NO_SCRIPT}[form]
    ]
    if trusted:
        rows.append(Row.TRUSTED_TYPES)
    if blocked:
        rows.append(Row.INTEGRITY)
    if not pixel and not trusted and not blocked:
        rows.append(Row.NO_PIXEL)
    return tuple(rows)


def _sandboxed(policy: Policy) -> bool:
    flags = policy.get("sandbox")
    return flags is not None and not {"allow-scripts", "allow-same-origin"} <= {flag.lower() for flag in flags}


def _common_nonce(lists: Sequence[Sources]) -> str:
    """The nonce that all policies with nonces share; "" if they have none, or none in common."""
    found = [one.nonces for one in lists if one.nonces]
    if not found:
        return ""
    return next((nonce for nonce in found[0] if all(nonce in nonces for nonces in found)), "")


def _lets_file(listed: Sources, nonce: str, site: Site) -> bool:
    """Whether ``<script src>`` of ours may stand in the page."""
    if nonce in listed.nonces:
        return True
    return not listed.strict_dynamic and matches(listed, f"{site.own}x.js", site.origin)


def _lets(policy: Policy, chain: tuple[str, ...], url: str, origin: str) -> bool:
    name = in_force(policy, chain)
    return not name or matches(sources(policy[name]), url, origin)


def _pixel_works(policies: Sequence[Policy], lists: Sequence[Sources], site: Site) -> bool:
    """The pixel's file and its configuration are scripts made by scripts: 'strict-dynamic' trusts them, a nonce does
    not reach the second one."""
    return all(one.strict_dynamic or _lets_pixel(one, site) for one in lists) and all(
        _lets(policy, IMG, f"{site.count_origin}/tr/", site.origin) for policy in policies
    )


def _lets_pixel(listed: Sources, site: Site) -> bool:
    return all(matches(listed, url, site.origin) for url in (site.pixel_url, f"{site.pixel_origin}/signals/config/1"))


def _missing(policies: Sequence[Policy], site: Site) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for policy in policies:
        for name, source in _lacks(policy, site):
            found[name, source] = None
    return tuple(found)


def _lacks(policy: Policy, site: Site) -> list[tuple[str, str]]:
    """What one policy would need, as (directive, source) pairs."""
    found = []
    name = in_force(policy, SCRIPT)
    if name and not _closed(policy[name]):
        listed = sources(policy[name])
        if listed.strict_dynamic:
            if not listed.nonces and BOOTSTRAP_HASH not in policy[name]:
                found.append((_own_name(policy, SCRIPT), BOOTSTRAP_HASH))
        else:
            if not listed.nonces and not matches(listed, f"{site.own}x.js", site.origin):
                found.append((_own_name(policy, SCRIPT), site.own))
            if not _lets_pixel(listed, site):
                found.append((_own_name(policy, SCRIPT), site.pixel_origin))
    if not _lets(policy, IMG, f"{site.count_origin}/tr/", site.origin):
        found.append(("img-src", site.count_origin))
    if not _lets(policy, CONNECT, f"{site.own}collect", site.origin):
        found.append(("connect-src", site.own))
    for chain in (FRAME, FORM):
        if not _lets(policy, chain, f"{site.count_origin}/tr/", site.origin):
            found.append((chain[0], site.count_origin))
    return found


def _own_name(policy: Policy, chain: tuple[str, ...]) -> str:
    name = in_force(policy, chain)
    return "script-src" if name == "default-src" else name


def _closed(listed: Sequence[str]) -> bool:
    """'none' for scripts is a decision, not an oversight: it is never opened."""
    return not listed or (len(listed) == 1 and listed[0].lower() == "'none'")


def extended(policy: Policy, site: Site) -> Policy:
    """The policy with what it lacks: ``csp = "extend"``. Only added to, never otherwise loosened."""
    changed = dict(policy)
    name = in_force(policy, SCRIPT)
    if (name and _closed(policy[name])) or _sandboxed(policy):
        return changed
    for directive, source in _lacks(policy, site):
        chain = next(chain for chain in (SCRIPT, IMG, CONNECT, FRAME, FORM) if directive in chain)
        listed = changed.get(in_force(changed, chain), ())
        changed[directive] = (source,) if _closed(listed) else (*listed, source)
    return changed


def _written(policy: Policy) -> str:
    return "; ".join(" ".join((name, *listed)) for name, listed in policy.items())
