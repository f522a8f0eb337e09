"""The served script: its name, its bytes, its caching."""

from __future__ import annotations

import gzip

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


def test_own_name_is_immutable() -> None:
    asset = script.asset(Settings())
    status, headers, body = script.respond(asset, asset.path, "", "")
    assert status == "200 OK"
    assert dict(headers)["Cache-Control"] == "public, max-age=31536000, immutable"
    assert body == asset.body


def test_gzip_where_accepted() -> None:
    asset = script.asset(Settings())
    _, headers, body = script.respond(asset, asset.path, "gzip, br", "")
    assert dict(headers)["Content-Encoding"] == "gzip"
    assert dict(headers)["Vary"] == "Accept-Encoding"
    assert body == asset.compressed


def test_known_etag_is_304_without_body() -> None:
    asset = script.asset(Settings())
    status, _, body = script.respond(asset, asset.path, "gzip", asset.etag)
    assert status == "304 Not Modified"
    assert body == b""


def test_old_name_gets_the_new_script_for_five_minutes() -> None:
    asset = script.asset(Settings())
    old = "/_shop/0123456789abcdef.js"
    assert script.is_script(old, "/_shop")
    _, headers, body = script.respond(asset, old, "", "")
    assert dict(headers)["Cache-Control"] == "public, max-age=300"
    assert body == asset.body


def test_other_paths_are_no_scripts() -> None:
    for path in ("/_shop/collect", "/_shop/0123.js", "/0123456789abcdef.js", "/_shop/admin/0123456789abcdef.js"):
        assert not script.is_script(path, "/_shop")
