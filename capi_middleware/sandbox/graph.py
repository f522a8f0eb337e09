"""One call to ``POST /{version}/{pixel_id}/events``: read in any of its encodings, checked, turned into values."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request

from .check import MAX_EVENTS, check_event
from .graph_error import GraphError
from .record import ServerEvent


@dataclass(frozen=True, slots=True)
class Keys:
    """Which datasets exist and which tokens open them.

    ``tokens``: pixel ID to access token; None accepts any pixel with any token. ``app_secret``: where set,
    ``appsecret_proof`` is demanded.
    """

    tokens: Mapping[str, str] | None = None
    app_secret: str = ""


def read_parameters(request: Request) -> dict[str, Any]:
    """Query, form (urlencoded or multipart) or JSON body, and Bearer, as one mapping; the body wins.

    Raises :class:`GraphError` for a body that cannot be read.
    """
    parameters: dict[str, Any] = dict(request.args)
    authorization = request.headers.get("Authorization", "")
    if authorization.startswith("Bearer "):
        parameters["access_token"] = authorization.removeprefix("Bearer ").strip()
    if request.mimetype == "application/json":
        body = _json(request.get_data(), "request body")
        if not isinstance(body, dict):
            raise GraphError(100, 0, "(#100) The request body must be a JSON object")
        parameters.update(body)
    else:
        parameters.update(request.form)
    return parameters


def authorize(parameters: Mapping[str, Any], pixel_id: str, keys: Keys) -> None:
    """Raise :class:`GraphError` where the token does not open this pixel: 104, 190 or 100/33."""
    token = parameters.get("access_token")
    if not isinstance(token, str) or not token:
        raise GraphError(104)
    if keys.tokens is not None:
        if token not in keys.tokens.values():
            raise GraphError(190, 0, "Invalid OAuth access token - Cannot parse access token")
        if keys.tokens.get(pixel_id) != token:
            raise GraphError(
                100,
                33,
                f"Unsupported post request. Object with ID '{pixel_id}' does not exist, cannot be loaded due to "
                "missing permissions, or does not support this operation.",
            )
    elif not pixel_id.isdecimal():
        raise GraphError(100, 33, f"Unsupported post request. Object with ID '{pixel_id}' does not exist.")
    if keys.app_secret:
        proof = hmac.new(keys.app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(proof, str(parameters.get("appsecret_proof", ""))):
            raise GraphError(104)


def read_events(parameters: Mapping[str, Any]) -> list[Any]:
    """The entries of ``data``: a list, its JSON text, or (as Meta's own SDK sends) a list of JSON texts."""
    data = parameters.get("data")
    if data is None or data == "":
        raise GraphError(100, 0, "(#100) The parameter data is required", blame="data")
    if isinstance(data, str):
        data = _json(data.encode(), "parameter data")
    if not isinstance(data, list) or not data:
        raise GraphError(100, 0, "(#100) Param data must be an array that is not empty", blame="data")
    if len(data) > MAX_EVENTS:
        raise GraphError(100, 0, f"(#100) Param data must have at most {MAX_EVENTS} elements", blame="data")
    return [_json(entry.encode(), "entry of data") if isinstance(entry, str) else entry for entry in data]


def accept(parameters: Mapping[str, Any], pixel_id: str, now: float) -> list[ServerEvent]:
    """All events of a call, or :class:`GraphError` and none of them."""
    events = read_events(parameters)
    for index, event in enumerate(events):
        check_event(event, index, now)
    code = str(parameters.get("test_event_code") or "")
    return [_event(event, pixel_id, code, now) for event in events]


def event_ids(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """IDs of the entries, for the record of a call that may be refused."""
    try:
        events = read_events(parameters)
    except GraphError:
        return ()
    return tuple(str(event.get("event_id", "")) for event in events if isinstance(event, dict))


def _event(event: Mapping[str, Any], pixel_id: str, test_event_code: str, now: float) -> ServerEvent:
    user_data = event["user_data"]
    return ServerEvent(
        pixel_id=pixel_id,
        event_name=event["event_name"],
        event_id=str(event["event_id"]) if "event_id" in event else None,
        event_time=int(event["event_time"]),
        received_at=now,
        url=str(event.get("event_source_url", "")),
        referrer=str(event.get("referrer_url", "")),
        fbp=str(user_data.get("fbp", "")),
        fbc=str(user_data.get("fbc", "")),
        custom_data=dict(event.get("custom_data") or {}),
        user_data=dict(user_data),
        payload=dict(event),
        test_event_code=test_event_code,
    )


def _json(body: bytes, what: str) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise GraphError(100, 0, f"(#100) The {what} is not valid JSON") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
