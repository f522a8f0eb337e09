"""``capi-middleware replay``: dead letters once more."""

from __future__ import annotations

import argparse

from capi_middleware.delivery import OrderDesk

from .delivering import answer, common_options, guarded, source_of


def options(parser: argparse.ArgumentParser) -> None:
    common_options(parser)
    parser.add_argument(
        "number", nargs="*", type=int, help="numbers from `status` (dead or expired events); none: all dead letters"
    )


def run(arguments: argparse.Namespace) -> int:
    """They keep their IDs, so Meta counts none twice within 48 hours."""
    return guarded(arguments, lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    done = OrderDesk(source_of(arguments)).replay(arguments.number)
    answer(arguments, {"replayed": done}, f"{done} event(s) wait to be sent again.")
    return 0 if done or not arguments.number else 1
