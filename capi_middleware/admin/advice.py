"""What needs attention, and what to do: the store's state in plain words (values in, values out)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from capi_middleware.delivery import PixelState
from capi_middleware.settings import Problem, Settings


class Advice(NamedTuple):
    """``level``: "good", "note" (information), "warn" or "bad". ``place``: the page of ours that helps, or ""."""

    level: str
    text: str
    todo: str = ""
    place: str = ""


Say = Callable[..., str]


def status(settings: Settings, pixels: Sequence[PixelState], counts: Mapping[str, int], say: Say) -> Advice:
    """Is it working, in one sentence. ``counts``: of the last 24 hours (:class:`delivery.Hour`)."""
    if not settings.meta.pixel_id:
        return Advice(
            "warn", say("Not connected yet: no Pixel ID."), say("Paste the Pixel ID and the access token."), "connect"
        )
    if not settings.meta.access_token:
        return Advice(
            "warn",
            say("Half connected: the browser sends, the server cannot, since there is no access token."),
            say("Paste the access token."),
            "connect",
        )
    for pixel in pixels:
        if pixel.pixel_id == settings.meta.pixel_id and pixel.state != "open":
            return _paused(pixel, say)
    delivered = counts.get("delivered", 0)
    if not counts.get("made", 0):
        return Advice(
            "note",
            say("Connected. No visits yet."),
            say("Open your shop in a new tab: the visit appears here within two seconds."),
            "try",
        )
    if counts.get("dead", 0) > delivered:
        return Advice(
            "bad",
            say("Meta refuses most events."),
            say("Look at the refused events and their reasons."),
            "events?state=dead",
        )
    return Advice("good", say("Everything works. Meta has accepted {n} events in the last 24 hours.", n=delivered))


def _paused(pixel: PixelState, say: Say) -> Advice:
    if pixel.code in (102, 104, 190, 463, 467):
        return Advice(
            "bad",
            say("Meta no longer accepts your access token. Events wait, none is lost."),
            say("Paste a new token: the events that wait are sent then."),
            "connect",
        )
    if pixel.code == 100 and pixel.subcode == 33:
        return Advice(
            "bad",
            say("Meta cannot find pixel {id} with this token.", id=pixel.pixel_id),
            say("Check that both come from the same pixel."),
            "connect",
        )
    if pixel.code == 10 or 200 <= pixel.code < 300 or pixel.code == 3:
        return Advice(
            "bad",
            say("The token has no permission to send events to this pixel."),
            say("Generate a new token in Events Manager, under the pixel's own settings."),
            "connect",
        )
    if pixel.state == "paused":
        return Advice(
            "bad",
            say("Sending has stopped: {reason}", reason=pixel.reason),
            say("Events wait, none is lost."),
            "connect",
        )
    return Advice(
        "warn",
        say(
            "Meta does not answer as it should right now. {n} events wait and are sent by themselves.", n=pixel.waiting
        ),
    )


def attention(
    settings: Settings, problems: Sequence[Problem], counts: Mapping[str, int], health: Mapping[str, Any], say: Say
) -> list[Advice]:
    """Everything else that a person should know, most urgent first."""
    found: list[Advice] = []
    for problem in problems[:5]:
        found.append(Advice("warn", say("A mistake in the settings: {what}", what=str(problem)), "", "settings"))
    for reason, count in sorted(dict(health.get("lost") or {}).items()):
        if count:
            found.append(Advice("bad", say("{n} events were lost: {reason}.", n=count, reason=reason), "", "events"))
    if settings.meta.test_event_code:
        found.append(
            Advice(
                "note",
                say("A test code is set. Test events count in Meta's reports too."),
                say("Remove it when done."),
                "test",
            )
        )
    loaded, blocked = counts.get("loaded", 0), counts.get("blocked", 0)
    if blocked and loaded + blocked >= 20:
        share = round(100 * blocked / (loaded + blocked))
        text = say("{n} % of the visitors' browsers block the pixel; the server covered for them.", n=share)
        found.append(Advice("note", text))
    expected, paired = counts.get("expected", 0), counts.get("paired", 0)
    if expected >= 20 and paired / expected < 0.6 and blocked < expected * 0.3:
        found.append(
            Advice(
                "warn",
                say("Few events arrive from both sides."),
                say("A consent tool, a policy (CSP) or a cache may stop the script: `capi-middleware doctor` tells."),
                "events?legs=server",
            )
        )
    return found
