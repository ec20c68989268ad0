"""Commands that a user is told to give: they say again what this one was told, quoted for the shell."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_ANALYZING = (
    "temperature",
    "temperature_std",
    "medium",
    "viscosity_mpas",
    "dilution",
    "sample",
    "profile",
    "settings",
    "engine",
    "window",
    "refractive_index",
    "blank",
    "catalogue",
    "operator",
    "instrument",
    "kind",
    "standard",
    "lot",
)
"""What `nta analyze` is told in the same words as the verbs that record."""


def command(*words: object) -> str:
    """Return a command of nta as it is typed."""
    return shlex.join(["nta", *map(str, words)])


def analyzing(recording: Path, folder: Path, options: argparse.Namespace) -> str:
    """Return the command that analyses a recording into a folder as these options say."""
    said = {name: getattr(options, name) for name in _ANALYZING}
    return command("analyze", recording, "-o", folder, *as_options(said))


def as_options(said: Mapping[str, Any]) -> Iterator[str]:
    """Write what is said by the names of options as the words of a command line; what nobody said is left out."""
    for name, value in said.items():
        flag = f"--{name.replace('_', '-')}"
        for one in _each(value):
            word = f"{one:.15g}" if isinstance(one, float) else str(one)
            yield from [f"{flag}={word}"] if word.startswith("-") else [flag, word]


def _each(value: Any) -> Iterable[Any]:
    if value is None or value == "":
        return ()
    return value if isinstance(value, list) else (value,)
