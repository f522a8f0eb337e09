"""One way to make a request and look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from capi_middleware.settings import Settings
from capi_middleware.settings.settings import ConsentSettings, ServerSettings, ShopSettings, VisitSettings
from capi_middleware.visit import Visit, memory_for, read_visit
from capi_middleware.visit.census import forget_census

NOW = 1_700_000_000.123
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

MakeSettings = Callable[..., Settings]
MakeEnviron = Callable[..., dict[str, Any]]
Look = Callable[..., Visit]


@pytest.fixture
def make_settings(tmp_path: Path) -> Iterator[MakeSettings]:
    """``make_settings(consent={"mode": "required"}, visit={…}, shop={…})``; a state folder of its own."""
    server = ServerSettings(state_dir=str(tmp_path / "state"))

    def make(**sections: dict[str, Any]) -> Settings:
        return Settings(
            consent=ConsentSettings(**sections.get("consent", {})),
            visit=VisitSettings(**sections.get("visit", {})),
            shop=ShopSettings(**sections.get("shop", {})),
            server=server,
        )

    yield make
    memory_for(make()).forget()
    forget_census()


@pytest.fixture
def make_environ() -> MakeEnviron:
    """The environ of a Chrome that opens ``https://www.example.com/``; headers by keyword, None to leave one out."""

    def make(
        url: str = "https://www.example.com/", method: str = "GET", cookies: str = "", **headers: str | None
    ) -> dict[str, Any]:
        scheme, _, rest = url.partition("://")
        host, slash, tail = rest.partition("/")
        path, _, query = (slash + tail).partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "wsgi.url_scheme": scheme,
            "SERVER_NAME": "inside.test",
            "SERVER_PORT": "8000",
            "HTTP_HOST": host,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": "8.8.8.8",
            "HTTP_USER_AGENT": CHROME,
            "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "HTTP_ACCEPT_LANGUAGE": "sv-SE,sv;q=0.9",
            "HTTP_SEC_FETCH_DEST": "document",
            "HTTP_SEC_FETCH_MODE": "navigate",
            "HTTP_SEC_FETCH_SITE": "none",
        }
        if cookies:
            environ["HTTP_COOKIE"] = cookies
        for name, value in headers.items():
            key = name if name.startswith("wsgi") or name == "REMOTE_ADDR" else f"HTTP_{name.upper()}"
            if value is None:
                environ.pop(key, None)
            else:
                environ[key] = value
        return environ

    return make


@pytest.fixture
def look(make_settings: MakeSettings, make_environ: MakeEnviron) -> Look:
    """``look(settings, url, cookies=…, header=…) -> Visit``; settings may be None for the defaults."""

    def make(settings: Settings | None = None, *args: Any, **headers: Any) -> Visit:
        return read_visit(make_environ(*args, **headers), settings or make_settings(), NOW)

    return make
