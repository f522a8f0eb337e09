# ruff: noqa: E501
"""Request bodies as forms, JSON and GraphQL come."""

from __future__ import annotations

import json

import pytest

from capi_middleware.infer.body import Body, kind_of


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("application/x-www-form-urlencoded", "form"),
        ("application/x-www-form-urlencoded; charset=UTF-8", "form"),
        ("multipart/form-data; boundary=x", "form"),
        ("", "form"),
        ("application/json", "json"),
        ("application/vnd.api+json; charset=utf-8", "json"),
        ("text/plain;charset=UTF-8", "json"),
        ("application/graphql", "graphql"),
        ("image/png", ""),
    ],
)
def test_kind(content_type: str, kind: str) -> None:
    assert kind_of(content_type) == kind


def test_urlencoded() -> None:
    body = Body(b"a=1&b=r%C3%B6d+mugg&c=&a=2", "application/x-www-form-urlencoded")
    assert body.fields == (("a", "1"), ("b", "röd mugg"), ("c", ""), ("a", "2"))
    assert list(body.values("a")) == ["1", "2"]


def test_multipart_without_its_files() -> None:
    content = (
        b'--X\r\nContent-Disposition: form-data; name="id"\r\n\r\n12\r\n'
        b'--X\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--X--\r\n'
    )
    assert Body(content, "multipart/form-data; boundary=X").fields == (("id", "12"),)


@pytest.mark.parametrize("content", [b"", b"--X\r\n", b'--X\r\nContent-Disposition: form-data; name="id"\r\n\r\n12'])
def test_multipart_cut_short(content: bytes) -> None:
    assert Body(content, "multipart/form-data; boundary=X").fields == ()
    assert Body(content, "multipart/form-data").fields == ()


def test_too_many_fields_are_none() -> None:
    parts = b"".join(b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' for _ in range(501)) + b"--X--\r\n"
    assert Body(parts, "multipart/form-data; boundary=X").fields == ()
    assert Body(b"&".join(b"a=1" for _ in range(2000)), "application/x-www-form-urlencoded").fields == ()


def test_json() -> None:
    assert Body(b'\xef\xbb\xbf {"a": 1}', "application/json").json == {"a": 1}
    assert Body(b'{"a": 1}', "text/plain").json == {"a": 1}
    assert Body(b'{"a": NaN}', "application/json").json == {"a": None}
    assert Body(b"{", "application/json").json is None
    assert Body(b"[" * 100_000, "application/json").json is None
    assert Body(None, "application/json").json is None


def test_graphql_names() -> None:
    query = 'mutation Add($x: Int) { alias: addToCart(text: "removeItem", n: $x) { id } } # comment'
    body = Body(json.dumps({"query": query, "operationName": "Add"}).encode(), "application/json")
    assert "addToCart" in body.operations and "Add" in body.operations
    assert not {"removeItem", "comment"} & set(body.operations)
    assert Body(query.encode(), "application/graphql").operations[0] == "mutation"
    batch = json.dumps([{"query": "{ a }"}, {"query": "{ b }"}]).encode()
    assert Body(batch, "application/json").operations == ("a", "b")
