"""Settings that change while the shop runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from capi_middleware.settings import SettingsError, SettingsSource

ONE = '[meta]\npixel_id = "1111111111"\n'
TWO = '[meta]\npixel_id = "2222222222"\n'


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAPI_STATE_DIR", str(tmp_path / "state"))
    path = tmp_path / "shop.toml"
    path.write_text(ONE, encoding="utf-8")
    return path


def write(path: Path, text: str) -> None:
    """Write, and make sure that the time differs whatever the file system's grain."""
    before = path.stat().st_mtime_ns
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before + 10_000_000, before + 10_000_000))


def test_a_changed_file_is_picked_up(file: Path) -> None:
    source = SettingsSource(file)
    version = source.version
    assert source.for_host("a.example").meta.pixel_id == "1111111111"
    write(file, TWO)
    assert source.poll()
    assert source.current.meta.pixel_id == "2222222222"
    assert source.generation == 2
    assert source.version != version
    assert not source.poll()


def test_a_request_notices_and_does_not_wait(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capi_middleware.settings.source.POLL", 0.0)
    source = SettingsSource(file)
    told: list[tuple[str, str]] = []
    source.subscribe(lambda settings: told.append((settings.meta.pixel_id, threading.current_thread().name)))
    write(file, TWO)
    deadline = time.monotonic() + 10
    while source.for_host("a.example").meta.pixel_id != "2222222222" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert source.current.meta.pixel_id == "2222222222"
    assert told == [("2222222222", "capi-settings")]


def test_a_server_without_time_for_threads_picks_it_up_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capi_middleware.settings.source.POLL", 0.0)
    monkeypatch.setattr("capi_middleware.settings.source._PATIENCE", -1.0)
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    source = SettingsSource(file)
    write(file, TWO)
    source.for_host("a.example")
    assert source.for_host("a.example").meta.pixel_id == "2222222222"


@pytest.mark.parametrize(
    "bad", ["[meta\n", '[meta]\npixel_id = "x"\n', TWO + '[[rule]]\nevent = "AddToCar"\n'], ids=["toml", "key", "rule"]
)
def test_a_bad_file_leaves_the_last_good_settings(file: Path, bad: str, caplog: pytest.LogCaptureFixture) -> None:
    source = SettingsSource(file)
    write(file, bad)
    assert not source.poll()
    assert source.current.meta.pixel_id == "1111111111"
    assert [problem.file for problem in source.problems] == [str(file)]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "last good version stays in force" in caplog.text
    write(file, TWO)
    assert source.poll()
    assert source.problems == ()


def test_the_last_good_rules_outlive_a_restart(file: Path) -> None:
    write(file, ONE + '[[rule]]\nevent = "Lead"\npath = "/tack"\n')
    SettingsSource(file)
    write(file, '[[rule]]\nevent = "AddToCar"\n')
    source = SettingsSource(file)
    assert source.current.meta.pixel_id == "1111111111"
    assert [(rule.event, rule.file) for rule in source.current.rules] == [("Lead", str(file))]
    assert [problem.key for problem in source.problems] == ["rule[0].event"]


def test_a_bad_file_at_the_very_first_start_gives_what_is_right_in_it(file: Path) -> None:
    write(file, ONE + '[[rule]]\nevent = "AddToCar"\n')
    source = SettingsSource(file)
    assert source.current.meta.pixel_id == "1111111111"
    assert source.current.rules == ()
    assert len(source.problems) == 1


def test_saved_settings_reach_other_processes_and_win_over_the_file(file: Path) -> None:
    here = SettingsSource(file)
    script = (
        "from capi_middleware.settings import SettingsSource; import sys\n"
        "SettingsSource(sys.argv[1]).save({'meta': {'pixel_id': '3333333333', 'access_token': 'EAAsecret'}})"
    )
    subprocess.run([sys.executable, "-c", script, str(file)], check=True)
    assert here.poll()
    assert here.current.meta.pixel_id == "3333333333"
    assert here.saved_path.stat().st_mode & 0o777 == 0o600
    assert here.version == SettingsSource(file).version


def test_saving_while_the_file_is_bad_works_on_its_last_good_version(file: Path) -> None:
    write(file, ONE + '[shop]\ncurrency = "SEK"\n')
    source = SettingsSource(file)
    write(file, "[meta\n")
    source.poll()
    source.save({"meta": {"pixel_id": "3333333333"}})
    assert (source.current.meta.pixel_id, source.current.shop.currency) == ("3333333333", "SEK")
    assert source.problems


def test_keywords_win_over_what_was_saved(file: Path) -> None:
    source = SettingsSource(file, pixel_id="4444444444")
    source.save({"meta": {"pixel_id": "3333333333"}})
    assert source.current.meta.pixel_id == "4444444444"


def test_a_saved_site_serves_its_host_only(file: Path) -> None:
    source = SettingsSource(file)
    source.save({"meta": {"pixel_id": "5555555555"}}, host="b.example")
    assert source.for_host("b.example").meta.pixel_id == "5555555555"
    assert source.for_host("www.b.example").meta.pixel_id == "5555555555"
    assert source.for_host("a.example").meta.pixel_id == "1111111111"


def test_a_site_that_is_called_www_is_one_of_its_own(file: Path) -> None:
    sites = ("b.example", "www.b.example", "www.c.example")
    write(file, ONE + "".join(f'[[site]]\nhost = "{host}"\n' for host in sites))
    source = SettingsSource(file)
    for host, site in (
        *zip(sites, sites, strict=True),
        ("www.www.c.example", "www.c.example"),
        ("c.example", ""),
        ("www.d.example", ""),
    ):
        assert source.for_host(host).host == source.current.for_host(host).host == site


def test_saving_again_changes_only_what_is_given(file: Path) -> None:
    source = SettingsSource(file)
    source.save({"meta": {"pixel_id": "3333333333", "test_event_code": "TEST1"}})
    source.save(
        {"meta": {"test_event_code": None}, "rule": [{"event": "Lead", "path": "/tack", "when": {"status": 200}}]}
    )
    assert source.current.meta.pixel_id == "3333333333"
    assert source.current.meta.test_event_code == ""
    assert [rule.event for rule in source.current.rules] == ["Lead"]
    source.save({"rule": None})
    assert source.current.rules == ()


def test_comments_in_what_was_saved_stay(file: Path) -> None:
    source = SettingsSource(file)
    source.edit(lambda before: '# ours\n[meta] # ids\npixel_id = "3333333333" # the old one\n')
    source.save({"meta": {"pixel_id": "6666666666"}, "shop": {"currency": "SEK"}})
    text = source.saved_text()
    assert "# ours" in text and "# ids" in text
    assert source.current.meta.pixel_id == "6666666666"


@pytest.mark.parametrize(
    "tables", [{"meta": {"pixel_id": "x"}}, {"rule": [{"event": "AddToCar"}]}, {"shopp": {"a": 1}}]
)
def test_what_is_wrong_is_not_saved(file: Path, tables: dict[str, object]) -> None:
    source = SettingsSource(file)
    source.save({"meta": {"pixel_id": "3333333333"}})
    with pytest.raises(SettingsError):
        source.save(tables)
    assert source.current.meta.pixel_id == "3333333333"
    assert "3333333333" in source.saved_text()


def test_savers_in_many_processes_lose_nothing(file: Path) -> None:
    script = (
        "from capi_middleware.settings import SettingsSource; import sys\n"
        "source = SettingsSource(sys.argv[1])\n"
        "for number in range(5):\n"
        "    source.save({'shop': {'currency': 'SEK'}}, host=f'{sys.argv[2]}-{number}.example')"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(file), name]) for name in ("a", "b", "c")]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(SettingsSource(file).current.sites) == 15


def test_unchanged_sites_stay_the_same_objects(file: Path) -> None:
    sites = "".join(f'[[site]]\nhost = "{name}.example"\n[[site.rule]]\nevent = "Lead"\n' for name in "ab")
    write(file, ONE + sites)
    source = SettingsSource(file)
    before = source.for_host("a.example"), source.for_host("b.example")
    write(file, ONE + sites + '[site.shop]\ncurrency = "SEK"\n')
    assert source.poll()
    assert source.for_host("a.example") is before[0], "its rules need not be compiled again"
    assert source.for_host("b.example") is not before[1]


def test_thousands_of_hosts(file: Path) -> None:
    sites = (f'[[site]]\nhost = "shop{n}.example"\nmeta = {{ pixel_id = "{10**9 + n}" }}\n' for n in range(3000))
    write(file, ONE + "".join(sites))
    source = SettingsSource(file)
    assert source.for_host("shop2999.example").meta.pixel_id == str(10**9 + 2999)


def test_a_state_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("CAPI_STATE_DIR", str(blocked / "state"))
    path = tmp_path / "shop.toml"
    path.write_text(ONE, encoding="utf-8")
    source = SettingsSource(path)
    assert source.current.meta.pixel_id == "1111111111"
    with pytest.raises(OSError):
        source.save({"meta": {"pixel_id": "3333333333"}})


def test_a_forked_child_picks_changes_up(file: Path) -> None:
    source = SettingsSource(file)
    with source._lock:  # as if a thread of the parent were reading at that very moment
        child = os.fork()
        if child == 0:
            try:
                write(file, TWO)
                os._exit(0 if source.poll() and source.current.meta.pixel_id == "2222222222" else 1)
            except BaseException:
                os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


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
