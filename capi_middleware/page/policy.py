"""Content Security Policy, read as browsers read it (CSP Level 3): pure values, no opinion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

Policy = Mapping[str, tuple[str, ...]]
"""One policy: directive names (lower case) to their sources as written. The first of two equal directives counts."""

SCRIPT = ("script-src-elem", "script-src", "default-src")
IMG = ("img-src", "default-src")
CONNECT = ("connect-src", "default-src")
FRAME = ("frame-src", "child-src", "default-src")
FORM = ("form-action",)
"""Directives in the order in which a browser looks for the one in force (section 6.8.3)."""

_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]+={0,2})'", re.I)
_HASH = re.compile(r"'sha(?:256|384|512)-[A-Za-z0-9+/_-]+={0,2}'", re.I)
_HOST = re.compile(
    r"(?:([a-z][a-z0-9+.-]*)://)?(\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(?::(\d+|\*))?(/.*)?",
    re.I,
)
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_UPGRADES = {("http", "https"), ("ws", "wss"), ("ws", "http"), ("ws", "https"), ("wss", "https")}


def parse(values: Iterable[str]) -> tuple[Policy, ...]:
    """The policies of several headers, each of which may hold several (section 2.2.2). All of them apply."""
    policies = []
    for value in values:
        for text in value.split(","):
            policy: dict[str, tuple[str, ...]] = {}
            for directive in text.split(";"):
                words = directive.split()
                if words:
                    policy.setdefault(words[0].lower(), tuple(words[1:]))
            if policy:
                policies.append(policy)
    return tuple(policies)


def in_force(policy: Policy, chain: tuple[str, ...]) -> str:
    """The name of the directive that decides, "" if none does."""
    return next((name for name in chain if name in policy), "")


class Sources(NamedTuple):
    """A source list, sorted by kind. ``urls``: everything that is no keyword."""

    urls: tuple[str, ...]
    nonces: tuple[str, ...]
    self_: bool
    unsafe_inline: bool
    strict_dynamic: bool
    hashes: bool

    @property
    def inline(self) -> bool:
        """Whether inline code runs without nonce and hash (section 6.7.3.2)."""
        return self.unsafe_inline and not (self.nonces or self.hashes or self.strict_dynamic)


def sources(listed: Iterable[str]) -> Sources:
    urls, nonces = [], []
    words = set()
    hashes = False
    for source in listed:
        if not source.startswith("'"):
            urls.append(source)
        elif (match := _NONCE.fullmatch(source)) is not None:
            nonces.append(match[1])
        elif _HASH.fullmatch(source):
            hashes = True
        else:
            words.add(source.lower())
    return Sources(
        tuple(urls),
        tuple(nonces),
        "'self'" in words,
        "'unsafe-inline'" in words,
        "'strict-dynamic'" in words,
        hashes,
    )


def without_nonces(value: str) -> tuple[str, list[str]]:
    """A header with its nonces replaced by their numbers, and the nonces: they differ from page to page, the policy
    does not."""
    if "'nonce-" not in value.lower():
        return value, []
    found: dict[str, int] = {}
    template = _NONCE.sub(lambda match: f"'nonce-{found.setdefault(match[1], len(found))}'", value)
    return template, list(found)


def with_nonces(template: str, nonces: list[str]) -> str:
    return _NONCE.sub(lambda match: f"'nonce-{nonces[int(match[1])]}'", template)


def matches(listed: Sources, url: str, origin: str) -> bool:
    """Whether a source list lets ``url`` through on a page of ``origin`` (section 6.7.2.7, no redirects)."""
    return (listed.self_ and _is_self(url, origin)) or any(_matches(one, url, origin) for one in listed.urls)


def _is_self(url: str, origin: str) -> bool:
    there, here = urlsplit(url), urlsplit(origin)
    if there.hostname != here.hostname:
        return False
    same = there.scheme == here.scheme and _port(there) == _port(here)
    return same or ((here.scheme, there.scheme) in _UPGRADES and there.port is None and here.port is None)


def _matches(source: str, url: str, origin: str) -> bool:
    there = urlsplit(url)
    own = urlsplit(origin).scheme
    if source == "*":
        return there.scheme in _PORTS or there.scheme == own
    if source.endswith(":"):
        return _scheme_matches(source[:-1].lower(), there.scheme)
    match = _HOST.fullmatch(source)
    if match is None:
        return False
    scheme, host, port, path = match.groups()
    if not _scheme_matches(scheme.lower() if scheme else own, there.scheme):
        return False
    return (
        _host_matches(host.lower(), there.hostname or "")
        and _port_matches(port, there)
        and _path_matches(path, there.path)
    )


def _scheme_matches(given: str, there: str) -> bool:
    return given == there or (given, there) in _UPGRADES


def _host_matches(given: str, there: str) -> bool:
    if given == "*":
        return True
    if given.startswith("*."):
        return there.endswith(given[1:])
    return given.strip("[]") == there


def _port_matches(given: str | None, there: SplitResult) -> bool:
    port = _port(there)
    if given is None:
        return port == _PORTS.get(there.scheme)
    return given == "*" or int(given) == port or (int(given) == 80 and port == 443)


def _port(parts: SplitResult) -> int | None:
    return parts.port or _PORTS.get(parts.scheme)


def _path_matches(given: str | None, there: str) -> bool:
    if not given or given == "/":
        return True
    path = unquote(given.partition("?")[0].partition("#")[0])
    return unquote(there).startswith(path) if path.endswith("/") else unquote(there) == path
