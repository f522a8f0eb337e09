"""``capi-middleware purge``: delete from the store."""

from __future__ import annotations

import argparse
import time

from capi_middleware.delivery import OrderDesk

from .delivering import answer, common_options, guarded, source_of
from .terminal import Misuse


def options(parser: argparse.ArgumentParser) -> None:
    common_options(parser)
    parser.add_argument("--visitor", metavar="FBP", default="", help="all of one visitor: the value of the _fbp cookie")
    parser.add_argument("--dead", action="store_true", help="dead and expired events")
    parser.add_argument("--older-than", metavar="DAYS", type=float, default=0.0, help="what is settled and older")


def run(arguments: argparse.Namespace) -> int:
    """2 without anything to delete named: nothing is ever deleted by default."""
    if not (arguments.visitor or arguments.dead or arguments.older_than):
        raise Misuse("say what: --visitor FBP, --dead or --older-than DAYS")
    if not 0 <= arguments.older_than < 100_000:
        raise Misuse("--older-than takes a number of days, 0 or more")
    return guarded(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    before = time.time() - arguments.older_than * 86400 if arguments.older_than else 0.0
    desk = OrderDesk(source_of(arguments))
    done = desk.purge(fbp=arguments.visitor, before=before, dead=arguments.dead)
    answer(arguments, {"purged": done}, f"{done} event(s) deleted.")
    return 0
