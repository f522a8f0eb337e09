"""What handing an event over costs, and delivering it: ``python benchmarks/delivery.py``; exit code 1 when a target is
missed. Needs the extras ``test``, ``postgresql`` and ``bench``, and PostgreSQL from the system's packages.

All figures are of one run, on one machine, against the same local sink in a process of its own; they only compare with
each other. *Hot* is a tight loop, as such figures are usually given. *Paced* is one event a millisecond with sleeps
between, so with the cold caches that a real request finds.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from capi_middleware.delivery import Filter, Ledger, Outbox, State
from capi_middleware.delivery.rows import row_of
from capi_middleware.delivery.sqlite import SqliteStore
from capi_middleware.events import Event, Visitor, new_event_id
from capi_middleware.settings import Secret, Settings
from capi_middleware.settings.settings import MetaSettings, ServerSettings

HAND_OVER_P50, HAND_OVER_P99 = 10.0, 60.0
EVENTS_A_SECOND, CPU_AN_EVENT = 5000.0, 50.0
PAGE_MS = 50.0
PIXEL = "1234567890"
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
SINK = r"""
import json, socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline():
            length = 0
            while (header := self.rfile.readline()) not in (b"\r\n", b""):
                if header.lower().startswith(b"content-length"):
                    length = int(header.split(b":")[1])
            body = self.rfile.read(length)
            n = body.count(b"event_id")
            text = json.dumps({"events_received": n, "messages": [], "fbtrace_id": "A", "success": True})
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
            self.wfile.write((head + text).encode())
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


class Cost(NamedTuple):
    """Microseconds on the caller's thread."""

    p50: float
    p99: float


class Rate(NamedTuple):
    """From the first event handed over to the last accepted."""

    events_a_second: float
    cpu_us_an_event: float


def event(number: int = 0) -> Event:
    """A product view of about 900 bytes of JSON: one hashed e-mail address, one external ID, one content."""
    return Event(
        pixel_id=PIXEL,
        event_name="ViewContent",
        event_id=new_event_id(),
        event_time=int(time.time()),
        event_source_url="https://shop.example/produkt/roda-skor?utm_source=x",
        visitor=Visitor(
            "203.0.113.7",
            AGENT,
            "fb.1.1700000000000.1234567890",
            "fb.1.1700000000000.abcdefghijkl",
            {"em": ("a" * 64,), "external_id": ("b" * 64,)},
        ),
        custom_data={
            "content_ids": ["sku1"],
            "content_name": "Röda skor",
            "content_type": "product",
            "value": 499.0,
            "currency": "SEK",
        },
        referrer_url="https://shop.example/",
        rule="product",
        sources={"content_ids": "jsonld:sku", "value": "jsonld:offers.price"},
        consent="cookie:CookieConsent granted",
    )


class Source:
    """Settings that do not change."""

    def __init__(self, sink: str, folder: Path, store: str = "") -> None:
        meta = MetaSettings(PIXEL, Secret("TOKEN"), graph_url=sink)
        self.current = Settings(meta=meta, server=ServerSettings(state_dir=str(folder), store=Secret(store)))


@contextlib.contextmanager
def sink() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def busy(threads: int) -> Iterator[None]:
    """Beside so many threads that compute without end."""
    stop: list[int] = []

    def compute() -> None:
        n = 0
        while not stop:
            n += 1

    running = [threading.Thread(target=compute) for _ in range(threads)]
    for thread in running:
        thread.start()
    yield
    stop.append(1)
    for thread in running:
        thread.join()


def measure(hand_over: Callable[[Event], object], count: int, pace: float) -> Cost:
    events = [event(number) for number in range(count)]
    took = []
    gc.collect()
    for each in events:
        if pace:
            time.sleep(pace)
        start = time.perf_counter_ns()
        hand_over(each)
        took.append(time.perf_counter_ns() - start)
    took.sort()
    return Cost(took[count // 2] / 1000, took[int(count * 0.99)] / 1000)


def hand_over(quick: bool) -> list[tuple[str, str, Cost]]:
    """(who, how, cost)."""
    found = []
    hot, paced = (2000, 300) if quick else (20_000, 1500)
    with sink() as address:
        for name, make in (("capi_middleware", _ours), ("posthog", _posthog), ("segment", _segment)):
            with make(address) as take:
                take(event())
                time.sleep(0.5)
                for how, threads, count, pace in (
                    ("hot, idle", 0, hot, 0.0),
                    ("hot, 1 busy thread", 1, hot, 0.0),
                    ("paced, idle", 0, paced, 0.001),
                    ("paced, 1 busy thread", 1, paced // 3, 0.001),
                ):
                    with busy(threads):
                        found.append((name, how, measure(take, count, pace)))
                    time.sleep(0.5)
    return found


@contextlib.contextmanager
def _ours(address: str) -> Iterator[Callable[[Event], object]]:
    with folder() as place:
        outbox = Outbox(Source(address, place))
        yield outbox.put
        outbox.close()


@contextlib.contextmanager
def _posthog(address: str) -> Iterator[Callable[[Event], object]]:
    from posthog import Posthog

    client = Posthog("key", host=address, flush_at=100, max_queue_size=100_000)

    def take(made: Event) -> object:
        return client.capture(made.event_name, distinct_id="visitor", properties=_properties(made))

    yield take
    with contextlib.suppress(Exception):
        client.shutdown()


@contextlib.contextmanager
def _segment(address: str) -> Iterator[Callable[[Event], object]]:
    from segment.analytics.client import Client

    client = Client("key", host=address, max_queue_size=100_000, upload_size=100)

    def take(made: Event) -> object:
        return client.track("visitor", made.event_name, _properties(made), message_id=made.event_id)

    yield take
    with contextlib.suppress(Exception):
        client.shutdown()


def _properties(made: Event) -> dict[str, Any]:
    """The same facts, as those clients take them."""
    visitor = made.visitor
    return {
        **made.custom_data,
        "event_id": made.event_id,
        "url": made.event_source_url,
        "referrer": made.referrer_url,
        "ip": visitor.client_ip_address,
        "user_agent": visitor.client_user_agent,
        "fbp": visitor.fbp,
        "fbc": visitor.fbc,
        "em": visitor.user_data["em"][0],
        "external_id": visitor.user_data["external_id"][0],
    }


def delivery(quick: bool) -> list[tuple[str, Rate]]:
    """End to end, in this process, to the same sink."""
    count = 5000 if quick else 30_000
    found = []
    with sink() as address:
        found.append(("capi_middleware, SQLite", _through(address, "", count)))
        with postgres() as url:
            found.append(("capi_middleware, PostgreSQL", _through(address, url, count)))
        found.append(("facebook-business, one thread, in memory", _sdk(address, count)))
    return found


def _through(address: str, store: str, count: int) -> Rate:
    with folder() as place:
        outbox = Outbox(Source(address, place, store))
        outbox.put(event())
        outbox.flush(30)
        events = [event(number) for number in range(count)]
        gc.collect()
        start, cpu = time.perf_counter(), time.process_time()
        for each in events:
            outbox.put(each)
        assert outbox.flush(120), outbox.health()
        rate = Rate(
            count / (time.perf_counter() - start),
            (time.process_time() - cpu) / count * 1e6,
        )
        outbox.close()
        return rate


def _sdk(address: str, count: int) -> Rate:
    from facebook_business.adobjects.serverside.action_source import ActionSource
    from facebook_business.adobjects.serverside.content import Content
    from facebook_business.adobjects.serverside.custom_data import CustomData
    from facebook_business.adobjects.serverside.event import Event as SdkEvent
    from facebook_business.adobjects.serverside.event_request import EventRequest
    from facebook_business.adobjects.serverside.user_data import UserData
    from facebook_business.api import FacebookAdsApi
    from facebook_business.session import FacebookSession

    FacebookSession.GRAPH = address
    FacebookAdsApi.init(access_token="TOKEN", crash_log=False)

    def build(made: Event) -> SdkEvent:
        visitor = made.visitor
        return SdkEvent(
            event_name=made.event_name,
            event_id=made.event_id,
            event_time=made.event_time,
            event_source_url=made.event_source_url,
            action_source=ActionSource.WEBSITE,
            user_data=UserData(
                emails=["anna@example.com"],
                external_id=visitor.user_data["external_id"][0],
                client_ip_address=visitor.client_ip_address,
                client_user_agent=visitor.client_user_agent,
                fbp=visitor.fbp,
                fbc=visitor.fbc,
            ),
            custom_data=CustomData(
                value=499.0, currency="sek", contents=[Content(product_id="sku1")], content_type="product"
            ),
        )

    events = [event(number) for number in range(count)]
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    for begin in range(0, count, 1000):
        EventRequest(pixel_id=PIXEL, events=[build(each) for each in events[begin : begin + 1000]]).execute()
    return Rate(count / (time.perf_counter() - start), (time.process_time() - cpu) / count * 1e6)


def pages() -> list[tuple[str, float]]:
    """Milliseconds for what a page of the admin asks of a ledger with 100 000 events."""
    with folder() as place:
        store = SqliteStore(place / "ledger.sqlite3")
        now = time.time()
        for _ in range(20):
            store.put([row_of(event(), now, now) for _ in range(5000)])
        ledger = Ledger(Source("http://127.0.0.1:1", place))
        number = ledger.recent(limit=1)[0].number
        asked: dict[str, Callable[[], object]] = {
            "the latest 50": lambda: ledger.recent(limit=50),
            "50 of a kind that there is none of": lambda: ledger.recent(Filter(state=State.DEAD)),
            "50 by both legs, none": lambda: ledger.recent(Filter(legs="both")),
            "50 by a text, none": lambda: ledger.recent(Filter(text="no such text")),
            "one event whole": lambda: ledger.record(number),
            "24 hours of counts": ledger.hours,
            "pixels": ledger.pixels,
            "all counts": ledger.totals,
            "how many": ledger.size,
        }
        found = []
        for what, ask in asked.items():
            took = []
            for _ in range(5):
                start = time.perf_counter()
                ask()
                took.append(time.perf_counter() - start)
            found.append((what, sorted(took)[2] * 1000))
        ledger.close()
        store.close()
    return found


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The tests' own server; here with fsync as it is delivered."""
    path = Path(__file__).parents[1] / "tests" / "delivery" / "postgres.py"
    spec = importlib.util.spec_from_file_location("postgres_of_the_tests", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.Postgres(fsync=True)
    server.start()
    try:
        yield server.url
    finally:
        server.close()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="capi-bench-", dir=os.environ.get("BENCH_DIR")))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--quick", action="store_true", help="fewer events")
    quick = parser.parse_args().quick
    print("Handing one event over, on the request's thread (us)")
    good = True
    costs = hand_over(quick)
    for name, how, cost in costs:
        print(f"  {name:<16} {how:<22} p50 {cost.p50:8.1f}   p99 {cost.p99:8.1f}")
        if name == "capi_middleware" and how.startswith("hot"):
            good = good and cost.p50 <= HAND_OVER_P50 and cost.p99 <= HAND_OVER_P99
    print("End to end, one process")
    for name, rate in delivery(quick):
        print(f"  {name:<42} {rate.events_a_second:8.0f} events/s   {rate.cpu_us_an_event:6.1f} CPU us/event")
        if name.endswith("SQLite"):
            good = good and rate.events_a_second >= EVENTS_A_SECOND and rate.cpu_us_an_event <= CPU_AN_EVENT
    print("A page's question to a ledger with 100 000 events (ms)")
    for what, took in pages():
        print(f"  {what:<42} {took:8.1f}")
        good = good and took < PAGE_MS
    print(
        f"targets: {HAND_OVER_P50:.0f} us p50 and {HAND_OVER_P99:.0f} us p99 hot, idle and beside a busy thread; "
        f"{EVENTS_A_SECOND:.0f} events/s at {CPU_AN_EVENT:.0f} CPU us through SQLite; "
        f"{PAGE_MS:.0f} ms a page: {'met' if good else 'MISSED'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
