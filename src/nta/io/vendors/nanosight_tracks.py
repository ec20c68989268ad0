"""NanoSight NTA 3.x tables of single particles: ``_ParticleData.csv`` and ``_AllTracks.csv``.

Columns are found by their names, in any order, separated by commas, semicolons or tabs.

The columns are known from programs that read them. No real file was available, so these readers were tested only on
files made from that description. Positions are used unchanged: as far as known, drift is not subtracted from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nta.io.text import number, read_text, rows_of
from nta.io.tracks.table import TrackFileError, TrackTable
from nta.io.vendors.result import (
    Histogram,
    VendorFileError,
    VendorParticles,
    VendorResult,
    VendorRun,
    refuse_joined,
)

_ID, _SIZE, _DIFFUSION = "Particle ID", "Size/nm", "Diffusion coefficient/nm^2 s^-1"
_LIGHT, _INCLUDED = "Ln(Adjusted intensity)/AU", "Included in distribution?"
_PARTICLES = (_ID, _SIZE, _DIFFUSION, _LIGHT, "Start frame", "Tracklength", _INCLUDED)
_TRACKS = (_ID, _SIZE, _DIFFUSION, "Frame", "X/pixels", "Y/pixels", _LIGHT, _INCLUDED)
# true and false, also as saved by German and French spreadsheets
_YES, _NO = {"true", "1", "yes", "wahr", "vrai"}, {"false", "0", "no", "falsch", "faux"}
_HIDDEN = (
    "which tracks are included in the distribution is the program's choice; its rule is not exported",
    "the distribution of the summary is reshaped by FTLA, this histogram of single tracks is not",
    "whether drift was subtracted from the positions is not said",
)


@dataclass(frozen=True)
class _Table:
    """The required columns, by name, and whether a comma may be a decimal sign in them."""

    columns: Mapping[str, Sequence[str]]
    decimal_comma: bool


def is_particles(text: str) -> bool:
    """Return whether a text is a ParticleData table."""
    return _has(text, _PARTICLES)


def is_tracks(text: str) -> bool:
    """Return whether a text is an AllTracks table."""
    return _has(text, _TRACKS)


def read_particles(path: str | Path) -> VendorResult:
    """Read a ParticleData table: one row per track.

    Raises
    ------
    VendorFileError
        The file is not such a table, a cell is not a number, or a particle occurs twice.
    """
    path = Path(path)
    table, encoding = _table(path, _PARTICLES)
    ids = _numbers(path, table, _ID)
    if np.unique(ids).size < ids.size:
        raise VendorFileError(f"{path}: a particle stands there twice; two files joined into one?")
    return _result(path, encoding, _particles(path, table, _numbers(path, table, "Tracklength")), None)


def read_tracks(path: str | Path) -> VendorResult:
    """Read an AllTracks table: one row per track and frame, with the position.

    Raises
    ------
    VendorFileError
        The file is not such a table, a cell is not a number, or a track is in two places at once.
    """
    path = Path(path)
    table, encoding = _table(path, _TRACKS)
    ids, frame = _numbers(path, table, _ID), _numbers(path, table, "Frame")
    try:
        tracks = TrackTable.of(
            ids,
            frame,
            _numbers(path, table, "Y/pixels"),
            _numbers(path, table, "X/pixels"),
            program="NanoSight NTA",
        )
    except TrackFileError as error:
        raise VendorFileError(f"{path}: {error}") from None
    _, first = np.unique(ids, return_index=True)
    of_track = replace(
        table, columns={key: [values[i] for i in first] for key, values in table.columns.items()}
    )
    return _result(path, encoding, _particles(path, of_track, tracks.lengths.astype(float)), tracks)


def _has(text: str, columns: Sequence[str]) -> bool:
    head = text.lstrip("\ufeff")[:2000].partition("\n")[0]
    return set(columns) <= {cell.strip().strip('"') for cell in head.split(_delimiter(head))}


def _delimiter(head: str) -> str:
    return max(",;\t", key=head.count)


def _table(path: Path, columns: Sequence[str]) -> tuple[_Table, str]:
    text, encoding = read_text(path)
    if not _has(text, columns):
        raise VendorFileError(f"{path}: not a NanoSight table with the columns {', '.join(columns)}")
    refuse_joined(path, text, _ID)
    delimiter = _delimiter(text.partition("\n")[0])
    head, *rows = [row for _, row in rows_of(path, text, delimiter) if any(row)]
    needed = 1 + max(head.index(name) for name in columns)
    for line, row in enumerate(rows, start=2):
        if len(row) < needed:
            raise VendorFileError(f"{path}: row {line} has {len(row)} cells instead of {needed}: cut off?")
    found = {name: [row[head.index(name)] for row in rows] for name in columns}
    return _Table(found, decimal_comma=delimiter != ","), encoding


def _numbers(path: Path, table: _Table, name: str) -> NDArray[np.float64]:
    cells = table.columns[name]
    values = [number(cell, decimal_comma=table.decimal_comma) for cell in cells]
    if None in values:
        at = values.index(None)
        raise VendorFileError(f"{path}: {name} is {cells[at]!r} in row {at + 2}, not a number")
    return np.array(values, dtype=np.float64)


def _particles(path: Path, table: _Table, n_points: NDArray[np.float64]) -> VendorParticles:
    words = [cell.strip().lower() for cell in table.columns[_INCLUDED]]
    if strange := sorted(set(words) - _YES - _NO):
        raise VendorFileError(f"{path}: {_INCLUDED} is {strange[0]!r}, neither yes nor no")
    return VendorParticles(
        diameter_nm=_numbers(path, table, _SIZE),
        diffusion_um2_s=_numbers(path, table, _DIFFUSION) * 1e-6,
        log_intensity=_numbers(path, table, _LIGHT),
        n_points=n_points,
        quality=np.full(n_points.size, np.nan),
        included=np.array([word in _YES for word in words], dtype=bool),
    )


def _result(path: Path, encoding: str, particles: VendorParticles, tracks: TrackTable | None) -> VendorResult:
    sizes = particles.diameter_nm[particles.included & (particles.diameter_nm > 0)]
    failed = "" if sizes.size else "no track is included in the distribution"
    run = VendorRun(
        name=path.stem.removesuffix("_ParticleData").removesuffix("_AllTracks"),
        n_tracks=int(particles.included.sum()),
        histogram=Histogram.of_sizes(sizes) if sizes.size else None,
        particles=particles,
        tracks=tracks,
        failed=failed,
    )
    return VendorResult(
        vendor="NanoSight",
        program="NTA 3.x",
        file=path.name,
        encoding=encoding,
        sample="",
        weighting="number",
        percentiles=None,
        runs=(run,),
        hidden=_HIDDEN,
    )
