"""Every code by which a visit is judged, in one sentence each; the admin page and ``explain`` show these."""

from __future__ import annotations

ASKER_REASONS = {
    "page": "A page opened in a browser.",
    "navigation": "A page opened in a browser (it says so itself).",
    "frame": "A page inside a frame of another page.",
    "fetch_mode": "Fetched by a script of the page.",
    "fetch_destination": "An image, style, script or the like.",
    "fragment": "A piece of a page, fetched by its scripts.",
    "accept": "The answer wanted is no page.",
    "method": "Neither GET nor POST: no page.",
    "prefetch": "Fetched ahead of a click that may never come.",
    "prerender": "Rendered ahead of a click that may never come.",
    "preview": "A preview picture for the browser's start page.",
    "head_request": "HEAD asks for no page.",
    "no_user_agent": "No user agent: no browser.",
    "robot_agent": "A known robot, monitor or link preview.",
    "robot_by_settings": "A robot by the shop's settings.",
    "ignored_address": "Your own: its address does not count, by the settings.",
    "ignored_browser": "Your own: this browser was told on the admin page not to count.",
    "no_browser_headers": "Says it is a browser and sends nothing that browsers send: counts once its script reports.",
    "unknown_agent": "An agent that is no known browser: counts once its script reports.",
}
CONSENT_REASONS = {
    "accepted": "The visitor said yes to marketing.",
    "refused": "The visitor said no to marketing.",
    "not_answered": "The consent tool has no answer of this visitor yet.",
    "not_needed": "The consent tool says that it needs no answer in this visitor's region.",
    "not_listed": "The consent tool does not ask about Meta, or about marketing.",
    "no_additional_consent": "The TCF string alone does not name Meta.",
    "opaque": "Only a browser can read this tool's answer.",
    "unreadable": "The cookie is damaged or of a version that we do not know.",
    "no_tool": "No consent tool was seen.",
    "gpc": "The browser sends Global Privacy Control.",
    "dnt": "The browser sends Do Not Track, and the settings heed it.",
    "us_opt_out": "The visitor opted out of sale or sharing (US privacy).",
    "mode_off": "The settings say that consent is taken care of elsewhere.",
}
