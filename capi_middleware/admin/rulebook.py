"""The shop's own rules as the admin page writes them: TOML of the form that agencies write, comments kept. Pure: texts
in, texts out; :mod:`.versions` keeps the earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

SECRETS = (("meta", "access_token"), ("meta", "app_secret"), ("server", "admin_password"), ("server", "store"))
"""What never goes into a copy."""
_INLINE = ("when", "next", "data", "query", "form", "json")


class Gone(Exception):
    """The rule that was meant is not there any more: somebody has changed the rules meanwhile."""


def tables(text: str, host: str = "") -> list[Mapping[str, Any]]:
    """The rules that stand in ``text``, as plain values; of ``host``'s site, or the shop's own."""
    document = tomlkit.parse(text)
    target = _target(document, host, make=False)
    return [rule.unwrap() for rule in target.get("rule", ())] if target is not None else []


def added(text: str, table: Mapping[str, Any], host: str = "", comment: str = "") -> str:
    """With one rule more, the first of them: what is said last counts first. ``comment``: a line above it."""
    document = tomlkit.parse(text)
    target = _target(document, host)
    rules = [_rule(table, comment), *_taken(target)]
    _put(target, rules)
    return tomlkit.dumps(document)


def replaced(text: str, number: int, before: Mapping[str, Any], table: Mapping[str, Any], host: str = "") -> str:
    """With another rule in one's place. Raises :class:`Gone`."""
    document = tomlkit.parse(text)
    rule = _found(document, number, before, host)
    for key in [key for key in rule if key not in table]:
        rule.remove(key)
    for key, value in table.items():
        if key not in rule or rule[key].unwrap() != value:
            rule[key] = _item(key, value)
    return tomlkit.dumps(document)


def removed(text: str, number: int, before: Mapping[str, Any], host: str = "") -> str:
    """Without one rule. Raises :class:`Gone`."""
    document = tomlkit.parse(text)
    _found(document, number, before, host)
    target = _target(document, host)
    rules = _taken(target)
    del rules[number]
    _put(target, rules)
    return tomlkit.dumps(document)


def switched(text: str, off: Sequence[str], host: str = "") -> str:
    """With other names in ``[shop] off``."""
    document = tomlkit.parse(text)
    target = _target(document, host)
    if "shop" not in target:
        target["shop"] = tomlkit.table()
    target["shop"]["off"] = list(off)
    return tomlkit.dumps(document)


def returned(text: str, earlier: str, host: str = "") -> str:
    """With the rules (and what was switched off) of an earlier version, everything else as it is."""
    document, before = tomlkit.parse(text), tomlkit.parse(earlier)
    target, source = _target(document, host), _target(before, host, make=False)
    rules = _taken(source) if source is not None else []
    _taken(target)
    _put(target, rules)
    off = source.get("shop", {}).get("off") if source is not None else None
    if off is not None:
        if "shop" not in target:
            target["shop"] = tomlkit.table()
        target["shop"]["off"] = off
    elif "shop" in target:
        target["shop"].pop("off", None)
    return tomlkit.dumps(document)


def without_secrets(text: str) -> str:
    """The same without tokens and passwords: for copies, and for showing."""
    document = tomlkit.parse(text)
    for target in (document, *document.get("site", ())):
        for section, key in SECRETS:
            if section in target:
                target[section].pop(key, None)
    return tomlkit.dumps(document)


def shown(table: Mapping[str, Any], comment: str = "") -> str:
    """One rule as it stands in a file."""
    document = tomlkit.document()
    _put(document, [_rule(table, comment)])
    return tomlkit.dumps(document).strip() + "\n"


def parsed(text: str) -> list[Mapping[str, Any]]:
    """Rules from a text that somebody pastes. Raises ``ValueError`` with what is wrong."""
    try:
        return [rule.unwrap() for rule in tomlkit.parse(text).get("rule", ())]
    except (TOMLKitError, AttributeError) as error:
        raise ValueError(str(error)) from None


def _target(document: Any, host: str, make: bool = True) -> Any:
    if not host:
        return document
    for site in document.get("site", ()):
        hosts = site.get("host", "")
        if host == hosts or (not isinstance(hosts, str) and host in hosts):
            return site
    if not make:
        return None
    if "site" not in document:
        document["site"] = tomlkit.aot()
    site = tomlkit.table()
    site["host"] = host
    document["site"].append(site)
    return document["site"][-1]


def _taken(target: Any) -> list[Table]:
    """The rules out of their place, each with its comments."""
    rules = target.get("rule")
    if rules is None:
        return []
    found = list(rules) if isinstance(rules, AoT) else [_rule(rule, "") for rule in rules.unwrap()]
    target.remove("rule")
    return found


def _put(target: Any, rules: Sequence[Table]) -> None:
    if not rules:
        return
    place = tomlkit.aot()
    for rule in rules:
        place.append(rule)
    target["rule"] = place


def _found(document: Any, number: int, before: Mapping[str, Any], host: str) -> Any:
    target = _target(document, host, make=False)
    rules = target.get("rule", ()) if target is not None else ()
    if not 0 <= number < len(rules) or rules[number].unwrap() != before:
        raise Gone
    return rules[number]


def _rule(table: Mapping[str, Any], comment: str) -> Table:
    rule = tomlkit.table()
    if comment:
        for line in comment.splitlines():
            rule.add(tomlkit.comment("".join(filter(str.isprintable, line))))
    for key, value in table.items():
        rule.add(key, _item(key, value))
    return rule


def _item(key: str, value: Any) -> Any:
    if key in _INLINE and isinstance(value, Mapping):
        inline = tomlkit.inline_table()
        for name, part in value.items():
            inline[name] = _item("when", part) if isinstance(part, Mapping) else part
        return inline
    return tomlkit.item(value)
