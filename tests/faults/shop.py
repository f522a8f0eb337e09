"""A shop that hands over one event for each request, and says so; run by real servers in the tests beside it.

Environment: ``CAPI_*`` as usual; ``FAULT_EARLY``: IDs of events that are handed over while the module is imported.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from capi_middleware.delivery import Outbox
from capi_middleware.events import Event, Visitor
from capi_middleware.settings import SettingsSource

outbox = Outbox(SettingsSource())


def hand_over(event_id: str, pixel_id: str = "1234567890", name: str = "PageView") -> None:
    outbox.put(
        Event(
            pixel_id=pixel_id,
            event_name=name,
            event_id=event_id,
            event_time=int(time.time()),
            event_source_url="https://shop.example/",
            visitor=Visitor("203.0.113.7", "Mozilla/5.0", "fb.1.1700000000000.1"),
            custom_data={"value": 1.0, "currency": "SEK"},
        )
    )


def hog() -> None:
    while True:
        pass


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    path = environ["PATH_INFO"]
    took = 0.0
    if path == "/e":
        start = time.perf_counter()
        hand_over(query["id"], query.get("pixel", "1234567890"), query.get("name", "PageView"))
        took = time.perf_counter() - start
        body = query["id"].encode()
    elif path == "/many":
        for number in range(int(query["n"])):
            hand_over(f"{query['id']}-{number}")
        body = query["id"].encode()
    elif path == "/health":
        body = json.dumps(outbox.health()).encode()
    elif path == "/hog":
        for _ in range(int(query["n"])):
            threading.Thread(target=hog, daemon=True).start()
        body = b"hogged"
    elif path == "/stuck":
        hand_over(query["id"])
        hog()
        body = b""
    elif path == "/fork":
        child = os.fork()
        if child == 0:
            hand_over(query["id"])
            time.sleep(float(query["sleep"]))
            os._exit(0)
        body = str(child).encode()
    else:
        body = str(os.getpid()).encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), ("X-Took", f"{took * 1e6:.1f}")]
    start_response("200 OK", headers)
    return [body]


for early in os.environ.get("FAULT_EARLY", "").split():
    hand_over(early)
