"""The room's face: events in without waiting, and out to Meta."""

from __future__ import annotations

import os
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any

import pytest

from capi_middleware.delivery import Evidence, Filter, Ledger, Outbox, State
from capi_middleware.delivery import outbox as module
from capi_middleware.delivery import runner as runner_module
from capi_middleware.delivery.places import on_network, open_store
from capi_middleware.delivery.segment import MAX_RECORD
from capi_middleware.events import Visitor
from tests.delivery.make import PIXEL, Source, event
from tests.delivery.sink import Reply, Sink, error


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


@pytest.fixture
def make(sink: Sink, tmp_path: Path) -> Iterator[Callable[..., Outbox]]:
    made: list[Outbox] = []

    def outbox(**delivery: Any) -> Outbox:
        made.append(Outbox(Source(sink.url, tmp_path / "state", **delivery)))
        return made[-1]

    yield outbox
    for each in made:
        each.close()


def ledger(outbox: Outbox) -> Ledger:
    return Ledger(outbox._source)


def wait(until: Callable[[], object], timeout: float = 10.0) -> None:
    end = time.monotonic() + timeout
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_event_arrives_and_is_paired(make: Callable[..., Outbox], sink: Sink) -> None:
    outbox = make()
    entries = ledger(outbox)
    assert entries.recent() == [] and entries.size() == 0 and entries.pixels() == []
    made = event()
    outbox.put(made)
    outbox.report(PIXEL, made.event_id, "PageView", "script")
    outbox.report(PIXEL, made.event_id, "PageView", "loaded")
    outbox.report(PIXEL, made.event_id, "PageView", "handed")
    outbox.report(PIXEL, made.event_id, "PageView", "no such word")
    assert outbox.flush(10)
    assert sink.accepted == [made.event_id]
    assert sink.bodies[0]["access_token"] == "TOKEN"
    (entry,) = entries.recent(Filter(legs="both"))
    assert entry.state is State.DELIVERED and entry.paired
    assert entry.evidence == Evidence.SCRIPT | Evidence.LOADED | Evidence.HANDED
    record = entries.find(PIXEL, "PageView", made.event_id)
    assert record is not None and record.payload["event_source_url"] == made.event_source_url
    (hour,) = [hour for hour in entries.hours() if hour.counts]
    assert hour.counts["paired"] == hour.counts["delivered"] == hour.counts["made"] == 1
    assert len("".join(entries.csv()).splitlines()) == 2
    assert [record.entry.event_id for record in entries.visitor(made.visitor.fbp)] == [made.event_id]
    entries.close()


def test_nothing_before_the_first_event(make: Callable[..., Outbox], tmp_path: Path) -> None:
    threads = threading.active_count()
    outbox = make()
    assert outbox.flush(0) and outbox.health()["ok"]
    outbox.forget("")
    outbox.report(PIXEL, "id", "PageView", "nonsense")
    assert threading.active_count() == threads and not (tmp_path / "state").exists()


class Colour(StrEnum):
    RED = "red"


class Odd:
    def __str__(self) -> str:
        return "odd"


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        (MappingProxyType({"a": 1}), {"a": 1}),
        ({"value": Decimal("9.50"), "currency": "SEK"}, {"value": 9.5, "currency": "SEK"}),
        ({"a": Colour.RED}, {"a": "red"}),
        ({"a": {1}}, {"a": [1]}),
        ({"a": (1, "x", None, True)}, {"a": [1, "x", None, True]}),
        ({"a": Odd()}, {"a": "odd"}),
        ({1: "x"}, {"1": "x"}),
    ],
    ids=["mapping", "decimal", "enumeration", "set", "tuple", "object", "number as key"],
)
def test_odd_data_is_made_plain(make: Callable[..., Outbox], sink: Sink, data: Any, stored: Any) -> None:
    outbox = make()
    outbox.put(event(custom_data=data))
    assert outbox.flush(10)
    assert sink.events[0]["custom_data"] == stored


def test_data_that_is_no_json_is_a_dead_letter(make: Callable[..., Outbox], sink: Sink) -> None:
    outbox = make()
    outbox.put(event(custom_data={"a": float("nan")}))
    outbox.put(event())
    assert outbox.flush(10)
    (dead,) = ledger(outbox).recent(Filter(state=State.DEAD))
    assert "JSON" in dead.reason and len(sink.accepted) == 1


def test_what_cannot_be_stored_is_counted(make: Callable[..., Outbox]) -> None:
    class Bad:
        def __str__(self) -> str:
            raise RuntimeError

    outbox = make()
    outbox.put(event(custom_data={"a": Bad()}))
    outbox.put(event(custom_data={"a": "x" * MAX_RECORD}))
    assert outbox.health()["lost"] == {"not-storable": 1, "too-large": 1}
    outbox.put(event())
    wait(lambda: ledger(outbox).totals().get("lost:too-large") == 1)


def test_health(make: Callable[..., Outbox], sink: Sink) -> None:
    outbox = make()
    outbox.put(event())
    assert outbox.flush(10)
    health = outbox.health()
    assert (health["ok"], health["promise"], health["paused"], health["lost"]) == (True, "disk", {}, {})
    sink.script = lambda events, body: error(190, 463, 401)
    outbox.put(event())
    wait(lambda: outbox.health()["paused"])
    health = outbox.health()
    assert not health["ok"] and "expired" in health["paused"][PIXEL] and health["waiting"] == 1
    assert health["oldest"] >= 0
    assert "TOKEN" not in repr(health)


def test_flush_tells_when_it_could_not(make: Callable[..., Outbox], sink: Sink) -> None:
    sink.script = lambda events, body: Reply(500)
    outbox = make()
    outbox.put(event())
    assert outbox.flush(0.5) is False
    sink.script = None
    assert outbox.flush(15)


def test_close_keeps_what_is_unsent_for_the_next(make: Callable[..., Outbox], sink: Sink) -> None:
    sink.script = lambda events, body: Reply(500)
    outbox = make()
    made = event()
    outbox.put(made)
    outbox.close()
    outbox.close()
    sink.script = None
    again = make()
    again.put(event())
    assert again.flush(15)
    assert made.event_id in sink.accepted


def test_put_after_close_begins_anew(make: Callable[..., Outbox], sink: Sink) -> None:
    outbox = make()
    outbox.put(event())
    outbox.close()
    made = event()
    outbox.put(made)
    assert outbox.flush(10) and made.event_id in sink.accepted


def test_two_outboxes_of_one_process_share_a_folder(make: Callable[..., Outbox], sink: Sink) -> None:
    one, two = make(), make()
    made = [event() for _ in range(10)]
    for index, each in enumerate(made):
        (one, two)[index % 2].put(each)
    assert one.flush(10) and two.flush(10)
    assert sorted(sink.accepted) == sorted(each.event_id for each in made)


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Short turns. How often a store was opened, so far."""
    opened = [0]

    def counted(*words: Any) -> Any:
        opened[0] += 1
        return open_store(*words)

    monkeypatch.setattr(runner_module, "_YIELD_AFTER", 0.2)
    monkeypatch.setattr(runner_module, "_GIVE_WAY", 1.5)  # others ask for the lock every second
    monkeypatch.setattr(runner_module, "open_store", counted)
    return opened


def test_two_shops_that_share_a_folder_take_turns(turns: list[int], sink: Sink, tmp_path: Path) -> None:
    pixels = ("111111", "222222")
    shops = [Outbox(Source(sink.url, tmp_path / "state", pixel, f"TOKEN{pixel}")) for pixel in pixels]
    made = [event(pixel_id=shop._source.current.meta.pixel_id) for shop in shops for _ in range(3)]
    for n, each in enumerate(made):
        shops[n // 3].put(each)
    wait(lambda: len(sink.accepted) == 6)
    assert {body["access_token"] for body in sink.bodies} == {"TOKEN111111", "TOKEN222222"}
    for shop in shops:
        shop.close()


def test_a_pixel_of_before_keeps_the_shop_s_events_moving(
    turns: list[int], make: Callable[..., Outbox], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events wait for a Pixel ID that was mistyped at first: nobody else is there to send them, so giving way to
    another process every few seconds, for days, would only hold up the others."""
    monkeypatch.setattr(runner_module, "_GIVE_WAY", 0.2)
    outbox = make()
    outbox.put(event(pixel_id="999999"))
    time.sleep(4)
    assert turns[0] <= 5
    outbox.put(event())
    wait(lambda: len(sink.accepted) == 1)


def test_withdrawal_deletes_what_is_unsent(make: Callable[..., Outbox], sink: Sink) -> None:
    sink.script = lambda events, body: Reply(500)
    outbox = make()
    gone = event()
    stays = event(visitor=Visitor("203.0.113.7", "Mozilla/5.0", "fb.1.1.2"))
    outbox.put(gone)
    outbox.put(stays)
    wait(lambda: ledger(outbox).size() == 2)
    outbox.forget(gone.visitor.fbp)
    wait(lambda: ledger(outbox).size() == 1)
    sink.script = None
    later = event()
    outbox.put(later)
    assert outbox.flush(15)
    assert sorted(sink.accepted) == sorted([stays.event_id, later.event_id]), "a later consent counts again"


def test_withdrawal_in_the_same_moment_as_the_event(make: Callable[..., Outbox], sink: Sink) -> None:
    outbox = make()
    gone = event()
    outbox.put(gone)
    outbox.forget(gone.visitor.fbp)
    assert outbox.flush(10)
    assert sink.accepted == []


def test_a_suspects_event_waits_for_its_browser(make: Callable[..., Outbox], sink: Sink) -> None:
    outbox = make()
    person, robot = event(hold=True), event(hold=True)
    outbox.put(person)
    outbox.put(robot)
    outbox.put(event())
    assert outbox.flush(10) and len(sink.accepted) == 1
    outbox.report(PIXEL, person.event_id, "PageView", "script")
    wait(lambda: person.event_id in sink.accepted)
    assert robot.event_id not in sink.accepted
    assert [entry.event_id for entry in ledger(outbox).recent(Filter(state=State.HELD))] == [robot.event_id]


def test_a_thread_that_comes_second_leaves_the_first_one_s_journal_alone(
    make: Callable[..., Outbox], sink: Sink
) -> None:
    """Two threads bring a process' first events: one sees that nothing has begun, and goes on once the other has."""
    outbox = make()
    began, go_on = threading.Event(), threading.Event()

    def hold(frame: FrameType, what: str, _: object) -> None:
        if what == "call" and frame.f_code is Outbox._begin.__code__:
            began.set()
            assert go_on.wait(20)

    made = [event(), event()]

    def second() -> None:
        sys.settrace(hold)
        try:
            outbox.put(made[1])
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=second)
    thread.start()
    assert began.wait(20)
    outbox.put(made[0])
    state = outbox._state
    assert state is not None
    go_on.set()
    thread.join()
    assert outbox._state is state and state.journal.open
    assert outbox.flush(10)
    assert sorted(sink.accepted) == sorted(each.event_id for each in made)
    assert len(list((Path(outbox._source.current.server.state_dir) / "journal").iterdir())) == 1


def test_a_forked_child_has_its_own(make: Callable[..., Outbox], sink: Sink) -> None:
    outbox = make()
    before = event()
    outbox.put(before)
    assert outbox.flush(10)
    of_the_child = event()
    child = os.fork()
    if child == 0:
        outbox.put(of_the_child)
        os._exit(0)
    os.waitpid(child, 0)
    after = event()
    outbox.put(after)
    wait(lambda: len(sink.accepted) == 3)
    assert sorted(sink.accepted) == sorted(each.event_id for each in (before, of_the_child, after))


def test_a_fork_while_a_lock_is_held(make: Callable[..., Outbox], sink: Sink) -> None:
    """Another thread is in the middle of appending: the child does not wait for it for ever."""
    outbox = make()
    outbox.put(event())
    assert outbox._state is not None
    lock = outbox._state.journal._lock
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            go_on.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    made = event()
    child = os.fork()
    if child == 0:
        outbox.put(made)
        os._exit(0)
    end = time.monotonic() + 10
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        assert time.monotonic() < end, "the child hangs"
        time.sleep(0.02)
    go_on.set()
    thread.join()
    wait(lambda: made.event_id in sink.accepted)


def test_closing_is_quick(make: Callable[..., Outbox]) -> None:
    """Of a process that does not deliver: nothing is waited for."""
    leader, other = make(), make()
    leader.put(event())
    assert leader.flush(10)
    other.put(event())
    time.sleep(0.1)
    start = time.monotonic()
    other.close()
    assert time.monotonic() - start < 2.5


def test_a_fork_without_hooks_is_noticed(
    make: Callable[..., Outbox], sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uWSGI forks in C: Python's fork hooks do not run."""
    outbox = make()
    outbox.put(event())
    assert outbox.flush(10)
    mine = outbox._state
    assert mine is not None
    mine.pid = 1
    outbox._started.clear()
    monkeypatch.setattr(mine, "abandon", lambda: None)
    outbox.put(event())
    assert outbox._state is not mine and outbox._state is not None and outbox._state.pid == os.getpid()
    wait(lambda: len(sink.accepted) == 2)
    mine.pid = os.getpid()
    mine.close(2.0)


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ({}, True),
        ({b"http": b":80"}, False),
        ({"http": ":80"}, False),
        ({b"enable-threads": True}, True),
        ({b"threads": b"4"}, True),
        ({"gevent": "100"}, True),
    ],
    ids=str,
)
def test_uwsgi(
    make: Callable[..., Outbox],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    options: dict[Any, Any],
    runs: bool,
) -> None:
    monkeypatch.setitem(sys.modules, "uwsgi", types.SimpleNamespace(opt=options))
    outbox = make()
    for _ in range(3):
        outbox.put(event())
    assert outbox.flush(10 if runs else 0.3) is runs
    assert caplog.text.count("--enable-threads") == (0 if runs else 1), "once, with the exact flag"
    assert bool(outbox.health()["problems"]) is not runs


def test_no_thread_can_be_started(make: Callable[..., Outbox], sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """At interpreter shutdown: the event is on disk, and the next process delivers it."""

    def refuse(*_: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(module, "start_thread", refuse)
    outbox = make()
    made = event()
    outbox.put(made)
    assert outbox.flush(0.1) is False and outbox.health()["problems"]
    outbox.close()
    monkeypatch.undo()
    again = make()
    again.put(event())
    assert again.flush(10) and made.event_id in sink.accepted


def test_web_processes_do_not_deliver_where_a_worker_shall(make: Callable[..., Outbox], sink: Sink) -> None:
    outbox = make(deliverer="worker")
    outbox.put(event())
    assert outbox.flush(1.0) is False
    assert sink.batches == []


@pytest.mark.parametrize(
    ("kind", "found"), [("ext4", ""), ("nfs4", "nfs4"), ("cifs", "cifs"), ("fuse.sshfs", "fuse.sshfs"), ("tmpfs", "")]
)
def test_network_file_systems(tmp_path: Path, kind: str, found: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x /srv/shop {kind} rw 0 0\n/dev/sdb /srv/shop2 nfs rw 0 0\n")
    assert on_network(Path("/srv/shop/state"), mounts) == found
    assert on_network(Path("/home"), mounts) == ""
    assert on_network(Path("/srv/shop2"), mounts) == "nfs"
    assert on_network(Path("/x"), tmp_path / "none") == ""


def test_on_a_network_file_system_memory_is_used(
    make: Callable[..., Outbox], sink: Sink, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "on_network", lambda folder: "nfs4")
    outbox = make()
    outbox.put(event())
    wait(lambda: len(sink.accepted) == 1)
    health = outbox.health()
    assert health["promise"] == "memory" and "nfs4" in str(health["problems"])
    assert not (tmp_path / "state").exists()


def test_files_are_the_users_alone(make: Callable[..., Outbox], tmp_path: Path) -> None:
    outbox = make()
    outbox.put(event())
    assert outbox.flush(10)
    time.sleep(0.3)
    for path in [tmp_path / "state", *(tmp_path / "state").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
