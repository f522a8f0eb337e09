"""Lists in ``[visit]`` and ``[consent]`` are checked item by item."""

from __future__ import annotations

from typing import Any

import pytest

from capi_middleware.settings import load


@pytest.mark.parametrize(
    ("keyword", "good", "bad"),
    [
        ("trusted_proxies", ["10.0.0.0/8", "fd00::/8", "192.0.2.1"], ["my-proxy"]),
        ("address_headers", ["CF-Connecting-IP"], ["CF Connecting"]),
        ("matching_fields", ["em=f17", "-email"], ["email"]),
        ("ignore_tools", ["cookiebot"], ["Cookiebot!"]),
    ],
)
def test_list_items(keyword: str, good: list[str], bad: list[str]) -> None:
    environ: dict[str, Any] = {}
    assert load(environ=environ, **{keyword: good}).problems == ()
    problems = load(environ=environ, **{keyword: good + bad}).problems
    assert [problem.key.rpartition(".")[2] for problem in problems] == [keyword]
    assert "Write" in problems[0].right
