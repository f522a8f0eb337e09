"""The two pieces of script that go into a page, readable in its source. The contract with the served script stands in
docs/house.md ("Page and script")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from capi_middleware.events import Event, UserData, pixel_call, script_json
from capi_middleware.settings import Settings

from .script import asset
from .server_timing import rows
from .verdict import Carrier, Form, Verdict


class Snippet:
    """Prepared once for a shop; ``head`` and ``tail`` are asked per page.

    ``held``: consent is missing, so nothing may go to Meta yet. Events that may not be shown before consent travel as
    ``tokens`` (sealed strings). ``user``: hashed user data for ``fbq('init')``, only where Meta may be told.
    """

    def __init__(self, settings: Settings) -> None:
        self._pixel = settings.meta.pixel_id
        self._common = {
            "v": 1,
            "pixel": self._pixel,
            "pixelUrl": settings.meta.pixel_url,
            "mount": settings.server.mount,
        }
        self._existing = settings.page.existing
        self._script = asset(settings).path
        self._base = f"{_boot()}\n"

    def head(
        self,
        verdict: Verdict,
        events: Sequence[Event] = (),
        *,
        held: bool = False,
        user: UserData | None = None,
        tokens: Sequence[str] = (),
    ) -> bytes:
        """The piece for the head. On *collect* pages all but the verdict is ignored: the same bytes for everyone."""
        collect = verdict.carrier is Carrier.COLLECT
        if collect:
            events, held, user, tokens = (), True, None, ()
        config: dict[str, Any] = dict(self._common)
        if not verdict.pixel:
            config["pixelUrl"] = ""
        config["state"] = "held" if held else "granted"
        config["carrier"] = verdict.carrier.value
        config["existing"] = self._existing
        if user and not held:
            config["user"] = _first_values(user)
        runs = verdict.form is Form.INLINE and verdict.pixel and not held
        shown = [] if held else rows(events)
        if tokens:
            config["tokens"] = list(tokens)
        if runs:
            config["fired"] = [[name, event_id] for name, _, event_id in shown]
        elif shown:
            config["events"] = shown
        return self._render(verdict, config, [pixel_call(event) for event in events if event.browser] if runs else ())

    def tail(
        self, verdict: Verdict, events: Sequence[Event] = (), *, held: bool = False, tokens: Sequence[str] = ()
    ) -> bytes:
        """The piece for the end of the page; b"" when there is nothing to say."""
        if verdict.carrier is not Carrier.INLINE:
            return b""
        shown = [] if held else [event for event in events if event.browser]
        if not shown and not tokens:
            return b""
        if verdict.form is Form.EXTERNAL:
            block = script_json({"events": rows(shown), "tokens": list(tokens)})
            return f'<script type="application/json" data-capi>{block}</script>\n'.encode("ascii")
        lines = [f"capi.tokens.push({script_json(token)});" for token in tokens]
        for event in shown:
            if verdict.pixel:
                lines.append(
                    f"capi.fired.push({script_json([event.event_name, event.event_id])});\n{pixel_call(event)}"
                )
            else:
                lines.append(f"capi.events.push({script_json(rows([event])[0])});")
        body = "\n".join(lines)
        return f"<script{_nonce(verdict)}>\n{body}\n</script>\n".encode("ascii")

    def _render(self, verdict: Verdict, config: Mapping[str, Any], calls: Sequence[str]) -> bytes:
        text = script_json(config)
        loader = f'<script async src="{self._script}"{_nonce(verdict)}></script>\n'
        if verdict.form is Form.EXTERNAL:
            block = f'\n<script type="application/json" id="capi-config">{text}</script>\n'
            return (block + loader).encode("ascii")
        lines = [f"capi = {text};", self._base]
        if "fired" in config:
            user = script_json(config.get("user", {}))
            lines.append(f"fbq('init', '{self._pixel}', {user});")
            lines.extend(calls)
        body = "\n".join(lines)
        return f"\n<script{_nonce(verdict)}>\n{body}\n</script>\n{loader}".encode("ascii")


def _nonce(verdict: Verdict) -> str:
    return f' nonce="{verdict.nonce}"' if verdict.nonce else ""


def _first_values(user: UserData) -> dict[str, str]:
    """``fbq('init')`` takes one value a key."""
    return {key: values[0] for key, values in user.items() if values}


@lru_cache(maxsize=1)
def _boot() -> str:
    """The static part, without full-line comments."""
    text = files("capi_middleware.page").joinpath("browser", "boot.js").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("//"))
