"""What an import costs, and when: a fresh process says which modules it has loaded. Times: benchmarks/imports.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FACE = {"capi_middleware", "capi_middleware.version"}
WRAPPING = {"cachetools", "capi_middleware", "itsdangerous", "markupsafe", "orjson", "publicsuffixlist", "werkzeug"}
"""Of what is installed, all that the middleware's module may load (orjson: where it is installed)."""
OPTIONAL = {
    "bs4", "soupsieve", "lxml", "selectolax", "requests", "urllib3", "jmespath", "tomlkit", "jinja2", "psycopg",
    "brotli", "zstandard", "re2", "crawleruseragents", "waitress", "httptools", "gunicorn", "granian",
}  # fmt: skip
ROOMS = ("admin.app", "admin.pages", "proxy", "sandbox", "demo", "cli", "explain", "doctor", "delivery.postgresql",
         "delivery.graph")  # fmt: skip
LOADED = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def after(code: str, folder: Path, **environ: str) -> list[str]:
    """The lines that a fresh process prints; each one JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("CAPI_")},
            "PYTHONPATH": str(ROOT),
            "CAPI_STATE_DIR": str(folder / "state"),
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def installed(modules: list[str]) -> set[str]:
    """The names of packages that are not the standard library's; ``.pth`` files of the site's own aside."""
    (bare,) = after(LOADED, Path.cwd())
    names = {name.partition(".")[0] for name in set(modules) - set(bare)}
    return {name for name in names - set(sys.stdlib_module_names) if not name.startswith(("_", "cython_runtime"))}


def test_the_package_alone_loads_nothing_else(tmp_path: Path) -> None:
    (modules,) = after("import capi_middleware\n" + LOADED, tmp_path)
    assert {name for name in modules if name.startswith("capi_middleware")} == FACE
    assert installed(modules) == {"capi_middleware"}


def test_the_middleware_loads_no_optional_part(tmp_path: Path) -> None:
    (modules,) = after("from capi_middleware import CapiMiddleware\n" + LOADED, tmp_path)
    assert installed(modules) <= WRAPPING
    assert not OPTIONAL & set(modules)
    assert not [room for room in ROOMS if f"capi_middleware.{room}" in modules]


SHOP = """
import json, sys
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response
from capi_middleware import CapiMiddleware

PAGE = '''<!doctype html><html lang=sv><head><title>Mugg</title><script type="application/ld+json">{"@type": "Product",
"name": "Mugg", "sku": "M1", "offers": {"price": "199", "priceCurrency": "SEK"}}</script></head><body><h1>Mugg</h1>
<form action="/cart/add" method=post><input name=id value=M1><button>Buy</button></form></body></html>'''
PERSON = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0",
          "Accept": "text/html", "Accept-Language": "sv", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
SCRIPT = {**PERSON, "Accept": "*/*", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}

def shop(environ, start_response):
    request = Request(environ)
    if request.method == "POST":
        cart = {"success": True, "items": [dict(request.form)]}
        answer = Response(json.dumps(cart), content_type="application/json")
    else:
        answer = Response(PAGE, content_type="text/html; charset=utf-8")
    return answer(environ, start_response)

client = Client(CapiMiddleware(shop))
client.post("/", data={"a": "1"})  # what the test client itself loads
before = set(sys.modules)
page = client.get("/produkt/mugg", headers=PERSON)
assert "'ViewContent'" in page.text, page.text
added = client.post("/cart/add", data={"id": "M1"}, headers=SCRIPT)
assert "capi" in added.headers["Server-Timing"], added.headers
print(json.dumps(sorted(set(sys.modules) - before)))
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the first requests of a process loaded, and all that is loaded after them."""
    return after(
        SHOP,
        tmp_path_factory.mktemp("shop"),
        CAPI_PIXEL_ID="1234567890",
        CAPI_ACCESS_TOKEN="EAAexample",
        CAPI_GRAPH_URL="http://127.0.0.1:9",
    )


def test_the_first_visitor_waits_for_no_import(served: list[str]) -> None:
    """All that a page and a cart take is loaded when the shop is wrapped, before any request."""
    assert [name for name in served[0] if not name.startswith("encodings.")] == []


def test_a_shop_without_rules_of_its_own_loads_no_parser_of_trees(served: list[str]) -> None:
    assert not {"bs4", "soupsieve", "lxml", "selectolax", "tomlkit", "psycopg", "jinja2"} & set(served[1])


def test_checking_a_file_loads_no_web_client(tmp_path: Path) -> None:
    (tmp_path / "capi.toml").write_text('[meta]\npixel_id = "1234567890"\n', encoding="utf-8")
    check = "import contextlib, io\nfrom capi_middleware.cli import main\n"
    check += "with contextlib.redirect_stdout(io.StringIO()):\n    assert main(['check']) == 0\n"
    (modules,) = after(check + LOADED, tmp_path)
    assert not {"requests", "bs4", "lxml", "jinja2", "tomlkit"} & set(modules)


def test_every_runtime_dependency_is_one_that_is_used() -> None:
    """Names of setup.cfg that no module imports would be installed for nothing."""
    import configparser

    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    names = [
        line.partition(">")[0].strip().lower() for line in config["options"]["install_requires"].split("\n") if line
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "capi_middleware").rglob("*.py"))
    modules = {"beautifulsoup4": "bs4", "crawler-user-agents": "crawleruseragents"}
    for name in names:
        module = modules.get(name, name)
        assert f"import {module}" in text or f"from {module}" in text or module == "lxml", name
