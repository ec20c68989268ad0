"""Write results of other programs in the formats of nta: numbers as JSON, distributions and particles as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from nta.assessment import Finding
from nta.io.atomic import write_json
from nta.io.results.summary import for_json
from nta.io.results.tables import write_csv
from nta.io.text import cell_text
from nta.io.tracks import TrackTable
from nta.io.vendors import VendorResult, VendorRun
from nta.io.vendors.zetaview import Position, ZetaProfile
from nta.measurements.from_distribution import MeasuredDistribution
from nta.measurements.from_vendor import MeasuredRun
from nta.measurements.table import Measurement
from nta.sizes import Distribution, SizeDistribution
from nta.sizes.numbers import SUMMARY_UNITS
from nta.version import software

RESULT_FILE, SIZES_FILE, CURVE_FILE = "result.json", "sizes.json", "sizes.csv"
TRACKS_FILE = "tracks.csv"
SIZES_VERSION = 2


def write_vendor_result(result: VendorResult, folder: Path) -> None:
    """Write `result.json`, `distribution.csv` and, if the export has them, `particles.csv` and `tracks.csv`."""
    write_json(folder / RESULT_FILE, vendor_summary(result))
    with_sizes = [run for run in result.runs if run.histogram is not None]
    if with_sizes:
        write_csv(folder / "distribution.csv", _histograms(with_sizes))
    with_particles = [run for run in result.runs if run.particles is not None]
    if with_particles:
        write_csv(folder / "particles.csv", _particles(with_particles))
    for number, run in enumerate(result.runs, start=1):
        if run.tracks is not None:
            name = TRACKS_FILE if len(result.runs) == 1 else f"tracks_{number}.csv"
            write_track_table(run.tracks, folder / name)


def vendor_summary(result: VendorResult) -> dict[str, Any]:
    """Return all numbers of an export as plain data: printed and recomputed numbers, conditions, hidden filters."""
    runs = []
    for run in result.runs:
        again = MeasuredRun(result, run)
        runs.append(
            {
                "name": run.name,
                "failed": run.failed,
                "printed": dict(run.printed),
                "from_the_histogram": {} if run.failed else numbers_of(again),
                "concentration_in_sample_per_ml": again.concentration("in_sample").value,
                "concentration_in_cell_per_ml": again.concentration("in_cell").value,
                "particles": run.n_tracks,
                **{
                    name: getattr(run, name)
                    for name in (
                        "dilution", "particles_per_frame", "temperature_c", "viscosity_pa_s", "frame_rate_hz", "exposure_s",
                        "pixel_size_um", "wavelength_nm", "warnings", "settings",
                    )
                },
            }
        )  # fmt: skip
    data: dict[str, Any] = for_json(
        {
            "format": "nta vendor result",
            "version": 1,
            **{
                name: getattr(result, name)
                for name in ("vendor", "program", "file", "encoding", "sample", "weighting")
            },
            "percentiles_of_the_vendor": result.percentiles.description if result.percentiles else None,
            "average": result.average,
            "hidden": result.hidden,
            "runs": runs,
        }
    )
    return data


def numbers_of(measurement: Measurement) -> dict[str, Any]:
    """Return the summary of a measurement; each number has interval and unit."""
    return {name: measurement.number(name).as_dict() for name in SUMMARY_UNITS}


def write_positions(positions: Sequence[Position], path: Path) -> None:
    """Write the results at each position of a ZetaView cell, and the rule by which a position was removed."""
    names = ("position", "n_tracks", "particles_per_frame", "concentration_per_ml", "d50_nm", "drift_um_s")
    columns: dict[str, tuple[str, Any]] = {
        name: ("%.8g", np.array([_or_nan(getattr(p, name)) for p in positions])) for name in names
    }
    columns["used"] = ("%d", np.array([p.used for p in positions]))
    columns["removal"] = ("%s", [_quoted(p.removal) for p in positions])
    write_csv(path, columns)


def write_zeta(profile: ZetaProfile, path: Path) -> None:
    """Write a zeta-potential run as JSON."""
    data = {f.name: getattr(profile, f.name) for f in fields(profile) if f.name != "profile"}
    write_json(
        path,
        for_json({"format": "nta zeta potential", "version": 1, **data, "profile": profile.profile.tolist()}),
    )


def write_sizes(
    sizes: SizeDistribution, folder: Path, words: str, program: str, findings: Iterable[Finding] = ()
) -> None:
    """Write sizes that were calculated from tracks of another program, as `sizes.json` and `sizes.csv` for `MeasuredSizes`.

    words : description of the tracks. program : program that made the tracks. findings : doubts about the sizes.
    """
    curve = sizes.distribution
    data = {
        "format": "nta sizes",
        "version": SIZES_VERSION,
        "made_from": words,
        "program": f"{software()}, tracks of {program}",
        "recording_id": MeasuredDistribution(sizes).recording_id,
        "tracks_used": sizes.n_tracks_used,
        "temperature_c": sizes.temperature_c,
        "viscosity_mpas": 1e3 * sizes.viscosity_pa_s,
        "numbers": {name: q.as_dict() for name, q in sizes.summary.items()},
        "statistical": {name: q.as_dict() for name, q in sizes.statistical.items()},
        "fractions": [{"low_nm": a, "high_nm": b, **q.as_dict()} for (a, b), q in sizes.fractions.items()],
        "findings": [finding.as_dict() for finding in findings],
        "distribution": None
        if curve is None
        else {name: getattr(curve, name) for name in ("method", "describes", "confidence", "key")},
    }
    write_json(folder / SIZES_FILE, for_json(data))
    if curve is not None:
        write_csv(folder / CURVE_FILE, _curve(curve))


def write_track_table(table: TrackTable, path: Path) -> None:
    """Write tracks of another program as a table that nta can read."""
    columns = {"track": "%d", "frame": "%d", "y_px": "%.6g", "x_px": "%.6g"}
    write_csv(path, {name: (form, getattr(table, name)) for name, form in columns.items()})


def _curve(curve: Distribution) -> dict[str, tuple[str, Any]]:
    return {
        "edge_low_nm": ("%.8g", curve.edges_nm[:-1]),
        "edge_high_nm": ("%.8g", curve.edges_nm[1:]),
        "share": ("%.6g", curve.weight),
        "low": ("%.6g", curve.low),
        "high": ("%.6g", curve.high),
    }


def _histograms(runs: Iterable[VendorRun]) -> dict[str, tuple[str, Any]]:
    tables = [(run.name, run.histogram) for run in runs if run.histogram is not None]
    shares = [h.concentration_per_ml / h.concentration_per_ml.sum() for _, h in tables]
    per_ml = [
        h.concentration_per_ml if h.absolute else np.full(h.concentration_per_ml.size, np.nan)
        for _, h in tables
    ]
    return {
        "run": ("%s", [_quoted(name) for name, h in tables for _ in h.concentration_per_ml]),
        "edge_low_nm": ("%.8g", np.concatenate([h.edges_nm[:-1] for _, h in tables])),
        "edge_high_nm": ("%.8g", np.concatenate([h.edges_nm[1:] for _, h in tables])),
        "share": ("%.8g", np.concatenate(shares)),
        "particles_per_ml": ("%.8g", np.concatenate(per_ml)),
    }


def _particles(runs: Iterable[VendorRun]) -> dict[str, tuple[str, Any]]:
    tables = [(run.name, run.particles) for run in runs if run.particles is not None]
    columns: dict[str, tuple[str, Any]] = {
        "run": ("%s", [_quoted(name) for name, p in tables for _ in range(len(p))])
    }
    for name in ("diameter_nm", "diffusion_um2_s", "log_intensity", "n_points", "quality"):
        columns[name] = ("%.8g", np.concatenate([getattr(p, name) for _, p in tables]))
    columns["included"] = ("%d", np.concatenate([p.included for _, p in tables]))
    return columns


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _quoted(words: str) -> str:
    return '"' + cell_text(words).replace('"', '""') + '"'
