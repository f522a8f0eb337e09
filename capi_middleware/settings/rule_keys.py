"""The keys of ``[[rule]]`` and of ``when``: their documentation and JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .rule import STANDARD_NAMES

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NOTICES = ("success", "error", "none")


class Key(NamedTuple):
    """A key of ``[[rule]]`` or of ``when``: its documentation and its JSON schema."""

    doc: str
    schema: Mapping[str, Any]


_TEXT = {"type": "string"}
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_SCALAR = {"type": ["string", "number", "boolean"]}
_TESTS = {
    "type": "object",
    "additionalProperties": {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]},
}
_VALUE = {"anyOf": [_SCALAR, {"type": "array", "items": _TEXT, "minItems": 1}]}
_STATUS = {"anyOf": [{"type": ["integer", "string"]}, {"type": "array", "items": {"type": ["integer", "string"]}}]}
WHEN_KEYS = {
    "status": Key('Accepted status codes: `200`, `"2xx"`, `"200-299"`, or a list. Default: 2xx and 3xx.', _STATUS),
    "redirect": Key(
        "Whether the answer redirects (`true`, `false`), or patterns of where to: `/varukorg/*`.",
        {"anyOf": [{"type": "boolean"}, _TEXTS]},
    ),
    "redirect_query": Key("Conditions on the parameters of the address redirected to.", _TESTS),
    "json": Key("Conditions on a JSON answer, by JMESPath: `{ success = true, errors = false }`.", _TESTS),
    "cookie": Key(
        "A cookie that the answer must set (not delete): its name, `*` for any letters; or conditions on its value.",
        {"anyOf": [_TEXTS, _TESTS]},
    ),
    "header": Key("Conditions on the answer's headers.", _TESTS),
    "css": Key("Conditions on elements of the page: `{ '.alert-success' = true }`; `@attribute` reads one.", _TESTS),
    "notice": Key(
        "The message that the page shows: `success`, `error`, or `none` for no error.",
        {"enum": list(NOTICES)},
    ),
    "product": Key("Whether the page shows one product.", {"type": "boolean"}),
    "page": Key("Whether it is a full page that a person opened.", {"type": "boolean"}),
    "cart": Key("Whether the page's cart must hold something.", {"type": "boolean"}),
}
RULE_KEYS = {
    "event": Key("A standard event, or a name of your own.", {"anyOf": [{"enum": list(STANDARD_NAMES)}, _TEXT]}),
    "name": Key("What `explain` and the ledger call the rule. Default: its file and line.", _TEXT),
    "path": Key(
        "Routing patterns, any of them: `/produkt/<slug>`, `/p/<int:id>`, `/blogg/*`; `words:cart add`: words of that"
        " meaning in eleven languages. Default: every path.",
        _TEXTS,
    ),
    "host": Key("Hosts, `*` for any letters: `*.butik.example`.", _TEXTS),
    "method": Key(
        "GET, POST, … Default: by the event.",
        {"anyOf": [{"enum": list(METHODS)}, {"type": "array", "items": {"enum": list(METHODS)}}]},
    ),
    "query": Key('Conditions on parameters of the address: `{ route = "checkout/cart.add" }`.', _TESTS),
    "form": Key("Conditions on fields of the posted form.", _TESTS),
    "json": Key("Conditions on the posted JSON, by JMESPath.", _TESTS),
    "graphql": Key("Names of the GraphQL operation or of a field that it asks for: `addProductsToCart`.", _TEXTS),
    "exclude": Key("Paths that the rule leaves out.", _TEXTS),
    "when": Key(
        'What proves success: a table; a list of tables, one of which must hold; or `"proof"`: found by itself.'
        " Default: no sign of failure.",
        {"anyOf": [{"const": "proof"}, {"$ref": "#/$defs/when"}, {"type": "array", "items": {"$ref": "#/$defs/when"}}]},
    ),
    "next": Key(
        'The same, on the page that follows: `{ notice = "success" }`, or `"proof"`.',
        {"anyOf": [{"const": "proof"}, {"$ref": "#/$defs/when"}, {"type": "array", "items": {"$ref": "#/$defs/when"}}]},
    ),
    "data": Key(
        "What is sent, and where each value comes from; `false` leaves one out. Also `quantity` and `price`, which"
        " become `contents` and `value`.",
        {"type": "object", "additionalProperties": _VALUE},
    ),
    "key": Key("What the event's ID is derived from, so that it counts once: an order number.", _VALUE),
    "remember": Key("Order references under which the visitor is kept for a payment provider's notice.", _VALUE),
    "once": Key(
        "How often it counts: `visitor` (once in half an hour), `cart` (until a purchase), `order` (per `key`).",
        {"enum": ["visitor", "cart", "order"]},
    ),
    "order": Key("Rules with a lower number come first. Default: 0, in the file's order.", {"type": "integer"}),
    "send": Key("`false`: the event is not sent where this rule matches, nor by a preset's rule.", {"type": "boolean"}),
    "server_only": Key("`true`: sent from the server alone.", {"type": "boolean"}),
    "notice": Key(
        "`true`: the request comes from a payment provider's server; the event is joined with the visitor who went to"
        " pay for that order.",
        {"type": "boolean"},
    ),
}
SHIPPED = {"looks"}
