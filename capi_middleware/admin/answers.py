"""Meta's answers in plain words. Codes decide, never Meta's own texts (they are translated, and change)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Say = Callable[..., str]

TOKEN_CODES = frozenset({102, 104, 190})
THROTTLED = frozenset({4, 17, 32, 341, 613, 80000, 80001, 80002, 80003, 80004, 80005, 80006, 80008, 80009, 80014})


class Meaning(NamedTuple):
    """``text``: what it means; ``todo``: what to do about it, "" for nothing; ``kind``: ``token``, ``pixel``,
    ``permission``, ``throttled``, ``policy``, ``event``, ``time``, ``meta``, ``network`` or ``other``."""

    kind: str
    text: str
    todo: str = ""


def meaning(code: int, subcode: int, reason: str, say: Say, pixel_id: str = "") -> Meaning:
    """What Meta says by these codes. ``reason``: our own English words, shown where no code tells more."""
    if code in TOKEN_CODES:
        return Meaning("token", _token(code, subcode, say), _new_token(say))
    if code == 100 and subcode == 33:
        return Meaning(
            "pixel",
            say("Meta cannot find pixel {id} with this token.", id=pixel_id or "–"),
            say("Check that both come from the same pixel."),
        )
    if code in (3, 10, 294) or 200 <= code < 300:
        return Meaning("permission", say("The token lacks permission, or belongs to another pixel."), _new_token(say))
    if code in THROTTLED:
        return Meaning("throttled", say("Meta has asked us to slow down. Nothing is lost."))
    if code == 368:
        return Meaning(
            "policy",
            say("Meta has blocked this for a while for reasons of policy."),
            say("Look in Events Manager for a message from Meta."),
        )
    if code == 100:
        return _event(subcode, reason, say)
    if code in (1, 2, 5000) or code < 0:
        return Meaning("meta", say("Meta has a problem right now. The event is sent again automatically."))
    if "certificate" in reason or "not secure" in reason:
        return Meaning(
            "network",
            say("The connection to Meta is not secure, so nothing was sent."),
            say("Whoever runs the server should check its clock and its certificates."),
        )
    if not code:
        return Meaning(
            "network",
            say("Meta did not answer."),
            say("The server may have no way out to the internet, or Meta is down for the moment. Try again soon."),
        )
    return Meaning("other", say("Meta answered with code {code}: {reason}", code=code, reason=reason or "–"))


def _new_token(say: Say) -> str:
    return say("Generate a new access token in Events Manager and paste it here.")


def _token(code: int, subcode: int, say: Say) -> str:
    if subcode == 460:
        return say("Meta no longer accepts the access token: its owner has changed the password at Facebook.")
    if subcode == 463:
        return say("The access token has expired.")
    if subcode == 458:
        return say("The access token was withdrawn: the app was removed at Facebook.")
    if subcode in (459, 464):
        return say("Meta wants the token's owner to log in at facebook.com and confirm the account first.")
    if code == 104:
        return say("The app secret does not fit the access token.")
    if subcode == 467:
        return say("The access token is not valid: it was withdrawn, or not all of it was copied.")
    return say("Meta does not accept the access token. Was all of it copied?")


def _event(subcode: int, reason: str, say: Say) -> Meaning:
    texts = {
        2804003: say("The event is older than seven days; Meta takes none that old."),
        2804004: say("The event's time lies in the future: the server's clock is wrong."),
        2804008: say("A product in the event has no number."),
        2804009: say("A purchase needs an amount, and none was found."),
        2804023: say("An amount needs a currency, and none was found."),
        2804050: say("Too little is known of the visitor for Meta to recognise anyone."),
    }
    todo = {
        2804009: say("Give the amount in a rule, or the currency in the settings."),
        2804023: say("Write the shop's currency in the settings."),
        2804004: say("Whoever runs the server should set its clock."),
    }
    if subcode in texts:
        kind = "time" if subcode in (2804003, 2804004) else "event"
        return Meaning(kind, texts[subcode], todo.get(subcode, ""))
    text = say("Meta says that something in the event is not valid.")
    return Meaning("event", f"{text} ({reason})" if reason else text)
