"""Results in formats of other programs: Parquet, tracks for trackpy, TrackMate XML and ISBI-challenge XML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nta.errors import SettingError, how_to_install
from nta.io.atomic import new_file
from nta.io.results.summary import summary
from nta.io.results.tables import distribution_columns, spot_columns, track_columns, write_csv
from nta.io.tracks import TrackMateScale, TrackTable, write_isbi, write_trackmate
from nta.pipeline import Analysis

_TABLES = {"tracks": track_columns, "spots": spot_columns, "distribution": distribution_columns}


def write_parquet_tables(analysis: Analysis, folder: str | Path) -> tuple[Path, ...]:
    """Write `tracks`, `spots` and `distribution` as Parquet into an existing folder, with the columns of the CSV tables.

    Numbers keep all digits. The metadata of each file contain the summary of the analysis under the key ``nta``.
    """
    import pyarrow as pa
    from pyarrow import parquet

    about = json.dumps(summary(analysis), ensure_ascii=False, allow_nan=False)
    written = []
    for name, columns in _TABLES.items():
        values = {key: np.asarray(column) for key, (_, column) in columns(analysis).items()}
        table = pa.table(values).replace_schema_metadata({"nta": about})
        path = Path(folder) / f"{name}.parquet"
        with new_file(path) as partial:
            parquet.write_table(table, partial)
        written.append(path)
    return tuple(written)


def trackpy_columns(analysis: Analysis, *, drift: bool = True) -> dict[str, tuple[str, Any]]:
    """Return the spots of the tracks with trackpy's column names.

    y, x, size (radius of gyration) and ep (localization error) in px; mass in photo-electrons.

    drift : True: positions in the image, as trackpy's `subtract_drift` expects; False: positions after subtraction of the
        drift that nta measured.
    """
    tracks = analysis.tracks
    y, x = tracks.in_image() if drift else (tracks.y_px, tracks.x_px)
    return {
        "y": ("%.6g", y),
        "x": ("%.6g", x),
        "mass": ("%.6g", tracks.intensity),
        "size": ("%.5g", tracks.width_px * np.sqrt(2)),  # radius of gyration of a two-dimensional Gaussian
        "signal": (
            "%.6g",
            tracks.intensity / (2 * np.pi * tracks.width_px**2),
        ),  # peak height of the Gaussian
        "ep": ("%.4g", tracks.localization_error_px),
        "frame": ("%d", tracks.frame),
        "particle": ("%d", tracks.track),
    }


def trackpy_frame(analysis: Analysis, *, drift: bool = True) -> Any:
    """Return the DataFrame for trackpy's `emsd`, `imsd`, `subtract_drift` and plots (needs pandas)."""
    try:
        import pandas as pd
    except ImportError:
        raise SettingError(f"a DataFrame needs pandas; {how_to_install('reference')}") from None
    return pd.DataFrame(
        {name: values for name, (_, values) in trackpy_columns(analysis, drift=drift).items()}
    )


def track_table(analysis: Analysis, *, drift: bool = True) -> TrackTable:
    """Return the positions of all tracks in all frames, in the image or with the drift subtracted."""
    tracks = analysis.tracks
    y, x = tracks.in_image() if drift else (tracks.y_px, tracks.x_px)
    return TrackTable(
        track=tracks.track.astype(np.int64),
        frame=tracks.frame.astype(np.int64),
        y_px=y,
        x_px=x,
        program="nta",
    )


def write_exchange(analysis: Analysis, path: str | Path, form: str, *, drift: bool = True) -> Path:
    """Write the tracks as "trackpy" (CSV), "trackmate" or "isbi" (XML)."""
    path = Path(path)
    if form == "trackpy":
        return write_csv(path, trackpy_columns(analysis, drift=drift))
    if form == "isbi":
        return write_isbi(track_table(analysis, drift=drift), path)
    if form != "trackmate":
        raise SettingError(f"tracks are written as trackpy, trackmate or isbi, not as {form!r}")
    camera, tracks = analysis.camera, analysis.tracks
    scale = TrackMateScale(
        width_px=camera.width_px,
        height_px=camera.height_px,
        pixel_size_um=camera.pixel_size_um,
        frame_interval_s=None if camera.frame_rate_hz is None else 1 / camera.frame_rate_hz,
        spot_radius_px=2 * tracks.scene.spot_width_px,
        features={
            "QUALITY": tracks.snr.astype(np.float64),
            "TOTAL_INTENSITY": tracks.intensity.astype(np.float64),
            "SNR": tracks.snr.astype(np.float64),
        },
    )
    return write_trackmate(track_table(analysis, drift=drift), path, replace(scale, **_without_nan(scale)))


def _without_nan(scale: TrackMateScale) -> Mapping[str, Any]:
    """Return the features without those that contain NaN, which TrackMate's reader refuses."""
    return {"features": {name: v for name, v in scale.features.items() if np.isfinite(v).all()}}
