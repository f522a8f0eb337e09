"""File, saved settings, environment and keywords become settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from capi_middleware.settings import Secret, Settings, SettingsError, load

FILE = """\
[meta]
pixel_id = "1111111111"
access_token = "env:TOKEN"

[shop]
currency = "SEK"
exclude = ["/admin/*"]

[[rule]]
event = "Lead"
path = "/tack"

[[site]]
host = ["B.example", "b.test"]
meta = { pixel_id = "2222222222" }

[[site.rule]]
event = "Contact"
path = "/kontakt/tack"

[[site]]
host = "c.example"
shop = { currency = "NOK" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def problems(text: str, tmp_path: Path, **keywords: Any) -> list[str]:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    return [str(problem).removeprefix(f"{path}:") for problem in load(path, environ={}, **keywords).problems]


def test_file(file: Path) -> None:
    loaded = load(file, environ={"TOKEN": "EAA"})
    assert loaded.problems == ()
    assert loaded.settings.meta.access_token == Secret("EAA")
    assert loaded.settings.shop.exclude == ("/admin/*",)
    assert [rule.event for rule in loaded.settings.rules] == ["Lead"]


def test_sites_inherit_and_come_first(file: Path) -> None:
    settings = load(file, environ={"TOKEN": "EAA"}).settings
    b, c = settings.sites
    assert (b.host, b.aliases, b.meta.pixel_id, b.shop.currency) == ("b.example", ("b.test",), "2222222222", "SEK")
    assert b.meta.access_token == Secret("EAA")
    assert [rule.event for rule in b.rules] == ["Contact", "Lead"]
    assert (c.meta.pixel_id, c.shop.currency) == ("1111111111", "NOK")
    assert settings.for_host("b.test") is b and settings.for_host("www.b.test") is b
    assert settings.for_host("other.example") is settings


@pytest.mark.parametrize(
    ("environ", "saved", "keywords", "expected"),
    [
        ({}, {}, {}, "1111111111"),
        ({}, {"meta": {"pixel_id": "3333333333"}}, {}, "3333333333"),
        ({"CAPI_PIXEL_ID": "4444444444"}, {"meta": {"pixel_id": "3333333333"}}, {}, "4444444444"),
        ({"CAPI_PIXEL_ID": "4444444444"}, {}, {"pixel_id": "5555555555"}, "5555555555"),
    ],
    ids=["file", "saved over file", "environment over saved", "keyword over environment"],
)
def test_precedence(file: Path, environ: Any, saved: Any, keywords: Any, expected: str) -> None:
    loaded = load(file, environ={"TOKEN": "x", **environ}, saved=saved, **keywords)
    assert loaded.settings.meta.pixel_id == expected


def test_rules_add_up_in_the_same_order(file: Path) -> None:
    loaded = load(
        file,
        environ={"TOKEN": "x"},
        saved={"rule": [{"event": "Saved"}, {"event": "Last", "order": 5}]},
        rules=[{"event": "Keyword"}],
    )
    assert [rule.event for rule in loaded.settings.rules] == ["Keyword", "Saved", "Lead", "Last"]


def test_a_site_takes_what_was_saved_for_it(file: Path) -> None:
    saved = {"site": [{"host": "b.example", "shop": {"currency": "DKK"}}, {"host": "d.example"}]}
    settings = load(file, environ={"TOKEN": "x"}, saved=saved).settings
    assert [(site.host, site.shop.currency, site.meta.pixel_id) for site in settings.sites] == [
        ("b.example", "DKK", "2222222222"),
        ("c.example", "NOK", "1111111111"),
        ("d.example", "SEK", "1111111111"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[meta\n", "1: TOML: "),
        ('[meta]\npixel_id = "12345"\npixel_id = "6"\n', "3: TOML: "),
        ("[metaa]\n", "1: metaa: is no table of this file. Did you mean meta?"),
        ('pixel_id = "1"\n', "1: pixel_id: stands outside its table. Write it below [meta]."),
        ('[shop]\npixel_id = "1"\n', "2: shop.pixel_id: is no setting. It belongs to [meta]."),
        ("meta = 3\n", "1: meta: is not a table."),
        ('[meta]\npixel_id = "abc"\n', "2: meta.pixel_id: 'abc' is not valid. Write the digits from Events Manager"),
        ('[meta]\naccess_token = "env:NOPE"\n', "2: meta.access_token: the environment variable NOPE is not set."),
        ("[meta]\naccess_token = 3\n", "2: meta.access_token: the value is not valid."),
        ('[consent]\nmode = "impled"\n', "2: consent.mode: 'impled' is not valid. Did you mean implied?"),
        ('[visit]\ntrusted_hops = "two"\n', "2: visit.trusted_hops: 'two' is not valid. Write a number from 0 to"),
        ('[shop]\nexclude = ["admin"]\n', "2: shop.exclude: ['admin'] is not valid. It does not begin with a slash."),
        ('[shop]\ncontent_id = "{skuu}"\n', "2: shop.content_id: '{skuu}' is not valid. Did you mean sku?"),
        ('[shop]\ncontent_id = "sku"\n', "2: shop.content_id: 'sku' is not valid. Write a template"),
        ('[rule]\nevent = "X"\n', "1: rule: is not a list of rules. Write [[rule]]"),
        ('[site]\nhost = "a"\n', "1: site: is not a list of sites. Write [[site]]"),
        ("[[site]]\n", "1: site 1, host: is missing."),
        ('[[site]]\nhost = "https://a.example"\n', "2: site 1, host: 'https://a.example' is no host."),
        ('[[site]]\nhost = "a.se"\n[[site]]\nhost = "A.se"\n', "4: site 2, host: is another site's host too."),
        ('[[site]]\nhost = "a.se"\n[site.server]\nmount = "/x"\n', "3: site 1, server: belongs to the process"),
        ('[[site]]\nhost = "a.se"\n[[site.rule]]\nevent = "AddToCar"\n', "4: site 1, rule 1, event: there is no"),
    ],
)
def test_mistake(text: str, told: str, tmp_path: Path) -> None:
    found = problems(text, tmp_path)
    assert len(found) == 1, found
    assert found[0].startswith(told)


def test_secrets_stay_out_of_problems(tmp_path: Path) -> None:
    found = problems('[meta]\naccess_token = ["EAAsecret"]\npixel_id = "EAAsecret"\n', tmp_path)
    assert len(found) == 2
    assert "EAAsecret" not in "".join(found)


def test_a_missing_file(tmp_path: Path) -> None:
    (problem,) = load(tmp_path / "none.toml", environ={}).problems
    assert "cannot be read" in problem.wrong


def test_a_file_of_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes('[shop]\ncurrency = "SEK" # pås\n'.encode("latin-1"))
    assert "UTF-8" in load(path, environ={}).problems[0].wrong


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "bom.toml"
    path.write_bytes('\ufeff[shop]\ncurrency = "SEK"\n'.encode())
    assert load(path, environ={}).settings.shop.currency == "SEK"


def test_environment_variable_that_is_wrong() -> None:
    (problem,) = load(environ={"CAPI_PIXEL_ID": "abc"}).problems
    assert (problem.file, problem.key) == ("environment", "CAPI_PIXEL_ID")


def test_strict_raises_all(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[meta]\npixel_id = "x"\n[shopp]\n', encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path, environ={}, strict=True)
    assert len(caught.value.problems) == 2


def test_unknown_keyword() -> None:
    with pytest.raises(TypeError, match="Did you mean pixel_id"):
        load(environ={}, pixelid="1")


def test_default_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(environ={}).settings == Settings()
    (tmp_path / "capi.toml").write_text('[shop]\ncurrency = "EUR"\n', encoding="utf-8")
    assert load(environ={}).settings.shop.currency == "EUR"
    other = tmp_path / "other.toml"
    other.write_text('[shop]\ncurrency = "NOK"\n', encoding="utf-8")
    assert load(environ={"CAPI_CONFIG": str(other)}).settings.shop.currency == "NOK"
