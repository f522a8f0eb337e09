"""``capi-middleware status``: how delivery goes."""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import Any

from capi_middleware.delivery import Filter, Ledger, Outbox, State
from capi_middleware.settings.state import state_dir

from .delivering import answer, common_options, folder_problem, guarded, source_of


def options(parser: argparse.ArgumentParser) -> None:
    common_options(parser)
    parser.add_argument("--dead", type=int, default=5, metavar="N", help="show so many dead letters (default: 5)")


def run(arguments: argparse.Namespace) -> int:
    """1 where something needs a person: a paused pixel, lost events, nobody delivering."""
    return guarded(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    source = source_of(arguments)
    health = Outbox(source).health()
    ledger = Ledger(source)
    day: dict[str, int] = {}
    for hour in ledger.hours(24):
        for what, n in hour.counts.items():
            day[what] = day.get(what, 0) + n
    pixels = [dataclasses.asdict(pixel) for pixel in ledger.pixels()]
    dead = [dataclasses.asdict(entry) for entry in ledger.recent(Filter(state=State.DEAD), arguments.dead)]
    waiting = sum(pixel["waiting"] for pixel in pixels)
    told = {**health, "waiting": max(waiting, health["waiting"]), "day": day, "pixels": pixels, "dead": dead}
    wrong = folder_problem(source)
    if wrong:
        told["problems"] = [*told["problems"], wrong]
    told["state_dir"] = str(state_dir(source.current))
    told["ok"] = health["ok"] and not health["lost"] and not wrong
    ledger.close()
    answer(arguments, told, _text(told))
    return 0 if told["ok"] else 1


def _text(told: dict[str, Any]) -> str:
    day = told["day"]
    age = f", the oldest for {told['oldest']:.0f} s" if told["oldest"] else ""
    made, delivered, paired = (day.get(what, 0) for what in ("made", "delivered", "paired"))
    lines = [
        f"Looked at   {told['state_dir']}",
        f"Waiting     {told['waiting']} event(s){age}",
        f"Last 24 h   {made} made, {delivered} delivered, {paired} paired with the browser's, "
        f"{day.get('dead', 0)} dead, {day.get('expired', 0)} expired",
    ]
    for pixel in told["pixels"]:
        state = pixel["state"] + (f": {pixel['reason']}" if pixel["reason"] else "")
        lines.append(f"Pixel       {pixel['pixel_id']} {state} ({pixel['waiting']} waiting)")
    lines += [f"Lost        {n} ({reason})" for reason, n in told["lost"].items()]
    for entry in told["dead"]:
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(entry["event_time"]))
        lines.append(f"Dead        {entry['number']} {entry['event_name']} of {when} UTC: {entry['reason']}")
    lines += [f"Problem     {problem}" for problem in told["problems"]]
    if not told["ok"]:
        lines.append("See above." + (" `capi-middleware replay` sends dead letters again." if told["dead"] else ""))
    elif any(pixel["state"] != "open" for pixel in told["pixels"]):
        lines.append("Nothing is lost: what waits is sent by itself.")
    else:
        lines.append("All is well.")
    return "\n".join(lines)
