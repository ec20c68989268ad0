"""Options of `nta catalogue`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_catalogue_verb(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add `catalogue` with its actions."""
    parser = verbs.add_parser(
        "catalogue",
        aliases=["catalog"],
        parents=[common],
        help="the runs on record: list, show, correct, export",
        description="The runs on record, in the catalogue that --catalogue or NTA_CATALOGUE names. Nothing in it is ever "
        "overwritten: a correction is a row of its own.",
    )
    parser.set_defaults(module="catalogue")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--catalogue", metavar="FILE|URL", help="default: $NTA_CATALOGUE")
    where.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    where.add_argument("--quiet", "-q", action="store_true", help=argparse.SUPPRESS)
    chosen = argparse.ArgumentParser(add_help=False)
    for name in ("kind", "standard", "instrument", "sample", "operator"):
        chosen.add_argument(f"--{name}", help=f"only runs of this {name}")
    chosen.add_argument("--since", metavar="DATE", help="only runs measured from then on")
    chosen.add_argument("--until", metavar="DATE", help="only runs measured before then")
    chosen.add_argument("--all", action="store_true", help="also withdrawn runs and rows that were corrected")

    listed = actions.add_parser("list", parents=[where, chosen], help="list the runs")
    listed.add_argument("--json", action="store_true", help="as JSON")
    show = actions.add_parser(
        "show", parents=[where], help="show one run with its corrections and all its numbers"
    )
    show.add_argument("run", type=int, help="its number in the list")
    show.add_argument("--json", action="store_true", help="everything on record of it, as JSON")
    correct = actions.add_parser(
        "correct", parents=[where], help="correct what was stated of a run, by a new row"
    )
    correct.add_argument("run", type=int, help="its number in the list")
    correct.add_argument(
        "changes", nargs="*", metavar="KEY=VALUE", help="e.g. sample='EV 7' operator='A. Roth' lot=42"
    )
    correct.add_argument("--reason", required=True, help="why; it is kept")
    correct.add_argument("--withdraw", action="store_true", help="the run counts no more")
    add = actions.add_parser("add", parents=[where], help="record results that were saved before")
    add.add_argument("results", nargs="+", type=Path, help="result folders or results.h5")
    for name in ("kind", "standard", "lot", "instrument", "operator"):
        add.add_argument(f"--{name}")
    export = actions.add_parser("export", parents=[where, chosen], help="write the runs as a table")
    export.add_argument("-o", "--output", type=Path, required=True, help=".csv, .parquet or .json")
    export.add_argument("--force", action="store_true", help="replace a table of that name")
