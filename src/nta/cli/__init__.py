"""The command line, `nta VERB ...`.

The verbs and their options stand in `nta.cli.verbs`; the code of a verb is imported only when it runs, so that
`nta --help` starts at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from nta.cli.ending import terminable
from nta.cli.parser import EXIT_USAGE, Parser
from nta.cli.streams import lasting_streams
from nta.cli.verbs import (
    add_analysing_verbs,
    add_catalogue_verb,
    add_measuring_verbs,
    add_quality_verbs,
)
from nta.errors import NtaError, in_words
from nta.version import own_version

EXIT_OK, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done, 1 when it failed (stderr says why), 2 for wrong usage, 130 when interrupted."""
    with lasting_streams():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        parser.usage_code = options.usage_code
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    if options.verb is None:
        parser.print_help()
        return EXIT_USAGE
    try:
        module = options.module or options.verb.replace("-", "_")
        with terminable():
            code = int(import_module(f"nta.cli.{module}").run(options))
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        print("nta: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except (NtaError, OSError, MemoryError) as error:
        if options.debug:
            raise
        print(f"nta: {in_words(error)}", file=sys.stderr)
        return EXIT_FAILED


def _parser() -> Parser:
    parser = Parser(
        prog="nta",
        description="Nanoparticle tracking analysis: from a camera or a recording to a size report.",
    )
    parser.add_argument("--version", action=_Version, help="show the version and exit")
    common = Parser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the full traceback of an error")
    common.add_argument("--quiet", "-q", action="store_true", help="no progress, no summary")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", title="commands")
    parser.set_defaults(debug=False, module=None, usage_code=EXIT_USAGE)
    for add in (add_measuring_verbs, add_analysing_verbs, add_quality_verbs, add_catalogue_verb):
        add(verbs, common)
    return parser


class _Version(argparse.Action):
    """Print the version; look it up only on request, because importing the metadata takes longer than parsing."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"nta {own_version()}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
