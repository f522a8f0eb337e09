"""What the page's endpoint costs: an answered view, a refused one, and a flood of them beside the shop's own pages.

    python benchmarks/collect.py [--quick]

Prints microseconds of processor time. Exits with 1 where a gate is missed: a call that is refused for its rate costs at
most a tenth of one that is answered, and of a flood of one visitor no more is handed over than its rate allows.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from typing import Any

from capi_middleware.collect import Collector, Limits, Seal, Shop
from capi_middleware.events import Event
from capi_middleware.infer import Facts, Inference, ProductMemory
from capi_middleware.settings import Settings
from capi_middleware.settings.settings import ConsentSettings, MetaSettings
from capi_middleware.visit import IdentityCodec

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
LAMP = Facts({"content_ids": ["1"], "value": 249.0, "currency": "SEK"}, {"value": "jsonld"}, True, "Lamp")


class Sink:
    """An outbox that counts."""

    def __init__(self) -> None:
        self.events = 0

    def put(self, event: Event) -> None:
        self.events += 1

    def report(self, pixel_id: str, event_id: str, event_name: str, what: str) -> None:
        pass

    def forget(self, fbp: str) -> None:
        pass


def shop() -> Shop:
    settings = Settings(meta=MetaSettings(pixel_id="1234567890"), consent=ConsentSettings(mode="off"))
    memory = ProductMemory()
    memory.learn("shop.example", "/p/1", LAMP)
    return Shop(settings, Inference(settings, memory), memory, Seal(b"k" * 32), IdentityCodec(b"k" * 32))


def request(number: int, address: str = "81.2.69.142") -> dict[str, Any]:
    message = {"v": 1, "k": "view", "u": "https://shop.example/p/1", "r": "", "i": f"{number:032x}", "t": []}
    body = json.dumps(message).encode()
    return {
        "REQUEST_METHOD": "POST",
        "HTTP_HOST": "shop.example",
        "HTTP_USER_AGENT": AGENT,
        "HTTP_SEC_FETCH_SITE": "same-origin",
        "HTTP_COOKIE": "_fbp=fb.1.1700000000000.123456789; session=abcdef",
        "REMOTE_ADDR": address,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
    }


def cost(collector: Collector, desk: Shop, requests: list[dict[str, Any]]) -> float:
    """Microseconds of processor time a call."""
    start = time.process_time()
    for environ in requests:
        collector.reply(environ, desk)
    return (time.process_time() - start) / len(requests) * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    calls = 300 if parser.parse_args().quick else 3000
    desk, sink = shop(), Sink()
    numbers = iter(range(10**9))
    free = Collector(sink, Limits(10**9, 10**9))
    answered = statistics.median(cost(free, desk, [request(next(numbers)) for _ in range(calls)]) for _ in range(5))
    strict = Collector(sink, Limits(60, 6000))
    cost(strict, desk, [request(next(numbers)) for _ in range(100)])
    refused = statistics.median(cost(strict, desk, [request(next(numbers)) for _ in range(calls)]) for _ in range(5))
    sink.events = 0
    flood = Collector(sink, Limits(60, 6000))
    for _ in range(10 * calls):
        flood.reply(request(next(numbers)), desk)
    print(f"a view answered, with two events   {answered:8.1f} us")
    print(f"a call refused for its rate        {refused:8.1f} us   {refused / answered:.3f} of that")
    print(f"of {10 * calls} views of one visitor, events handed over: {sink.events}")
    failed = refused > answered / 10 or sink.events > 2 * 62
    print("missed" if failed else "kept")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
