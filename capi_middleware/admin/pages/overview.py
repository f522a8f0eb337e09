"""Is it working, in one sentence; then figures, charts, and what needs attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from werkzeug.wrappers import Response

from capi_middleware.admin import advice, chart, suggest, words
from capi_middleware.admin.advice import Situation
from capi_middleware.admin.desk import Desk
from capi_middleware.delivery import Hour, PixelState, StoreError
from capi_middleware.visit import memory_for, visit_census

from .connect import is_first_run, set_first_run

MATCH_KEYS = ("em", "ph", "fn", "ln", "ct", "zp", "country", "external_id", "fbp", "fbc", "client_ip_address",
              "client_user_agent")  # fmt: skip
HOURS = 24


def overview(desk: Desk) -> Response:
    """The first page."""
    pixel_id = desk.settings.meta.pixel_id
    if pixel_id and desk.settings.meta.access_token and is_first_run(desk):
        set_first_run(desk, False)
    hours, pixels, lost, trouble = _read(desk, pixel_id)
    counts = total(hours)
    it = situation(desk, counts, next((pixel for pixel in pixels if pixel.pixel_id == pixel_id), None), lost, trouble)
    return desk.page(
        "overview.html",
        verdict=advice.status(it, desk.say, desk.many),
        attention=advice.attention(it, desk.say, desk.many),
        counts=counts,
        paired=share(counts.get("paired", 0), counts.get("expected", 0)),
        blocked=share(counts.get("blocked", 0), counts.get("blocked", 0) + counts.get("loaded", 0)),
        waiting=advice.queue(it)[0],
        delay=typical_delay(counts),
        charts=_charts(desk, hours, counts),
        bars=[bar_of(hour) for hour in hours],
        hours=[_shares(hour) for hour in hours],
        keys=[(key, share(counts.get(f"has:{key}", 0), counts.get("made", 0)) or 0.0) for key in MATCH_KEYS],
        delays=delays(counts),
        meter=chart.meter,
    )


def situation(
    desk: Desk, counts: Mapping[str, int], pixel: PixelState | None, lost: Mapping[str, int], trouble: str = ""
) -> Situation:
    """All that the advice is made from."""
    settings, services = desk.settings, desk.services
    health = services.outbox.health()
    if trouble:
        health["problems"] = [*health.get("problems", ()), f"store: {trouble}"]
    quiet = suggest.quiet_rules(services.traffic.rules(desk.host), desk.now)
    return Situation(
        settings,
        pixel,
        counts,
        health,
        lost if not trouble else dict(health.get("lost") or {}),
        services.traffic.marks(desk.host),
        services.traffic.marks_of_late(desk.host),
        visit_census(desk.host),
        memory_for(settings).seen(desk.host),
        services.source.problems,
        [one for one in quiet if not _is_off(desk, one.event, one.rule)],
        desk.now,
        services.memory.trouble if services.memory is not None else "",
    )


def _is_off(desk: Desk, event: str, rule: str) -> bool:
    return any(name in (event, rule) for name in desk.settings.shop.off)


def _read(desk: Desk, pixel_id: str) -> tuple[list[Hour], list[PixelState], Mapping[str, int], str]:
    """Hours, pixels, what was lost of late by reason, and why the store could not be read."""
    ledger = desk.services.ledger
    try:
        every = total(ledger.hours(HOURS))
        lost = {what.removeprefix("lost:"): n for what, n in every.items() if what.startswith("lost:") and n}
        return (ledger.hours(HOURS, pixel_id) if pixel_id else []), ledger.pixels(), lost, ""
    except StoreError as error:
        return [], [], {}, str(error)


def _charts(desk: Desk, hours: Sequence[Hour], counts: Mapping[str, int]) -> dict[str, str]:
    say, bars = desk.say, [bar_of(hour) for hour in hours]
    shares = [_shares(hour) for hour in hours]
    return {
        "hours": chart.stacked(bars, say("Events per hour"), say("The last 24 hours, by who sent them.")),
        "paired": chart.line(
            [(one[0], one[1]) for one in shares],
            say("Sent by both"),
            say("For each hour, the share of events that came from browser and server both."),
            desk.percent,
        ),
        "blocked": chart.line(
            [(one[0], one[2]) for one in shares],
            say("Pixel blocked"),
            say("For each hour, the share of browsers that blocked the pixel."),
            desk.percent,
        ),
        "delay": chart.columns(
            [(_bound(desk, bound), n) for bound, n in delays(counts)],
            say("Time to reach Meta"),
            say("How many events reached Meta within which time."),
        ),
    }


def _bound(desk: Desk, bound: float) -> str:
    """A bucket's bound for people."""
    return words.duration(bound, desk.language) if bound < 1e8 else f"> {words.duration(3600, desk.language)}"


def total(hours: Sequence[Hour]) -> Mapping[str, int]:
    """The sum of all hours."""
    counts: Counter[str] = Counter()
    for hour in hours:
        counts.update(hour.counts)
    return counts


def bar_of(hour: Hour) -> chart.Bar:
    """An hour as a bar. What only the browser sent cannot be seen beyond its reports."""
    counts = hour.counts
    both = counts.get("paired", 0)
    return chart.Bar(hour.hour, both, max(0, counts.get("delivered", 0) - both), max(0, counts.get("handed", 0) - both))


def _shares(hour: Hour) -> tuple[int, float | None, float | None]:
    """(hour, share sent by both, share of browsers that block)."""
    counts = hour.counts
    reports = counts.get("blocked", 0) + counts.get("loaded", 0)
    return (
        hour.hour,
        share(counts.get("paired", 0), counts.get("expected", 0)),
        share(counts.get("blocked", 0), reports),
    )


def share(part: int, whole: int) -> float | None:
    """None where there is nothing to take a share of."""
    return min(1.0, part / whole) if whole else None


def delays(counts: Mapping[str, int]) -> list[tuple[float, int]]:
    """(bound in seconds, events that took at most that and more than the one before)."""
    found = []
    for key, count in counts.items():
        if key.startswith("delay:"):
            try:
                found.append((float(key[6:]), count))
            except ValueError:
                found.append((1e9, count))
    return sorted(found)


def typical_delay(counts: Mapping[str, int]) -> float | None:
    """The bound, in seconds, within which half of the events reached Meta."""
    buckets = delays(counts)
    half, seen = sum(count for _, count in buckets) / 2, 0
    for bound, count in buckets:
        seen += count
        if seen >= half > 0:
            return bound
    return None
