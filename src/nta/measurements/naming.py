"""Name results by the folder that the user named, all names different."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from nta.io.results import ANALYSIS_FOLDER, RESULTS_FILE


def result_name(path: Path) -> str:
    """Return the name of a result: that of its folder, or of its file if the user named the file."""
    named = _named(path)
    return named.name if named.is_dir() else named.stem


def distinct_names(names: Sequence[str], paths: Sequence[Path | None]) -> list[str]:
    """Return distinct names: equal names get the parent folders that differ, else a number.

    paths : source of each result; None if unknown.
    """
    above = [() if path is None else _above(name, path) for name, path in zip(names, paths, strict=True)]
    longer = []
    for name, folders in zip(names, above, strict=True):
        others = [f for n, f in zip(names, above, strict=True) if n == name]
        depths = range(len(folders) + 1) if len(others) > 1 else range(1)
        telling = (
            d for d in depths if sum(f[len(f) - d :] == folders[len(folders) - d :] for f in others) == 1
        )
        depth = next(telling, 0)
        longer.append("/".join((*folders[len(folders) - depth :], name)))
    numbered: list[str] = []
    for name in longer:
        taken = {*longer, *numbered}
        telling_names = (f"{name} ({number})" for number in count(2))
        numbered.append(name if name not in numbered else next(n for n in telling_names if n not in taken))
    return numbered


def _named(path: Path) -> Path:
    """Return the folder or file that a result is named after."""
    whole = path.resolve()
    place = whole.parent if whole.name == RESULTS_FILE else whole
    return place.parent if place.name == ANALYSIS_FOLDER else place


def _above(name: str, path: Path) -> tuple[str, ...]:
    """Return the parents of a result: folders, and the export of which it is one run."""
    named = _named(path)
    folders = named.parent.parts[1:]
    return folders if name in (named.name, named.stem) else (*folders, result_name(path))
