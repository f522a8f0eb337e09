"""Graph's refusals: codes, subcodes and the shape of the body.

The codes are Meta's (Marketing API "Error Codes"; the 2804xxx subcodes as observed by those who met them). The
sentences are ours: Meta translates its own by locale, so nobody may match on them.
"""

from __future__ import annotations

import secrets
from typing import Any

STATUS = {190: 401, 102: 401, 10: 403, 3: 403, 294: 403, 368: 403, 1: 500, 2: 503}
"""HTTP status by code; every other code answers 400."""

MESSAGES = {
    1: "An unknown error occurred",
    2: "Service temporarily unavailable",
    3: "Application does not have the capability to make this API call",
    4: "(#4) Application request limit reached",
    10: "(#10) Application does not have permission for this action",
    17: "(#17) User request limit reached",
    32: "(#32) Page request limit reached",
    100: "Invalid parameter",
    102: "Session key invalid or no longer valid",
    104: "An access token, or a right appsecret_proof, is required for this resource",
    190: "Invalid OAuth access token",
    200: "(#200) Permissions error",
    341: "(#341) Application limit reached",
    368: "The action attempted has been deemed abusive or is otherwise disallowed",
    613: "(#613) Calls to this api have exceeded the rate limit",
    80004: "(#80004) There have been too many calls to this ad-account",
}
TRANSIENT = frozenset({1, 2, 4, 17, 32, 341, 613, 80000, 80003, 80004, 80014})


class GraphError(Exception):
    """Answered as Graph does. ``blame``: the path of the parameter that is wrong, "" for none."""

    def __init__(
        self,
        code: int,
        subcode: int = 0,
        message: str = "",
        *,
        title: str = "",
        detail: str = "",
        blame: str = "",
        status: int = 0,
        transient: bool | None = None,
    ) -> None:
        super().__init__(message or MESSAGES.get(code, "Error"))
        self.code = code
        self.subcode = subcode
        self.title = title
        self.detail = detail
        self.blame = blame
        self.status = status or STATUS.get(code, 403 if 200 <= code < 300 else 400)
        self.transient = code in TRANSIENT if transient is None else transient

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        error: dict[str, Any] = {"message": str(self), "type": self._type(), "code": self.code}
        if self.subcode:
            error["error_subcode"] = self.subcode
        error["is_transient"] = self.transient
        if self.title:
            error["error_user_title"] = self.title
        if self.detail:
            error["error_user_msg"] = self.detail
        if self.blame:
            error["error_data"] = {"blame_field_specs": [[self.blame]]}
        error["fbtrace_id"] = trace_id()
        return {"error": error}

    def _type(self) -> str:
        return "GraphMethodException" if (self.code, self.subcode) == (100, 33) else "OAuthException"


def trace_id() -> str:
    """A fresh ``fbtrace_id``, of the form that Graph's have."""
    return "A" + secrets.token_urlsafe(17)[:22]
