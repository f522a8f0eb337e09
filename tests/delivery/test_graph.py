"""The client: deadlines that hold, answers that end, secrets that stay."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from capi_middleware.delivery import request as module
from capi_middleware.delivery.graph import MAX_ANSWER, Graph
from capi_middleware.delivery.posters import Job, Posters
from capi_middleware.delivery.request import PARTNER_AGENT, Answer, Call, target_of
from capi_middleware.settings import Secret
from capi_middleware.settings.settings import MetaSettings
from tests.delivery.sink import Reply, Sink

DEADLINE = 1.0


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEADLINE", DEADLINE)


def meta(url: str, **changes: Any) -> MetaSettings:
    return MetaSettings("1234567890", Secret("TOKEN"), graph_url=url, **changes)


def post(url: str) -> tuple[Answer, float]:
    """Through the posters, as the deliverer does; and how long it took."""
    posters = Posters(2)
    target = target_of(meta(url))
    start = time.monotonic()
    posters.send(Job(target, ['{"event_id":"1"}'], None))
    found: list[tuple[Job, Answer]] = []
    while not found and time.monotonic() - start < 20:
        found = posters.wait(0.1)
    took = time.monotonic() - start
    posters.close()
    return found[0][1], took


def test_an_answer(short: None) -> None:
    sink = Sink()
    answer, _ = post(sink.url)
    sink.close()
    assert answer.status == 200 and json.loads(answer.body)["events_received"] == 1
    assert sink.paths == ["/v25.0/1234567890/events"]


@pytest.mark.parametrize("how", ["silent", "drip-headers", "drip-body"])
def test_total_deadline(short: None, how: str) -> None:
    sink = Sink(lambda events, body: Reply(how=how, body=b" " * 500))
    answer, took = post(sink.url)
    sink.close()
    assert answer.status == 0 and "within" in answer.error
    assert DEADLINE - 0.1 < took < DEADLINE + 1.5


def test_an_endless_answer_is_cut(short: None) -> None:
    sink = Sink(lambda events, body: Reply(how="endless"))
    answer, took = post(sink.url)
    sink.close()
    assert len(answer.body) <= MAX_ANSWER and took < DEADLINE + 1


@pytest.mark.parametrize("how", ["reset", "cut", "close"])
def test_broken_connections(short: None, how: str) -> None:
    sink = Sink(lambda events, body: Reply(how=how))
    answer, _ = post(sink.url)
    sink.close()
    assert answer.status == 0 and "connection" in answer.error and "TOKEN" not in answer.error


def test_nobody_listens(short: None) -> None:
    sink = Sink()
    sink.close()
    answer, _ = post(sink.url)
    assert (answer.status, answer.error) == (0, "the connection was refused")


def test_no_such_host(short: None) -> None:
    answer, _ = post("http://no-such-host.invalid")
    assert answer.status == 0 and "DNS" in answer.error


@pytest.fixture(scope="module")
def untrusted_server() -> Iterator[str]:
    """TLS with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    sink = Sink()
    sink._server.socket = context.wrap_socket(sink._server.socket, server_side=True, do_handshake_on_connect=False)
    yield sink.url.replace("http:", "https:")
    sink.close()


def test_a_certificate_that_nobody_vouches_for(short: None, untrusted_server: str) -> None:
    answer, _ = post(untrusted_server)
    assert answer.status == 0 and answer.insecure


def test_tls_that_is_none(short: None) -> None:
    sink = Sink()
    answer, _ = post(sink.url.replace("http:", "https:"))
    sink.close()
    assert answer.status == 0 and not answer.insecure


def test_redirects_are_not_followed(short: None) -> None:
    sink = Sink(lambda events, body: Reply(302, {}, {"Location": "http://127.0.0.1:1/"}))
    answer, _ = post(sink.url)
    sink.close()
    assert answer.status == 302


def test_the_environment_does_not_interfere(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    sink = Sink()
    answer, _ = post(sink.url)
    sink.close()
    assert answer.status == 200


def test_a_proxy_of_the_operator_is_used(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Sink()
    monkeypatch.setenv("http_proxy", sink.url)
    monkeypatch.delenv("no_proxy", raising=False)
    answer, _ = post("http://graph.example")
    sink.close()
    assert answer.status == 200 and sink.paths == ["http://graph.example/v25.0/1234567890/events"]


def test_connections_are_kept(short: None) -> None:
    sink = Sink()
    graph = Graph(1)
    seen = set()
    for _ in range(3):
        call = Call()
        thread = threading.Thread(target=lambda call=call: graph.post(f"{sink.url}/x", b'{"data":[]}', call))
        thread.start()
        while thread.is_alive():
            wire = getattr(call.connection, "sock", None)
            if wire is not None:
                seen.add(wire)
        thread.join()
    graph.close()
    sink.close()
    assert len(seen) <= 1


def test_the_body() -> None:
    target = target_of(meta("http://h/", app_secret=Secret("s3cr3t"), test_event_code="TEST1"))
    body = json.loads(target.body(['{"a":1}', '{"b":"å"}']))
    proof = hmac.new(b"s3cr3t", b"TOKEN", hashlib.sha256).hexdigest()
    assert body == {
        "data": [{"a": 1}, {"b": "å"}],
        "access_token": "TOKEN",
        "appsecret_proof": proof,
        "partner_agent": PARTNER_AGENT,
        "test_event_code": "TEST1",
    }
    assert target.url == "http://h/v25.0/1234567890/events"
    assert "test_event_code" not in json.loads(target_of(meta("http://h", test_event_code="T"), False).body(["{}"]))


def test_appsecret_proof_vector() -> None:
    proof = hmac.new(b"s3cr3t", b"TOKEN", hashlib.sha256).hexdigest()
    assert proof == "90f23da70078e73bc01c7c5c440e193b3dd759c6b05ea32e8f20c9c82a24f48f"


def test_partner_agent_has_metas_form() -> None:
    assert len(PARTNER_AGENT) < 23 and sum(letter.isalpha() for letter in PARTNER_AGENT) >= 2


def test_fingerprint_changes_with_what_may_mend_and_tells_nothing() -> None:
    base = target_of(meta("http://h")).fingerprint
    assert base == target_of(meta("http://h", test_event_code="T")).fingerprint
    assert "TOKEN" not in base
    others = {
        target_of(meta("http://i")).fingerprint,
        target_of(meta("http://h", graph_version="v26.0")).fingerprint,
        target_of(meta("http://h", app_secret=Secret("x"))).fingerprint,
        target_of(MetaSettings("1234567890", Secret("OTHER"), graph_url="http://h")).fingerprint,
    }
    assert len(others | {base}) == 5
