"""Charts as inline SVG, drawn on the server: readable without scripts, by screen readers too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape


class Bar(NamedTuple):
    """One hour: events sent by both, by the server alone, by the browser alone."""

    at: int
    both: int
    server: int
    browser: int

    @property
    def total(self) -> int:
        return self.both + self.server + self.browser


_WIDTH, _HEIGHT, _FOOT, _HEAD = 720, 150, 22, 16
_SMALL, _NARROW, _WIDEST = 96, 280, 44


def stacked(bars: Sequence[Bar], title: str, description: str) -> Markup:
    """Bars of hours, stacked; pattern and order tell the parts apart, not colour alone."""
    top = _even(max([bar.total for bar in bars] + [1]))
    step = _WIDTH / max(len(bars), 1)
    parts = [
        _begin(_WIDTH, _HEAD + _HEIGHT + _FOOT, title, description),
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect class="s-server" width="6" height="6"/><rect class="hatch" width="2" height="6"/></pattern></defs>',
        *_grid(top, _HEAD, _HEIGHT, str),
    ]
    for index, bar in enumerate(bars):
        x, y = index * step + step * 0.15, float(_HEAD + _HEIGHT)
        for count, look in (
            (bar.both, 'class="s-both"'),
            (bar.server, 'fill="url(#hatch)"'),
            (bar.browser, 'class="s-browser"'),
        ):
            if count:
                height = max(2.0, count / top * _HEIGHT)
                y -= height
                parts.append(
                    f'<rect {look} x="{x:.1f}" y="{y:.1f}" width="{step * 0.7:.1f}" height="{height:.1f}" rx="1.5"/>'
                )
        parts.append(_hour(bar.at, index * step + step / 2, _HEAD + _HEIGHT + 16, _WIDTH))
    parts.append("</svg>")
    return Markup("".join(parts))


def line(
    points: Sequence[tuple[int, float | None]], title: str, description: str, percent: Callable[[float], str]
) -> Markup:
    """A share from 0 to 1 over hours; an hour without one leaves a gap. ``percent`` writes a share."""
    width = _NARROW
    step = width / max(len(points), 1)
    parts = [
        _begin(width, _HEAD + _SMALL + _FOOT, title, description),
        *_grid(100, _HEAD, _SMALL, lambda value: percent(value / 100), width),
    ]
    run: list[str] = []
    for index, (at, share) in enumerate(points):
        x = index * step + step / 2
        if share is None:
            parts.append(_run(run))
            run = []
        else:
            y = _HEAD + _SMALL * (1 - share)
            run.append(f"{x:.1f},{y:.1f}")
            parts.append(f'<circle class="s-dot" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>')
        parts.append(_hour(at, x, _HEAD + _SMALL + 16, width))
    parts += [_run(run), "</svg>"]
    return Markup("".join(parts))


def columns(values: Sequence[tuple[str, int]], title: str, description: str) -> Markup:
    """One column for each name."""
    width = _NARROW
    top = _even(max([count for _, count in values] + [1]))
    step = width / max(len(values), 1)
    parts = [_begin(width, _HEAD + _SMALL + _FOOT, title, description), *_grid(top, _HEAD, _SMALL, str, width)]
    wide = min(step * 0.6, _WIDEST)
    for index, (name, count) in enumerate(values):
        middle, height = index * step + step / 2, count / top * _SMALL
        parts.append(
            f'<rect class="s-both" x="{middle - wide / 2:.1f}" y="{_HEAD + _SMALL - height:.1f}" width="{wide:.1f}" '
            f'height="{height:.1f}" rx="1.5"/>'
            f'<text x="{middle:.1f}" y="{_HEAD + _SMALL + 16}" text-anchor="middle">{escape(name)}</text>'
        )
    parts.append("</svg>")
    return Markup("".join(parts))


def meter(share: float, label: str) -> Markup:
    """A horizontal bar of a share from 0 to 1."""
    width = max(0.0, min(1.0, share)) * 100
    return Markup(
        f'<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">'
        '<rect class="m-back" width="100" height="6" rx="3"/>'
        f'<rect class="m-fill" width="{width:.1f}" height="6" rx="3"/></svg>'
    )


def _begin(width: int, height: int, title: str, description: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}. '
        f'{escape(description)}">'
    )


def _grid(top: int, above: int, height: int, written: Callable[[float], str], width: int = _WIDTH) -> list[str]:
    """Lines at nothing, half and all, with their values."""
    parts = []
    for share in (0.0, 0.5, 1.0):
        value = top * share
        if share == 0.5 and top < 2:
            continue
        y = above + height * (1 - share)
        parts.append(f'<line class="{"axis" if not share else "grid"}" x1="0" y1="{y:.1f}" x2="{width}" y2="{y:.1f}"/>')
        if share:
            text = escape(written(int(value) if value == int(value) else round(value, 1)))
            parts.append(f'<text class="scale" x="0" y="{y - 3:.1f}">{text}</text>')
    return parts


def _even(top: int) -> int:
    """So that half of it is a whole number too."""
    return top + top % 2


def _run(points: Sequence[str]) -> str:
    return f'<polyline class="s-line" points="{" ".join(points)}"/>' if len(points) > 1 else ""


def _hour(at: int, x: float, y: float, width: int) -> str:
    hour = time.localtime(at).tm_hour
    if hour % 6:
        return ""
    place = f'x="{x:.1f}" text-anchor="middle"'
    if x < 16:
        place = 'x="0"'
    elif x > width - 16:
        place = f'x="{width}" text-anchor="end"'
    return f'<text {place} y="{y:.1f}">{hour:02d}:00</text>'
