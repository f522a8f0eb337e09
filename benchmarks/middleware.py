"""The whole middleware: what it adds to a request, in the process and behind a real server.

    python benchmarks/middleware.py [--quick]

Part 1 calls the wrapped app in a loop and takes the bare loop's time off (DESIGN figures, rows 1 and 2). Part 2 runs
the demo shop under gunicorn, bare and wrapped, with Meta healthy, slow, hanging and down, and compares latencies of the
same requests, taken in turn. Prints ratios; exits with 1 where a gate is missed by more than a quarter.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.test import create_environ

from capi_middleware import CapiMiddleware
from capi_middleware.sandbox import Fault, Sandbox

SLACK = 1.25
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
VIEW = {
    "User-Agent": AGENT,
    "Accept": "text/html",
    "Accept-Language": "sv",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Cookie": "_fbp=fb.1.1700000000000.123456789; session=abc",
}
FETCH = {**VIEW, "Accept": "*/*", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}
IMAGE = {**VIEW, "Accept": "image/*", "Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}
HTML = (
    b"<!doctype html><html lang=sv><head><meta charset=utf-8><title>Kategori</title></head><body>"
    + b"<p>En rad text om ingenting.</p>\n" * 1600
    + b"</body></html>"
)


def answer(kind: str, body: bytes) -> Callable[..., list[bytes]]:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    return app


def loop(app: Any, environ: dict[str, Any], rounds: int) -> float:
    """Microseconds of processor time a request takes on its own thread (the background thread's work has a row of its
    own in ``benchmarks/delivery.py``)."""

    def start_response(status: str, headers: Any, *exc: Any) -> Callable[[bytes], None]:
        return lambda data: None

    start = time.thread_time()
    for _ in range(rounds):
        result = app(dict(environ), start_response)
        for _ in result:
            pass
        if hasattr(result, "close"):
            result.close()
    return (time.thread_time() - start) / rounds * 1e6


def added(bare: Any, wrapped: Any, environ: dict[str, Any], rounds: int) -> float:
    """Median of the differences of nine pairs of runs."""
    loop(wrapped, environ, rounds)
    gc.collect()
    return statistics.median(loop(wrapped, environ, rounds) - loop(bare, environ, rounds) for _ in range(9))


def in_process(rounds: int) -> list[str]:
    missed = []
    rows: tuple[tuple[str, Any, str, dict[str, str], float], ...] = (
        ("image, passed through", answer("image/png", b"x" * 2000), "/bild/1.png", IMAGE, 3.0),
        ("JSON of a fetch, passed through", answer("application/json", b"{}" * 1000), "/api/lager", FETCH, 3.0),
        ("HTML 50 kB, one event handed over", answer("text/html; charset=utf-8", HTML), "/kategori/x", VIEW, 60.0),
    )
    print(f"{'in the process':38} {'added µs':>9} {'target':>7}  times the bare loop")
    with tempfile.TemporaryDirectory() as folder:
        for name, bare, path, headers, target in rows:
            wrapped = CapiMiddleware(
                bare, pixel_id="1234567890", access_token="x", graph_url="http://127.0.0.1:9", state_dir=folder
            )
            environ = create_environ(path, "http://shop.example", headers=headers)
            base = loop(bare, environ, rounds)
            cost = added(bare, wrapped, environ, rounds)
            print(f"{name:38} {cost:9.1f} {target:7.1f}  {(base + cost) / base:8.1f}")
            if cost > target * SLACK:
                missed.append(f"{name}: {cost:.1f} µs > {target} µs")
            wrapped.close()
    return missed


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(wrap: bool, sandbox: Sandbox, folder: str) -> Iterator[int]:
    """The demo shop under gunicorn, one process, four threads."""
    port = free_port()
    code = "from capi_middleware.demo import Shop\napp = Shop()\n"
    if wrap:
        code += "from capi_middleware import CapiMiddleware\napp = CapiMiddleware(app)\n"
    module = Path(folder) / f"wsgi_{'wrapped' if wrap else 'bare'}.py"
    module.write_text(code, encoding="utf-8")
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent.parent), folder]),
        "CAPI_PIXEL_ID": "1234567890",
        "CAPI_ACCESS_TOKEN": "EAAbench",
        "CAPI_GRAPH_URL": sandbox.url,
        "CAPI_STATE_DIR": folder,
    }
    options = f"-b 127.0.0.1:{port} -w 1 -k gthread --threads 4 --log-level error {module.stem}:app"
    command = [sys.executable, "-m", "gunicorn", *options.split()]
    process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def ask(connection: http.client.HTTPConnection, path: str) -> float:
    start = time.perf_counter()
    connection.request("GET", path, headers=VIEW)
    connection.getresponse().read()
    return (time.perf_counter() - start) * 1000


def behind_a_server(count: int) -> list[str]:
    missed = []
    pages = ("/", "/kategori/kok", "/produkt/mugg-fjall")
    print(f"\n{'demo under gunicorn, ms':38} {'bare p50':>9} {'p99':>7} {'ours p50':>9} {'p99':>7} {'added p99':>10}")
    moods: tuple[tuple[str, Fault | None], ...] = (
        ("Meta healthy", None),
        ("Meta slow (1 s)", Fault(delay=1.0)),
        ("Meta hangs", Fault(delay=600.0)),
        ("Meta down", None),
    )
    with (
        Sandbox() as sandbox,
        tempfile.TemporaryDirectory() as folder,
        served(False, sandbox, folder) as bare_port,
        served(True, sandbox, folder) as our_port,
    ):
        bare = http.client.HTTPConnection("127.0.0.1", bare_port)
        ours = http.client.HTTPConnection("127.0.0.1", our_port)
        for index in range(60):
            ask(bare, pages[index % 3])
            ask(ours, pages[index % 3])
        for name, fault in moods:
            sandbox.fail("graph", fault)
            if name == "Meta down":
                sandbox.down()
            times: tuple[list[float], list[float]] = ([], [])
            for index in range(count):
                times[0].append(ask(bare, pages[index % 3]))
                times[1].append(ask(ours, pages[index % 3]))
            (b50, b99), (o50, o99) = ([statistics.median(t), sorted(t)[int(len(t) * 0.99)]] for t in times)
            print(f"{name:38} {b50:9.2f} {b99:7.2f} {o50:9.2f} {o99:7.2f} {o99 - b99:10.2f}")
            if o99 - b99 > max(2.0, 0.03 * b99) * SLACK:
                missed.append(f"{name}: added p99 {o99 - b99:.2f} ms > 2 ms or 3 %")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = parser.parse_args().quick
    missed = in_process(500 if quick else 3000) + behind_a_server(300 if quick else 3000)
    for line in missed:
        print("MISSED", line)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
