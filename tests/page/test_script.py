"""The served script: its name, its bytes, its caching."""

from __future__ import annotations

import gzip
import hashlib
import json
import re

import pytest

from capi_middleware.page import script
from capi_middleware.settings import Settings
from capi_middleware.settings.settings import BrowserSettings, ServerSettings


def test_same_settings_give_the_same_asset() -> None:
    assert script.asset(Settings()) == script.asset(Settings())


def test_other_settings_give_another_name() -> None:
    other = Settings(browser=BrowserSettings(data_layer="dataLayer"))
    assert script.asset(other).path != script.asset(Settings()).path


def test_path_is_neutral_and_under_the_mount() -> None:
    asset = script.asset(Settings(server=ServerSettings(mount="/_x")))
    assert asset.path.startswith("/_x/")
    assert not any(word in asset.path for word in ("capi", "pixel", "track", "event", "facebook", "meta"))


def test_at_most_4_kb_gzipped() -> None:
    everything = BrowserSettings(data_layer="dataLayer", back_forward="view")
    for browser in (BrowserSettings(), everything):
        assert len(script.asset(Settings(browser=browser)).compressed) <= 4096


def test_compressed_is_the_same_script() -> None:
    asset = script.asset(Settings())
    assert gzip.decompress(asset.compressed) == asset.body


def test_options_are_filled_in() -> None:
    asset = script.asset(Settings(browser=BrowserSettings(data_layer="myLayer")))
    assert b"OPTIONS" not in asset.body
    assert b"myLayer" in asset.body


def test_the_options_are_what_the_script_takes_at_its_end() -> None:
    for browser, options in (
        (BrowserSettings(), {"dataLayer": "", "routes": True, "again": False}),
        (
            BrowserSettings(data_layer="myLayer", routes=False, back_forward="view"),
            {"dataLayer": "myLayer", "routes": False, "again": True},
        ),
    ):
        written = json.dumps(options, separators=(",", ":"))
        assert script.asset(Settings(browser=browser)).body.endswith(f"}})(window,document,{written});\n".encode())


def test_the_name_is_that_of_the_bytes() -> None:
    for made, mount in ((script.asset, "/_shop"), (script.adoption, "/_shop"), (script.asset, "/_x")):
        asset = made(Settings(server=ServerSettings(mount=mount)))
        digest = hashlib.sha256(asset.body).hexdigest()[:16]
        assert (asset.path, asset.etag) == (f"{mount}/{digest}.js", f'"{digest}"')


def test_the_script_that_is_fetched_later_is_another() -> None:
    assert b"OPTIONS" not in script.adoption(Settings()).body
    assert script.adoption(Settings()).path != script.asset(Settings()).path


def test_compressed_bytes_are_the_same_in_every_process_and_as_few_as_can_be() -> None:
    asset = script.asset(Settings())
    assert asset.compressed[4:8] == bytes(4), "no time in them"
    assert len(asset.compressed) == len(gzip.compress(asset.body, 9))


@pytest.mark.parametrize("made", [script.asset, script.adoption])
def test_comments_and_needless_space_are_gone(made: object) -> None:
    asset = made(Settings(server=ServerSettings(mount="/_made_here")))  # type: ignore[operator]
    body = asset.body.decode()
    assert not re.search(r"^\s*//|  |\n.|\bconst\b", body), "one line, no comment, no indentation"
    assert body.startswith("((w,d,") and body.endswith("\n")
    assert re.search(r"[a-z] [a-z]", body), "words stay apart"
    assert re.search(r"'(capi-config|use strict)'", body), "texts stay"


def test_own_name_is_immutable() -> None:
    asset = script.asset(Settings())
    assert script.respond(asset, asset.path, "", "") == (
        "200 OK",
        [
            ("Cache-Control", "public, max-age=31536000, immutable"),
            ("ETag", asset.etag),
            ("Vary", "Accept-Encoding"),
            ("Content-Type", "text/javascript; charset=utf-8"),
            ("Content-Length", str(len(asset.body))),
            ("X-Content-Type-Options", "nosniff"),
        ],
        asset.body,
    )


def test_gzip_where_accepted() -> None:
    asset = script.asset(Settings())
    assert script.respond(asset, asset.path, "gzip, br", '"other"') == (
        "200 OK",
        [
            ("Cache-Control", "public, max-age=31536000, immutable"),
            ("ETag", asset.etag),
            ("Vary", "Accept-Encoding"),
            ("Content-Encoding", "gzip"),
            ("Content-Type", "text/javascript; charset=utf-8"),
            ("Content-Length", str(len(asset.compressed))),
            ("X-Content-Type-Options", "nosniff"),
        ],
        asset.compressed,
    )


def test_known_etag_is_304_without_body() -> None:
    asset = script.asset(Settings())
    assert script.respond(asset, asset.path, "gzip", f'"other", {asset.etag}') == (
        "304 Not Modified",
        [
            ("Cache-Control", "public, max-age=31536000, immutable"),
            ("ETag", asset.etag),
            ("Vary", "Accept-Encoding"),
        ],
        b"",
    )


def test_old_name_gets_the_new_script_for_five_minutes() -> None:
    asset = script.asset(Settings())
    old = "/_shop/0123456789abcdef.js"
    assert script.is_script(old, "/_shop")
    _, headers, body = script.respond(asset, old, "", "")
    assert dict(headers)["Cache-Control"] == "public, max-age=300"
    assert body == asset.body


def test_other_paths_are_no_scripts() -> None:
    for path in (
        "/_shop/collect",
        "/_shop/0123.js",
        "/0123456789abcdef.js",
        "/_shop/admin/0123456789abcdef.js",
        "/shops/0123456789abcdef.js",
    ):
        assert not script.is_script(path, "/_shop")
