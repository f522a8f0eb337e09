"""Events of a page whose visitor has not consented yet: held in the page itself, sealed, not on the server."""

from __future__ import annotations

from collections.abc import Sequence

from itsdangerous import BadData, URLSafeTimedSerializer

from capi_middleware.events import Event

LONGEST = 12 * 3600
"""Seconds between a page and the grant of its visitor; a tab left open over night is no visit any more."""
_LARGEST = 8192


class Seal:
    """Signs events so that the page can hand them back and nobody can make some up. ``key``: the shop's signing key.

    Sealed are the event's own words only: nothing of the visitor (no address, no user agent, no cookie)."""

    def __init__(self, key: bytes) -> None:
        self._serializer = URLSafeTimedSerializer(key, salt="capi_middleware.seal")

    def dump(self, events: Sequence[Event]) -> str:
        """The token for the snippet's ``tokens``; "" for no events or more than a page should carry."""
        if not events:
            return ""
        rows = [
            [e.pixel_id, e.event_name, e.event_id, e.event_source_url, e.referrer_url, dict(e.custom_data), e.rule]
            for e in events
        ]
        text = str(self._serializer.dumps(rows))
        return text if len(text) <= _LARGEST else ""

    def load(self, token: str) -> tuple[Event, ...]:
        """The events, without visitor and time; none where the token is forged, damaged or too old."""
        if len(token) > _LARGEST:
            return ()
        try:
            rows = self._serializer.loads(token, max_age=LONGEST)
            return tuple(
                Event(pixel, name, event_id, 0, url, custom_data=data, referrer_url=referrer, rule=rule)
                for pixel, name, event_id, url, referrer, data, rule in rows
            )
        except (BadData, ValueError, TypeError):
            return ()
