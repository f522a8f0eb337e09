"""Figures for Prometheus at ``{mount}/metrics``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from capi_middleware import CapiMiddleware
from capi_middleware.metrics import exposition, may_read
from capi_middleware.sandbox import Sandbox
from capi_middleware.sandbox.fault import Fault
from tests.core.test_middleware import NAVIGATION, PIXEL, page_shop
from tests.proxy.wire import wait_for

TOKEN = "figures-for-the-operator"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
HEALTH: dict[str, Any] = {
    "ok": True,
    "waiting": 3,
    "oldest": 1.5,
    "paused": {},
    "lost": {},
    "promise": "disk",
    "last_success": 1_800_000_000.25,
}
SAMPLE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{(\w+="(\\[\\"n]|[^\\"\n])*",?)*\})? [-+0-9.eE]+')


def wrapped(sandbox: Sandbox, folder: Path, **keywords: Any) -> CapiMiddleware:
    meta = {"pixel_id": PIXEL, "access_token": "EAAtoken", "graph_url": sandbox.url}
    return CapiMiddleware(page_shop, state_dir=str(folder), **meta, **keywords)


def samples(text: str) -> dict[str, float]:
    """Each line's value by name and labels, without the process."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {re.sub(r',?process="\d+"', "", name): float(value) for name, _, value in lines}


def test_there_is_none_without_a_token(sandbox: Sandbox, tmp_path: Path) -> None:
    """The address is the shop's own then."""
    app = wrapped(sandbox, tmp_path)
    answer = Client(app).get("/_shop/metrics", headers=BEARER)
    assert "capi_" not in answer.text
    assert answer.status_code == Client(page_shop).get("/_shop/metrics").status_code
    app.close()


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer å"]
)
def test_a_wrong_token_reads_nothing(authorization: str, sandbox: Sandbox, tmp_path: Path) -> None:
    app = wrapped(sandbox, tmp_path, metrics_token=TOKEN)
    answer = Client(app).get("/_shop/metrics", headers={"Authorization": authorization} if authorization else {})
    assert (answer.status_code, answer.data, answer.headers["WWW-Authenticate"]) == (401, b"", "Bearer")
    app.close()


def test_figures(sandbox: Sandbox, tmp_path: Path) -> None:
    """A page is opened and delivered: the counters say so; nothing in them is a secret or a visitor's."""
    app = wrapped(sandbox, tmp_path, metrics_token=TOKEN)
    client = Client(app)
    assert client.get("/", headers=NAVIGATION).status_code == 200
    assert app.flush(20)
    answer = client.get("/_shop/metrics", headers=BEARER)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    found = samples(answer.text)
    assert found["capi_healthy"] == 1
    assert found["capi_kept_on_disk"] == 1
    assert found['capi_events_total{what="made"}'] == 1
    assert found['capi_events_total{what="delivered"}'] == 1
    assert found['capi_events_total{what="dead"}'] == 0
    assert found['capi_answers_total{verdict="INLINE"}'] == 1
    assert "EAAtoken" not in answer.text and TOKEN not in answer.text and "fb.1." not in answer.text
    app.close()


def test_a_dead_token_is_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    app = wrapped(sandbox, tmp_path, metrics_token=TOKEN)
    sandbox.fail("graph", Fault(code=190))
    client = Client(app)
    client.get("/", headers=NAVIGATION)
    figures = lambda: samples(client.get("/_shop/metrics", headers=BEARER).text)  # noqa: E731
    assert wait_for(lambda: figures()["capi_healthy"] == 0, 20)
    found = figures()
    assert found[f'capi_pixel_paused{{pixel="{PIXEL}"}}'] == 1
    assert found["capi_waiting_events"] == 1
    app.close()


@given(st.dictionaries(st.text(max_size=20), st.integers(0, 2**53), max_size=4), st.text(max_size=20))
def test_any_label_is_escaped(counts: dict[str, int], pixel: str) -> None:
    """The text format has three characters that a label's value must not hold as they are."""
    text = exposition({**HEALTH, "lost": counts, "paused": {pixel: "x"}}, {}, {}, 7)
    assert text.endswith("\n")
    for line in text.removesuffix("\n").split("\n"):
        assert line.startswith(("# HELP capi_", "# TYPE capi_")) or SAMPLE.fullmatch(line), line


def test_names_and_types() -> None:
    """Counters end in ``_total``; each family has its help and type before its samples."""
    text = exposition({**HEALTH, "lost": {"disk": 2}}, {"made": 5}, {"INLINE": 4}, 7)
    kinds = dict(line.split(" ")[2:4] for line in text.splitlines() if line.startswith("# TYPE"))
    assert {name for name, kind in kinds.items() if kind == "counter"} == {
        "capi_lost_events_total",
        "capi_events_total",
        "capi_answers_total",
    }
    assert 'capi_lost_events_total{reason="disk"} 2' in text
    assert 'capi_answers_total{verdict="INLINE",process="7"} 4' in text
    assert "capi_last_success_timestamp_seconds 1800000000.25" in text


def test_scheme_is_case_insensitive() -> None:
    assert may_read(f"bearer {TOKEN}", TOKEN)
    assert not may_read(f"bearer {TOKEN}", "other")
