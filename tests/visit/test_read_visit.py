from __future__ import annotations

from capi_middleware.settings import Settings
from capi_middleware.visit import Answer, Asker, click_ids, read_visit

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


def test_a_person_opens_a_page() -> None:
    environ = {
        "REQUEST_METHOD": "GET",
        "wsgi.url_scheme": "https",
        "HTTP_HOST": "www.Example.com",
        "PATH_INFO": "/p/x",
        "QUERY_STRING": "fbclid=IwAR_Ab-1&token=abc",
        "HTTP_USER_AGENT": CHROME,
        "HTTP_ACCEPT": "text/html",
        "HTTP_ACCEPT_LANGUAGE": "sv",
        "REMOTE_ADDR": "8.8.8.8",
    }
    visit = read_visit(environ, Settings(), 1_700_000_000.123)
    assert (visit.asker, visit.host, visit.address) == (Asker.PERSON, "www.example.com", "8.8.8.8")
    assert visit.consent[:2] == (Answer.UNKNOWN, True)
    assert visit.source_url == "https://www.example.com/p/x?fbclid=IwAR_Ab-1&token=redacted"
    ids = click_ids(visit, Settings(), 1_700_000_000.123, lambda: 987654321)
    assert (ids.fbp, ids.fbc) == ("fb.1.1700000000123.987654321", "fb.1.1700000000123.IwAR_Ab-1")
    assert all("Domain=example.com" in cookie for cookie in ids.set_cookies)
