"""What people ask of a deliverer that runs in another process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capi_middleware.delivery import OrderDesk, Outbox, StoreError
from capi_middleware.delivery.orders import carry_out, place
from capi_middleware.delivery.worker import Worker
from capi_middleware.events import Visitor
from tests.delivery.make import Source, event
from tests.delivery.sink import Sink


class Deliverer:
    """Obeys everything, and remembers what."""

    def __init__(self) -> None:
        self.obeyed: list[dict[str, Any]] = []

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        self.obeyed.append(order)
        return {"done": len(self.obeyed)}


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


def orders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("order-*"))


def test_the_process_that_delivers_carries_it_out(tmp_path: Path, sink: Sink) -> None:
    source = Source(sink.url, tmp_path)
    outbox = Outbox(source)
    outbox.put(event())
    assert outbox.flush(10)
    assert OrderDesk(source).purge(before=time.time() + 60) == 1
    assert orders(tmp_path) == []
    outbox.close()
    assert OrderDesk(source).purge(before=time.time() + 60) == 0, "without one, whoever asks does it"


def test_a_visitor_is_erased_from_what_nobody_has_read_yet(tmp_path: Path, sink: Sink) -> None:
    """Where web processes do not deliver, events lie in journals until a worker comes."""
    source = Source(sink.url, tmp_path, deliverer="worker")
    web = Outbox(source)
    gone, stays = event(), event(visitor=Visitor("203.0.113.7", "Mozilla/5.0", "fb.1.1.2"))
    web.put(gone)
    web.put(stays)
    web.close()
    assert OrderDesk(source).purge(fbp=gone.visitor.fbp) == 0, "none of them was stored"
    worker = Worker(source)
    assert worker.run_once(10)
    assert sink.accepted == [stays.event_id]


def test_nobody_answers(tmp_path: Path, sink: Sink) -> None:
    """The process that delivers is stopped, but holds its lock."""
    source = Source(sink.url, tmp_path)
    outbox = Outbox(source)
    outbox.put(event())
    assert outbox.flush(10)
    with pytest.raises(StoreError, match="is it stopped"):
        OrderDesk(source, 0.0).purge(dead=True)
    assert orders(tmp_path) == []
    outbox.close()


def test_an_answer_that_comes_too_late_is_cleared_away(tmp_path: Path) -> None:
    deliverer = Deliverer()
    (tmp_path / "order-1.json").write_text('{"do": "purge"}')
    carry_out(deliverer, tmp_path)
    assert orders(tmp_path) == ["order-1.done"]
    os.utime(tmp_path / "order-1.done", (0, time.time() - 61))
    carry_out(deliverer, tmp_path)
    assert orders(tmp_path) == [] and len(deliverer.obeyed) == 1


def test_an_order_that_nobody_waits_for_is_not_carried_out(tmp_path: Path) -> None:
    """Whoever typed it was told long ago that nobody answered, or has pressed Ctrl-C."""
    deliverer = Deliverer()
    (tmp_path / "order-1.json").write_text('{"do": "purge"}')
    os.utime(tmp_path / "order-1.json", (0, time.time() - 61))
    carry_out(deliverer, tmp_path)
    assert orders(tmp_path) == [] and deliverer.obeyed == []


def test_whoever_stops_waiting_takes_the_order_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        place(tmp_path, {"do": "purge"}, 10.0)
    assert orders(tmp_path) == []
