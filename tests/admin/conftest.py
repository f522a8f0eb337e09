"""A wrapped shop with an owner, and clients of every kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import Client, TestResponse

from capi_middleware import CapiMiddleware
from capi_middleware.admin import account
from capi_middleware.admin.state import AdminState
from capi_middleware.demo import Shop
from capi_middleware.sandbox import Sandbox

PASSWORD = "en lång och egen mening"
PIXEL, TOKEN = "1234567890", "EAAcanaryTOKEN0123456789abcdefCANARY"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
HOST = "shop.example"
ADMIN = "/_shop/admin/"


class Owner:
    """A browser of the owner's: follows nothing by itself, keeps cookies. ``https`` as in production."""

    def __init__(self, app: Any, scheme: str = "https", address: str = "203.0.113.9") -> None:
        self.client = Client(app)
        self.base = f"{scheme}://{HOST}"
        self.address = address
        self.csrf = ""

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = {"User-Agent": CHROME, "Accept-Language": "en", **more.pop("headers", {})}
        environ = {"REMOTE_ADDR": self.address, **more.pop("environ", {})}
        where = path if path.startswith("/") else ADMIN + path
        return self.client.open(
            where, method=method, base_url=more.pop("base", self.base), headers=headers, environ_base=environ, **more
        )

    def get(self, path: str = "", **more: Any) -> TestResponse:
        return self.ask("GET", path, **more)

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> TestResponse:
        """As a form of our own page sends it."""
        headers = {"Origin": self.base, "Sec-Fetch-Site": "same-origin", **more.pop("headers", {})}
        return self.ask("POST", path, data={"csrf": self.csrf, **(data or {})}, headers=headers, **more)

    def log_in(self, password: str = PASSWORD) -> TestResponse:
        answer = self.post("login", {"password": password})
        if answer.status_code == 303:
            found = re.search(r'name="csrf" value="([^"]+)"', self.get("settings").text)
            assert found
            self.csrf = found[1]
        return answer


@pytest.fixture
def meta() -> Iterator[Sandbox]:
    with Sandbox(tokens={PIXEL: TOKEN}) as running:
        yield running


@pytest.fixture
def make_app(tmp_path: Path, meta: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., CapiMiddleware]]:
    """``make_app(shop, text="[meta]…", owned=True, **keywords)``."""
    for name in ("CAPI_PIXEL_ID", "CAPI_ACCESS_TOKEN", "CAPI_CONFIG", "CAPI_ADMIN_PASSWORD", "CAPI_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    made: list[CapiMiddleware] = []

    def make(shop: Any = None, text: str | None = None, owned: bool = True, **keywords: Any) -> CapiMiddleware:
        folder = tmp_path / f"shop{len(made)}"
        folder.mkdir()
        file = folder / "capi.toml"
        default = f'[meta]\npixel_id = "{PIXEL}"\naccess_token = "{TOKEN}"\n[shop]\ncurrency = "SEK"\n'
        file.write_text(default if text is None else text, encoding="utf-8")
        state = AdminState(folder / "state")
        if owned:
            issued = account.issue_setup_code(state)
            assert issued is not None
            assert account.create_account(state, issued.code, PASSWORD) is None
        keywords = {"state_dir": str(folder / "state"), "graph_url": meta.url, **keywords}
        app = CapiMiddleware(shop or Shop(), file, **keywords)
        made.append(app)
        return app

    yield make
    for app in made:
        app.close()


@pytest.fixture
def app(make_app: Callable[..., CapiMiddleware]) -> CapiMiddleware:
    return make_app()


@pytest.fixture
def owner(app: CapiMiddleware) -> Owner:
    one = Owner(app)
    assert one.log_in().status_code == 303
    return one


def visit(app: Any, path: str = "/", **headers: str) -> TestResponse:
    """A person opens a page."""
    given = {"User-Agent": CHROME, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", **headers}
    given = {name.replace("_", "-"): value for name, value in given.items()}
    # With a jar of its own the client would drop the cookies that stand in a header.
    client = Client(app, use_cookies=False)
    return client.get(path, base_url=f"https://{HOST}", headers=given, environ_base={"REMOTE_ADDR": "81.2.69.142"})


def location(answer: TestResponse) -> str:
    """Where an answer sends the browser: a path."""
    parts = urlsplit(answer.headers.get("Location", ""))
    assert not parts.netloc, "a redirect stays in the shop"
    return parts.path + (f"?{parts.query}" if parts.query else "")
