"""The script that pages load from us: its bytes, prepared once, under a name that follows from them."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from capi_middleware.settings import Settings

_NAME = re.compile(r"/[0-9a-f]{16}\.js")
_SPACE = re.compile(r"""('[^'\n]*'|`[^`]*`)|\s*([=+(){},;:?<>&|!\[\]])\s*|\s+""")


class ScriptAsset(NamedTuple):
    """``path``: absolute, under the mount path. ``etag``: with its quotes. ``body`` is UTF-8 (ASCII in fact)."""

    path: str
    body: bytes
    compressed: bytes
    etag: str


def asset(settings: Settings) -> ScriptAsset:
    """The script for these settings. Same settings and version: same path and bytes, in every process."""
    browser = settings.browser
    options = {"dataLayer": browser.data_layer, "routes": browser.routes, "again": browser.back_forward == "view"}
    return _asset(settings.server.mount, "capi.js", json.dumps(options, separators=(",", ":")))


def adoption(settings: Settings) -> ScriptAsset:
    """The script that is fetched where other code of the page speaks to our pixel ID."""
    return _asset(settings.server.mount, "adopt.js", "")


def is_script(path: str, mount: str) -> bool:
    """Whether ``path`` is the name of a script of ours, of this version or another: a page that a cache has kept
    since before an upgrade still asks for the old name."""
    return path.startswith(mount) and _NAME.fullmatch(path, len(mount)) is not None


def respond(
    asset: ScriptAsset, path: str, accept_encoding: str, if_none_match: str
) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status line, headers and body for a GET. Under an older name the newest script is served, but not for ever."""
    fresh = "public, max-age=31536000, immutable" if path == asset.path else "public, max-age=300"
    headers = [("Cache-Control", fresh), ("ETag", asset.etag), ("Vary", "Accept-Encoding")]
    if asset.etag in if_none_match:
        return "304 Not Modified", headers, b""
    body = asset.body
    if "gzip" in accept_encoding:
        body = asset.compressed
        headers.append(("Content-Encoding", "gzip"))
    headers += [
        ("Content-Type", "text/javascript; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return "200 OK", headers, body


@lru_cache(maxsize=64)
def _asset(mount: str, name: str, options: str) -> ScriptAsset:
    body = _source(name).replace("OPTIONS", options).encode("ascii")
    digest = hashlib.sha256(body).hexdigest()[:16]
    return ScriptAsset(f"{mount}/{digest}.js", body, gzip.compress(body, 9, mtime=0), f'"{digest}"')


def _source(name: str) -> str:
    """A source without comments and needless space, and with ``let`` alone, which compresses better. Not a JavaScript
    parser: the source keeps to what this can do (comments on lines of their own, every statement ended by a semicolon,
    no space beside a sign in a literal pattern), and the tests run what comes out."""
    text = files("capi_middleware.page").joinpath("browser", name).read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    text = "\n".join(line for line in lines if not line.startswith("//"))
    text = _SPACE.sub(lambda found: found[1] or found[2] or " ", text).strip() + "\n"
    return text.replace("const ", "let ")
