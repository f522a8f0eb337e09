"""status, replay, purge, export, worker, test-event: what people type, and what programs read."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

from capi_middleware.cli import main
from capi_middleware.delivery import Outbox
from capi_middleware.settings import SettingsSource
from tests.delivery.make import PIXEL, event
from tests.delivery.sink import Reply, Sink, error

FBP = "fb.1.1700000000000.1"


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sink]:
    made = Sink()
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "CAPI_PIXEL_ID": PIXEL,
        "CAPI_ACCESS_TOKEN": "EAASECRET",
        "CAPI_GRAPH_URL": made.url,
        "CAPI_STATE_DIR": str(tmp_path / "state"),
    }.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


@pytest.fixture
def outbox(sink: Sink) -> Iterator[Outbox]:
    made = Outbox(SettingsSource())
    yield made
    made.close()


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main([*words, "--json"])
    out = capsys.readouterr().out
    assert "EAASECRET" not in out
    return code, json.loads(out)


def test_status_of_nothing(sink: Sink, capsys: pytest.CaptureFixture[str]) -> None:
    code, status = told(capsys, "status")
    assert code == 0 and status["ok"] and status["waiting"] == 0
    assert main(["status"]) == 0
    assert "All is well" in capsys.readouterr().out


def test_status_of_a_dead_token(sink: Sink, outbox: Outbox, capsys: pytest.CaptureFixture[str]) -> None:
    sink.script = lambda events, body: error(190, 463, 401)
    outbox.put(event())
    outbox.flush(1.0)
    end = time.monotonic() + 10
    while not (found := told(capsys, "status"))[0]:
        assert time.monotonic() < end
    code, status = found
    assert code == 1 and status["pixels"][0]["state"] == "paused" and status["waiting"] == 1
    assert main(["status"]) == 1
    out = capsys.readouterr().out
    assert "expired" in out and "EAASECRET" not in out


def test_dead_letters(sink: Sink, outbox: Outbox, capsys: pytest.CaptureFixture[str]) -> None:
    sink.script = lambda events, body: error(100, 2804050)
    outbox.put(event())
    assert outbox.flush(10)
    outbox.close()
    _, status = told(capsys, "status")
    assert status["day"]["dead"] == 1 and "too little is known" in status["dead"][0]["reason"]
    number = status["dead"][0]["number"]
    assert main(["status"]) == 0
    assert str(number) in capsys.readouterr().out
    assert told(capsys, "replay", "1")[0] == 1, "no such number"
    assert told(capsys, "replay", str(number)) == (0, {"replayed": 1, "refused": {}})
    sink.script = None
    assert main(["worker", "--once", "--timeout", "20"]) == 0
    assert len(sink.accepted) == 1
    assert told(capsys, "replay") == (0, {"replayed": 0, "refused": {}})


@pytest.mark.parametrize(("late", "refused"), [("drop", True), ("send", False)])
def test_what_is_too_old_is_not_replayed(
    sink: Sink,
    outbox: Outbox,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    late: str,
    refused: bool,
) -> None:
    """Its browser twin has counted: "wait to be sent again" would be untrue, as it expires at once."""
    sink.script = lambda events, body: error(100, 2804050)
    outbox.put(event(event_time=int(time.time()) - 40 * 3600))
    assert outbox.flush(10)
    outbox.close()
    (tmp_path / "capi.toml").write_text(f'[delivery]\nlate = "{late}"\n', encoding="utf-8")
    number = str(told(capsys, "status")[1]["dead"][0]["number"])
    with time_machine.travel(time.time() + 8 * 3600):
        code, found = told(capsys, "replay", number)
    assert (code, found["replayed"]) == ((1, 0) if refused else (0, 1))
    assert ("too old" in str(found["refused"])) is refused


def test_worker_once_tells_when_something_is_left(sink: Sink, outbox: Outbox) -> None:
    sink.script = lambda events, body: Reply(503)
    outbox.put(event())
    outbox.flush(0.5)
    outbox.close()
    assert main(["worker", "--once", "--timeout", "1"]) == 1


def test_a_visitor(sink: Sink, outbox: Outbox, capsys: pytest.CaptureFixture[str]) -> None:
    made = event()
    outbox.put(made)
    assert outbox.flush(10)
    code, found = told(capsys, "export", "--visitor", FBP)
    assert code == 0 and [each["event_id"] for each in found] == [made.event_id]
    assert found[0]["payload"]["user_data"]["fbp"] == FBP and found[0]["consent"] == "implied"
    assert main(["export", "--visitor", FBP]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert told(capsys, "purge", "--visitor", FBP) == (0, {"purged": 1})
    assert told(capsys, "export", "--visitor", FBP) == (1, [])


def test_purge_names_what(sink: Sink, outbox: Outbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["purge"]) == 2
    assert told(capsys, "purge", "--dead") == (0, {"purged": 0})
    outbox.put(event(event_name="Purchase"))
    outbox.put(event())
    assert outbox.flush(10)
    outbox.close()
    assert told(capsys, "purge", "--dead") == (0, {"purged": 1})
    assert told(capsys, "purge", "--older-than", "1") == (0, {"purged": 0})
    with time_machine.travel(time.time() + 2 * 86400):
        assert told(capsys, "purge", "--older-than", "1") == (0, {"purged": 1})


def test_test_event(sink: Sink, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = told(capsys, "test-event", "--code", "TEST123")
    assert code == 0 and "TEST123" in found["words"] and found["answer"]["events_received"] == 1
    assert sink.bodies[0]["test_event_code"] == "TEST123" and sink.bodies[0]["access_token"] == "EAASECRET"
    assert sink.events[0]["event_id"] == found["event_id"]
    assert main(["test-event", "--code", "TEST123", "--event", "Purchase"]) == 0
    assert "Meta accepted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (error(190, 463, 401, message="Error validating access token EAASECRET"), "expired"),
        (error(100, 33), "no such pixel ID"),
        (Reply(503), "may pass"),
        (Reply(200, b"<html>"), "may pass"),
    ],
    ids=["token", "pixel", "down", "captive portal"],
)
def test_test_event_refused(sink: Sink, capsys: pytest.CaptureFixture[str], reply: Reply, said: str) -> None:
    sink.script = lambda events, body: reply
    code, found = told(capsys, "test-event", "--code", "T")
    assert code == 1 and said in found["words"]


def test_test_event_without_what_it_needs(
    sink: Sink, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["test-event"]) == 2, "without a code it would count"
    assert main(["test-event", "--code", "T", "--pixel", "55555555"]) == 2
    assert main(["test-event", "--code", "T", "--event", "<b>"]) == 2
    monkeypatch.delenv("CAPI_ACCESS_TOKEN")
    assert main(["test-event", "--code", "T"]) == 2
    monkeypatch.delenv("CAPI_PIXEL_ID")
    assert main(["test-event", "--code", "T"]) == 2
    assert sink.batches == []


def test_a_store_that_is_none(sink: Sink, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.sqlite3").write_bytes(b"no database at all, but long enough" * 100)
    code, found = told(capsys, "status")
    assert code == 1 and "error" in found
    assert main(["status"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_store_of_no_known_kind(
    sink: Sink, outbox: Outbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and the password in the address is not; events wait in the journal."""
    monkeypatch.setenv("CAPI_STORE", "postgresql//shop:s3cr3t@db/shop")
    strange = Outbox(SettingsSource())
    strange.put(event())
    end = time.monotonic() + 10
    while not any("CAPI_STORE" in problem for problem in strange.health()["problems"]):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert "s3cr3t" not in repr(SettingsSource().current) + repr(strange.health())
    code, found = told(capsys, "status")
    assert code == 1 and "CAPI_STORE" in found["error"]
    strange.close()
    monkeypatch.delenv("CAPI_STORE")
    outbox.put(event())
    assert outbox.flush(15) and len(sink.accepted) == 2
