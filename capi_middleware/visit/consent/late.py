"""The server's half of consent that is given while the page is open."""

from __future__ import annotations

from capi_middleware.settings import Settings
from capi_middleware.visit.visit import Answer, Consent, Visit

from .mirror import read_mirror
from .tools import BROWSER_TOOLS


def late_grant(visit: Visit, posted: str, settings: Settings, now: float) -> Consent:
    """Whether the events that a page held back may be sent now: send if ``.allowed``.

    ``visit``: the request that reports (its own cookies have been read). ``posted``: what the page's script says, in
    the form of the mirror cookie (``v1.g.usercentrics.1700000000``), "" if it says nothing. A no counts from
    anywhere. A yes counts from the cookies of this request; the script's word alone counts only for tools that keep
    their answer where no server can read it, and never against a cookie that says no.
    """
    consent = visit.consent
    if consent.reason == "mode_off" or not posted:
        return consent
    mirror = read_mirror(posted, now)
    if mirror is None:
        return consent if consent.allowed else consent._replace(reason="unreadable")
    if not mirror.granted:
        return Consent(Answer.DENIED, False, mirror.tool, "refused")
    if consent.allowed or consent.answer is Answer.DENIED:
        return consent
    if mirror.tool not in BROWSER_TOOLS or mirror.tool in settings.consent.ignore_tools:
        return consent._replace(reason="cookie_missing")
    return Consent(Answer.GRANTED, True, mirror.tool, "accepted", consent.data_processing_options)
