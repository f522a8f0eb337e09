"""The readers: one for each consent tool whose cookie a server can read.

Each takes the tool's cookies as sent (its own first, None for those absent) and the settings, and says what they say.
A reader may raise ``ValueError``, ``KeyError``, ``TypeError`` and the like on damage: the caller makes "unreadable" of
it, never a yes. The formats and how well each is known stand in docs/consent.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from capi_middleware.settings.settings import ConsentSettings

from .answer import NO, NOT_LISTED, NOT_NEEDED, OPAQUE, UNANSWERED, YES, Said, said
from .decode import base64_json, flag, json_object, percent
from .gpp import read_gpp, read_us_privacy
from .services import is_meta, named
from .tcf import read_tcf

Values = Sequence[str | None]
Read = Callable[[Values, ConsentSettings], Said]


class Tool(NamedTuple):
    """``cookies``: the one that decides, then those that say more. ``name`` is what ``ignore_tools`` takes."""

    name: str
    cookies: tuple[str, ...]
    read: Read


def _first(values: Values) -> str:
    return percent(values[0] or "")


def _second(values: Values) -> str:
    return percent(values[1] or "")


def _cookiebot(values: Values, settings: ConsentSettings) -> Said:
    text = _first(values).strip()
    if text in ("-1", "0"):
        return NOT_NEEDED if text == "-1" else UNANSWERED
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError("no object")
    found = re.search(r"[{,]\s*'?\"?marketing'?\"?\s*:\s*(true|false)\s*[,}]", text)
    if not found:
        raise ValueError("no marketing")
    if found.group(1) == "false":
        return NO
    return NOT_NEEDED if re.search(r"[{,]\s*method:'implied'", text) else YES


def _vanilla(values: Values, settings: ConsentSettings) -> Said:
    data = json_object(_first(values))
    chosen = data.get("categories", data.get("level"))
    if isinstance(chosen, str):
        chosen = [chosen]
    if not isinstance(chosen, list):
        raise ValueError("no categories")
    return said(any(isinstance(name, str) and name.lower() in settings.categories for name in chosen))


def _cookie_consent(values: Values, settings: ConsentSettings) -> Said:
    """``CookieConsent`` is Cookiebot's, and the name some shops give vanilla-cookieconsent's."""
    text = _first(values)
    if '"categories"' in text or '"level"' in text:
        return _vanilla(values, settings)
    return _cookiebot(values, settings)


def _onetrust(values: Values, settings: ConsentSettings) -> Said:
    fields = dict(parse_qsl(values[0] or "", keep_blank_values=True, max_num_fields=100, errors="strict"))
    groups = dict(group.rpartition(":")[::2] for group in fields["groups"].split(","))
    answered = values[1] or int(fields.get("interactionCount") or 0) >= 1
    if not answered or fields.get("AwaitingReconsent", "").lower() == "true":
        return UNANSWERED
    wanted = groups.get(settings.onetrust_group)
    return NOT_LISTED if wanted is None else said(flag(wanted))


def _cookieyes(values: Values, settings: ConsentSettings) -> Said:
    fields = dict(part.strip().partition(":")[::2] for part in _first(values).split(","))
    if "consentid" not in fields and "action" not in fields:
        raise ValueError("not CookieYes")
    return said(flag(fields.get("advertisement"))) if fields.get("action") == "yes" else UNANSWERED


def _cookie_law_info(values: Values, settings: ConsentSettings) -> Said:
    viewed, checkbox = flag(_first(values)), flag(_second(values))
    if viewed is None:
        raise ValueError("neither yes nor no")
    return NO if viewed is False else said(checkbox)


def _allow_or_deny(text: str) -> bool:
    return {"allow": True, "deny": False}[text]


def _complianz(values: Values, settings: ConsentSettings) -> Said:
    marketing = _allow_or_deny(_first(values))
    return said(marketing) if _second(values) == "dismissed" else UNANSWERED


def _wp_consent(values: Values, settings: ConsentSettings) -> Said:
    return said(_allow_or_deny(_first(values)))


def _cookie_information(values: Values, settings: ConsentSettings) -> Said:
    data = json_object(_first(values))
    if "cookie_cat_marketing" in _names(data, "consents_denied"):
        return NO
    return YES if "cookie_cat_marketing" in _names(data, "consents_approved") else NO


def _cookietractor(values: Values, settings: ConsentSettings) -> Said:
    data = json_object(_first(values))
    if "marketing" in _names(data, "consents"):
        return YES
    available = data.get("availableConsents")
    return NOT_LISTED if isinstance(available, list) and "marketing" not in available else NO


def _names(data: dict[str, Any], key: str) -> list[Any]:
    names = data[key]
    if not isinstance(names, list):
        raise ValueError("no list")
    return names


def _shopify(values: Values, settings: ConsentSettings) -> Said:
    data = json_object(_first(values))
    asked = data.get("con")
    tool = asked.get("CMP") if isinstance(asked, dict) else None
    marketing = tool.get("m") if isinstance(tool, dict) else None
    if marketing in ("1", "0"):
        return said(marketing == "1")
    purposes = data.get("purposes")
    allowed = purposes.get("m") if isinstance(purposes, dict) else None
    if data.get("reg", None) != "" or not isinstance(allowed, bool):
        return UNANSWERED
    return NOT_NEEDED if allowed else NO


def _borlabs(values: Values, settings: ConsentSettings) -> Said:
    consents = json_object(_first(values))["consents"]
    services = consents.get("marketing") or []
    if not isinstance(services, list):
        raise ValueError("no list")
    return said(named(services, settings.services) if settings.per_service else bool(services))


def _klaro(values: Values, settings: ConsentSettings) -> Said:
    data = json_object(_first(values))
    answers = [flag(value) for key, value in data.items() if is_meta(key, settings.services)]
    return NOT_LISTED if not answers else NO if False in answers else said(all(answers) or None)


def _tarteaucitron(values: Values, settings: ConsentSettings) -> Said:
    text = _first(values)
    if not text.startswith("!"):
        raise ValueError("not tarteaucitron")
    services = dict(part.partition("=")[::2] for part in text[1:].split("!"))
    pixel = services.get("facebookpixel")
    answers = [pixel] if pixel else [value for key, value in services.items() if is_meta(key, settings.services)]
    if not answers:
        return NOT_LISTED
    return NO if "false" in answers else YES if set(answers) == {"true"} else UNANSWERED


def _didomi(values: Values, settings: ConsentSettings) -> Said:
    vendors = base64_json(_first(values)).get("vendors") or {}
    if named(vendors.get("disabled") or (), settings.services):
        return NO
    return YES if named(vendors.get("enabled") or (), settings.services) else UNANSWERED


def _cookiefirst(values: Values, settings: ConsentSettings) -> Said:
    value = json_object(_first(values))["advertising"]
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return said(value)


def _iubenda(values: Values, settings: ConsentSettings) -> Said:
    data = json_object(_first(values))
    purposes = data.get("purposes")
    if isinstance(purposes, dict):
        value = purposes.get("5")
        return said(value) if isinstance(value, bool) else NOT_LISTED
    value = data["consent"]
    return said(value if isinstance(value, bool) else None)


def _moove(values: Values, settings: ConsentSettings) -> Said:
    data = json_object(_first(values))
    return said(flag(data[settings.moove_group])) if settings.moove_group else NOT_LISTED


def _trustarc(values: Values, settings: ConsentSettings) -> Said:
    found = re.fullmatch(r"permit[ _](\d(?:[,|]\d)*)(?:[ ,|_]required)?", _first(values))
    if not found:
        raise ValueError("not TrustArc")
    return said("3" in found.group(1))


def _trustarc_prefs(values: Values, settings: ConsentSettings) -> Said:
    found = re.fullmatch(r"(\d(?:[,|]\d)*):(.*)", _first(values))
    if not found:
        raise ValueError("not TrustArc")
    if "2" not in found.group(1):
        return NO
    return NOT_NEEDED if "implied" in found.group(2) else YES


def _axeptio(values: Values, settings: ConsentSettings) -> Said:
    text = _first(values)
    if not (text.startswith(",") and text.endswith(",")):
        raise ValueError("not Axeptio")
    if values[1] and json_object(_second(values)).get("$$completed") is not True:
        return UNANSWERED
    if named(text.split(","), settings.services):
        return YES
    shown = percent(values[2] or "")
    return NOT_LISTED if shown.strip(",") and not named(shown.split(","), settings.services) else NO


def _pandectes(values: Values, settings: ConsentSettings) -> Said:
    status = base64_json(_first(values))["status"]
    return {"allow": YES, "deny": NO}.get(status, UNANSWERED)


def _cookie_script(values: Values, settings: ConsentSettings) -> Said:
    data = json_object(_first(values))
    action = data.get("action")
    if action == "reject":
        return NO
    if action != "accept":
        return UNANSWERED
    chosen = data["categories"]
    if isinstance(chosen, str):
        chosen = json_object(f'{{"list":{chosen}}}')["list"]
    if not isinstance(chosen, list):
        raise ValueError("no list")
    return said("targeting" in chosen)


def _opaque(values: Values, settings: ConsentSettings) -> Said:
    return OPAQUE


def _tcf(values: Values, settings: ConsentSettings) -> Said:
    additional = percent(values[1]) if values[1] else None
    return read_tcf(_first(values), additional, settings.meta_atp_id, settings.tcf_without_ac)


def _gpp(values: Values, settings: ConsentSettings) -> Said:
    return read_gpp(_first(values))


def _us_privacy(values: Values, settings: ConsentSettings) -> Said:
    return read_us_privacy(_first(values))


TOOLS: tuple[Tool, ...] = (
    Tool("cookiebot", ("CookieConsent",), _cookie_consent),
    Tool("onetrust", ("OptanonConsent", "OptanonAlertBoxClosed"), _onetrust),
    Tool("cookieyes", ("cookieyes-consent",), _cookieyes),
    Tool("cookielawinfo", ("viewed_cookie_policy", "cookielawinfo-checkbox-advertisement"), _cookie_law_info),
    Tool("complianz", ("cmplz_marketing", "cmplz_banner-status"), _complianz),
    Tool("wp-consent-api", ("wp_consent_marketing",), _wp_consent),
    Tool("cookieinformation", ("CookieInformationConsent",), _cookie_information),
    Tool("cookietractor", ("_cc_cookieConsent",), _cookietractor),
    Tool("shopify", ("_tracking_consent",), _shopify),
    Tool("borlabs", ("borlabs-cookie",), _borlabs),
    Tool("vanilla-cookieconsent", ("cc_cookie",), _vanilla),
    Tool("klaro", ("klaro",), _klaro),
    Tool("tarteaucitron", ("tarteaucitron",), _tarteaucitron),
    Tool("didomi", ("didomi_token",), _didomi),
    Tool("cookiefirst", ("cookiefirst-consent",), _cookiefirst),
    Tool("moove", ("moove_gdpr_popup",), _moove),
    Tool("trustarc", ("cmapi_cookie_privacy",), _trustarc),
    Tool("trustarc", ("notice_gdpr_prefs",), _trustarc_prefs),
    Tool("axeptio", ("axeptio_authorized_vendors", "axeptio_cookies", "axeptio_all_vendors"), _axeptio),
    Tool("pandectes", ("_pandectes_gdpr",), _pandectes),
    Tool("cookiescript", ("CookieScriptConsent",), _cookie_script),
    Tool("osano", ("osano_consentmanager",), _opaque),
    Tool("tcf", ("euconsent-v2", "addtl_consent"), _tcf),
    Tool("tcf", ("eupubconsent-v2", "OTAdditionalConsentString"), _tcf),
    Tool("gpp", ("__gpp",), _gpp),
    Tool("gpp", ("OTGPPConsent",), _gpp),
    Tool("us-privacy", ("usprivacy",), _us_privacy),
    Tool("us-privacy", ("us_privacy",), _us_privacy),
)
IUBENDA = Tool("iubenda", ("_iub_cs-",), _iubenda)
IUBENDA_NAME = re.compile(r"_iub_cs-s?\d{1,12}")
"""iubenda's cookie carries the site's number in its name."""
BROWSER_TOOLS = frozenset(
    {"usercentrics", "termly", "osano", "klaro", "didomi", "consentmode", "layer", "tcf", "gpp", "api"}
)
"""Tools that may keep their answer where no server sees it (localStorage, an opaque cookie, JavaScript only), and the
shop's own call: what the page's script learns of them stands in the mirror (:mod:`.mirror`)."""
TOOL_NAMES = frozenset(tool.name for tool in TOOLS) | {"iubenda", "generic", "mirror"} | BROWSER_TOOLS
