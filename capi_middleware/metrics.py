"""Figures for Prometheus: the text that ``{mount}/metrics`` answers with (exposition format 0.0.4)."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Any

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_COUNTED = {
    "made": "Events made.",
    "delivered": "Events that Meta has taken.",
    "paired": "Delivered events whose browser leg was handed to the pixel.",
    "dead": "Events that Meta refused for good.",
    "expired": "Events that grew too old for Meta.",
    "dropped": "Events of visitors who turned out to be none.",
}
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def may_read(authorization: str, token: str) -> bool:
    """Whether the request bears the token (RFC 6750)."""
    scheme, _, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def exposition(health: Mapping[str, Any], totals: Mapping[str, int], pages: Mapping[str, int], process: int) -> str:
    """The whole text. ``health``: of this host (:meth:`Outbox.health`). ``totals``: counts since the beginning, of all
    hosts that share the store (:meth:`Ledger.totals`). ``pages``: verdicts of this process alone, whose ID is
    ``process``: a label keeps the counters of several processes apart."""
    lines: list[str] = []

    def family(name: str, kind: str, about: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> None:
        lines.append(f"# HELP capi_{name} {about}")
        lines.append(f"# TYPE capi_{name} {kind}")
        for labels, value in samples:
            inside = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
            lines.append(f"capi_{name}{f'{{{inside}}}' if inside else ''} {value:.15g}")

    family("healthy", "gauge", "1 while events can be stored and delivered.", [({}, float(bool(health["ok"])))])
    family("waiting_events", "gauge", "Events not delivered yet.", [({}, health["waiting"])])
    family("oldest_event_seconds", "gauge", "Age of the oldest of them.", [({}, health["oldest"])])
    family("last_success_timestamp_seconds", "gauge", "When Meta last took events.", [({}, health["last_success"])])
    on_disk = float(health["promise"] == "disk")
    family("kept_on_disk", "gauge", "1 where events survive a crash of the process.", [({}, on_disk)])
    paused = [({"pixel": pixel}, 1.0) for pixel in health["paused"]]
    family("pixel_paused", "gauge", "1 for each pixel that Meta refuses.", paused)
    lost = [({"reason": reason}, float(count)) for reason, count in health["lost"].items()]
    family("lost_events_total", "counter", "Events lost, by reason.", lost)
    events = [({"what": what}, float(totals.get(what, 0))) for what in _COUNTED]
    family("events_total", "counter", " ".join(f"{what}: {about}" for what, about in _COUNTED.items()), events)
    seen = [({"verdict": name, "process": str(process)}, float(count)) for name, count in sorted(pages.items())]
    family("answers_total", "counter", "Answers of the shop, by what was done with them.", seen)
    return "\n".join(lines) + "\n"
