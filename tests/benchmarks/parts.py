"""The command line of a benchmark that comes in parts."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Mapping

Part = Callable[[argparse.Namespace], list[str]]


def run_parts(doc: str | None, parts: Mapping[str, Part], *, rounds: int, **counts: int) -> None:
    """Run the parts asked for; with --check, say by the exit code whether the bars were met.

    A part takes the options and returns the bars it missed. rounds, counts : options with their usual value.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=", ".join(parts))
    for name, usual in {"rounds": rounds, **counts}.items():
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    warnings.simplefilter("ignore")
    missed = [bar for name in options.parts or parts for bar in parts[name](options)]
    for bar in missed:
        print(f"MISSED {bar}")
    sys.exit(1 if missed and options.check else 0)
