"""The noun of this room: one diffusion estimate per track."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from nta.columns import Columns, column
from nta.diffusion.noise_model import NoiseModel


class TrackFlag(IntFlag):
    """Why a track gets no size, or a less reliable one; a track is flagged, not dropped."""

    TOO_SHORT = 1  # fewer spots than the estimator needs
    IMMOBILE = 2  # moves no more than its localization error explains: stuck, burnt-in text, hot pixel
    NON_POSITIVE = 4  # the estimate of D is <= 0
    SATURATED = 8  # most of its spots are saturated
    OUT_OF_FOCUS = 16  # most of its spots are discs or rings
    OVERLAPPING = 32  # most of its spots were fitted together with a neighbour
    MIXED = 64  # brightness or mobility jumps: probably two particles
    NON_BROWNIAN = 128  # directed, confined or anisotropic motion

    @classmethod
    def no_size(cls) -> TrackFlag:
        """Return the flags of a track that must not be given a size."""
        return cls.TOO_SHORT | cls.IMMOBILE | cls.NON_POSITIVE


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DiffusionEstimates(Columns):
    """Diffusion coefficient of every track, row i is track i; NaN if there is none, with a flag that says why."""

    diffusion_um2_s: NDArray[np.float64] = column(
        np.float64, "um2/s", "diffusion coefficient, per-track estimate"
    )
    std_err_um2_s: NDArray[np.float64] = column(
        np.float64, "um2/s", "standard error of the diffusion coefficient"
    )
    low_um2_s: NDArray[np.float64] = column(np.float64, "um2/s", "lower end of the interval")
    high_um2_s: NDArray[np.float64] = column(np.float64, "um2/s", "upper end of the interval")
    localization_variance_um2: NDArray[np.float64] = column(
        np.float64, "um2", "static localization variance per axis"
    )
    n_points: NDArray[np.int32] = column(np.int32, "1", "number of spots in the track")
    first_frame: NDArray[np.int32] = column(np.int32, "1", "frame index of the first spot")
    last_frame: NDArray[np.int32] = column(np.int32, "1", "frame index of the last spot")
    intensity: NDArray[np.float32] = column(np.float32, "e", "median light of the track's spots")
    snr: NDArray[np.float32] = column(np.float32, "1", "median signal over noise of the track's spots")
    flags: NDArray[np.uint16] = column(np.uint16, "1", "TrackFlag bits")
    kept_share: NDArray[np.float64] = column(
        np.float64, "1", "share of D that the steps seen show, given back to the estimate", every_row=1.0
    )
    estimator: str
    frame_interval_s: float
    exposure_s: float | None
    pixel_size_um: float
    noise: NoiseModel = field(default_factory=NoiseModel)
    confidence: float = 0.95  # confidence level of the intervals

    def flagged(self, flag: TrackFlag) -> NDArray[np.bool_]:
        """Whether each track carries the flag, or any of several."""
        return np.asarray(self.flags & int(flag) != 0)

    def share_flagged(self, flag: TrackFlag) -> float | None:
        """Return the share of tracks with a flag among the tracks that are not too short; None if there are none."""
        long_enough = ~self.flagged(TrackFlag.TOO_SHORT)
        return float(self.flagged(flag)[long_enough].mean()) if long_enough.any() else None

    def counts_by_flag(self) -> dict[str, int]:
        """Return the number of tracks with each flag, by its name."""
        return {str(flag.name).lower(): int(self.flagged(flag).sum()) for flag in TrackFlag}

    @property
    def has_light(self) -> NDArray[np.bool_]:
        """Whether the light of each track is known; it is not for saturated or out-of-focus spots."""
        return ~self.flagged(TrackFlag.SATURATED | TrackFlag.OUT_OF_FOCUS)

    @property
    def has_size(self) -> NDArray[np.bool_]:
        """Whether each track may be given a size."""
        return np.asarray(~self.flagged(TrackFlag.no_size()) & (self.diffusion_um2_s > 0))

    def used(self, min_points: int) -> NDArray[np.bool_]:
        """Whether each track enters a size distribution: it has a size and at least `min_points` spots."""
        return np.asarray(self.has_size & (self.n_points >= min_points))
