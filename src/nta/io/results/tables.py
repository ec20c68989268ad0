"""Tables for other programs: tracks, spots, distribution; names of columns contain the unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntFlag
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.diffusion import TrackFlag
from nta.io.atomic import new_file
from nta.io.results.summary import write_summary
from nta.pipeline import Analysis
from nta.quantity import Quantity
from nta.sizes import Distribution, SizeDistribution
from nta.spots import SpotFlag
from nta.visibility import per_ml_by_size
from nta.visibility.light import MOST_CONTRAST

TABLES = ("tracks.csv", "spots.csv", "distribution.csv", "summary.json")
_UNITS_OF_COLUMNS = ("_per_ml", "_e_per_ms", "_nm", "_c")
_ROWS_AT_ONCE = 20_000  # rows that are formatted together, a few MB of text


def write_tables(analysis: Analysis, folder: str | Path) -> tuple[Path, ...]:
    """Write `tracks.csv`, `spots.csv`, `distribution.csv` and `summary.json` into an existing folder.

    A cell without a value is empty. `distribution.csv` has one row per bin and curve; its column `curve` names the curve,
    and the shares of each curve sum to 1.
    """
    folder = Path(folder)
    return (
        write_csv(folder / "tracks.csv", track_columns(analysis)),
        write_csv(folder / "spots.csv", spot_columns(analysis)),
        write_csv(folder / "distribution.csv", distribution_columns(analysis)),
        write_summary(analysis, folder / "summary.json"),
    )


def track_columns(analysis: Analysis) -> dict[str, tuple[str, Any]]:
    """Return the columns of `tracks.csv`: printf format and values by name."""
    d, sizes = analysis.diffusion, analysis.sizes.tracks
    return {
        "track": ("%d", np.arange(len(d))),
        "n_frames": ("%d", d.n_points),
        "first_frame": ("%d", d.first_frame),
        "last_frame": ("%d", d.last_frame),
        "diffusion_um2_s": ("%.6g", d.diffusion_um2_s),
        "diffusion_std_err_um2_s": ("%.4g", d.std_err_um2_s),
        "diameter_nm": ("%.6g", sizes.diameter_nm),
        "diameter_low_nm": ("%.6g", sizes.low_nm),
        "diameter_high_nm": ("%.6g", sizes.high_nm),
        "localization_variance_um2": ("%.4g", d.localization_variance_um2),
        "intensity": ("%.6g", d.intensity),
        "snr": ("%.4g", d.snr),
        **_indices(analysis),
        "flags": ("%s", flag_words(d.flags, TrackFlag)),
    }


def _indices(analysis: Analysis) -> dict[str, tuple[str, Any]]:
    """Return effective refractive indices if the brightness is calibrated; an upper end beyond all indices is NaN."""
    seen = analysis.visibility
    indices = seen.indices if seen else None
    if seen is None or indices is None:
        return {}
    most = np.inf if seen.law is None else seen.law.medium_index + MOST_CONTRAST
    return {
        "refractive_index": ("%.4f", indices.refractive_index),
        "refractive_index_low": ("%.4f", indices.low),
        "refractive_index_high": ("%.4f", np.where(indices.high > most, np.nan, indices.high)),
    }


def spot_columns(analysis: Analysis) -> dict[str, tuple[str, Any]]:
    """Return the columns of `spots.csv`; `track` is -1 for a spot in no track."""
    spots = analysis.spots
    track = np.full(len(spots), -1, dtype=np.int64)
    track[analysis.tracks.spot] = analysis.tracks.track
    return {
        "frame": ("%d", spots.frame),
        "y_px": ("%.4f", spots.y_px),
        "x_px": ("%.4f", spots.x_px),
        "track": ("%d", track),
        "intensity": ("%.6g", spots.intensity),
        "background": ("%.5g", spots.background),
        "width_px": ("%.4g", spots.width_px),
        "snr": ("%.4g", spots.snr),
        "localization_error_px": ("%.4g", spots.localization_error_px),
        "chi2": ("%.4g", spots.chi2),
        "flags": ("%s", flag_words(spots.flags, SpotFlag)),
    }


def distribution_columns(analysis: Analysis) -> dict[str, tuple[str, Any]]:
    """Return the columns of `distribution.csv`: first the result, then the distributions for comparison.

    `curve` is unique for each curve; `describes` and `method` are in words, and several curves may share them. Particles
    per ml are stated of the curve "suspension" only, which is what the concentration counts: in the cell as measured, and
    in the sample if the dilution was stated. Their ends hold the errors of shares and concentration, as `per_ml_by_size`
    combines them.
    """
    by_key = _curves(analysis.sizes)
    curves = list(by_key.values())

    def joined(values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate(values) if values else np.empty(0)

    widths = [np.diff(c.edges_nm) for c in curves]
    return {
        "curve": ("%s", [key for key, c in by_key.items() for _ in c.weight]),
        "diameter_nm": ("%.6g", joined([c.diameter_nm for c in curves])),
        "density_per_nm": ("%.6g", joined([c.density_per_nm for c in curves])),
        "density_low_per_nm": ("%.6g", joined([c.low / w for c, w in zip(curves, widths, strict=True)])),
        "density_high_per_nm": ("%.6g", joined([c.high / w for c, w in zip(curves, widths, strict=True)])),
        "edge_low_nm": ("%.8g", joined([c.edges_nm[:-1] for c in curves])),
        "edge_high_nm": ("%.8g", joined([c.edges_nm[1:] for c in curves])),
        "share": ("%.6g", joined([c.weight for c in curves])),
        **_per_ml_columns(analysis, by_key),
        "describes": ('"%s"', [c.describes for c in curves for _ in c.weight]),
        "method": ('"%s"', [c.method for c in curves for _ in c.weight]),
    }


def _per_ml_columns(
    analysis: Analysis, curves: Mapping[str, Distribution]
) -> dict[str, tuple[str, NDArray[np.float64]]]:
    """Return particles per ml and nm in cell and sample; NaN for curves other than that in suspension."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for key, curve in curves.items():
        for place in ("in_cell", "in_sample"):
            per_ml = (np.full(curve.weight.size, np.nan),) * 3
            if key == "suspension" and analysis.visibility is not None:
                total: Quantity = getattr(analysis.visibility.concentration, f"{place}_per_ml")
                per_ml = per_ml_by_size(curve, total)
            for end, values in zip(("", "_low", "_high"), per_ml, strict=True):
                found.setdefault(f"{place}{end}_per_ml_per_nm", []).append(values / np.diff(curve.edges_nm))
    return {name: ("%.6g", np.concatenate(parts)) for name, parts in found.items()}


def _curves(sizes: SizeDistribution) -> dict[str, Distribution]:
    """Return the distributions by a short unique key."""
    named = {
        "result": sizes.distribution,
        "suspension": sizes.suspension,
        "every_track_once": sizes.of_tracks,
    }
    found = {key: curve for key, curve in named.items() if curve is not None}
    for i, curve in enumerate(sizes.comparison, 1):
        found[curve.key or f"comparison_{i}"] = curve  # results of older versions have no keys
    return found


def with_end(name: str, end: str) -> str:
    """Insert "_low" or "_high" before the unit of a column: d50_nm becomes d50_low_nm."""
    unit = next((unit for unit in _UNITS_OF_COLUMNS if name.endswith(unit)), "")
    return f"{name.removesuffix(unit)}{end}{unit}"


def flag_words(flags: NDArray[np.integer[Any]], kind: type[IntFlag]) -> list[str]:
    """Return the flags of each row in words, joined by `;`; empty without flags."""
    found, which = np.unique(flags, return_inverse=True)
    words = [";".join(str(m.name).lower() for m in kind if m & int(value)) for value in found]
    return [words[i] for i in which.tolist()]


def write_csv(path: Path, columns: Mapping[str, tuple[str, Any]]) -> Path:
    """Write columns, given as printf format and values; the file appears only when it is complete."""
    with new_file(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(",".join(columns) + "\n")
        file.writelines(_lines(columns))
    return path


def _lines(columns: Mapping[str, tuple[str, Any]]) -> Iterator[str]:
    """Yield the text of many rows at once: a single long template is several times faster than formatting each row."""
    template = ",".join(form for form, _ in columns.values()) + "\n"
    n_rows = len(next(iter(columns.values()))[1])
    for start in range(0, n_rows, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, n_rows)
        cells: list[Any] = [None] * ((stop - start) * len(columns))
        for i, (_, values) in enumerate(columns.values()):
            part = values[start:stop]
            cells[i :: len(columns)] = part.tolist() if isinstance(part, np.ndarray) else part
        text = (template * (stop - start)) % tuple(cells)
        # NaN becomes an empty cell, which all programs read as missing; no text in a table starts with "nan".
        yield text.replace(",nan", ",")
