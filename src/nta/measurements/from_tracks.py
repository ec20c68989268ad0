"""Size tracks of other programs by the statistics of nta."""

from __future__ import annotations

import numpy as np

from nta.calibration import SampleConditions
from nta.circumstances import Scale
from nta.diffusion import DiffusionEstimates, estimate_diffusion
from nta.errors import MissingInputError
from nta.frames import CameraState
from nta.io.tracks import TrackTable
from nta.io.vendors import VendorParticles
from nta.quantity import Z_95
from nta.settings import AnalysisSettings
from nta.sizes import SizeDistribution, size_distribution
from nta.spots import CameraModel, Scene
from nta.stated import refuse_other, stated_number
from nta.tracks import Linking, Tracks, find_drift

# start value of the error of a position, per axis; its scale is estimated from all tracks together
_ERROR_PX = 0.1


def size_tracks(
    table: TrackTable,
    conditions: SampleConditions,
    *,
    pixel_size_um: float,
    frame_rate_hz: float,
    exposure_s: float | None = None,
    settings: AnalysisSettings | None = None,
) -> SizeDistribution:
    """Size tracks of another program: drift subtracted, noise found from the tracks, population inferred.

    Missed detections and wrong links by the other program remain.

    Raises
    ------
    MissingInputError
        Pixel size, frame rate, temperature or viscosity is not stated, or there is no track.
    SettingError
        An argument has the wrong type, or pixel size or frame rate is impossible.
    """
    refuse_other(
        "table", table, TrackTable, "make one with TrackTable.of(track, frame, y_px, x_px, program=...)"
    )
    refuse_other("conditions", conditions, SampleConditions, "give nta.SampleConditions(temperature_c=25.0)")
    camera = _camera(pixel_size_um=pixel_size_um, frame_rate_hz=frame_rate_hz, exposure_s=exposure_s)
    settings = settings or AnalysisSettings()
    tracks = as_tracks(table)
    diffusion = estimate_diffusion(
        tracks,
        **vars(Scale.of(camera)),
        settings=settings.diffusion,
    )
    sizes, _ = size_distribution(diffusion, tracks, conditions, settings.sizing)
    return sizes


def _camera(
    *, frame_rate_hz: float, pixel_size_um: float | None = None, exposure_s: float | None = None
) -> CameraState:
    """Return a camera with only the stated values, which are checked."""
    return CameraState(
        width_px=1,
        height_px=1,
        bit_depth=16,
        frame_rate_hz=frame_rate_hz,
        pixel_size_um=pixel_size_um,
        exposure_s=exposure_s,
    )


def size_particles(
    particles: VendorParticles,
    conditions: SampleConditions,
    *,
    frame_rate_hz: float,
    settings: AnalysisSettings | None = None,
) -> SizeDistribution:
    """Size a vendor's table of diffusion coefficients and track lengths without positions.

    Each coefficient is assumed to be as uncertain as one from the same number of free steps without localization error,
    the smallest possible uncertainty. Tracks that the vendor excluded are included.

    Raises
    ------
    MissingInputError
        The table has no diffusion coefficients or no track lengths.
    """
    settings = settings or AnalysisSettings()
    known = (
        np.isfinite(particles.diffusion_um2_s) & (particles.n_points >= 2) & (particles.diffusion_um2_s > 0)
    )
    if not known.any():
        raise MissingInputError(
            "sizing again needs diffusion coefficients and track lengths; the table has none"
        )
    rows = particles.select(known)
    error = rows.diffusion_um2_s / np.sqrt(rows.n_points - 1)
    nothing = np.full(len(rows), np.nan)
    estimates = DiffusionEstimates(
        diffusion_um2_s=rows.diffusion_um2_s,
        std_err_um2_s=error,
        low_um2_s=np.maximum(rows.diffusion_um2_s - Z_95 * error, 0.0),
        high_um2_s=rows.diffusion_um2_s + Z_95 * error,
        localization_variance_um2=nothing,
        n_points=rows.n_points.astype(np.int32),
        first_frame=np.zeros(len(rows), dtype=np.int32),
        last_frame=(rows.n_points - 1).astype(np.int32),
        intensity=np.exp(rows.log_intensity),
        snr=nothing,
        flags=np.zeros(len(rows), dtype=np.uint16),
        estimator="the vendor's",
        frame_interval_s=1
        / stated_number("frame_rate_hz", _camera(frame_rate_hz=frame_rate_hz).frame_rate_hz),
        exposure_s=None,
        pixel_size_um=np.nan,
    )
    sizes, _ = size_distribution(estimates, None, conditions, settings.sizing)
    return sizes


def as_tracks(table: TrackTable) -> Tracks:
    """Return `Tracks` with their common drift subtracted; values that were not measured are NaN."""
    if not len(table):
        raise MissingInputError(f"there is no track of {table.program} to size")
    frames = np.arange(int(table.frame.min()), int(table.frame.max()) + 1)
    first_row = np.searchsorted(table.track, np.arange(table.n_tracks + 1)).astype(np.int64)
    drift = find_drift(first_row, table.frame, table.y_px, table.x_px)
    drift_y, drift_x = drift.at(table.frame)
    along_y, along_x = drift.at(frames)
    nothing = np.full(len(table), np.nan)
    return Tracks(
        track=table.track.astype(np.int32),
        frame=table.frame.astype(np.int32),
        spot=np.arange(len(table)),
        y_px=table.y_px - drift_y,
        x_px=table.x_px - drift_x,
        intensity=nothing,
        width_px=nothing,
        snr=nothing,
        localization_error_px=np.full(len(table), _ERROR_PX),
        flags=np.zeros(len(table), dtype=np.uint16),
        linking=Linking(
            search_range_px=np.nan,
            memory_frames=0,
            drift_y_px=along_y,
            drift_x_px=along_x,
            drift_std_err_px=drift.std_err_at(frames),
            links_cut=0,
            vibration_px=drift.vibration_px,
            brownian_share=drift.brownian_share,
        ),
        scene=_scene(table, frames.astype(np.int64)),
    )


def _scene(table: TrackTable, frames: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Scene:
    """Return a scene of which only the frames are known."""
    height, width = int(table.y_px.max()) + 1, int(table.x_px.max()) + 1
    return Scene(
        width_px=width,
        height_px=height,
        bit_depth=0,
        contrast="unknown",
        camera=CameraModel(gain_e_per_adu=np.nan, offset_adu=np.nan, read_noise_e=np.nan, source="unknown"),
        spot_width_px=np.nan,
        threshold_sd=np.nan,
        frame_index=frames,
        frame_time_s=np.full(frames.size, np.nan),
        example_image=np.zeros((1, 1), dtype=np.uint8),
        background=np.zeros((1, 1), dtype=np.float32),
        saturated_fraction=0.0,
    )
