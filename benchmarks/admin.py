"""What the admin's pages cost with 100 000 events in the ledger, on SQLite and on PostgreSQL.

    python benchmarks/admin.py [--quick] [--store sqlite|postgresql]

Prints milliseconds of processor time of this process (the database server's is its own) and of wall time, median and
95th percentile, of every page and of every filter of the events, in process through WSGI; then wall time over a real
server. The rarest events are the oldest and some filters find nothing, so that each has to look through everything.
A rare outlier of some 60 ms is Python's own collection of garbage. Exits with 1 where a page's median needs more than
50 ms of processor or wall time, with a quarter of slack.

The events go into SQLite as the deliverer puts them there: rows, claims, Meta's verdicts, browsers' reports; from there
they are copied into PostgreSQL, table by table. Figures and records are checked in both.
"""

from __future__ import annotations

import argparse
import http.client
import math
import random
import re
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from werkzeug.test import Client

from capi_middleware import CapiMiddleware
from capi_middleware.admin import account, audit
from capi_middleware.admin.state import AdminState
from capi_middleware.delivery import Evidence, Filter, Ledger, State
from capi_middleware.delivery.postgresql import PostgresqlStore
from capi_middleware.delivery.rows import Outcome, Report, Row, row_of
from capi_middleware.delivery.sqlite import SqliteStore
from capi_middleware.delivery.store import Store
from capi_middleware.demo import Shop
from capi_middleware.demo.server import ShopServer
from capi_middleware.events import Event, Visitor, new_event_id
from capi_middleware.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
PAGE_MS, SLACK = 50.0, 1.25
EVENTS = 100_000
DAYS = 10
PIXEL, OTHER, TOKEN = "1234567890", "9876543210", "EAAbenchmark0123456789abcdefghij"
METRICS = "a token for Prometheus"
PASSWORD = "en lång och egen mening"
HOST = "shop.example"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
HEADERS = {"User-Agent": CHROME, "Accept-Language": "sv-SE,sv;q=0.9"}
FILTERS = (
    "", "event=PageView", "event=Purchase", "event=Lead", "event=Contact", "state=delivered", "state=waiting",
    "state=held", "state=dead", "state=expired", "state=dropped", "legs=both", "legs=server", "legs=browser",
    "legs=none", "text=produkt", "text=sida-99999", "text=finns-inte", "event=Lead&state=dead",
    "event=PageView&state=dead",
    "event=Lead&state=dead&legs=both&text=finns-inte", "event=AddToCart&legs=server&text=varukorg",
)  # fmt: skip
PAGES = (
    "", "connect", "try", "try/state", "test", "rules", "rules/new", "rules.toml", "suggestions", "consent", "settings",
    "events/FIRST", "events/LAST", "events/live", "events/live?text=finns-inte", "events?before=MIDDLE",
    "events?before=MIDDLE&event=Lead",
)  # fmt: skip


class Taken(NamedTuple):
    """Milliseconds, one a round."""

    cpu: list[float]
    wall: list[float]


def event_at(number: int, moment: float, chance: random.Random) -> Event:
    """The ``number``-th event of a shop. Leads came in the first days only."""
    if number < 60:
        name = "Lead"
    else:
        names = ("PageView", "ViewContent", "AddToCart", "InitiateCheckout", "Purchase")
        name = chance.choices(names, (80, 14, 4, 1.5, 0.5))[0]
    paths = {"PageView": f"/sida-{chance.randrange(400)}", "ViewContent": f"/produkt/vas-{chance.randrange(900)}"}
    data = {} if name == "PageView" else {"content_ids": [f"sku-{number % 900}"], "value": 249.0, "currency": "SEK"}
    who = Visitor(f"81.2.{number % 199}.{number % 251}", CHROME, f"fb.1.1700000000000.{number // 7}", "",
                  {"external_id": ("a" * 64,)})  # fmt: skip
    return Event(
        OTHER if number % 5 == 4 else PIXEL,
        name,
        new_event_id(),
        int(moment),
        f"https://{HOST}{paths.get(name, '/varukorg')}",
        who,
        data,
        rule="page view" if name == "PageView" else f"general: {name}",
        sources=dict.fromkeys(data, "jsonld:offers"),
        consent="cookiebot accepted",
        hold=number % 400 == 399,
    )


def fill(store: Store, events: int, now: float) -> None:
    """``events`` events of the last days, settled but for the last hundred."""
    chance = random.Random(7)
    step = DAYS * 86400 / events
    begun = now - DAYS * 86400
    for start in range(0, events, 2000):
        rows: list[Row] = []
        for number in range(start, min(events, start + 2000)):
            moment = begun + number * step
            rows.append(row_of(event_at(number, moment, chance), moment, moment))
        store.put(rows)
        sent = rows if start + 2000 < events else rows[:-100]
        settle(store, sent, rows[-1].created + 4.0, first=start == 0)
        store.put([], [report for row in rows for report in reports(row, chance)])
    store.drop_held(now - 3600, now - 3600)
    store.set_note("born", str(begun))


def settle(store: Store, rows: list[Row], now: float, first: bool) -> None:
    """Meta has answered. Of the oldest, some were refused and some became too old."""
    for pixel_id in (PIXEL, OTHER):
        due = sum(row.pixel_id == pixel_id and row.state is State.WAITING for row in rows)
        claim = store.claim(pixel_id, due, False, set())
        if claim is None:
            continue
        outcomes = []
        for place, row in enumerate(claim.rows):
            outcome = Outcome(row.number, State.DELIVERED, trace="Abc123")
            if first and place < 40:
                outcome = Outcome(row.number, State.DEAD, 100, 2804009, "a purchase needs a value", "Abc123")
            elif first and place < 60:
                outcome = Outcome(row.number, State.EXPIRED, reason="too old")
            outcomes.append(outcome)
        store.settle(claim, outcomes, now)


def reports(row: Row, chance: random.Random) -> Iterator[Report]:
    """What the visitor's browser said, if anything."""
    found = chance.choices(
        (Evidence.SCRIPT | Evidence.LOADED | Evidence.HANDED, Evidence.SCRIPT | Evidence.BLOCKED, Evidence.NONE),
        (74, 18, 8),
    )[0]
    if found and row.state is not State.HELD:
        yield Report(row.pixel_id, row.event_id, row.event_name, found, row.created + 0.4)


def check(ledger: Ledger, events: int) -> None:
    """The ledger is a shop's: events whole, with both legs, and counts that agree."""
    assert ledger.size() == events, ledger.size()
    totals = ledger.totals()
    assert totals["made"] == events
    assert totals["delivered"] > 0.9 * events and 0.6 * events < totals["paired"] < 0.8 * events
    assert totals["dead"] == 80 and totals["expired"] == 40 and totals["dropped"]
    (newest,) = ledger.recent(Filter(pixel_id=PIXEL, event_name="ViewContent"), 1)
    record = ledger.record(newest.number)
    assert record and record.payload["custom_data"]["value"] == 249.0 and record.sources["value"] == "jsonld:offers"


class Browser:
    """The owner's, logged in."""

    def __init__(self, app: CapiMiddleware) -> None:
        self.client = Client(app)
        self.base = f"http://{HOST}"
        answer = self.client.post(
            "/_shop/admin/login", data={"password": PASSWORD}, base_url=self.base, headers=HEADERS
        )
        assert answer.status_code == 303, answer.status
        cookie = self.client.get_cookie("shop_admin", HOST, "/")
        assert cookie is not None
        self.cookie = f"shop_admin={cookie.value}"

    def page(self, place: str) -> None:
        answer = self.client.get(f"/_shop/admin/{place}", base_url=self.base, headers=HEADERS)
        assert answer.status_code == 200, (place, answer.status)

    def first_byte(self, place: str) -> None:
        answer = self.client.get(f"/_shop/admin/{place}", base_url=self.base, headers=HEADERS, buffered=False)
        assert answer.status_code == 200 and next(iter(answer.iter_encoded()))
        answer.close()

    def own(self, path: str) -> None:
        headers = {**HEADERS, "Authorization": f"Bearer {METRICS}"}
        answer = self.client.get(path, base_url=self.base, headers=headers)
        assert answer.status_code in (200, 503) and answer.data


def measure(do: Callable[[], None], rounds: int) -> Taken:
    do()
    taken = Taken([], [])
    for _ in range(rounds):
        cpu, wall = time.process_time(), time.perf_counter()
        do()
        taken.cpu.append((time.process_time() - cpu) * 1e3)
        taken.wall.append((time.perf_counter() - wall) * 1e3)
    return taken


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, math.ceil(len(values) * 0.95) - 1)]


def traffic(app: CapiMiddleware) -> None:
    """Four weeks of counts by shape and by rule, as many as are kept."""
    shapes = app._shapes
    for place in range(1200):
        for visitor in range(3):
            shapes.note(HOST, "GET", f"/kategori/{place % 20}/del-{place}", "", "page", (), visitor)
            shapes.note(HOST, "POST", f"/kundvagn/ny-{place % 30}", "", ">/kundvagn", (), visitor)
        if place % 300 == 299:
            shapes.write()
    now = time.time()
    for hour in range(28 * 24):
        for rule in range(12):
            shapes.matched(HOST, "AddToCart" if rule else "PageView", f"rule {rule}", now - hour * 3600)
    for cookie in range(40):
        shapes.mark(HOST, f"cookie:consent{cookie}", 3)
    shapes.write()


def log(state: AdminState) -> None:
    """As much of the log of changes as is kept, most of it a guesser's."""
    for number in range(audit.KEPT):
        audit.note(state, "81.2.69.0/24", "wrong password", "", 1_700_000_000.0 + number)
    assert audit.is_whole(state)


def visits(app: CapiMiddleware) -> None:
    """A thousand page views, which the figures about visitors are of."""
    client = Client(app)
    person = {**HEADERS, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for number in range(1000):
        where = {"REMOTE_ADDR": f"81.2.{number % 200}.7"}
        client.get("/produkt/vas-vag", base_url=f"http://{HOST}", headers=person, environ_base=where)
    app.flush(30)


def run(name: str, store_url: str, events: int, rounds: int) -> bool:
    """Whether all pages kept the bound."""
    with tempfile.TemporaryDirectory() as folder, Sandbox(tokens={PIXEL: TOKEN}) as meta:
        state = Path(folder) / "state"
        issued = account.issue_setup_code(AdminState(state))
        assert issued is not None and account.create_account(AdminState(state), issued.code, PASSWORD) is None
        app = CapiMiddleware(
            Shop(),
            None,
            pixel_id=PIXEL,
            access_token=TOKEN,
            graph_url=meta.url,
            state_dir=str(state),
            store=store_url,
            metrics_token=METRICS,
        )
        try:
            check(Ledger(app._source), events)
            traffic(app)
            log(AdminState(state))
            visits(app)
            return pages(name, app, rounds)
        finally:
            app.close()


def pages(name: str, app: CapiMiddleware, rounds: int) -> bool:
    browser = Browser(app)
    ledger = Ledger(app._source)
    newest = ledger.recent(Filter(pixel_id=PIXEL), 1)[0].number
    oldest = ledger.recent(Filter(pixel_id=PIXEL, state=State.EXPIRED), 50)[-1].number
    numbers = {"FIRST": str(newest), "LAST": str(oldest), "MIDDLE": str((newest + oldest) // 2)}
    places = [re.sub("FIRST|LAST|MIDDLE", lambda found: numbers[found[0]], place) for place in PAGES]
    work: list[tuple[str, Callable[[], None]]] = [
        *((f"/{label}", lambda place=place: browser.page(place)) for label, place in zip(PAGES, places, strict=True)),
        *((f"/events?{some}", lambda some=some: browser.page(f"events?{some}")) for some in FILTERS),
        ("/events.csv, first byte", lambda: browser.first_byte("events.csv")),
        ("/events.csv?text=finns-inte, first", lambda: browser.first_byte("events.csv?text=finns-inte")),
        ("health", lambda: browser.own("/_shop/health")),
        ("metrics", lambda: browser.own("/_shop/metrics")),
    ]
    kept = True
    print(f"{'in process, ms':52}{'processor':>16}{'wall':>16}")
    print(f"{'':52}{'median':>8}{'p95':>8}{'median':>8}{'p95':>8}")
    for label, do in work:
        taken = measure(do, rounds)
        cpu, wall = statistics.median(taken.cpu), statistics.median(taken.wall)
        missed = max(cpu, wall) > PAGE_MS * SLACK
        kept = kept and not missed
        line = f"{label[:50]:52}{cpu:8.1f}{p95(taken.cpu):8.1f}{wall:8.1f}{p95(taken.wall):8.1f}"
        print(line + ("  MISSED" if missed else ""))
    return served(name, app, browser.cookie, places, rounds) and kept


def served(name: str, app: CapiMiddleware, cookie: str, places: list[str], rounds: int) -> bool:
    """The same pages from waitress, over a socket."""
    server = ShopServer(app, "127.0.0.1", 0)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    every: list[float] = []
    slowest = (0.0, "")
    try:
        for place in [*places, *(f"events?{some}" for some in FILTERS)]:
            took = measure(lambda place=place: ask(connection, place, cookie), rounds).wall  # type: ignore[misc]
            every += took
            slowest = max(slowest, (statistics.median(took), f"/{place}"))
    finally:
        connection.close()
        server.stop()
    print(
        f"{name} over a server: {len(every)} pages, wall median {statistics.median(every):.1f} ms, p95 {p95(every):.1f}"
    )
    print(f"the slowest of them: {slowest[1]}, median {slowest[0]:.1f} ms\n")
    return slowest[0] <= PAGE_MS * SLACK


def ask(connection: http.client.HTTPConnection, place: str, cookie: str) -> None:
    connection.request("GET", f"/_shop/admin/{place}", headers={**HEADERS, "Host": HOST, "Cookie": cookie})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (place, answer.status, body[:200])


TABLES = ("event", "body", "count")


def copy(path: Path, url: str) -> None:
    """The same ledger in PostgreSQL."""
    store = PostgresqlStore(url)
    with closing(sqlite3.connect(path)) as source:
        for table in TABLES:
            rows = source.execute(f"SELECT * FROM {table}")
            columns = [one[0] for one in rows.description]
            kinds = ["bool" if one == "browser" else None for one in columns]
            with store._db.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as into:
                for row in rows:
                    into.write_row([bool(value) if kind else value for value, kind in zip(row, kinds, strict=True)])
    store._db.execute("SELECT setval('event_number', (SELECT max(number) FROM event))")
    store._db.execute("ANALYZE")  # as autovacuum does
    store.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, few rounds")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), help="this one only")
    given = parser.parse_args()
    events, rounds = (EVENTS // 10, 3) if given.quick else (EVENTS, 15)
    kept = True
    with ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "ledger.sqlite3"
        store = SqliteStore(path)
        begun = time.perf_counter()
        fill(store, events, time.time())
        store.close()
        print(f"{events} events put in, settled and reported on in {time.perf_counter() - begun:.0f} s")
        if given.store != "sqlite":
            sys.path.insert(0, str(ROOT))
            from tests.delivery.postgres import Postgres

            server = Postgres()
            stack.callback(server.close)
            server.start()
            copy(path, server.url)
            kept = run("postgresql", server.url, events, rounds)
        if given.store != "postgresql":
            kept = run("sqlite", f"sqlite:///{path}", events, rounds) and kept
    print("kept" if kept else "missed")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
