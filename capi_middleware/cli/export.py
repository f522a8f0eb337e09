"""``capi-middleware export``: what is stored about a visitor (GDPR, article 15)."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

from capi_middleware.delivery import Ledger, Record

from .delivering import common_options, guarded, source_of


def options(parser: argparse.ArgumentParser) -> None:
    common_options(parser)
    parser.add_argument("--visitor", metavar="FBP", required=True, help="the value of the visitor's _fbp cookie")


def run(arguments: argparse.Namespace) -> int:
    """JSON Lines, one event a line; with ``--json`` one array. 1 where nothing is stored."""
    return guarded(arguments, lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    ledger = Ledger(source_of(arguments))
    found = [_plain(record) for record in ledger.visitor(arguments.visitor)]
    ledger.close()
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for event in found:
            print(json.dumps(event, ensure_ascii=False))
    return 0 if found else 1


def _plain(record: Record) -> dict[str, Any]:
    entry = dataclasses.asdict(record.entry)
    entry["evidence"] = [flag.name for flag in record.entry.evidence]
    return {**entry, "consent": record.consent, "sources": dict(record.sources), "payload": dict(record.payload)}
