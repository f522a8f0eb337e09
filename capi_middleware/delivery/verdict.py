"""What Meta's answer means for the events that were sent; pure. The rows are those of Meta's "Handling Errors" (Graph
API), "Troubleshooting" (Conversions API) and of observed answers; codes decide, never texts (they are translated)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, NamedTuple

MAX_WAIT = 3600.0


class Kind(Enum):
    """What to do."""

    DONE = "delivered"
    RETRY = "try again, later and later"
    FEW = "try again a few times, then look for the event that causes it"
    THROTTLED = "slow down"
    HOLD = "pause this pixel, keep its events, tell its owner"
    SPLIT = "send less at a time"
    OLD = "sort out what is too old"
    FUTURE = "set the clock right"
    POISON = "find the event that is refused"


class Verdict(NamedTuple):
    """``wait``: seconds that must pass before the next request for this pixel (0.0: our own back-off). ``reason`` is
    for people; it holds Meta's words only where codes are not known. ``server_time``: Meta's clock, 0.0 if not told."""

    kind: Kind
    code: int = 0
    subcode: int = 0
    reason: str = ""
    trace: str = ""
    wait: float = 0.0
    server_time: float = 0.0


_RETRY = {1: "Meta does not know what went wrong", 2: "Meta's service is down for the moment"}
_THROTTLED = {4, 17, 32, 341, 613, 80000, 80001, 80002, 80003, 80004, 80005, 80006, 80008, 80009, 80014}
_TOKEN = {102, 104, 190}
TOKEN_SUBCODES = {
    452: "the session of the access token is no longer valid",
    458: "the app is not installed for the token's owner",
    459: "the token's owner must log in at facebook.com first",
    460: "the token's owner changed the password",
    463: "the access token has expired",
    464: "the token's owner has not confirmed the account",
    465: "the access token is of the wrong kind",
    467: "the access token is not valid (it was revoked or copied incompletely)",
    492: "the access token belongs to a session that is no longer valid",
}
EVENT_SUBCODES = {
    2804001: "a field of the event is not valid",
    2804003: "the event is older than seven days",
    2804004: "the event's time lies in the future",
    2804007: "a field of the event is not valid",
    2804008: "an item of contents has no id",
    2804009: "a Purchase has no value",
    2804016: "a field of the event is not valid",
    2804017: "a field of the event is not valid",
    2804019: "a field of the event is not valid",
    2804023: "a value has no currency",
    2804043: "extinfo is blank",
    2804048: "a field of the event is not valid",
    2804050: "too little is known about the visitor for Meta to match the event",
}


def judge(status: int, headers: Mapping[str, str], body: bytes, sent: int) -> Verdict:
    """The verdict on an answer to a batch of ``sent`` events. ``headers`` is case-insensitive; ``body`` may be cut."""
    answer = _json(body)
    server_time = _date(headers.get("Date", ""))
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict):
        found = _judge_error(status, headers, error)
    elif 200 <= status < 300:
        found = _judge_success(answer, sent)
    else:
        found = _judge_status(status, headers)
    usage = _usage_wait(headers)
    return found._replace(server_time=server_time, wait=max(found.wait, usage))


def unreachable(error: str) -> Verdict:
    """The verdict when no answer came: the outcome is unknown, the same IDs are sent again."""
    return Verdict(Kind.RETRY, reason=error)


def untrusted(error: str) -> Verdict:
    """The server's certificate is not Meta's, or not known: nothing is ever sent past that."""
    return Verdict(
        Kind.HOLD,
        reason=f"the connection to Meta is not secure ({error}): check the system's clock, its certificates (CA "
        "bundle) and any proxy that inspects traffic",
        wait=300.0,
    )


def _judge_success(answer: Any, sent: int) -> Verdict:
    received = answer.get("events_received") if isinstance(answer, dict) else None
    if not isinstance(received, int) or isinstance(received, bool):
        return Verdict(Kind.RETRY, reason="something else than Meta answered (a captive portal or proxy?)")
    messages = answer.get("messages")
    said = _clean("; ".join(str(message) for message in messages)[:300]) if isinstance(messages, list) else ""
    if received < sent:
        said = f"Meta says it received {received} of {sent} events. {said}".strip()
    return Verdict(Kind.DONE, reason=said, trace=_text(answer, "fbtrace_id"))


def _judge_error(status: int, headers: Mapping[str, str], error: Mapping[str, Any]) -> Verdict:
    code, subcode = _int(error, "code"), _int(error, "error_subcode")
    trace = _text(error, "fbtrace_id")

    def verdict(kind: Kind, reason: str, wait: float = 0.0) -> Verdict:
        return Verdict(kind, code, subcode, reason, trace, wait)

    if error.get("is_transient") is True and code not in _THROTTLED:
        return verdict(Kind.RETRY, "Meta says this will pass", _retry_after(headers))
    if code in _RETRY:
        return verdict(Kind.FEW if code == 1 else Kind.RETRY, _RETRY[code], _retry_after(headers))
    if code in _THROTTLED or status == 429:
        wait = max(_retry_after(headers), _regain_wait(headers))
        return verdict(Kind.THROTTLED, "Meta asks us to send less often", wait)
    if code == 368:
        return verdict(Kind.HOLD, "Meta has blocked this for a while for reasons of policy", MAX_WAIT)
    if code in _TOKEN:
        why = TOKEN_SUBCODES.get(subcode, "the access token is not valid")
        if code == 104:
            why = "the app secret (appsecret_proof) does not fit the access token"
        return verdict(Kind.HOLD, f"{why}: make a new access token in Events Manager and save it")
    if code in (3, 10) or 200 <= code < 300:
        return verdict(Kind.HOLD, "the access token lacks the permission for this pixel: make one in Events Manager")
    if code == 100 and subcode == 33:
        return verdict(Kind.HOLD, "Meta knows no such pixel ID, or the access token may not use it: check both")
    if code == 100 and subcode == 2804003:
        return verdict(Kind.OLD, EVENT_SUBCODES[subcode])
    if code == 100 and subcode == 2804004:
        return verdict(Kind.FUTURE, EVENT_SUBCODES[subcode])
    if status == 413:
        return verdict(Kind.SPLIT, "the request is too large for Meta")
    if code == 100:
        return verdict(Kind.POISON, EVENT_SUBCODES.get(subcode) or _said(error))
    if code == 5000 or code < 0 or status >= 500:
        return verdict(Kind.FEW, "an error inside Meta", _retry_after(headers))
    if status in (401, 403):
        return verdict(Kind.HOLD, f"Meta refuses access: {_said(error)}")
    return verdict(Kind.POISON, _said(error))


def _judge_status(status: int, headers: Mapping[str, str]) -> Verdict:
    wait = _retry_after(headers)
    if status == 429:
        return Verdict(Kind.THROTTLED, reason="Meta asks us to send less often", wait=max(wait, _regain_wait(headers)))
    if status in (408, 425) or status >= 500:
        return Verdict(Kind.RETRY, reason=f"Meta answered HTTP {status}", wait=wait)
    if status in (413, 414):
        return Verdict(Kind.SPLIT, reason="the request is too large")
    if status in (401, 403):
        return Verdict(Kind.HOLD, reason=f"access refused (HTTP {status}): check the access token, or a proxy between")
    if 300 <= status < 400 or status in (404, 405, 410):
        return Verdict(
            Kind.HOLD, reason=f"the address is not Meta's Graph API (HTTP {status}): check graph_url, graph_version"
        )
    if status >= 400:
        return Verdict(Kind.POISON, reason=f"refused with HTTP {status} and no reason")
    return Verdict(Kind.RETRY, reason=f"an answer that makes no sense (HTTP {status})")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _int(error: Mapping[str, Any], key: str) -> int:
    """A code of Graph's; 0 for anything else, also beyond the 32 bits that a store's column holds."""
    value = error.get(key)
    try:
        found = int(value) if not isinstance(value, bool) and isinstance(value, int | str) else 0
    except ValueError:
        return 0
    return found if abs(found) < 1 << 31 else 0


def _number(usage: Mapping[str, Any], key: str) -> float:
    value = usage.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        return float(value)
    except OverflowError:
        return 0.0


def _text(answer: Mapping[str, Any], key: str) -> str:
    value = answer.get(key)
    return _clean(value[:100]) if isinstance(value, str) else ""


def _said(error: Mapping[str, Any]) -> str:
    """Meta's own words, for codes that we do not know."""
    for key in ("error_user_msg", "error_user_title", "message"):
        value = error.get(key)
        if isinstance(value, str) and value:
            return _clean(value[:300])
    return "refused without a reason"


def _clean(text: str) -> str:
    """Without line breaks, terminal codes and marks that turn the direction of writing: it goes into logs."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After")
    if not value:
        return 0.0
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    try:
        return min(max(Retry(0).parse_retry_after(value), 0.0), MAX_WAIT)
    except (InvalidHeader, ValueError, OverflowError):
        return 0.0


def _date(value: str) -> float:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _usages(headers: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The usage records of Graph's headers, flat. Percentages up to 100; unknown shapes are passed over."""
    found: list[Mapping[str, Any]] = []
    for name in ("X-App-Usage", "X-Ad-Account-Usage", "X-Business-Use-Case-Usage", "X-Business-Use-Case"):
        value = _json(headers.get(name, "").encode())
        if not isinstance(value, dict):
            continue
        found.append(value)
        for inner in value.values():
            found.extend(item for item in inner if isinstance(item, dict)) if isinstance(inner, list) else None
    return found


def _usage_wait(headers: Mapping[str, str]) -> float:
    """Slow down above 80 % of what Meta allows, stop for a minute (or as long as it says) from 95 %."""
    worst = 0.0
    for usage in _usages(headers):
        for key in ("call_count", "total_cputime", "total_time", "acc_id_util_pct"):
            worst = max(worst, _number(usage, key))
    if worst >= 95:
        return max(60.0, _regain_wait(headers))
    return 5.0 if worst > 80 else 0.0


def _regain_wait(headers: Mapping[str, str]) -> float:
    """Seconds until Meta lets us in again, as its headers estimate it (minutes; ``reset_time_duration``: seconds)."""
    wait = 0.0
    for usage in _usages(headers):
        for key, unit in (("estimated_time_to_regain_access", 60.0), ("reset_time_duration", 1.0)):
            wait = max(wait, _number(usage, key) * unit)
    return min(wait, MAX_WAIT)
