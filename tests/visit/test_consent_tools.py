"""One row for each documented state of each consent tool's cookie (docs/consent.md has the table)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import Client

from capi_middleware import CapiMiddleware
from capi_middleware.sandbox import Sandbox
from capi_middleware.visit import CONSENT_REASONS, Answer, check_consent
from capi_middleware.visit.consent.tools import TOOL_NAMES

GRANTED, DENIED, UNKNOWN = Answer.GRANTED, Answer.DENIED, Answer.UNKNOWN
NOW = 1_700_000_000.0
BROWSER = {
    "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html",
    "Accept-Language": "sv",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


def encoded(value: Any) -> str:
    return quote(json.dumps(value, separators=(",", ":")), safe="")


def b64(value: Any) -> str:
    return quote(base64.b64encode(json.dumps(value).encode()).decode(), safe="")


def cookiebot(marketing: str, extra: str = "") -> str:
    text = (
        f"{{stamp:'x',necessary:true,preferences:true,statistics:true,marketing:{marketing}{extra},ver:1,region:'dk'}}"
    )
    return "CookieConsent=" + quote(text, safe="{}:'")


def onetrust(groups: str, answered: bool = True, rest: str = "") -> str:
    value = (
        "OptanonConsent=isGpcEnabled=0&datestamp=Mon+Nov+13+2023&version=202312.1.0&hosts="
        f"&groups={quote(groups, safe='')}{rest}"
    )
    return value + ("; OptanonAlertBoxClosed=2023-11-13T10:00:00.000Z" if answered else "")


def cookieyes(action: str, advertisement: str) -> str:
    return (
        f"cookieyes-consent=consentid:abc,consent:yes,action:{action},necessary:yes,functional:yes,analytics:yes,"
        f"performance:yes,advertisement:{advertisement},other:yes"
    )


def information(approved: list[str], denied: list[str]) -> str:
    value = {"website_uuid": "x", "consents_approved": approved, "consents_denied": denied}
    return "CookieInformationConsent=" + encoded(value)


def shopify(marketing: str, reg: str = "", purpose: bool | None = True) -> str:
    value: dict[str, Any] = {"con": {"CMP": {"a": "", "m": marketing, "p": "", "s": ""}}, "v": "2.1", "reg": reg}
    if purpose is not None:
        value["purposes"] = {"a": True, "p": True, "m": purpose, "t": True}
    return "_tracking_consent=" + encoded(value)


def axeptio(vendors: str, shown: str = "", completed: bool | None = None) -> str:
    value = "axeptio_authorized_vendors=" + quote(vendors, safe="")
    if shown:
        value += "; axeptio_all_vendors=" + quote(shown, safe="")
    if completed is not None:
        value += "; axeptio_cookies=" + encoded({"$$token": "x", "$$completed": completed})
    return value


# A real TCF string of a "consent to all" (core segment), and one with nothing consented to.
TC_ALL = "CPdVfUAPdVfUAAHABBENCxCsAP_AAH_AAAqIF5wAQF5gXnABAXmAAA.YAAAAAAAAAAA"
TC_NOTHING = "CPdVfUAPdVfUAAHABBENCxCgAAAAAAAAAAqIAAAAAAAA"

ROWS = [
    ("cookiebot", cookiebot("true"), GRANTED, "accepted"),
    ("cookiebot", cookiebot("false"), DENIED, "refused"),
    ("cookiebot", cookiebot("true", ",method:'explicit'"), GRANTED, "accepted"),
    ("cookiebot", cookiebot("true", ",method:'implied'"), UNKNOWN, "not_needed"),
    ("cookiebot", "CookieConsent=-1", UNKNOWN, "not_needed"),
    ("cookiebot", "CookieConsent=0", UNKNOWN, "not_answered"),
    ("cookiebot", "CookieConsent={stamp:'x'%2Cmarketing:true", UNKNOWN, "unreadable"),
    ("cookiebot", "CookieConsent={necessary:true%2Cnonmarketing:true%2Cver:1}", UNKNOWN, "unreadable"),
    ("cookiebot", "CookieConsent=" + encoded({"categories": ["necessary", "marketing"]}), GRANTED, "accepted"),
    ("onetrust", onetrust("C0001:1,C0002:1,C0003:1,C0004:1", rest="&AwaitingReconsent=false"), GRANTED, "accepted"),
    ("onetrust", onetrust("C0001:1,C0004:0", rest="&browserGpcFlag=1"), DENIED, "refused"),
    ("onetrust", onetrust("C0001:1,C0004:1", answered=False), UNKNOWN, "not_answered"),
    ("onetrust", onetrust("C0001:1,C0004:0", answered=False), UNKNOWN, "not_answered"),
    ("onetrust", onetrust("C0001:1,C0004:1", False, "&interactionCount=1"), GRANTED, "accepted"),
    ("onetrust", onetrust("C0001:1,C0004:1", rest="&AwaitingReconsent=true"), UNKNOWN, "not_answered"),
    ("onetrust", onetrust("1:1,2:1,4:1"), UNKNOWN, "not_listed"),
    ("onetrust", "OptanonConsent=hosts=; OptanonAlertBoxClosed=x", UNKNOWN, "unreadable"),
    ("cookieyes", cookieyes("yes", "yes"), GRANTED, "accepted"),
    ("cookieyes", cookieyes("yes", "no"), DENIED, "refused"),
    ("cookieyes", cookieyes("", "yes"), UNKNOWN, "not_answered"),
    ("cookieyes", cookieyes("no", "yes"), UNKNOWN, "not_answered"),
    ("cookielawinfo", "viewed_cookie_policy=yes; cookielawinfo-checkbox-advertisement=yes", GRANTED, "accepted"),
    ("cookielawinfo", "viewed_cookie_policy=yes; cookielawinfo-checkbox-advertisement=no", DENIED, "refused"),
    ("cookielawinfo", "viewed_cookie_policy=no; cookielawinfo-checkbox-advertisement=yes", DENIED, "refused"),
    ("cookielawinfo", "viewed_cookie_policy=yes", UNKNOWN, "not_answered"),
    ("complianz", "cmplz_marketing=allow; cmplz_banner-status=dismissed", GRANTED, "accepted"),
    ("complianz", "cmplz_marketing=deny; cmplz_banner-status=dismissed", DENIED, "refused"),
    ("complianz", "cmplz_marketing=allow", UNKNOWN, "not_answered"),
    ("wp-consent-api", "wp_consent_marketing=allow", GRANTED, "accepted"),
    ("wp-consent-api", "wp_consent_marketing=deny", DENIED, "refused"),
    ("wp-consent-api", "wp_consent_marketing=maybe", UNKNOWN, "unreadable"),
    ("cookieinformation", information(["cookie_cat_necessary", "cookie_cat_marketing"], []), GRANTED, "accepted"),
    ("cookieinformation", information(["cookie_cat_necessary"], ["cookie_cat_marketing"]), DENIED, "refused"),
    ("cookieinformation", "CookieInformationConsent=%7B%22consents", UNKNOWN, "unreadable"),
    ("cookietractor", "_cc_cookieConsent=" + encoded({"consents": ["necessary", "marketing"]}), GRANTED, "accepted"),
    ("cookietractor", '_cc_cookieConsent={"consents":["necessary","undefined"],"x":1}', DENIED, "refused"),
    (
        "cookietractor",
        "_cc_cookieConsent=" + encoded({"consents": ["necessary"], "availableConsents": ["necessary", "statistical"]}),
        UNKNOWN,
        "not_listed",
    ),
    ("shopify", shopify("1", "GDPR"), GRANTED, "accepted"),
    ("shopify", shopify("0", "GDPR"), DENIED, "refused"),
    ("shopify", shopify("", "GDPR"), UNKNOWN, "not_answered"),
    ("shopify", shopify(""), UNKNOWN, "not_needed"),
    ("shopify", shopify("", purpose=False), DENIED, "refused"),
    ("shopify", "_tracking_consent=" + encoded({"v": "2.0", "con": {"GDPR": "1"}}), UNKNOWN, "not_answered"),
    ("borlabs", "borlabs-cookie=" + encoded({"consents": {"marketing": ["facebook-pixel"]}}), GRANTED, "accepted"),
    ("borlabs", "borlabs-cookie=" + encoded({"consents": {"essential": ["x"], "marketing": []}}), DENIED, "refused"),
    ("vanilla-cookieconsent", "cc_cookie=" + encoded({"categories": ["necessary", "Marketing"]}), GRANTED, "accepted"),
    ("vanilla-cookieconsent", "cc_cookie=" + encoded({"level": ["necessary", "ads"]}), GRANTED, "accepted"),
    ("vanilla-cookieconsent", "cc_cookie=" + encoded({"categories": ["necessary"]}), DENIED, "refused"),
    ("klaro", "klaro=" + encoded({"meta-pixel": True, "matomo": False}), GRANTED, "accepted"),
    ("klaro", "klaro=" + encoded({"meta-pixel": False, "matomo": True}), DENIED, "refused"),
    ("klaro", "klaro=" + encoded({"facebook": True, "meta-pixel": False}), DENIED, "refused"),
    ("klaro", "klaro=" + encoded({"tiktok-pixel": True, "metadata": True}), UNKNOWN, "not_listed"),
    ("tarteaucitron", "tarteaucitron=!facebookpixel=true!gtag=false", GRANTED, "accepted"),
    ("tarteaucitron", "tarteaucitron=!facebookpixel=false!gtag=true", DENIED, "refused"),
    ("tarteaucitron", "tarteaucitron=!facebookpixel=wait!gtag=true", UNKNOWN, "not_answered"),
    ("tarteaucitron", "tarteaucitron=!gtag=true", UNKNOWN, "not_listed"),
    ("tarteaucitron", "tarteaucitron=!facebook=false!facebookpixel=true", GRANTED, "accepted"),
    ("didomi", "didomi_token=" + b64({"vendors": {"enabled": ["google", "c:facebook-xyz"]}}), GRANTED, "accepted"),
    ("didomi", "didomi_token=" + b64({"vendors": {"disabled": ["facebook"]}}), DENIED, "refused"),
    ("didomi", "didomi_token=" + b64({"user_id": "x", "version": None}), UNKNOWN, "not_answered"),
    ("cookiefirst", "cookiefirst-consent=" + encoded({"necessary": True, "advertising": True}), GRANTED, "accepted"),
    ("cookiefirst", "cookiefirst-consent=" + encoded({"necessary": True, "advertising": False}), DENIED, "refused"),
    ("iubenda", "_iub_cs-12345=" + encoded({"consent": True, "purposes": {"1": True, "5": True}}), GRANTED, "accepted"),
    ("iubenda", "_iub_cs-s123=" + encoded({"consent": True, "purposes": {"1": True, "5": False}}), DENIED, "refused"),
    ("iubenda", "_iub_cs-12345=" + encoded({"consent": True}), GRANTED, "accepted"),
    ("iubenda", "_iub_cs-12345=" + encoded({"consent": False}), DENIED, "refused"),
    ("iubenda", "_iub_cs-12345=" + encoded({"consent": True, "purposes": {"1": True}}), UNKNOWN, "not_listed"),
    (
        "moove",
        "moove_gdpr_popup=" + encoded({"strict": "1", "thirdparty": "1", "advanced": "1"}),
        UNKNOWN,
        "not_listed",
    ),
    ("trustarc", "cmapi_cookie_privacy=permit 1,2,3", GRANTED, "accepted"),
    ("trustarc", "cmapi_cookie_privacy=permit_1|2|3", GRANTED, "accepted"),
    ("trustarc", "cmapi_cookie_privacy=permit 1 required", DENIED, "refused"),
    ("trustarc", "notice_gdpr_prefs=0,1,2:1a8b5228dd7f", GRANTED, "accepted"),
    ("trustarc", "notice_gdpr_prefs=0|1|2:", GRANTED, "accepted"),
    ("trustarc", "notice_gdpr_prefs=0:", DENIED, "refused"),
    ("trustarc", "notice_gdpr_prefs=0,1,2::implied,us", UNKNOWN, "not_needed"),
    ("axeptio", axeptio(",facebook_pixel,google_analytics,"), GRANTED, "accepted"),
    ("axeptio", axeptio(",google_analytics,", ",facebook_pixel,google_analytics,", True), DENIED, "refused"),
    ("axeptio", axeptio(",,", ",,", False), UNKNOWN, "not_answered"),
    ("axeptio", axeptio(",,"), DENIED, "refused"),
    ("axeptio", axeptio(",google_ads,", ",google_ads,", True), UNKNOWN, "not_listed"),
    ("pandectes", "_pandectes_gdpr=" + b64({"status": "allow"}), GRANTED, "accepted"),
    ("pandectes", "_pandectes_gdpr=" + b64({"status": "deny"}), DENIED, "refused"),
    ("pandectes", "_pandectes_gdpr=" + b64({"status": "mixed"}), UNKNOWN, "not_answered"),
    (
        "cookiescript",
        "CookieScriptConsent=" + encoded({"action": "accept", "categories": '["performance","targeting"]'}),
        GRANTED,
        "accepted",
    ),
    (
        "cookiescript",
        "CookieScriptConsent="
        + encoded({"googleconsentmap": {"ad_storage": "targeting"}, "action": "accept", "categories": "[]"}),
        DENIED,
        "refused",
    ),
    ("cookiescript", "CookieScriptConsent=" + encoded({"action": "reject"}), DENIED, "refused"),
    ("osano", "osano_consentmanager=q83vEjRWeJA", UNKNOWN, "opaque"),
    ("tcf", f"euconsent-v2={TC_ALL}; addtl_consent=2~89.1234~dv.9.21", GRANTED, "accepted"),
    ("tcf", f"euconsent-v2={TC_ALL}; addtl_consent=1~89.1234", GRANTED, "accepted"),
    ("tcf", f"euconsent-v2={TC_ALL}; addtl_consent=2~1234~dv.89", DENIED, "refused"),
    ("tcf", f"euconsent-v2={TC_ALL}; addtl_consent=2~1234~dv.9.21", UNKNOWN, "not_listed"),
    ("tcf", f"euconsent-v2={TC_ALL}; addtl_consent=1~890.1289", DENIED, "refused"),
    ("tcf", f"euconsent-v2={TC_ALL}", UNKNOWN, "no_additional_consent"),
    ("tcf", f"euconsent-v2={TC_NOTHING}; addtl_consent=2~89~dv.", DENIED, "refused"),
    ("tcf", f"eupubconsent-v2={TC_ALL}; OTAdditionalConsentString=2~89~dv.", GRANTED, "accepted"),
    ("tcf", f"euconsent-v2={TC_ALL[:38]}; addtl_consent=2~89~dv.", UNKNOWN, "unreadable"),
    ("tcf", "euconsent-v2=BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", UNKNOWN, "unreadable"),
    ("us-privacy", "usprivacy=1YYN", DENIED, "us_opt_out"),
    ("us-privacy", "us_privacy=1YYN", DENIED, "us_opt_out"),
    ("us-privacy", "usprivacy=1YNN", UNKNOWN, "not_answered"),
    ("us-privacy", "usprivacy=1---", UNKNOWN, "not_answered"),
    ("us-privacy", "usprivacy=2YYN", UNKNOWN, "unreadable"),
]


@pytest.mark.parametrize(
    ("tool", "header", "answer", "reason"), ROWS, ids=[f"{n}-{row[0]}-{row[3]}" for n, row in enumerate(ROWS)]
)
def test_tool(tool: str, header: str, answer: Answer, reason: str, make_settings: Callable[..., Any]) -> None:
    found = check_consent(header, make_settings(), NOW)
    assert [(each.tool, each.answer, each.reason) for each in found.answers] == [(tool, answer, reason)]
    assert found.consent.answer is answer
    assert reason in CONSENT_REASONS
    assert tool in TOOL_NAMES


@pytest.mark.parametrize(
    ("header", "settings", "answer"),
    [
        (onetrust("1:1,2:1,4:1"), {"onetrust_group": "4"}, GRANTED),
        ("moove_gdpr_popup=" + encoded({"thirdparty": "1", "advanced": "0"}), {"moove_group": "thirdparty"}, GRANTED),
        ("moove_gdpr_popup=" + encoded({"thirdparty": "1", "advanced": "0"}), {"moove_group": "advanced"}, DENIED),
        ("borlabs-cookie=" + encoded({"consents": {"marketing": ["google-ads"]}}), {"per_service": True}, DENIED),
        ("borlabs-cookie=" + encoded({"consents": {"marketing": ["google-ads"]}}), {}, GRANTED),
        ("klaro=" + encoded({"min-pixel": True}), {"services": ("minpixel",)}, GRANTED),
        ("cc_cookie=" + encoded({"categories": ["reklam"]}), {"categories": ("reklam",)}, GRANTED),
        (f"euconsent-v2={TC_ALL}", {"tcf_without_ac": True}, GRANTED),
        (f"euconsent-v2={TC_ALL}; addtl_consent=2~7~dv.", {"meta_atp_id": 7}, GRANTED),
        (cookiebot("false"), {"ignore_tools": ("cookiebot",)}, UNKNOWN),
    ],
)
def test_tool_by_setting(
    header: str, settings: dict[str, Any], answer: Answer, make_settings: Callable[..., Any]
) -> None:
    assert check_consent(header, make_settings(consent=settings), NOW).consent.answer is answer


@pytest.mark.parametrize(
    ("value", "settings", "answer"),
    [
        ("yes", {}, GRANTED),
        ("No", {}, DENIED),
        ("later", {}, UNKNOWN),
        ("accepted%20all", {"cookie_granted": ("accepted all",)}, GRANTED),
        ("necessary-marketing", {"cookie_granted": ("*marketing*",)}, GRANTED),
        ('{"a":{"b":true}}', {"cookie_format": "json", "cookie_path": "a.b"}, GRANTED),
        ('{"a":{"b":false}}', {"cookie_format": "json", "cookie_path": "a.b"}, DENIED),
        ('{"a":["x","ads"]}', {"cookie_format": "json", "cookie_path": "a", "cookie_granted": ("ads",)}, GRANTED),
        ('{"a":["x"]}', {"cookie_format": "json", "cookie_path": "a", "cookie_granted": ("ads",)}, DENIED),
        ('{"a":1}', {"cookie_format": "json", "cookie_path": "a.b"}, UNKNOWN),
        ("a=1&m=0", {"cookie_format": "query", "cookie_path": "m"}, DENIED),
        (b64({"m": "granted"}), {"cookie_format": "b64json", "cookie_path": "m"}, GRANTED),
        ("{", {"cookie_format": "json", "cookie_path": "a"}, UNKNOWN),
    ],
)
def test_generic_rule(value: str, settings: dict[str, Any], answer: Answer, make_settings: Callable[..., Any]) -> None:
    settings = {"cookie": "my_consent", **settings}
    found = check_consent(f"my_consent={value}", make_settings(consent=settings), NOW)
    assert found.consent.answer is answer
    assert found.answers[0].tool == "generic"


def test_any_no_wins_over_a_yes(make_settings: Callable[..., Any]) -> None:
    both = cookiebot("true") + "; " + cookieyes("yes", "no")
    assert check_consent(both, make_settings(), NOW).consent[:4] == (DENIED, False, "cookieyes", "refused")


def test_the_tester_takes_a_pasted_header(make_settings: Callable[..., Any]) -> None:
    pasted = "Cookie: a=1; " + cookiebot("true") + "\r\n"
    assert check_consent(pasted, make_settings(), NOW).consent.answer is GRANTED


PAGE = b"<!doctype html><html><head><title>Hej</title></head><body><h1>Hej</h1></body></html>"


def shop(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "private")])
    return [PAGE]


@pytest.mark.parametrize("mode", ["required", "implied"])
def test_gate_for_every_row(mode: str, tmp_path: Path) -> None:
    """Where Meta may not be told: no server event, no cookie, nothing of Meta's in the page that runs by itself."""
    told = set()
    with Sandbox() as sandbox:
        app = CapiMiddleware(
            shop, pixel_id="1234567890", access_token="t", graph_url=sandbox.url, state_dir=str(tmp_path), mode=mode
        )
        client = Client(app, use_cookies=False)
        for number, (_, header, answer, reason) in enumerate(ROWS):
            page = client.get(f"/row/{number}", base_url="https://www.shop.test", headers={**BROWSER, "Cookie": header})
            assert page.status_code == 200
            allowed = answer is GRANTED or (answer is UNKNOWN and (mode == "implied" or reason == "not_needed"))
            if allowed:
                told.add(f"https://www.shop.test/row/{number}")
            assert ("_fbp=" in str(page.headers)) is allowed, header
            assert (b"fbq('track', 'PageView'" in page.data) is allowed, header
        assert app.flush(20)
        app.close()
        events = [event.payload for event in sandbox.server_events]
    assert {event["event_source_url"] for event in events} == told
    assert len(events) == len(told)
