# ruff: noqa: E501
"""``capi-middleware explain``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from capi_middleware.cli import main

PAGES = Path(__file__).parent.parent / "pages"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAPI_CONFIG", raising=False)


@pytest.fixture
def shop() -> Iterator[str]:
    """A shop on a port of its own: a redirect, a product page, a redirect to another host."""
    import threading

    def answer(environ: Any, start_response: Any) -> Any:
        path = Request(environ).path
        if path == "/":
            return Response("", 302, {"Location": "/produkt"})(environ, start_response)
        if path == "/away":
            return Response("", 302, {"Location": "http://192.0.2.1/x"})(environ, start_response)
        page = (PAGES / "woocommerce-simple.html").read_bytes()
        headers = {"Set-Cookie": "wp_woocommerce_session_x=1"}
        return Response(page, mimetype="text/html", headers=headers)(environ, start_response)

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["explain", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def names(found: dict[str, Any]) -> list[str]:
    return [event["event_name"] for event in found["events"]]


def test_a_saved_page(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(
        capsys, "https://kitchen.example/product/enamel-mug/", "--html", str(PAGES / "woocommerce-simple.html")
    )
    assert names(found) == ["PageView", "ViewContent"]
    assert found["platform"] == "woocommerce"
    assert found["events"][1]["sources"]["value"]


def test_a_form_answered_by_a_redirect(capsys: pytest.CaptureFixture[str]) -> None:
    form = ["--form", "id=12", "--form", "qty=2"]
    found = told(capsys, "https://shop.example/cart/add", *form, "--header", "Location: /cart")
    assert names(found) == ["AddToCart"]
    assert found["events"][0]["custom_data"]["contents"] == [{"id": "12", "quantity": 2}]
    assert found["rule"] == "general: add to cart by form"


def test_a_script_answered_by_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for answer, expected in (({"cart_hash": "x"}, ["AddToCart"]), ({"error": True, "product_url": "x"}, [])):
        (tmp_path / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
        found = told(
            capsys, "https://shop.example/?wc-ajax=add_to_cart", "--method", "POST", "--form", "product_id=12",
            "--response-json", "answer.json", "--header", "X-Requested-With: XMLHttpRequest",
            "--header", "Cookie: woocommerce_cart_hash=1",
        )  # fmt: skip
        assert names(found) == expected


def test_posted_json_and_a_status(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text('{"id": 12, "quantity": 1}', encoding="utf-8")
    url = "https://shop.example/wp-json/wc/store/v1/cart/add-item"
    (tmp_path / "capi.toml").write_text('[shop]\nplatform = "woocommerce"\n', encoding="utf-8")
    assert names(told(capsys, url, "--request-json", "body.json", "--status", "201")) == ["AddToCart"]
    assert names(told(capsys, url, "--request-json", "body.json", "--status", "400")) == []


@pytest.mark.parametrize(("page", "expected"), [("oscar-added.html", ["AddToCart"]), ("oscar-refused.html", [])])
def test_the_following_page(capsys: pytest.CaptureFixture[str], tmp_path: Path, page: str, expected: list[str]) -> None:
    kind = "success" if expected else "danger"
    html = f'<!doctype html><html><head><title>x</title></head><body><div class="alert alert-{kind}">Text</div></body></html>'
    (tmp_path / page).write_text(html, encoding="utf-8")
    (tmp_path / "capi.toml").write_text('[shop]\nplatform = "django-oscar"\n', encoding="utf-8")
    found = told(
        capsys, "https://shop.example/basket/add/12/", "--form", "quantity=1",
        "--header", "Location: /catalogue/mug_12/", "--next-html", page,
    )  # fmt: skip
    assert names(found) == expected


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    page = str(PAGES / "woocommerce-simple.html")
    assert main(["explain", "https://kitchen.example/product/enamel-mug/", "--html", page]) == 0
    text = capsys.readouterr().out
    assert "a person opening a page" in text
    assert "platform woocommerce (by html" in text
    assert "ViewContent   rule: general: product page" in text
    assert "value" in text and "from " in text
    assert main(["explain", "https://shop.example/robots.txt", "--status", "200"]) == 0
    assert "nothing is sent" in capsys.readouterr().out


def test_refused_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["explain", "https://shop.example/cart/add", "--form", "id=1", "--form", "qty=1", "--status", "422"]) == 0
    )
    assert "no AddToCart   rule: general: add to cart by form; status 422" in capsys.readouterr().out


def test_a_real_shop_is_fetched(capsys: pytest.CaptureFixture[str], shop: str) -> None:
    found = told(capsys, f"{shop}/")
    assert found["url"] == f"{shop}/produkt"
    assert names(found) == ["PageView", "ViewContent"]


def test_another_host_is_not_followed(capsys: pytest.CaptureFixture[str], shop: str) -> None:
    assert names(told(capsys, f"{shop}/away")) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["https://shop.example/cart/add", "--form", "id=12"], "it might buy something"),
        (["https://shop.example/x", "--form", "id"], "write it as name=value"),
        (["https://shop.example/x", "--header", "Location"], "write it as 'Name: value'"),
        (["https://shop.example/x", "--html", "gone.html"], "gone.html"),
    ],
)
def test_misuse(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["explain", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_shop_that_cannot_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "http://127.0.0.1:9/"]) == 1
    assert "http://127.0.0.1:9/ cannot be opened: nothing answers there (connection refused)" in capsys.readouterr().err


def test_problems_of_the_file_are_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "capi.toml").write_text("[metaa]\n", encoding="utf-8")
    assert main(["explain", "https://shop.example/", "--status", "200"]) == 0
    assert "Did you mean meta?" in capsys.readouterr().err
