"""What a page says of the request before it: success and error messages, and how much the cart holds.

Read from every page that may confirm an add to cart: platforms answer a refused add with the same status and redirect
as a good one. Looked for by the words of themes in class names; only elements that hold a text, and are not hidden,
count.
"""

from __future__ import annotations

import re
from itertools import chain

from .charset import of
from .lazy import regex
from .markup import Markup, aside, read_attributes, strip

MOST = 12
LONGEST = 300
EXAMINED = 250

_MARKS = (
    b"alert",
    b"message",
    b"notice",
    b"flash",
    b"error",
    b"toast",
    b"notification",
    b"success",
    b"messages",
    b"ls-msg",
    b"snackbar",
    b"form-status",
)
_TAG = regex(
    rb"<(?:div|p|ul|ol|li|section|span|aside|article)\b(?=[^<>]{0,400}?(?:alert|message|notice|flash|error|toast"
    rb"|notification|success|snackbar|warning|errors))[^<>]{1,600}+>",
    re.I,
)
_SUCCESS = regex(
    r"(?<![a-z])(?:success|alert-success|message-success|success-msg|success-message|woocommerce-message|is-success"
    r"|msg-success|alert--success|notice-success|flash-success|flash_success"
    r"|notification-success|toast-success|wc-block-components-notice-banner is-success|confirmation|bg-success"
    r"|positive|callout-success|succes|ok)(?![a-z])",
    re.I,
)
_ERROR = regex(
    r"(?<![a-z])(?:error|errors|danger|alert-danger|alert-error|message-error|error-msg|error-message"
    r"|woocommerce-error|is-error|msg-error|alert--danger|alert--error|notice-error|flash-error"
    r"|flash_error|flash-alert|notification-error|toast-error|errorlist|warning|alert-warning|message-warning"
    r"|negative|invalid|fail|failed|callout-danger|errormessage|error_message|bg-danger)(?![a-z])",
    re.I,
)
_NEUTRAL = regex(
    r"(?<![a-z])(?:alert|message|messages|notice|flash|flashes|notification|woocommerce-info|toast|alertinner|info"
    r"|notices)(?![a-z])",
    re.I,
)
_HIDDEN = regex(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_HIDDEN_NAMES = regex(
    r"(?<![\w-])(?:hidden|d-none|hide|is-hidden|visually-hidden|sr-only|invisible|template|tpl|cookie[\w-]*"
    r"|consent[\w-]*|field-validation[\w-]*|help-block|newsletter[\w-]*)(?![\w-])",
    re.I,
)
_LISTS = regex(
    r"errorlist|errormessage|error[-_]message|error[-_]msg|success[-_]msg|woocommerce-(?:error|message)|callout"
    r"|is-(?:error|success)",
    re.I,
)
_CONCEALING = regex(
    r"(?<![\w-])(?:hidden|d-none|hide|is-hidden|a-hidden|aok-hidden|u-hidden|visually-hidden|sr-only|invisible"
    r"|modal|dialog|popup|popover|tooltip"
    r"|lightbox|drawer|overlay|offcanvas|template|cookie[\w-]*|consent[\w-]*|newsletter[\w-]*|login[\w-]*"
    r"|wishlist[\w-]*)(?![\w-])|--hidden(?![\w-])",
    re.I,
)
_ADDED = regex(
    r"\b(?:(?:has|have|was|were) (?:been )?added|added to (?:your |the )?(?:cart|basket|bag)|in (?:your )?(?:basket"
    r"|cart)|har lagts (?:till|i)|lades till|tillagd|lagt i (?:varukorg|kundvagn|handlekurv|kurv)|(?:er|ble|blev"
    r"|blevet) lagt"
    r"|wurde[n]? .{0,60}(?:hinzugefügt|gelegt)|im warenkorb|a (?:bien )?été ajouté|ajouté (?:au|à votre)"
    r"|ha sido añadido|añadido (?:al|a su)|è stato aggiunto|aggiunto al|toegevoegd|lisätty|dodan[oy]|przidán|přidán"
    r"|pridan|adicionado|added)\b",
    re.I,
)
_REFUSED = regex(
    r"\b(?:out of stock|not (?:available|enough|in stock|added|be added)|cannot|can't|could not|couldn't|unable"
    r"|unavailable|sold out|please (?:choose|select|specify|enter)|required|invalid|maximum|exceed|failed"
    r"|must (?:be|select|choose)|no longer"
    r"|slut (?:i lager|på)|slutsåld|finns (?:inte|ej)|kan (?:inte|ej|ikke)|kunde (?:inte|ej)|ej (?:i lager"
    r"|tillgänglig)|välj|vælg|velg|måste|ikke på lager|udsolgt|utsolgt|max(?:imalt)?"
    r"|nicht (?:verfügbar|auf lager|vorrätig|hinzugefügt|möglich)|ausverkauft|bitte wählen|leider|konnte nicht"
    r"|rupture|indisponible|épuisé|veuillez|impossible|agotado|no (?:disponible|se pudo|hay)|seleccione|elija"
    r"|esaurito|non (?:disponibile|è possibile)|selezion"
    r"|niet (?:op voorraad|beschikbaar|mogelijk)|uitverkocht|kies|loppu|ei (?:ole|voida|saatavilla)|valitse"
    r"|niedostępn|brak|wybierz|nie można|není skladem|vyprodáno|nelze|vyberte)\b",
    re.I,
)
_COUNT = regex(
    rb"<(?:span|div|a|b|strong|em|i|sup|small|p|li|bdi|button|mark|cart-count|data|input)\b(?=[^<>]{0,500}(?:cart"
    rb"|basket|bag|korg|kundvagn|warenkorb|panier|carrito|carrello|winkel|kurv|koszyk|kosik|minicart))"
    rb"(?=[^<>]{0,500}(?:count|qty|quantity|items|number|num|badge|antal|total|amount|size|counter|bubble|anzahl"
    rb"|quantit))([^<>]{1,700}+)>([^<>]{0,60})",
    re.I,
)
_WORDS = regex(
    r"(\d{1,4})\s*(?:items?|products?|articles?|varor|vara|artiklar|artikel|produkter|produkt|varer|tuotetta|st\b"
    r"|pcs|prodotti|productos|produits|artículos|artikelen|produkty)",
    re.I,
)
_DATA_COUNT = regex(rb"data-(?:cart|basket|item|items)-?(?:count|quantity|qty|items|size)=[\"'](\d{1,4})[\"']", re.I)


def read(page: bytes) -> tuple[str, ...]:
    """``"success: text"``, ``"error: text"``, ``"cart: 3"``, in the order met."""
    charset = of(page)
    found: list[str] = []
    until = -1
    markup: Markup | None = None
    spans, _ = aside(page, len(page), whole=True)
    tags = chain.from_iterable(_TAG.finditer(page, start, end) for start, end in spans)
    for number, match in enumerate(tags):
        if number >= EXAMINED or len(found) >= MOST:
            break
        if match.start() < until:
            continue
        kind, text, end = _message(page, match, charset)
        if kind and text:
            if markup is None:
                markup = Markup(page, len(page), charset)
            if _is_hidden(markup, match.start()):
                continue
            entry = f"{kind}: {text}"
            if entry not in found:
                found.append(entry)
            until = end
    count = basket(b"\n".join(page[start:end] for start, end in spans), charset)
    if count is not None:
        found.append(f"cart: {count}")
    return tuple(found)


def _message(page: bytes, match: re.Match[bytes], charset: str) -> tuple[str, str, int]:
    attributes = read_attributes(match[0], charset)
    names = " ".join(attributes.get(name, "") for name in ("class", "id", "role", "data-type"))
    success, error = _SUCCESS.search(names), _ERROR.search(names)
    if not success and not error and not _NEUTRAL.search(names):
        return "", "", 0
    if _HIDDEN.search(attributes.get("style", "")) or "hidden" in attributes or _HIDDEN_NAMES.search(names):
        return "", "", 0
    if attributes.get("aria-hidden") == "true":
        return "", "", 0
    name = re.match(rb"<(\w+)", match[0])
    assert name is not None
    end = _close(page, match.end(), name[1])
    text = strip(page[match.end() : end].decode(charset, "replace"))[:LONGEST]
    if len(text) < 3 or not any(map(str.isalpha, text)):
        return "", "", 0
    added, refused = _ADDED.search(text), _REFUSED.search(text)
    if not _NEUTRAL.search(names) and not _LISTS.search(names):
        # "success" alone also colours stock levels, "error" a form's hints: the words have to say it.
        success, error = success if added else None, error if refused else None
    if success and not error:
        return "success", text, end
    if error and not success:
        return ("error", text, end) if len(text) < LONGEST else ("", "", 0)
    if refused:
        return "error", text, end
    return ("success", text, end) if added else ("", "", 0)


def _is_hidden(page: Markup, offset: int) -> bool:
    """Does the element at this place stand in something that is not shown: a dialogue, a template of a script?"""
    index = page.index_at(offset)
    if index < 0:
        return False
    for parent in (index, *page.ancestors(index)):
        tag = page.tag(parent)
        if b"hidden" not in tag and b"style" not in tag and b"class" not in tag and b"id=" not in tag:
            continue
        given = page.attributes(parent)
        if _HIDDEN.search(given.get("style", "")) or "hidden" in given or given.get("aria-hidden") == "true":
            return True
        if _CONCEALING.search(given.get("class", "") + " " + given.get("id", "")):
            return True
    return False


def _close(page: bytes, position: int, name: bytes) -> int:
    """Where an element of this name ends, nested ones of its name counted; looked for within 4 KiB."""
    limit = min(len(page), position + 4096)
    depth = 1
    at = position
    opening, closing = b"<" + name, b"</" + name
    for _ in range(60):
        shut = page.find(closing, at, limit)
        if shut < 0:
            return limit
        opened = page.find(opening, at, shut)
        if opened >= 0:
            depth += 1
            at = opened + len(opening)
            continue
        depth -= 1
        if depth == 0:
            return shut
        at = shut + len(closing)
    return limit


def basket(page: bytes, charset: str = "utf-8") -> int | None:
    """How many things the page's cart shows; None when it does not say."""
    counts: list[int] = []
    for number, match in enumerate(_COUNT.finditer(page)):
        if number >= 40:
            break
        said = match[2].decode(charset, "replace").strip(" ()[]\u00a0\n\t\r")
        if said.isdecimal() and len(said) < 5:
            counts.append(int(said))
        else:
            worded = _WORDS.match(said) or _WORDS.search(match[1].decode(charset, "replace"))
            if worded:
                counts.append(int(worded[1]))
    if counts:
        return counts[0] if len(set(counts)) == 1 else max(set(counts), key=counts.count)
    data = _DATA_COUNT.search(page)
    return int(data[1]) if data else None
