"""Every row of the checklist of injection has a test, and this table says where."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESPONSE, CACHING, SCAN, CODEC = (f"tests/page/test_{name}.py" for name in ("response", "caching", "scan", "codec"))
SNIPPET, SHELL, EXISTING = (f"tests/page/test_{name}.py" for name in ("snippet", "shell", "existing"))
CSP = "tests/e2e/test_csp.py"

# Section A: PEP 3333. Marked with the row's own name where the second word is empty.
MECHANICS = {
    "positional call": (RESPONSE, ""),
    "header list": (RESPONSE, ""),
    "second start_response": (RESPONSE, ""),
    "exc_info after real bytes went out": (RESPONSE, ""),
    "app raises before/while iterating": (RESPONSE, ""),
    "start_response inside first next()": (RESPONSE, ""),
    "never called at all": (RESPONSE, ""),
    'b"" chunks': (RESPONSE, ""),
    "no blocking": (RESPONSE, ""),
    "header timing": (RESPONSE, ""),
    "Content-Length unparsable / duplicate": (RESPONSE, ""),
    "write()": (RESPONSE, ""),
    "close()": (RESPONSE, ""),
    "wsgi.file_wrapper": (RESPONSE, ""),
    "str chunk / non-bytes": (RESPONSE, ""),
    "iterator in another thread, interleaved": (RESPONSE, ""),
    "environ": (RESPONSE, ""),
    "wsgi.input": (SHELL, ""),
    "recursion / double wrap": (SHELL, ""),
    "HEAD": (RESPONSE, ""),
    "1xx, 204, 205, 304": (RESPONSE, ""),
    "206, multipart/byteranges, Content-Range": (RESPONSE, ""),
    "3xx": (RESPONSE, ""),
    "4xx/5xx": (RESPONSE, ""),
    "CONNECT/OPTIONS/TRACE, `Upgrade: websocket`, 101": (SHELL, ""),
    "hop-by-hop": (SHELL, ""),
    "X-Sendfile, X-Accel-Redirect, X-LiteSpeed-Location, X-Reproxy-URL": (RESPONSE, ""),
    "103 early hints (`wsgi.early_hints`)": (RESPONSE, ""),
    "text/event-stream, multipart/x-mixed-replace, application/*": (RESPONSE, ""),
    "slow streaming HTML": (RESPONSE, ""),
}
# Section B: caching and validators.
VALIDATORS = {
    "Cache-Control public / s-maxage / max-age>0 without private, Expires in future, Surrogate-Control, "
    "CDN-Cache-Control": (CACHING, "CDN-Cache-Control"),
    "no-store, or private+no-cache, no validators, or Set-Cookie session page": (CACHING, ""),
    "validators present (ETag or Last-Modified), any directive": (CACHING, ""),
    "304 answered": (CACHING, ""),
    "ETag mapping": (CACHING, ""),
    "Last-Modified": (CACHING, ""),
    "Range / If-Range on HTML": (CACHING, ""),
    "Digest, Repr-Digest, Content-Digest, Content-MD5, Signature(-Input)": (CACHING, ""),
    "no-transform": (CACHING, ""),
    "Vary": (CACHING, ""),
    "Set-Cookie _fbp/_fbc": (SHELL, ""),
    "prefetch / prerender (`Sec-Purpose: prefetch`, `;prerender`, `Purpose`, `X-Moz`)": (CACHING, ""),
    "bfcache / back": (CACHING, ""),
    "service worker / offline HTML": (CACHING, ""),
}
# Section C: bytes.
BYTES = {
    "Content-Encoding from the app": (CODEC, ""),
    "app compresses regardless (pre-gzipped cache)": (CODEC, ""),
    "decompression bomb": (CODEC, ""),
    "brotli/zstd streaming": (CODEC, ""),
    "charset utf-8, latin-1, windows-125x, Shift_JIS, GBK, Big5, EUC": (SCAN, ""),
    "utf-16/32, utf-7, ISO-2022-JP, HZ, or NUL / FE FF / FF FE in the first bytes": (SCAN, ""),
    "UTF-8 BOM": (SCAN, ""),
    "no charset in the header": (SCAN, ""),
    "mislabelled HTML": (SCAN, ""),
    "XHTML (application/xhtml+xml)": (RESPONSE, "application/xhtml+xml"),
    "AMP (`<html amp>`, bolt sign)": (SCAN, ""),
    "`<head` matching": (SCAN, ""),
    "comments, conditional comments, CDATA, `<!doctype ... [`, PI": (SCAN, ""),
    "RAWTEXT/RCDATA: script, style, title, textarea, xmp, iframe, noembed, noframes, noscript; template": (SCAN, ""),
    "`<head>` absent (optional tags)": (SCAN, ""),
    "body before any head, `<frameset>`": (SCAN, ""),
    "`<noscript>` image": (SNIPPET, ""),
    "chunk boundary anywhere": (SCAN, ""),
    "size": (SCAN, ""),
    "hostile markup": (SCAN, ""),
    "pixel already in page": (EXISTING, ""),
    "values into script": (SNIPPET, ""),
}
# Section D: who is asking. The asker himself is judged in visit/ (tests/visit).
ASKERS = {"Order: method GET -> Sec-Fetch-Dest -> fragment headers -> document test": (CACHING, "")}
# Section E: policies, in real Chromium.
POLICIES = {
    "none": (CSP, '"none": Case('),
    "'unsafe-inline' and no nonce/hash/'strict-dynamic'": (CSP, "'unsafe-inline' and no nonce/hash/'strict-dynamic'"),
    "'nonce-X' in the HEADER": (CSP, "'nonce-X' in the HEADER, with 'strict-dynamic'"),
    "hashes, no nonce": (CSP, '"hashes, no nonce": Case('),
    "hosts/'self' only": (CSP, "hosts/'self' only"),
    "'none', sandbox without allow-scripts, Report-Only": (CSP, "sandbox without allow-scripts"),
    "connect.facebook.net / www.facebook.com not in script/connect/img-src": (CSP, "www.facebook.com missing"),
    "CSP in `<meta>`": ("tests/e2e/test_csp.py", "def test_a_policy_in_the_markup"),
    "nonce page stored in a cache / ETag": (CSP, "def test_policies_of_pages_for_a_cache"),
    "require-trusted-types-for 'script'": (CSP, "require-trusted-types-for 'script'"),
    "SRI / Integrity-Policy": (SNIPPET, ""),
    "COEP require-corp": ("tests/core/test_doctor.py", "require-corp"),
}
# Section F: processes and threads. The room is delivery/; its tests run real servers.
PROCESSES = {
    "import / construction": (SHELL, ""),
    "gunicorn preload, pre-fork": ("tests/faults/test_servers.py", "test_all_arrive_once"),
    "child after fork": ("tests/faults/test_kills.py", "test_a_fork_in_a_request"),
    "fork without hooks": ("tests/faults/test_servers.py", "uwsgi"),
    "uWSGI without enable-threads": ("tests/faults/test_servers.py", "test_uwsgi_without_threads"),
    "queue": ("tests/delivery/test_overflow.py", "def test_"),
    "gevent `fork` + hooks": ("tests/faults/test_servers.py", "gevent"),
    "shutdown": ("tests/faults/test_servers.py", "test_a_script_that_ends_at_once"),
    "SIGTERM under gunicorn": ("tests/faults/test_kills.py", "test_graceful_stop"),
    "wsgi.run_once (CGI) / multithread False": ("tests/faults/test_servers.py", "test_worker_once"),
}
# Rows of section F without a test, and why.
UNTESTED = {
    "mod_wsgi": "no Apache in the test environment; the outbox joins its thread at exit, as its document asks",
    "isolated sub-interpreters": "mod_wsgi and uWSGI alone make them",
    "free-threaded build": "no such build in the test environment; counters and caches take locks",
    "clock / entropy": "tests/core and tests/delivery use the event's own time; IDs: events/identity.py",
    "re-entrancy": "nothing of ours is traced by us",
}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (name, place)
        for section in (MECHANICS, VALIDATORS, BYTES, ASKERS, POLICIES, PROCESSES)
        for name, place in section.items()
    ],
)
def test_row_has_a_test(name: str, place: tuple[str, str]) -> None:
    path, mark = place
    text = (ROOT / path).read_text(encoding="utf-8")
    if not mark:
        quote = "'" if '"' in name else '"'
        assert f"@row({quote}{name}{quote})" in text
    assert mark in text
