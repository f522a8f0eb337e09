"""A shop whose owner has not been here yet, and what an owner does."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

from playwright.sync_api import Page

from capi_middleware import CapiMiddleware

from .conftest import PIXEL, TOKEN

PASSWORD = "en lång och egen mening"
LONG_TOKEN = TOKEN + "0123456789abcdef"


class Owned(NamedTuple):
    """``code``: the set-up code that the program wrote to its log."""

    url: str
    app: CapiMiddleware
    code: str

    @property
    def admin(self) -> str:
        return f"{self.url}/_shop/admin/"


class Heard(logging.Handler):
    """What the program writes to its log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def open_shop(
    app: WSGIApplication, folder: Path, graph_url: str, serve: Callable[[Any], str], text: str = "", **more: Any
) -> Owned:
    """Wrap and serve a shop with a settings file, as yet without owner."""
    heard = Heard()
    log = logging.getLogger("capi_middleware")
    log.addHandler(heard)
    file = folder / "capi.toml"
    file.write_text(text, encoding="utf-8")
    try:
        wrapped = CapiMiddleware(app, file, state_dir=str(folder / "state"), graph_url=graph_url, **more)
    finally:
        log.removeHandler(heard)
    found = re.search(r"set-up code (\S+)", "\n".join(heard.lines))
    return Owned(serve(wrapped), wrapped, found[1] if found else "")


def set_up(page: Page, shop: Owned) -> None:
    """From the first page to the connection form."""
    page.goto(shop.admin)
    page.fill("[name=code]", shop.code)
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=again]", PASSWORD)
    page.click("button.main")
    page.wait_for_url("**/connect")


def connect(page: Page, pixel_id: str = PIXEL, token: str = LONG_TOKEN) -> None:
    """Paste and save."""
    page.fill("[name=pixel_id]", pixel_id)
    page.fill("[name=access_token]", token)
    page.click("button.main")
