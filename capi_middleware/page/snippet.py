"""The two pieces of script that go into a page, readable in its source. The contract with the served script stands in
docs/house.md ("Page and script")."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files

from capi_middleware.events import Event, UserData, pixel_call, script_json
from capi_middleware.settings import Settings

from .csp import BOOTSTRAP
from .script import adoption, asset
from .server_timing import rows
from .verdict import Carrier, Form, Verdict

# Where the page's own ID, nonce and visitor go in what was rendered before.
_ID = "XXeventIDXX"
_NONCE = "XXnonceXX"
_USER = "XXuserXX"
_PLACES = re.compile(f'({_ID}|{_NONCE}|{{"{_USER}":"{_USER}"}})'.encode("ascii"))


class Snippet:
    """Prepared once for a shop; ``head`` and ``tail`` are asked per page, and give ASCII.

    ``held``: consent is missing, so nothing may go to Meta yet. Events that may not be shown before consent travel as
    ``tokens`` (sealed strings). ``user``: hashed user data for ``fbq('init')``, only where Meta may be told.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._script = asset(settings).path
        self._adoption = adoption(settings).path
        self._constant: dict[tuple[Carrier, Form, bool, bool, bool], bytes] = {}
        self._views: dict[tuple[bool, bool, bool, bool], _Rendered] = {}
        self._static: dict[tuple[Form, bool, bool], bytes] = {}
        self._init = f"fbq('init', '{settings.meta.pixel_id}', ".encode("ascii")

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
        if verdict.form is Form.NONE:
            return b""
        if verdict.carrier is Carrier.COLLECT:
            return self._same_for_all(verdict)
        if len(events) == 1 and not (held or tokens):
            only = events[0]
            plain = only.event_name == "PageView" and not only.custom_data and only.browser
            if plain and only.event_id.isalnum() and verdict.form is Form.INLINE:
                return self._usual(verdict, only, user)
        return self._any(verdict, events, held, user, tokens)

    def _usual(self, verdict: Verdict, view: Event, user: UserData | None) -> bytes:
        """A PageView and nothing else, which is most pages: all but ID, nonce and visitor was rendered once."""
        key = (verdict.pixel, verdict.script, bool(verdict.nonce), bool(user))
        known = self._views.get(key)
        if known is None:
            sample = verdict._replace(nonce=_NONCE if verdict.nonce else "")
            stand_in = {_USER: (_USER,)} if user else None
            rendered = self._any(sample, (view._replace(event_id=_ID),), False, stand_in, ())
            known = self._views[key] = _Rendered(rendered)
        parts = known.parts.copy()
        event_id = view.event_id.encode("ascii")
        for place in known.ids:
            parts[place] = event_id
        if user:
            written = _first_values(user).encode("ascii")
            for place in known.users:
                parts[place] = written
        if verdict.nonce:
            nonce = verdict.nonce.encode("ascii")
            for place in known.nonces:
                parts[place] = nonce
        return b"".join(parts)

    def _any(
        self, verdict: Verdict, events: Sequence[Event], held: bool, user: UserData | None, tokens: Sequence[str]
    ) -> bytes:
        runs = verdict.form is Form.INLINE and verdict.pixel and not held
        more = []
        calls = []
        if user and not held:
            first_values = _first_values(user)
            more.append(f',"user":{first_values}')
        else:
            first_values = "{}"
        if tokens:
            more.append(f',"tokens":{script_json(list(tokens))}')
        if runs:
            shown = [event for event in events if event.browser]
            more.append(f',"fired":[{",".join([_row(event) for event in shown])}]')
            calls = [f"{first_values});\n", *(f"{pixel_call(event)}\n" for event in shown)]
        elif events and not held:
            more.append(f',"events":{script_json(rows(events))}')
        return self._render(verdict, held, "".join(more).encode("ascii"), "".join(calls).encode("ascii"))

    def tail(
        self, verdict: Verdict, events: Sequence[Event] = (), *, held: bool = False, tokens: Sequence[str] = ()
    ) -> bytes:
        """The piece for the end of the page; b"" when there is nothing to say."""
        if verdict.carrier is not Carrier.INLINE or verdict.form is Form.NONE:
            return b""
        shown = [] if held else [event for event in events if event.browser]
        if not shown and not tokens:
            return b""
        if verdict.form is not Form.INLINE:
            block = script_json({"events": rows(shown), "tokens": list(tokens)})
            return f'<script type="application/json" data-capi>{block}</script>\n'.encode("ascii")
        lines = [f"capi.tokens.push({script_json(token)});" for token in tokens]
        for event in shown:
            if verdict.pixel:
                lines.append(f"capi.fired.push({_row(event)});")
                lines.append(pixel_call(event))
            else:
                lines.append(f"capi.events.push({script_json(rows([event])[0])});")
        body = "\n".join(lines)
        return f"<script{_nonce(verdict.nonce)}>\n{body}\n</script>\n".encode("ascii")

    def _same_for_all(self, verdict: Verdict) -> bytes:
        """The piece of a page that a cache may keep; its bytes depend on the page's policy alone."""
        if verdict.nonce:
            return self._render(verdict, True, b"", b"")
        key = (verdict.form, verdict.pixel, verdict.script)
        found = self._static.get(key)
        if found is None:
            found = self._static[key] = self._render(verdict, True, b"", b"")
        return found

    def _render(self, verdict: Verdict, held: bool, more: bytes, calls: bytes) -> bytes:
        nonce = _nonce(verdict.nonce).encode("ascii")
        config = (self._config(verdict, held), more, b"}")
        if verdict.form is Form.INLINE:
            opening = (
                b"\n<script",
                nonce,
                b">\nwindow.capi = ",
                *config,
                _boot(),
                *((self._init, calls) if calls else ()),
            )
            parts = (*opening, b"</script>\n", *(self._loader(nonce) if verdict.script else ()))
        else:
            block = (b'\n<script type="application/json" id="capi-config"', nonce, b">", *config, b"</script>\n")
            hashed = verdict.form is Form.HASH
            parts = (*block, *((f"<script>{BOOTSTRAP}</script>\n".encode(),) if hashed else self._loader(nonce)))
        return b"".join(parts)

    def _loader(self, nonce: bytes) -> tuple[bytes, ...]:
        return (b'<script async src="', self._script.encode("ascii"), b'"', nonce, b"></script>\n")

    def _config(self, verdict: Verdict, held: bool) -> bytes:
        """The part of the object that is the same on all such pages, without its closing brace."""
        key = (verdict.carrier, verdict.form, verdict.pixel, verdict.script, held)
        found = self._constant.get(key)
        if found is None:
            found = self._constant[key] = script_json(self._object(*key))[:-1].encode("ascii")
        return found

    def _object(self, carrier: Carrier, form: Form, pixel: bool, script: bool, held: bool) -> Mapping[str, object]:
        settings = self._settings
        config: dict[str, object] = {
            "v": 1,
            "pixel": settings.meta.pixel_id,
            "pixelUrl": settings.meta.pixel_url if pixel else "",
            "mount": settings.server.mount,
            "state": "held" if held else "granted",
            "carrier": carrier.value,
        }
        if form is Form.HASH:
            config["script"] = self._script
        if form is Form.INLINE and pixel:
            config["existing"] = settings.page.existing
            if script:
                config["adopt"] = self._adoption
        if settings.visit.frames == "count":
            config["frames"] = True
        return config


class _Rendered:
    """A piece in parts, and at which of them something of the page's own goes."""

    __slots__ = ("ids", "nonces", "parts", "users")

    def __init__(self, rendered: bytes) -> None:
        self.parts = _PLACES.split(rendered)
        places = [(place, self.parts[place]) for place in range(1, len(self.parts), 2)]
        self.ids = [place for place, what in places if what == _ID.encode("ascii")]
        self.nonces = [place for place, what in places if what == _NONCE.encode("ascii")]
        self.users = [place for place, what in places if what.startswith(b"{")]


def _first_values(user: UserData) -> str:
    """Of each key the first value: the pixel takes no more."""
    if len(user) == 1 and (only := user.get("external_id")) and only[0].isascii() and only[0].isalnum():
        return f'{{"external_id":"{only[0]}"}}'  # most visitors: nobody knows more of them
    return script_json({key: values[0] for key, values in user.items() if values})


def _row(event: Event) -> str:
    """Name and ID as the script is told of them."""
    name, event_id = event.event_name, event.event_id
    if name.isascii() and name.isalnum() and event_id.isascii() and event_id.isalnum():
        return f'["{name}","{event_id}"]'
    return script_json([name, event_id])


def _nonce(nonce: str) -> str:
    return f' nonce="{nonce}"' if nonce else ""


@lru_cache(maxsize=1)
def _boot() -> bytes:
    """The constant part of the inline code, without its comments."""
    text = files("capi_middleware.page").joinpath("browser", "boot.js").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("//")]
    return ";\n{}\n".format("\n".join(lines)).encode("ascii")
