"""The proxy beside its peers, in one run: ``python benchmarks/proxy.py``; exit code 1 when a target is missed.

A 1 kB JSON and a 50 kB product page, at concurrency 1 and 32, through: nginx alone (the limit), mitmproxy with an
injecting script, werkzeug's ProxyMiddleware on the same server, and ours with the whole middleware on (rules, product
facts, snippet, one event handed over and delivered per page), one process each. Then ``--soak``: resident memory over
100 000 requests and through a 1 GB upload and a 1 GB download, and the first byte of a large file.

Needs nginx and wrk (``apt-get install nginx-light wrk``); mitmproxy is installed into a virtual environment of its own
in the cache folder (``--without-mitmproxy`` leaves it out). Figures of one run only compare with each other.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "capi_middleware"
SCRIPT = '<script>window.x="injected by the peer";</script>'
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
FIELDS = {
    "User-Agent": CHROME,
    "Accept-Language": "sv-SE,sv;q=0.9",
    "Accept-Encoding": "gzip, br",
    "Cookie": "session=abc123def456; cart=3",
}
PAGE_FIELDS = {
    **FIELDS,
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Upgrade-Insecure-Requests": "1",
}
JSON_FIELDS = {**FIELDS, "Accept": "*/*", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}
PATHS = {"json": "/j", "html": "/produkt/mugg"}

# Of nginx, of mitmproxy, of ProxyMiddleware on the same server; each JSON and HTML, at concurrency 32.
TARGETS = {
    "granian": {"nginx": (0.20, 0.40), "mitmproxy": (7.0, 5.0), "werkzeug": (3.0, 3.5)},
    "waitress": {"nginx": (0.09, 0.15), "mitmproxy": (3.0, 2.0), "werkzeug": (1.7, 1.4)},
}
SLACK = 1.25
"""A target missed by less is told, and fails nothing."""
MEMORY_MB = 60.0
GROWTH_MB = 4.0
FIRST_BYTE_MS = 5.0


class Cell(NamedTuple):
    """One measurement: requests a second, milliseconds, processor time a request, errors."""

    rate: float
    p50: float
    p99: float
    cpu_us: float
    errors: int


class Stack(NamedTuple):
    """A running proxy. ``pids``: its processes."""

    name: str
    port: int
    pids: Callable[[], list[int]]


# The shop: nginx with two files, and what Meta's end answers.


def product_page() -> bytes:
    """50 kB, the head's end at 3.9 kB, JSON-LD as shops write it."""
    product = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": "Mugg",
        "sku": "M-1",
        "offers": {"@type": "Offer", "price": "129.00", "priceCurrency": "SEK"},
    }
    head = (
        '<!doctype html><html lang="sv"><head><meta charset="utf-8"><title>Mugg - Butiken</title>'
        f'<script type="application/ld+json">{json.dumps(product)}</script>'
    )
    head += "".join(f'<link rel="stylesheet" href="/static/{number:04}.css">' for number in range(200))
    head = head[: head.rfind("<link", 0, 3850)] + "</head>"
    row = '<p class="text">Muggen är tillverkad för hand i Småland och tål maskindisk.</p>'
    body = "<body><h1>Mugg</h1><div>" + row * 900
    return (head + body).encode()[:49_980].decode("utf-8", "ignore").encode() + b"</div></body></html>"


def small_json() -> bytes:
    """1 kB."""
    return json.dumps({"items": [{"id": number, "name": f"Vara {number}"} for number in range(30)]}).encode()


NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; client_max_body_size 0; tcp_nodelay on;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  {http}
}}
"""
SHOP = """
  server {{
    listen 127.0.0.1:{port}; root {folder}/www; etag off; if_modified_since off;
    location /j {{ default_type application/json; try_files /j.json =404; }}
    location /produkt/ {{ default_type "text/html; charset=utf-8"; add_header Set-Cookie "sid=1; Path=/";
                          try_files /page.html =404; }}
    location /file {{ default_type application/octet-stream; try_files /file =404; }}
    location /upload {{ proxy_request_buffering off; proxy_http_version 1.1; proxy_pass http://127.0.0.1:{sink}; }}
  }}
"""
LIMIT = """
  upstream shop {{ server 127.0.0.1:{shop}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection "";
                  proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; }}
  }}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def process(*command: str, port: int, env: dict[str, str] | None = None, cwd: Path = ROOT) -> Iterator[int]:
    """Run a command until it listens; ended, with all it started, at the end."""
    child = subprocess.Popen(
        command,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if child.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"did not start: {' '.join(command)}") from None
                time.sleep(0.05)
        yield child.pid
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


@contextmanager
def nginx(folder: Path, http: str, port: int) -> Iterator[int]:
    folder.mkdir(exist_ok=True)
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, http=http, user=user))
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    with process(binary, "-c", str(folder / "nginx.conf"), "-p", str(folder), port=port) as pid:
        yield pid


# The peers.

INJECT = f"""
def response(flow):
    if flow.response.headers.get("content-type", "").startswith("text/html"):
        flow.response.text = flow.response.text.replace("</head>", {SCRIPT!r} + "</head>", 1)
"""
PROXY_MIDDLEWARE = f'''
import sys
from werkzeug.middleware.http_proxy import ProxyMiddleware

SCRIPT = {SCRIPT.encode()!r}

def nothing(environ, start_response):
    start_response("404 Not Found", [])
    return []

proxy = ProxyMiddleware(nothing, {{"/": {{"target": "TARGET", "host": None}}}})
(options,) = proxy.targets.values()

def app(environ, start_response):
    """The body is read whole and the script put in, as people do with it."""
    started = []
    asked = proxy.proxy_to(options, environ["PATH_INFO"], "/")
    pieces = asked(environ, lambda *rest: started.append(rest))
    body = b"".join(pieces)
    status, headers = started[-1][:2]
    if any(name.lower() == "content-type" and value.startswith("text/html") for name, value in headers):
        body = body.replace(b"</head>", SCRIPT + b"</head>", 1)
    headers = [field for field in headers if field[0].lower() != "content-length"]
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]
'''


def mitmproxy_command() -> str:
    """Its path; installed once, apart from everything else, since it pins much."""
    folder = CACHE / "mitmproxy"
    command = folder / "bin" / "mitmdump"
    if not command.exists():
        print(f"installing mitmproxy into {folder} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "mitmproxy"], check=True)
    return str(command)


def ours(
    server: str, shop: int, sink: int, folder: Path, stack: ExitStack, *, pixel: bool = True, affinity: str = "core"
) -> Stack:
    """``capi-middleware proxy`` with everything on; without ``pixel`` the proxy alone: where the time goes."""
    port = free_port()
    state = folder / f"state-{server}-{port}"
    environ = {
        "CAPI_PIXEL_ID": "1234567890" if pixel else "",
        "CAPI_ACCESS_TOKEN": "EAAbenchmark",
        "CAPI_GRAPH_URL": f"http://127.0.0.1:{sink}",
        "CAPI_STATE_DIR": str(state),
        "PYTHONPATH": str(ROOT),
    }
    (folder / "capi.toml").write_text('[consent]\nmode = "implied"\n')
    command = [sys.executable, "-m", "capi_middleware", "proxy", f"http://127.0.0.1:{shop}"]
    command += ["--listen", f"127.0.0.1:{port}", "--server", server, "--threads", "64"]
    command += ["--affinity", affinity]
    pid = stack.enter_context(process(*command, port=port, env=environ, cwd=folder))
    name = "no pixel" if not pixel else "ours" if affinity == "core" else "spread"
    return Stack(f"{name} / {server}", port, lambda: family(pid))


def werkzeug(server: str, shop: int, folder: Path, stack: ExitStack) -> Stack:
    port = free_port()
    (folder / "peer.py").write_text(PROXY_MIDDLEWARE.replace("TARGET", f"http://127.0.0.1:{shop}"))
    if server == "waitress":
        code = (
            "import sys; sys.path.insert(0, '.'); import waitress, peer;"
            f"waitress.serve(peer.app, host='127.0.0.1', port={port}, threads=64)"
        )
        command = [sys.executable, "-c", code]
    else:
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--blocking-threads", "64", "--no-ws"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--http", "1", "peer:app"]
    pid = stack.enter_context(process(*command, port=port, cwd=folder))
    return Stack(f"werkzeug / {server}", port, lambda: family(pid))


# Measuring.


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for one in found:
        try:
            found += [int(word) for word in Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except OSError:
            pass
    return found


def cpu_seconds(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def resident_mb(pids: list[int]) -> list[float]:
    """Of each process."""
    sizes = []
    for pid in pids:
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        sizes.append(int(found.group(1)) / 1024 if found else 0.0)
    return sizes


def resident_by_role(pids: list[int]) -> dict[str, float]:
    """MB of the largest process that serves, and of the one that delivers events beside it."""
    found = {"serving": 0.0, "delivering": 0.0}
    for pid, size in zip(pids, resident_mb(pids), strict=True):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        role = "delivering" if b"--beside" in words else "serving"
        found[role] = max(found[role], size)
    return found


def load(stack: Stack, kind: str, concurrency: int, seconds: int) -> Cell:
    fields = PAGE_FIELDS if kind == "html" else JSON_FIELDS
    command = ["wrk", "-t1", f"-c{concurrency}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    for name, value in fields.items():
        command += ["-H", f"{name}: {value}"]
    pids = stack.pids()
    before = cpu_seconds(pids)
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{stack.port}{PATHS[kind]}"], capture_output=True, text=True, check=True
    ).stdout
    spent = cpu_seconds(pids) - before
    count = int(re.search(r"(\d+) requests in", out).group(1))  # type: ignore[union-attr]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))  # type: ignore[union-attr]
    errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", out)))
    errors += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", out)))
    return Cell(rate, latency(out, "50%"), latency(out, "99%"), spent / max(count, 1) * 1e6, errors)


def latency(out: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", out)
    return float(found.group(1)) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found.group(2)] if found else 0.0


def check_injected(stack: Stack) -> None:
    """Each peer must really do its work, or the comparison is worth nothing."""
    import urllib.request

    request = urllib.request.Request(f"http://127.0.0.1:{stack.port}{PATHS['html']}", headers=PAGE_FIELDS)
    with urllib.request.urlopen(request, timeout=20) as answer:
        body: bytes = answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
    wanted = b"1234567890" if stack.name.startswith(("ours", "spread")) else SCRIPT.encode()
    if not stack.name.startswith(("nginx", "no pixel")) and wanted not in body:
        raise SystemExit(f"{stack.name} put nothing into the page")


def compare(arguments: argparse.Namespace, stacks: list[Stack]) -> dict[tuple[str, str, int], Cell]:
    cells: dict[tuple[str, str, int], list[Cell]] = {}
    for stack in stacks:
        check_injected(stack)
        for kind in PATHS:
            load(stack, kind, 32, 1)
    for _ in range(arguments.rounds):
        for kind in PATHS:
            for concurrency in (1, 32):
                for stack in stacks:
                    cell = load(stack, kind, concurrency, arguments.seconds)
                    cells.setdefault((stack.name, kind, concurrency), []).append(cell)
    return {
        key: Cell(*(statistics.median(values) for values in zip(*found, strict=True)))  # type: ignore[arg-type]
        for key, found in cells.items()
    }


def report(stacks: list[Stack], cells: dict[tuple[str, str, int], Cell]) -> None:
    columns = [(kind, concurrency) for kind in PATHS for concurrency in (1, 32)]
    print(f"{'':20}" + "".join(f"{f'{kind} c={number}':>34}" for kind, number in columns) + f"{'MB':>14}")
    print(f"{'':20}" + "".join(f"{'req/s':>10}{'p50':>7}{'p99':>8}{'CPU us':>9}" for _ in columns))
    for stack in stacks:
        row = "".join(
            f"{cell.rate:10.0f}{cell.p50:7.2f}{cell.p99:8.2f}{cell.cpu_us:9.0f}"
            for cell in (cells[stack.name, kind, number] for kind, number in columns)
        )
        memory = "+".join(f"{size:.0f}" for size in resident_mb(stack.pids()))
        print(f"{stack.name:20}{row}{memory:>14}")
        errors = sum(cells[stack.name, kind, number].errors for kind, number in columns)
        if errors:
            print(f"{'':20}{errors:.0f} errors")


def judge(cells: dict[tuple[str, str, int], Cell]) -> bool:
    good = True
    for server, targets in TARGETS.items():
        for peer, wanted in targets.items():
            name = f"werkzeug / {server}" if peer == "werkzeug" else peer
            for kind, ratio in zip(PATHS, wanted, strict=True):
                us, them = cells.get((f"ours / {server}", kind, 32)), cells.get((name, kind, 32))
                if us is None or them is None:
                    continue
                reached = us.rate / them.rate
                near = reached >= ratio / SLACK
                verdict = "ok" if reached >= ratio else "missed, within the slack" if near else "MISSED"
                good = good and near
                print(f"{server:9} {kind}: {reached:6.2f} of {name} (target {ratio}) {verdict}")
    return good


# Memory.


def soak(stack: Stack, size: int) -> bool:
    """Resident memory after a warm-up, after 100 000 requests, after an upload and a download of ``size`` bytes."""
    done = 0
    while done < 15_000:  # caches and the allocator fill up to their bounds
        done += int(load(stack, "html", 32, 5).rate * 5)
    steps = {f"warm after {done} pages": resident_by_role(stack.pids())}
    warm, done = resident_by_role(stack.pids()), 0
    while done < 100_000:
        for kind in PATHS:
            cell = load(stack, kind, 32, 8)
            done += int(cell.rate * 8)
    steps[f"after {done} requests"] = resident_by_role(stack.pids())
    with socket.create_connection(("127.0.0.1", stack.port), 60) as sock:
        took, _ = download(sock, "/file", size, stack)
    steps[f"after a download of {size >> 20} MB"] = resident_by_role(stack.pids())
    with socket.create_connection(("127.0.0.1", stack.port), 600) as sock:
        upload(sock, size)
    steps[f"after an upload of {size >> 20} MB"] = resident_by_role(stack.pids())
    good = True
    for name, roles in steps.items():
        for role, memory in roles.items():
            grown = memory - warm[role]
            fine = memory <= MEMORY_MB and grown <= GROWTH_MB
            near = memory <= MEMORY_MB * SLACK and grown <= GROWTH_MB * SLACK
            good = good and near
            verdict = "ok" if fine else "missed, within the slack" if near else "MISSED"
            print(f"{stack.name:18} {role:10} {name:32} {memory:6.1f} MB ({grown:+.1f}) {verdict}")
    fine = took <= FIRST_BYTE_MS
    print(f"{stack.name:18} first byte of a large file after {took:.1f} ms {'ok' if fine else 'MISSED'}")
    return good and fine


def download(sock: socket.socket, path: str, size: int, stack: Stack) -> tuple[float, int]:
    """Milliseconds to the first byte (the best of five), and the bytes that came."""
    best = float("inf")
    for attempt in range(5):
        with socket.create_connection(("127.0.0.1", stack.port), 60) as one:
            began = time.perf_counter()
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n".encode())
            one.recv(1)
            best = min(best, (time.perf_counter() - began) * 1000)
            if attempt < 4:
                continue
            got = 0
            while piece := one.recv(1 << 20):
                got += len(piece)
    if got < size:
        raise SystemExit(f"the download ended after {got} of {size} bytes")
    return best, got


def upload(sock: socket.socket, size: int) -> None:
    sock.sendall(f"POST /upload HTTP/1.1\r\nHost: shop.test\r\nContent-Length: {size}\r\n\r\n".encode())
    piece = b"x" * (1 << 20)
    for _ in range(size >> 20):
        sock.sendall(piece)
    answer = sock.recv(65536)
    if b" 200 " not in answer.partition(b"\r\n")[0]:
        raise SystemExit(f"the upload was answered {answer[:200]!r}")


SINK = """
import re, socket, threading
LENGTH = re.compile(rb"content-length: *([0-9]+)", re.I)
def serve(sock):
    data = b""
    while True:
        while b"\\r\\n\\r\\n" not in data:
            more = sock.recv(65536)
            if not more:
                return sock.close()
            data += more
        head, _, body = data.partition(b"\\r\\n\\r\\n")
        length, count = int(LENGTH.search(head)[1]), 0
        if b"/events" in head:
            while len(body) < length:
                body += sock.recv(65536)
            count = body.count(b'"event_name"')
        else:
            left = length - len(body)
            while left > 0:
                left -= len(sock.recv(min(left, 1 << 20)))
        answer = b'{"events_received":%d}' % count
        length = b"Content-Length: %d" % len(answer)
        sock.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n" + length + b"\\r\\n\\r\\n" + answer)
        data = b""
listener = socket.create_server(("127.0.0.1", PORT))
while True:
    sock, _ = listener.accept()
    threading.Thread(target=serve, args=(sock,), daemon=True).start()
"""
"""Takes uploads, and events as Meta does."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--servers", default="granian,waitress", help="of granian, waitress, gunicorn")
    parser.add_argument("--without-mitmproxy", action="store_true")
    parser.add_argument("--bare", action="store_true", help="the proxy without a pixel, too")
    parser.add_argument("--spread", action="store_true", help="ours with threads on all cores, too")
    parser.add_argument("--soak", action="store_true", help="memory only")
    parser.add_argument("--size", type=int, default=1024, help="MB that go up and down in the soak")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended then, too
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        shop, sink = free_port(), free_port()
        www = folder / "shop" / "www"
        www.mkdir(parents=True)
        (www / "j.json").write_bytes(small_json())
        (www / "page.html").write_bytes(product_page())
        with (www / "file").open("wb") as file:
            file.truncate((arguments.size if arguments.soak else 1) << 20)
        stack.enter_context(process(sys.executable, "-c", SINK.replace("PORT", str(sink)), port=sink))
        http = textwrap.dedent(SHOP).format(folder=folder / "shop", port=shop, sink=sink)
        stack.enter_context(nginx(folder / "shop", http, shop))
        servers = arguments.servers.split(",")
        if arguments.soak:
            results = []
            for server in servers:
                with ExitStack() as inner:
                    results.append(soak(ours(server, shop, sink, folder, inner), arguments.size << 20))
            return 0 if all(results) else 1
        stacks = [limit(shop, folder, stack)]
        if not arguments.without_mitmproxy:
            stacks.append(mitmproxy(shop, folder, stack))
        for server in servers:
            if server != "gunicorn":
                stacks.append(werkzeug(server, shop, folder, stack))
            stacks.append(ours(server, shop, sink, folder, stack))
            if arguments.bare:
                stacks.append(ours(server, shop, sink, folder, stack, pixel=False))
            if arguments.spread:
                stacks.append(ours(server, shop, sink, folder, stack, affinity="none"))
        cells = compare(arguments, stacks)
        report(stacks, cells)
        return 0 if judge(cells) else 1


def limit(shop: int, folder: Path, stack: ExitStack) -> Stack:
    port = free_port()
    pid = stack.enter_context(nginx(folder / "limit", LIMIT.format(shop=shop, port=port), port))
    return Stack("nginx", port, lambda: family(pid))


def mitmproxy(shop: int, folder: Path, stack: ExitStack) -> Stack:
    port = free_port()
    (folder / "inject.py").write_text(INJECT)
    command = [mitmproxy_command(), "--mode", f"reverse:http://127.0.0.1:{shop}", "-q", "-s", "inject.py"]
    command += ["--listen-host", "127.0.0.1", "-p", str(port), "--set", f"confdir={folder}/mitm"]
    pid = stack.enter_context(process(*command, port=port, cwd=folder))
    return Stack("mitmproxy", port, lambda: family(pid))


if __name__ == "__main__":
    sys.exit(main())
