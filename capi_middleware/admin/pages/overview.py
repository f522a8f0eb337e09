"""Is it working, in one sentence; then figures, a chart, and what needs attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from werkzeug.wrappers import Response

from capi_middleware.admin import advice, chart
from capi_middleware.admin.desk import Desk
from capi_middleware.delivery import Hour

MATCH_KEYS = ("em", "ph", "fn", "ln", "ct", "zp", "country", "external_id", "fbp", "fbc", "client_ip_address",
              "client_user_agent")  # fmt: skip


def overview(desk: Desk) -> Response:
    """The first page."""
    ledger, settings = desk.services.ledger, desk.settings
    pixel_id = settings.meta.pixel_id
    hours = ledger.hours(24, pixel_id) if pixel_id else []
    counts = total(hours)
    health = desk.services.outbox.health()
    bars = [bar_of(hour) for hour in hours]
    return desk.page(
        "overview.html",
        verdict=advice.status(settings, ledger.pixels(), counts, desk.say),
        attention=advice.attention(settings, desk.services.source.problems, counts, health, desk.say),
        counts=counts,
        paired=share(counts.get("paired", 0), counts.get("delivered", 0)),
        blocked=share(counts.get("blocked", 0), counts.get("blocked", 0) + counts.get("loaded", 0)),
        waiting=health.get("waiting", 0),
        delay=typical_delay(counts),
        bars=bars,
        chart=chart.stacked(bars, desk.say("Events per hour"), desk.say("The last 24 hours, by who sent them.")),
        keys=[(key, share(counts.get(f"has:{key}", 0), counts.get("made", 0)) or 0.0) for key in MATCH_KEYS],
        meter=chart.meter,
    )


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


def share(part: int, whole: int) -> float | None:
    """None where there is nothing to take a share of."""
    return part / whole if whole else None


def typical_delay(counts: Mapping[str, int]) -> float | None:
    """The bound, in seconds, within which half of the events reached Meta."""
    buckets = sorted((float(key[6:]), count) for key, count in counts.items() if key.startswith("delay:"))
    half, seen = sum(count for _, count in buckets) / 2, 0
    for bound, count in buckets:
        seen += count
        if seen >= half > 0:
            return bound
    return None
