"""Words for what the machine calls by codes: events, legs, states, keys, reasons. English here; the catalogue has the
rest (``N_`` marks a text for it)."""

from __future__ import annotations

from collections.abc import Mapping


def N_(text: str) -> str:
    """A text that is translated where it is shown."""
    return text


EVENTS: Mapping[str, str] = {
    "PageView": N_("Page viewed"),
    "ViewContent": N_("Product viewed"),
    "Search": N_("Search"),
    "AddToCart": N_("Added to cart"),
    "AddToWishlist": N_("Added to wish list"),
    "InitiateCheckout": N_("Checkout begun"),
    "AddPaymentInfo": N_("Payment chosen"),
    "Purchase": N_("Purchase"),
    "Lead": N_("Form sent"),
    "CompleteRegistration": N_("Account created"),
    "Contact": N_("Contact"),
    "CustomizeProduct": N_("Product customised"),
    "Donate": N_("Donation"),
    "FindLocation": N_("Shop looked up"),
    "Schedule": N_("Time booked"),
    "StartTrial": N_("Trial begun"),
    "SubmitApplication": N_("Application sent"),
    "Subscribe": N_("Subscribed"),
}
BROWSER: Mapping[str, str] = {
    "yes": N_("sent"),
    "wait": N_("no report yet"),
    "silent": N_("no report"),
    "blocked": N_("blocked"),
    "none": N_("not meant to"),
}
SERVER: Mapping[str, str] = {
    "yes": N_("accepted by Meta"),
    "wait": N_("on its way"),
    "held": N_("held"),
    "no": N_("not sent"),
    "dead": N_("refused by Meta"),
}
LEGS: Mapping[str, str] = {
    "both": N_("browser and server"),
    "server": N_("server only"),
    "browser": N_("browser only"),
    "none": N_("neither"),
}
STATES: Mapping[str, str] = {
    "waiting": N_("waiting"),
    "held": N_("held"),
    "delivered": N_("accepted by Meta"),
    "dead": N_("refused by Meta"),
    "expired": N_("too old"),
    "dropped": N_("dropped"),
}
KEYS: Mapping[str, str] = {
    "em": N_("E-mail address"),
    "ph": N_("Phone number"),
    "fn": N_("First name"),
    "ln": N_("Last name"),
    "ct": N_("City"),
    "zp": N_("Postal code"),
    "country": N_("Country"),
    "external_id": N_("The shop's own customer number"),
    "fbp": N_("Browser number (_fbp)"),
    "fbc": N_("Click on an advertisement (_fbc)"),
    "client_ip_address": N_("IP address"),
    "client_user_agent": N_("Kind of browser"),
}
VALUES: Mapping[str, str] = {
    "value": N_("Amount"),
    "currency": N_("Currency"),
    "content_ids": N_("Product number"),
    "content_name": N_("Product name"),
    "content_category": N_("Category"),
    "content_type": N_("Kind"),
    "contents": N_("Products"),
    "num_items": N_("Number of products"),
    "order_id": N_("Order number"),
    "search_string": N_("Search words"),
    "quantity": N_("Quantity"),
    "price": N_("Price of one"),
    "status": N_("State"),
    "predicted_ltv": N_("Predicted lifetime value"),
}
MODES: Mapping[str, str] = {
    "auto": N_("Automatic (recommended): a yes is asked for as soon as the shop is seen to ask its visitors"),
    "required": N_("Only after a yes: nothing is sent before the visitor has agreed to marketing"),
    "implied": N_("Unless there is a no: sent until the visitor says no (not lawful in the EU)"),
    "off": N_("Always: consent is taken care of elsewhere"),
}
ANSWERS: Mapping[str, str] = {
    "granted": N_("yes"),
    "denied": N_("no"),
    "unknown": N_("no answer yet"),
}
CONSENT: Mapping[str, str] = {
    "accepted": N_("The visitor said yes to marketing."),
    "refused": N_("The visitor said no to marketing."),
    "not_answered": N_("The consent tool has no answer of this visitor yet."),
    "not_needed": N_("The consent tool says that it needs no answer in this visitor's region."),
    "not_listed": N_("The consent tool does not ask about Meta, or about marketing."),
    "no_additional_consent": N_("The consent tool's answer does not name Meta."),
    "opaque": N_("Only a browser can read this tool's answer."),
    "unreadable": N_("The cookie is damaged or of a version that we do not know."),
    "no_tool": N_("No consent tool was seen."),
    "gpc": N_("The browser asks not to be tracked (Global Privacy Control)."),
    "dnt": N_("The browser asks not to be tracked (Do Not Track), and the settings heed it."),
    "us_opt_out": N_("The visitor opted out of sale or sharing (US privacy)."),
    "mode_off": N_("The settings say that consent is taken care of elsewhere."),
}
KINDS: Mapping[str, str] = {
    "cart": N_("cart"),
    "add": N_("add"),
    "change": N_("change"),
    "checkout": N_("checkout"),
    "payment": N_("payment"),
    "thanks": N_("thank you"),
    "refused": N_("declined"),
    "pending": N_("pending"),
    "order": N_("order"),
    "search": N_("search"),
    "wishlist": N_("wish list"),
    "register": N_("register"),
    "login": N_("log in"),
    "account": N_("account"),
    "contact": N_("contact"),
    "lead": N_("enquiry"),
    "newsletter": N_("newsletter"),
}
SOURCES: Mapping[str, str] = {
    "css": N_("an element of the page (CSS)"),
    "path": N_("a part of the address"),
    "query": N_("a parameter of the address"),
    "form": N_("a field of the form"),
    "json": N_("what the page's script sent (JSON)"),
    "response-json": N_("what the shop answered (JSON)"),
    "jsonld": N_("the page's product data (JSON-LD)"),
    "meta": N_("a meta tag of the page"),
    "const": N_("always this text"),
}
ORIGINS: Mapping[str, str] = {
    **SOURCES,
    "jsonld": N_("the page's product data"),
    "microdata": N_("the page's product data"),
    "rdfa": N_("the page's product data"),
    "og": N_("a meta tag of the page"),
    "css": N_("an element of the page"),
    "cookie": N_("a cookie"),
    "header": N_("the request"),
    "settings": N_("the settings"),
    "general": N_("the rule"),
    "product memory": N_("the product's own page, seen before"),
    "the cart page before": N_("the cart page, seen before"),
}
"""Where a value was read, by what its source begins with; anything else is the page."""
OUTCOMES: Mapping[str, str] = {
    "page": N_("a page"),
    "json": N_("a script's answer"),
    "other": N_("something else"),
    "error": N_("an error"),
}
VERDICTS: Mapping[str, str] = {
    "INLINE": N_("Pixel and server: the page is this visitor's own."),
    "COLLECT": N_("Pixel and server: a cache may store the page, so the browser fetches its event IDs by itself."),
    "EXCLUDED": N_("Nothing: the page is excluded in the settings."),
    "METHOD": N_("Nothing in the page: it was neither opened nor posted to."),
    "HEAD": N_("Nothing in the page: only its head was asked for."),
    "SCRIPT": N_("Nothing in the page: a script of the page asked for it."),
    "FRAME": N_("Nothing: it is shown inside another page."),
    "ROBOT": N_("Nothing: a robot asked for it."),
    "STATUS": N_("Nothing in the page: it is no ordinary page (an error or a redirect)."),
    "NOT_MODIFIED": N_("Nothing new in the page: the visitor's copy is shown."),
    "PARTIAL": N_("Nothing: it is a part of a file."),
    "NOT_HTML": N_("Nothing in the page: it is no web page."),
    "XHTML": N_("Nothing in the page: it is XHTML, which we do not change."),
    "CHARSET": N_("Nothing in the page: its characters are written in a way that we cannot read."),
    "ATTACHMENT": N_("Nothing: it is a download."),
    "SENDFILE": N_("Nothing in the page: the web server sends it past us."),
    "LENGTH": N_("Nothing in the page: its length is given wrongly."),
    "ENCODING": N_("Nothing in the page: it is compressed in a way that we cannot read."),
    "NO_TRANSFORM": N_("Nothing in the page: it says that it must not be changed (no-transform)."),
    "CSP": N_("Nothing: the shop's security policy (CSP) allows no script, and a cache may store the page."),
    "ALONE": N_("The server alone: the shop's security policy (CSP) allows no script of ours."),
    "FRAGMENT": N_("Nothing in the page: it is only a piece of one."),
    "NOT_MARKUP": N_("Nothing in the page: it says that it is HTML and is not."),
    "BINARY": N_("Nothing in the page: it holds bytes that are no text."),
    "AMP": N_("Nothing in the page: it is an AMP page."),
    "FRAMESET": N_("Nothing in the page: it is a frameset."),
    "UNDECIDED": N_("Nothing in the page: its head was not found."),
    "EMPTY": N_("Nothing: it is empty."),
    "BOMB": N_("Nothing in the page: it is far too large when unpacked."),
    "DAMAGED": N_("Nothing in the page: its compression is damaged."),
    "FAULT": N_("Nothing in the page: an error in this program. The page went out as the shop made it."),
}
AUDIT: Mapping[str, str] = {
    "set up": N_("Set up"),
    "log in": N_("Logged in"),
    "log out": N_("Logged out"),
    "wrong password": N_("Wrong password"),
    "password": N_("Password changed"),
    "session": N_("Device logged out"),
    "connect": N_("Pixel or token saved"),
    "settings": N_("Settings saved"),
    "pause": N_("Paused"),
    "resume": N_("Started again"),
    "rule": N_("Rule published"),
    "rule off": N_("Rule switched off"),
    "rule on": N_("Rule switched on"),
    "rule removed": N_("Rule removed"),
    "rules back": N_("Earlier version of the rules"),
    "test code": N_("Test code"),
    "test event": N_("Test event sent"),
    "erased": N_("Visitor erased"),
    "again": N_("Refused event sent again"),
    "export": N_("Exported"),
    "picker": N_("Point and click opened"),
    "tools": N_("Consent tools forgotten"),
}


def origin_term(source: str) -> str:
    """The msgid for where a value was read."""
    known = next((text for name, text in ORIGINS.items() if source.startswith(name)), "")
    return ORIGINS.get(source.partition(":")[0], known) or N_("the page")


def event_term(name: str) -> str:
    """The msgid for an event's name; a name of the shop's own stays as it is."""
    return EVENTS.get(name, name)
