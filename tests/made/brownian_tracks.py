"""Tracks of known diffusion as a camera sees them: averaged over the exposure, localized with error, with frames missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from made.brownian_world import make_scene
from nta.diffusion import DiffusionEstimates, DiffusionSettings, estimate_diffusion
from nta.tracks import Linking, Tracks

PIXEL_UM, INTERVAL_S = 0.25, 1 / 30
SCALE = {"pixel_size_um": PIXEL_UM, "frame_interval_s": INTERVAL_S}
_SUBSTEPS = 24


def blurred_path(
    rng: np.random.Generator, diffusion_um2_s: float, n_frames: int, exposure_s: float
) -> NDArray[np.float64]:
    """Mean positions (n_frames, 2) in um over the exposures of successive frames, the shutter open at their start."""
    open_steps = round(_SUBSTEPS * exposure_s / INTERVAL_S)
    small = np.sqrt(2 * diffusion_um2_s * INTERVAL_S / _SUBSTEPS) * rng.normal(size=(n_frames * _SUBSTEPS, 2))
    path = np.cumsum(small, axis=0).reshape(n_frames, _SUBSTEPS, 2)
    return path[:, : max(open_steps, 1)].mean(axis=1)


def brownian_tracks(
    rng: np.random.Generator,
    diffusion_um2_s: ArrayLike,
    n_points: int,
    *,
    exposure_s: float = 0.0,
    error_um: float = 0.03,
    seen: float = 1.0,
    recorded: float = 1.0,
) -> Tracks:
    """One track per diffusion coefficient.

    A particle is missed in a frame with probability 1 - seen; a frame was never recorded with probability 1 - recorded. The
    first and the last are always there.
    """
    kept = rng.random(n_points) < recorded
    kept[[0, -1]] = True
    parts = []
    for d in np.atleast_1d(np.asarray(diffusion_um2_s, dtype=float)):
        there = kept & (rng.random(n_points) < seen)
        there[[0, -1]] = True
        position = blurred_path(rng, d, n_points, exposure_s) + error_um * rng.normal(size=(n_points, 2))
        parts.append((np.flatnonzero(there), position[there] / PIXEL_UM + 100.0))
    return tracks_of(parts, error_px=error_um / PIXEL_UM, recorded=np.flatnonzero(kept))


def tracks_of(
    parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]],
    *,
    error_px: float = 0.12,
    light: list[NDArray[np.float64]] | None = None,
    snr: float = 15.0,
    recorded: NDArray[np.int64] | None = None,
    **changes: Any,
) -> Tracks:
    """Tables of tracks, each (frames, positions in px as (n, 2) y and x); `changes` replace fields of the scene."""
    sizes = [frame.size for frame, _ in parts]
    frame = np.concatenate([f for f, _ in parts])
    y, x = np.concatenate([p for _, p in parts]).T
    index = np.arange(int(frame.max()) + 1) if recorded is None else recorded
    zeros = np.zeros(index.size)
    linking = Linking(
        search_range_px=16.0, memory_frames=2, drift_y_px=zeros, drift_x_px=zeros, drift_std_err_px=zeros,
        links_cut=0,
    )  # fmt: skip
    same = np.ones(frame.size)
    return Tracks(
        track=np.repeat(np.arange(len(parts)), sizes), frame=frame, spot=np.arange(frame.size), y_px=y, x_px=x,
        intensity=1000 * same if light is None else np.concatenate(light), width_px=1.5 * same, snr=snr * same,
        localization_error_px=error_px * same, flags=0 * same, linking=linking,
        scene=make_scene(index.size, frame_index=index, **changes),
    )  # fmt: skip


def estimated(tracks: Tracks, exposure_s: float | None = 0.0, **settings: object) -> DiffusionEstimates:
    """Estimates with the errors as they were put in, unless `noise` says otherwise."""
    chosen = DiffusionSettings(**{"noise": "spots", **settings})  # type: ignore[arg-type]
    return estimate_diffusion(tracks, **SCALE, exposure_s=exposure_s, settings=chosen)
