"""``capi-middleware export``: what is stored about a visitor (GDPR, article 15)."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from typing import Any

from capi_middleware.delivery import Ledger, Record

from .delivering import common_options, guarded, source_of
from .terminal import Misuse, short


def options(parser: argparse.ArgumentParser) -> None:
    common_options(parser)
    parser.add_argument("--visitor", metavar="FBP", required=True, help="the value of the visitor's _fbp cookie")


def run(arguments: argparse.Namespace) -> int:
    """JSON Lines, one event a line; with ``--json`` one array. 1 where nothing is stored."""
    return guarded(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.visitor.strip():
        raise Misuse("--visitor takes the value of the visitor's _fbp cookie, as fb.1.1700000000000.1234567890")
    ledger = Ledger(source_of(arguments))
    found = [_plain(record) for record in ledger.visitor(arguments.visitor)]
    ledger.close()
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for event in found:
            print(json.dumps(event, ensure_ascii=False))
    if not found:
        words = f"nothing is stored about the visitor {short(arguments.visitor)}."
        print(f"capi-middleware export: {words}", file=sys.stderr)
    return 0 if found else 1


def _plain(record: Record) -> dict[str, Any]:
    entry = dataclasses.asdict(record.entry)
    entry["evidence"] = [flag.name for flag in record.entry.evidence]
    return {**entry, "consent": record.consent, "sources": dict(record.sources), "payload": dict(record.payload)}
