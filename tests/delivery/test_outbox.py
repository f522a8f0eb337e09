"""The room's face: events in, and out to Meta."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from capi_middleware.delivery import Filter, Ledger, Outbox, State
from capi_middleware.events import Event, Visitor, new_event_id
from capi_middleware.settings import Secret, Settings
from capi_middleware.settings.settings import MetaSettings, ServerSettings


class Source:
    def __init__(self, current: Settings) -> None:
        self.current = current


@pytest.fixture
def sink() -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.bodies.append(body)
            answer = json.dumps({"events_received": len(body["data"]), "messages": [], "fbtrace_id": "A1"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        bodies: list[dict[str, Any]] = []

    server = Server(("127.0.0.1", 0), Handler)
    server.bodies = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def event(**changes: Any) -> Event:
    made = Event(
        pixel_id="1234567890",
        event_name="PageView",
        event_id=new_event_id(),
        event_time=int(time.time()),
        event_source_url="https://shop.example/p?q=1",
        visitor=Visitor("203.0.113.7", "Mozilla/5.0", "fb.1.1700000000000.1"),
        rule="page",
    )
    return made._replace(**changes)


def test_event_arrives_and_is_paired(sink: Any, tmp_path: Path) -> None:
    meta = MetaSettings("1234567890", Secret("TOKEN"), graph_url=f"http://127.0.0.1:{sink.server_port}")
    source = Source(Settings(meta=meta, server=ServerSettings(state_dir=str(tmp_path))))
    outbox, ledger = Outbox(source), Ledger(source)
    assert ledger.recent() == []
    made = event()
    outbox.put(made)
    outbox.report(made.pixel_id, made.event_id, "PageView", "handed")
    assert outbox.flush(10)
    outbox.close()
    assert [entry["event_id"] for body in sink.bodies for entry in body["data"]] == [made.event_id]
    assert sink.bodies[0]["access_token"] == "TOKEN"
    (entry,) = ledger.recent(Filter(legs="both"))
    assert entry.state is State.DELIVERED and entry.paired
    record = ledger.find(made.pixel_id, "PageView", made.event_id)
    assert record is not None and record.payload["event_source_url"] == made.event_source_url
    (hour,) = [hour for hour in ledger.hours() if hour.counts]
    assert hour.counts["paired"] == hour.counts["delivered"] == hour.counts["made"] == 1
    assert len("".join(ledger.csv()).splitlines()) == 2
    ledger.close()
