"""``/signals/config/<id>`` and ``/signals/plugins``: what the pixel asks for before it sends anything.

The calls (``registerPlugin``, ``optIn``, ``configLoaded``) are those that the real pixel was seen to need; the real one
runs with this configuration too.
"""

from __future__ import annotations

import json
from pathlib import Path

_COOKIE = Path(__file__).parent / "static" / "cookie.js"
_PLUGINS = ("commonincludes", "identity", "opttracking")


def config_script(pixel_id: str, cookies: str) -> str:
    """The configuration of one pixel. ``cookies``: "inline", "separate" or "" (see ``Sandbox``)."""
    name = json.dumps(pixel_id).replace("<", "\\u003C")
    lines = [f"fbq.loadPlugin({json.dumps(plugin)});" for plugin in _PLUGINS]
    before = ""
    if cookies:
        lines.append(f'instance.optIn({name}, "FirstPartyCookies", true);')
    if cookies == "inline":
        before = _COOKIE.read_text("utf-8")
    body = "\n  ".join(lines)
    return (
        f"{before}fbq.registerPlugin({name}, {{__fbEventsPlugin: 1, plugin: function (fbq, instance, config) {{\n"
        f"  {body}\n  instance.configLoaded({name});\n}}}});\n"
    )


def plugin_script(name: str) -> str | None:
    """A plugin's own file, None where there is none of that name."""
    return _COOKIE.read_text("utf-8") if name == "cookie" else None
