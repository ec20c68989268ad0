"""The words of the verbs that judge, read, compare and hand on results; like the package itself it imports nothing heavy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EXIT_CHECK_USAGE = 64
"""Wrong usage of `nta check`, where 2 means inconclusive; the number is EX_USAGE of BSD's sysexits.h."""


def add_quality_verbs(verbs: Any, common: argparse.ArgumentParser) -> None:
    """Add `check`."""
    _check(verbs, common)


def _check(verbs: Any, common: argparse.ArgumentParser) -> None:
    check = verbs.add_parser(
        "check",
        parents=[common],
        help="validate results against a specification: pass, fail or inconclusive",
        description="Validate size distributions against a specification, on their intervals.",
        epilog="Exit code: 0 pass, 1 fail, 2 inconclusive; 64 wrong usage or specification, 65 a result that cannot be "
        "read, 70 a fault of the program.",
    )
    check.usage_code = EXIT_CHECK_USAGE
    check.set_defaults(usage_code=EXIT_CHECK_USAGE)
    check.add_argument(
        "results",
        nargs="*",
        type=Path,
        metavar="RESULT",
        help="result folder, results.h5 or a vendor's export",
    )
    check.add_argument("--spec", type=Path, metavar="TOML", help="specification")
    check.add_argument("--init", type=Path, metavar="TOML", help="write a commented specification and end")
    check.add_argument("--json", action="store_true", help="print the report as JSON on standard output")
    check.add_argument("-o", "--output", type=Path, metavar="JSON", help="write the report as JSON")
    check.add_argument("--junit", type=Path, metavar="XML", help="write the report as JUnit XML")
    for name, words in (
        ("blank", "results of the diluent alone"),
        ("beads", "results of certified beads"),
        ("reference", "results of the reference"),
    ):
        check.add_argument(
            f"--{name}", type=Path, action="append", metavar="RESULT", help=f"{words}, repeatable"
        )
