"""Charts as inline SVG, drawn on the server: readable without scripts, by screen readers too."""

from __future__ import annotations

import time
from collections.abc import Sequence
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


_WIDTH, _HEIGHT, _FOOT = 720, 160, 22


def stacked(bars: Sequence[Bar], title: str, description: str) -> Markup:
    """Bars of hours, stacked; pattern and order tell the parts apart, not colour alone."""
    top = max([bar.total for bar in bars] + [1])
    step = _WIDTH / max(len(bars), 1)
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" role="img" aria-labelledby="ct cd">',
        f'<title id="ct">{escape(title)}</title><desc id="cd">{escape(description)}</desc>',
        '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect class="s-server" width="6" height="6"/><rect class="hatch" width="2" height="6"/></pattern></defs>',
        f'<line class="axis" x1="0" y1="{_HEIGHT}" x2="{_WIDTH}" y2="{_HEIGHT}"/>',
    ]
    for index, bar in enumerate(bars):
        x, y = index * step + step * 0.15, float(_HEIGHT)
        for count, look in (
            (bar.both, 'class="s-both"'),
            (bar.server, 'fill="url(#hatch)"'),
            (bar.browser, 'class="s-browser"'),
        ):
            if count:
                height = max(2.0, count / top * (_HEIGHT - 10))
                y -= height
                parts.append(
                    f'<rect {look} x="{x:.1f}" y="{y:.1f}" width="{step * 0.7:.1f}" height="{height:.1f}" rx="1.5"/>'
                )
        hour = time.localtime(bar.at).tm_hour
        if hour % 6 == 0:
            parts.append(
                f'<text x="{index * step + step / 2:.1f}" y="{_HEIGHT + 16}" text-anchor="middle">{hour:02d}</text>'
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
