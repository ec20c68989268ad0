"""ZetaView 8.x text exports: ``_size_``, ``_11pos`` and ``_prof_`` (zeta potential) files.

Facts from real exports: ``Concentration`` in the size table is that of the diluted sample per track times the count; the
original sample is that times the dilution factor; the counts of the linear table add up to the number of traces, and a row
of -1 ends it; printed medians are interpolated at bin centres, which is half a bin (2.5 nm) below the edge-based median; a
run without tracks is exported with one row of -1 and medians of 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nta.io.text import number, read_text
from nta.io.vendors.result import (
    Histogram,
    PercentileConvention,
    VendorFileError,
    VendorResult,
    VendorRun,
    recorded_dilution,
    refuse_joined,
)

_TYPE = "Type of Measurement:"
_TABLE_HEAD = "Size / nm"
_COLUMNS = (_TABLE_HEAD, "Number", "Concentration / cm-3")
_POSITIONS_HEAD = "Use\tPosition\t"
_MEDIANS = {
    "Median Number (D50)": "d50_nm",
    "Median Concentration (D50)": "d50_concentration_nm",
    "Median Volume (D50)": "d50_volume_nm",
}
_HIDDEN = (
    "positions are removed by rules (drift, few traces, Grubbs) before the result; the _11pos file names them",
    "particles dimmer than the minimum brightness and smaller than the minimum area never appear",
)


@dataclass(frozen=True, kw_only=True)
class Position:
    """One position in the cell; `removal` names the vendor's rule that excluded it; empty if it was used."""

    used: bool
    position: float | None
    n_tracks: int | None
    particles_per_frame: float | None
    concentration_per_ml: float | None  # of the original sample
    d50_nm: float | None  # None if the vendor prints its placeholder of 5997.5 nm for "no traces"
    drift_um_s: float | None
    removal: str


@dataclass(frozen=True, kw_only=True)
class ZetaProfile:
    """A zeta-potential run."""

    zeta_potential_mv: float | None
    zeta_potential_25c_mv: float | None
    mobility_um_s_per_v_cm: float | None
    temperature_c: float | None
    n_tracks: int | None
    profile: NDArray[np.float64]  # (positions, columns) as exported


def is_size(text: str) -> bool:
    """Return whether a text is a ZetaView size export."""
    return "ZetaView" in text[:2000] and re.search(rf"^{_TYPE}\s*Size Distribution", text, re.M) is not None


def is_profile(text: str) -> bool:
    """Return whether a text is a ZetaView zeta-potential export."""
    return "ZetaView" in text[:2000] and re.search(rf"^{_TYPE}\s*Profile", text, re.M) is not None


def is_positions(text: str) -> bool:
    """Return whether a text is a ZetaView table of positions."""
    return text.startswith(_POSITIONS_HEAD)


def read_size(path: str | Path) -> VendorResult:
    """Read a ``_size_`` file; a failed run is returned with its reason and without sizes.

    Raises
    ------
    VendorFileError
        The file is not a ZetaView size export, ends before its table, or its table lacks tracks.
    """
    path = Path(path)
    text, encoding = read_text(path)
    if not is_size(text):
        raise VendorFileError(f"{path}: not a ZetaView size export")
    for once in (_TYPE, f"\n{_TABLE_HEAD}"):
        refuse_joined(path, text, once)
    head, found, tail = text.partition(f"\n{_TABLE_HEAD}")
    if not found:
        raise VendorFileError(
            f"{path}: the file ends before its size table, or its columns have other names than {_TABLE_HEAD!r}"
        )
    keys = _header(head)
    tables, ended = _tables(path, f"{_TABLE_HEAD}{tail}")
    _refuse_missing(path, keys, tables, ended=ended)
    return VendorResult(
        vendor="ZetaView",
        program=keys.get("Software", "ZetaView, version unknown"),
        file=path.name,
        encoding=encoding,
        sample=keys.get("Sample", ""),
        weighting="number",
        percentiles=PercentileConvention(
            "interpolated at bin centres: half a 5 nm bin below the bin edges", -2.5
        ),
        runs=(_run(path, keys, tables),),
        hidden=_HIDDEN if ended else (*_HIDDEN, "the end of the size table: the file was cut off"),
    )


def read_positions(path: str | Path) -> tuple[Position, ...]:
    """Read an ``_11pos`` file: the result of each position in the cell, and the reason if it was excluded."""
    path = Path(path)
    text, _ = read_text(path)
    if not is_positions(text):
        raise VendorFileError(f"{path}: not a ZetaView table of positions")
    refuse_joined(path, text, _POSITIONS_HEAD)
    head, *lines = [line.split("\t") for line in text.splitlines() if line.strip()]
    rows = [dict(zip(head, line, strict=False)) for line in lines]
    return tuple(_position(row) for row in rows if number(row.get("Position", "")) is not None)


def read_profile(path: str | Path) -> ZetaProfile:
    """Read a ``_prof_`` file."""
    path = Path(path)
    text, _ = read_text(path)
    if not is_profile(text):
        raise VendorFileError(f"{path}: not a ZetaView zeta-potential export")
    refuse_joined(path, text, _TYPE)
    head, _, tail = text.partition("\nPosition\t")
    keys = _header(head)
    rows = [[number(cell) for cell in line.split("\t")] for line in tail.splitlines()[1:]]
    return ZetaProfile(
        zeta_potential_mv=_number(keys, "Zeta Potential / mV"),
        zeta_potential_25c_mv=_number(keys, "Zeta Potential @ 25°C / mV"),
        mobility_um_s_per_v_cm=_number(keys, "Mobility /µm/s/V/cm"),
        temperature_c=_number(keys, "Temperature"),
        n_tracks=_whole(_number(keys, "Number of Traces")),
        profile=np.array([row for row in rows if row and None not in row], dtype=float),
    )


def _header(text: str) -> dict[str, str]:
    """Return key and value; a line may hold several pairs, and a key may end in two colons or be followed by a space."""
    keys: dict[str, str] = {}
    for line in text.splitlines():
        cells = line.split("\t")
        for i, cell in enumerate(cells):
            if (pair := re.fullmatch(r"([^:]+?):+\s*(.*)", cell)) and not re.match(r"^[A-Z]:\\|^\d", cell):
                value = pair[2] or (cells[i + 1] if i + 1 < len(cells) else "")
                keys.setdefault(pair[1].strip(), value.strip())
    return keys


def _tables(path: Path, text: str) -> tuple[list[NDArray[np.float64]], bool]:
    """Return size, number and concentration of the linear and the logarithmic table, and whether they were complete.

    They are split at the sentinel rows of -1.
    """
    head, *lines = text.splitlines()
    names = [name.strip() for name in head.split("\t")]
    if missing := [name for name in _COLUMNS if name not in names]:
        raise VendorFileError(
            f"{path}: its size table has no column {missing[0]!r}; it has {', '.join(names)}"
        )
    at = [names.index(name) for name in _COLUMNS]
    tables: list[list[list[float]]] = [[]]
    for line in lines:
        cells = line.split("\t")
        values = [number(cells[i]) if i < len(cells) else None for i in at]
        if values[0] == -1:
            tables.append([])
        elif None not in values:
            tables[-1].append([v or 0.0 for v in values])
    return [np.array(rows) for rows in tables if rows], len(tables) > 1


def _refuse_missing(
    path: Path, keys: dict[str, str], tables: Sequence[NDArray[np.float64]], *, ended: bool
) -> None:
    """Refuse a table without its end unless it still holds all tracks, and a table without any tracks."""
    counted = float(tables[0][:, 1].sum()) if tables else 0.0
    tracks = _number(keys, "Number of Traces") or 0.0
    if ended and counted == 0 < tracks:
        raise VendorFileError(f"{path}: its header says {tracks:g} tracks, its size table holds none of them")
    if not ended and counted < tracks:
        where = f"at {tables[0][-1, 0]:g} nm, with" if tables else "with"
        raise VendorFileError(
            f"{path}: the file ends inside its size table, {where} {counted:g} of {tracks:g} tracks"
        )


def _run(path: Path, keys: dict[str, str], tables: Sequence[NDArray[np.float64]]) -> VendorRun:
    tracks = _whole(_number(keys, "Number of Traces"))
    dilution = recorded_dilution(path, keys.get("Dilution", ""))
    shutter = _number(keys, "Shutter")
    camera_rate = re.search(r"FRate\s+([0-9.,]+)", keys.get("Camera", ""))
    viscosity = _number(keys, "Viscosity")
    counted = bool(tables) and tables[0][:, 2].sum() > 0
    failed = "" if counted and tracks else "the vendor's run found no tracks; its medians of 0 nm are fillers"
    histogram = None if failed else _histogram(path, tables[0], dilution)
    return VendorRun(
        name=keys.get("Experiment", path.stem),
        temperature_c=_number(keys, "Temperature"),
        viscosity_pa_s=None if viscosity is None else viscosity / 1e3,
        frame_rate_hz=number(camera_rate[1]) if camera_rate else None,
        exposure_s=1 / shutter if shutter else None,
        pixel_size_um=_number(keys, "Micrometer per Pixel"),
        wavelength_nm=_number(keys, "Laser Wavelength nm"),
        n_tracks=tracks,
        particles_per_frame=_number(keys, "Average Number of Particles"),
        concentration_per_ml=None if histogram is None else float(histogram.concentration_per_ml.sum()),
        dilution=dilution,
        printed={}
        if failed
        else {ours: v for theirs, ours in _MEDIANS.items() if (v := _number(keys, theirs)) is not None},
        histogram=histogram,
        settings=keys,
        warnings=tuple(_warnings(keys)),
        failed=failed,
    )


def _histogram(path: Path, table: NDArray[np.float64], dilution: float | None) -> Histogram:
    centers = table[:, 0]
    steps = np.diff(centers)
    if (steps <= 0).any():
        raise VendorFileError(
            f"{path}: the sizes of the table do not rise at {centers[:-1][steps <= 0][0]:g} nm"
        )
    # 5 nm bins; large centres are printed with four digits, so single steps are rounded
    half = np.median(steps) / 2
    edges = np.concatenate([centers - half, [centers[-1] + half]])
    return Histogram(edges_nm=edges, concentration_per_ml=table[:, 2] * (dilution or 1.0), counts=table[:, 1])


def _warnings(keys: dict[str, str]) -> Iterator[str]:
    if keys.get("Particle Drift Check Result"):
        never = keys.get("Particle Drift Checked", "").startswith("1904-01-01")
        yield f"particle drift check: {keys['Particle Drift Check Result']}" + (
            " (its date is 1904-01-01: it may never have been run)" if never else ""
        )
    if keys.get("Cell Check Result"):
        yield f"cell check: {keys['Cell Check Result']}"


def _position(row: dict[str, str]) -> Position:
    tracks = _whole(number(row.get("No. of Traces", "")))
    return Position(
        used=row.get("Use", "").strip() == "X",
        position=number(row["Position"]),
        n_tracks=tracks,
        particles_per_frame=number(row.get("Av. No of Particles", "")),
        concentration_per_ml=number(row.get("Orig. Conc. (p./cm^3)", "")),
        d50_nm=number(row.get("X50 (nm)", "")) if tracks else None,
        drift_um_s=number(row.get("Drift (µm/s)", "")),
        removal=row.get("Removal", "").strip(),
    )


def _number(keys: dict[str, str], key: str) -> float | None:
    return number(keys.get(key, "").split("\t")[0].split(" ")[0]) if key in keys else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
