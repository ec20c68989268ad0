"""Commands that a user is advised to run: they repeat the options of the current command, quoted for the shell."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nta.cli.verbs.options import ANALYSIS_OPTIONS, CATALOGUE_OPTIONS, SAMPLE_OPTIONS


def command(*words: object) -> str:
    """Return a command of nta as it is typed in a shell."""
    return shlex.join(["nta", *map(str, words)])


def analyzing(recording: Path, folder: Path, options: argparse.Namespace, **instead: Any) -> str:
    """Return the command that analyses a recording into a folder with these options, or with `instead` of some of them."""
    names = (*SAMPLE_OPTIONS.values(), *ANALYSIS_OPTIONS, *CATALOGUE_OPTIONS)
    stated = {name: getattr(options, name) for name in names}
    return command("analyze", recording, "-o", folder, *as_options(stated | instead))


def as_options(stated: Mapping[str, Any]) -> Iterator[str]:
    """Write options and their values as the words of a command line; options that were not given are left out."""
    for name, value in stated.items():
        flag = f"--{name.replace('_', '-')}"
        for one in _each(value):
            word = f"{one:.15g}" if isinstance(one, float) else str(one)
            yield from [f"{flag}={word}"] if word.startswith("-") else [flag, word]


def _each(value: Any) -> Iterable[Any]:
    if value is None or value == "":
        return ()
    return value if isinstance(value, list) else (value,)
