"""Settings that change while the shop runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from capi_middleware.settings import SettingsError, SettingsSource


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAPI_STATE_DIR", str(tmp_path / "state"))
    path = tmp_path / "shop.toml"
    path.write_text('[meta]\npixel_id = "1111111111"\n', encoding="utf-8")
    return path


def write(path: Path, text: str) -> None:
    """Write, and make sure that the time differs whatever the file system's grain."""
    before = path.stat().st_mtime_ns
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before + 10_000_000, before + 10_000_000))


def test_a_changed_file_is_picked_up(file: Path) -> None:
    source = SettingsSource(file)
    assert source.for_host("a.example").meta.pixel_id == "1111111111"
    write(file, '[meta]\npixel_id = "2222222222"\n')
    assert source.poll()
    assert source.current.meta.pixel_id == "2222222222"
    assert source.generation == 2


def test_a_bad_file_leaves_the_last_good_settings(file: Path) -> None:
    source = SettingsSource(file)
    write(file, "[meta\n")
    assert not source.poll()
    assert source.current.meta.pixel_id == "1111111111"
    assert [problem.line for problem in source.problems] == [1]


def test_saved_settings_reach_other_processes_and_win_over_the_file(file: Path, tmp_path: Path) -> None:
    here, there = SettingsSource(file), SettingsSource(file)
    here.save({"meta": {"pixel_id": "3333333333"}})
    assert there.poll()
    assert (here.current.meta.pixel_id, there.current.meta.pixel_id) == ("3333333333", "3333333333")
    saved = next((tmp_path / "state").glob("settings.*"))
    assert saved.stat().st_mode & 0o777 == 0o600


def test_keywords_win_over_what_was_saved(file: Path) -> None:
    source = SettingsSource(file, pixel_id="4444444444")
    source.save({"meta": {"pixel_id": "3333333333"}})
    assert source.current.meta.pixel_id == "4444444444"


def test_a_saved_site_serves_its_host_only(file: Path) -> None:
    source = SettingsSource(file)
    source.save({"meta": {"pixel_id": "5555555555"}}, host="b.example")
    assert source.for_host("b.example").meta.pixel_id == "5555555555"
    assert source.for_host("a.example").meta.pixel_id == "1111111111"


def test_an_edit_sees_the_saved_text_and_replaces_it(file: Path) -> None:
    source = SettingsSource(file)
    source.save({"shop": {"currency": "SEK"}})
    source.edit(lambda text: "# by hand\n" + text)
    assert source.saved_text().startswith("# by hand\n")
    assert source.current.shop.currency == "SEK"
    with pytest.raises(SettingsError):
        source.edit(lambda text: text + "[[rule]]\npath = 1\n")
    assert source.saved_text().startswith("# by hand\n")


def test_paused_is_not_active(file: Path) -> None:
    source = SettingsSource(file)
    assert source.current.active
    source.save({"meta": {"paused": True}})
    assert not source.current.active
