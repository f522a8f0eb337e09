"""Events and rows for the tests of this room."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from capi_middleware.delivery.rows import Row, row_of
from capi_middleware.events import Event, Visitor, new_event_id
from capi_middleware.settings import Secret, Settings
from capi_middleware.settings.settings import DeliverySettings, MetaSettings, ServerSettings

PIXEL = "1234567890"


class Source:
    """Settings in force: one pixel, Meta at ``url``, the state in ``folder``."""

    def __init__(self, url: str, folder: Path, pixel_id: str = PIXEL, token: str = "TOKEN", **delivery: Any) -> None:
        self.current = Settings(
            meta=MetaSettings(pixel_id, Secret(token), graph_url=url),
            delivery=DeliverySettings(**delivery),
            server=ServerSettings(state_dir=str(folder)),
        )


def event(**changes: Any) -> Event:
    """A page view by a person, now."""
    made = Event(
        pixel_id=PIXEL,
        event_name="PageView",
        event_id=new_event_id(),
        event_time=int(time.time()),
        event_source_url="https://shop.example/p?q=1",
        visitor=Visitor("203.0.113.7", "Mozilla/5.0", "fb.1.1700000000000.1"),
        rule="page",
        consent="implied",
    )
    return made._replace(**changes)


def row(**changes: Any) -> Row:
    """The same as a store takes it."""
    now = time.time()
    return row_of(event(**changes), now, now)
