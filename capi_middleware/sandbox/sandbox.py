"""The stand-in as one object: its listener, what it recorded, its switches."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType

from .application import SandboxApp
from .dedupe import Pair, deduplicate
from .fault import Fault, Place
from .graph import Keys
from .listener import Listener
from .record import BrowserEvent, GraphCall, ServerEvent
from .recorder import Recorder


class Sandbox:
    """Use as a context manager, or ``start()`` and ``stop()``; each one has its own port and memory.

    ``tokens``: pixel ID to access token; None (default) takes any pixel with any token. ``app_secret``: where set,
    ``appsecret_proof`` is demanded. ``cookies``: how the pixel's configuration brings the cookie plugin: "inline" (as
    real ones are believed to), "separate" (the pixel fetches it, and holds its events until it has it), "" (no plugin:
    no ``_fbp``, and cookies that exist are not sent). ``now``: the clock, in seconds. ``keep``: events remembered.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tokens: Mapping[str, str] | None = None,
        app_secret: str = "",
        cookies: str = "inline",
        now: Callable[[], float] = time.time,
        keep: int = 100_000,
    ) -> None:
        self.recorder = Recorder(keep)
        self.app = SandboxApp(self.recorder, Keys(tokens, app_secret), cookies=cookies, now=now)
        self.listener = Listener(self.app, host, port)

    @property
    def url(self) -> str:
        """Scheme, host and port: what ``CAPI_GRAPH_URL`` is set to; also the address of the events page."""
        return self.listener.url

    @property
    def pixel_url(self) -> str:
        """The stand-in for fbevents.js: what ``CAPI_PIXEL_URL`` is set to."""
        return f"{self.url}/en_US/fbevents.js"

    @property
    def browser_events(self) -> list[BrowserEvent]:
        return self.recorder.browser_events

    @property
    def server_events(self) -> list[ServerEvent]:
        return self.recorder.server_events

    @property
    def calls(self) -> list[GraphCall]:
        """Every request to the events endpoint that was answered, refused ones included."""
        return self.recorder.calls

    def pairs(self) -> list[Pair]:
        """What arrived, as Meta would count it, in order of arrival."""
        return deduplicate(self.browser_events, self.server_events)

    def wait(self, until: Callable[[Sandbox], bool], timeout: float = 10.0) -> bool:
        """Wait until ``until(sandbox)`` holds, asked anew after each arrival; False after ``timeout`` seconds."""
        return self.recorder.wait(lambda: until(self), timeout)

    def clear(self) -> None:
        """Forget what arrived; switches stay."""
        self.recorder.clear()

    def fail(self, place: Place, fault: Fault | None) -> None:
        """Put a fault in force at "graph", "script", "config", "plugin" or "tr"; None takes it away."""
        self.app.faults.set(place, fault)
        self.recorder.touch()

    def down(self) -> None:
        """The whole host goes away: connections are refused, open ones are cut."""
        self.listener.stop()

    def up(self) -> None:
        """Back on the same port."""
        self.listener.start()

    def start(self) -> Sandbox:
        self.listener.start()
        return self

    def stop(self) -> None:
        self.listener.stop()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
