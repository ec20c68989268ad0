"""Videodrop (Myriade): ``*-Results.csv`` with the blocks RESULTS, SETTINGS and TRACKING, separated by semicolons.

The format is known from a program that reads it. No real file was available, so this reader was tested only on files made
from that description. It is not known whether the printed concentration includes the dilution, which the file does not
state; it is taken as the concentration of the measured drop.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nta.io.text import number, read_text
from nta.io.vendors.result import (
    Histogram,
    VendorFileError,
    VendorParticles,
    VendorResult,
    VendorRun,
    refuse_joined,
)

_BLOCKS = ("RESULTS", "SETTINGS", "TRACKING")
_PRINTED = {
    "Median diameter": "d50_nm",
    "Mean diameter": "mean_nm",
    "Modal diameter": "mode_nm",
    "D10": "d10_nm",
    "D90": "d90_nm",
}
_UNITS = {"nm": 1.0, "µm": 1e3, "μm": 1e3, "um": 1e3}
_PER_ML = ("", "particles/ml", "part/ml", "/ml", "ml-1")
_NUMBER = re.compile(r"([+-]?\d[\d.,\s]*(?:[eE][+-]?\d+)?)\s*(.*)")
_HIDDEN = (
    "which tracks enter the distribution, and the volume behind the concentration, are not exported",
    "whether the concentration holds the dilution is not said; it is taken as that of the measured drop",
)


def is_results(text: str) -> bool:
    """Return whether a text is a Videodrop result."""
    return all(_title(text, block) is not None for block in _BLOCKS) and ";" in text


def read_results(path: str | Path) -> VendorResult:
    """Read a result file.

    Raises
    ------
    VendorFileError
        The file is not such a result, a number cannot be read, or its table of particles has no diameters.
    """
    path = Path(path)
    text, encoding = read_text(path)
    first = _title(text, "RESULTS")
    if first is None or not is_results(text):
        raise VendorFileError(f"{path}: not a Videodrop result")
    refuse_joined(path, f"\n{text}", f"\n{first[0].strip()}")
    blocks = _blocks(text)
    results, settings = _with_units(_pairs(blocks["RESULTS"])), _pairs(blocks["SETTINGS"])
    sizes = _diameters(path, blocks["TRACKING"])
    tracked, _ = _number(path, results, "Tracked particles")
    failed = "" if sizes.size and tracked != 0 else "no particle was tracked"
    run = VendorRun(
        name=path.stem.removesuffix("-Results"),
        n_tracks=sizes.size,
        particles_per_frame=_number(path, results, "Average counted particles")[0],
        concentration_per_ml=None if failed else _per_ml(path, results, "Concentration"),
        printed={}
        if failed
        else {
            ours: v
            for theirs, ours in _PRINTED.items()
            if (v := _length_nm(path, results, theirs)) is not None
        },
        histogram=None if failed else Histogram.of_sizes(sizes),
        particles=None if failed else VendorParticles.of_sizes(sizes),
        settings=settings,
        warnings=_warnings(tracked, sizes.size),
        failed=failed,
    )
    return VendorResult(
        vendor="Videodrop",
        program="version unknown",
        file=path.name,
        encoding=encoding,
        sample=run.name,
        weighting="number",
        percentiles=None,
        runs=(run,),
        hidden=_HIDDEN,
    )


def _title(text: str, block: str) -> re.Match[str] | None:
    return re.search(rf'^"?[^;\n]*\b{block}\b[^;\n]*;*"?\s*$', text, re.M)


def _blocks(text: str) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {name: [] for name in _BLOCKS}
    current = ""
    for line in text.splitlines():
        name = next((b for b in _BLOCKS if _title(line, b)), "")
        if name:
            current = name
        elif current and line.strip(" ;\t"):
            found[current].append([cell.strip().strip('"') for cell in line.split(";")])
    return found


def _pairs(rows: Sequence[Sequence[str]]) -> dict[str, str]:
    return {row[0]: row[1] for row in rows if len(row) > 1 and row[0]}


def _with_units(pairs: Mapping[str, str]) -> dict[str, str]:
    """Move units from names to values: "D10 [nm]" = 80 becomes "D10" = 80 nm."""
    named = ((re.fullmatch(r"(.*?)\s*[(\[](.*)[)\]]", key), key, value) for key, value in pairs.items())
    return dict((found[1], f"{value} {found[2]}") if found else (key, value) for found, key, value in named)


def _number(path: Path, pairs: Mapping[str, str], key: str) -> tuple[float | None, str]:
    """Return the number of a cell such as "1,2E9 particles/mL", and its unit; None if the cell is empty."""
    cell = pairs.get(key, "")
    if not re.search(r"\d", cell):
        return None, ""
    found = _NUMBER.fullmatch(cell.strip())
    value = number(found[1]) if found else None
    if found is None or value is None:
        raise VendorFileError(f"{path}: {key} is {cell!r}, no number that can be read")
    return value, found[2].strip()


def _length_nm(path: Path, pairs: Mapping[str, str], key: str) -> float | None:
    value, unit = _number(path, pairs, key)
    return None if value is None else value * _known(path, key, unit or "nm", _UNITS)


def _per_ml(path: Path, pairs: Mapping[str, str], key: str) -> float | None:
    value, unit = _number(path, pairs, key)
    return None if value is None else value * _known(path, key, unit.lower(), dict.fromkeys(_PER_ML, 1.0))


def _known(path: Path, key: str, unit: str, units: Mapping[str, float]) -> float:
    """Return the factor of a unit; refuse an unknown one, which would silently change a number."""
    if unit not in units:
        raise VendorFileError(f"{path}: {key} is in {unit!r}, a unit that is not known")
    return units[unit]


def _diameters(path: Path, rows: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    if not rows:
        return np.empty(0)
    at = next((i for i, name in enumerate(rows[0]) if re.search(r"diameter|size", name, re.I)), None)
    if at is None:
        raise VendorFileError(
            f"{path}: the table of particles has no column of diameters; it has {', '.join(rows[0])}"
        )
    unit = next((u for u in _UNITS if re.search(rf"[(\[/ ]{u}\b", rows[0][at])), "nm")
    values = [number(row[at]) if len(row) > at else None for row in rows[1:]]
    if None in values:
        raise VendorFileError(
            f"{path}: row {values.index(None) + 1} of the table of particles has no diameter: cut off?"
        )
    return np.array(values, dtype=np.float64) * _UNITS[unit]


def _warnings(tracked: float | None, listed: int) -> tuple[str, ...]:
    if tracked is None or int(tracked) == listed:
        return ()
    return (f"{int(tracked)} particles were tracked, {listed} are listed",)
