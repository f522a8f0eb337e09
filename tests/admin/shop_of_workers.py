"""The shop of ``test_workers.py``, as a server loads it: each page says which process made it."""

from __future__ import annotations

import os
from typing import Any
from wsgiref.types import StartResponse

from capi_middleware import CapiMiddleware


def shop(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("X-Process", str(os.getpid()))])
    return [b"<!doctype html><html><head><title>En sida</title></head><body><h1>Hej</h1></body></html>"]


application = CapiMiddleware(shop)
