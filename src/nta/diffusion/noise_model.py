"""Localization errors and blur of a recording, as numbers that the estimates of all its tracks share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nta.columns import FloatArray
from nta.diffusion.steps import Steps

_LEAST_PX = 1e-3  # least error of a position


@dataclass(frozen=True, kw_only=True)
class NoiseModel:
    """Errors of a position: variance = variance_scale * reported variance + variance_floor_um2, per axis.

    exposure_s : exposure that blurs the positions, as stated or else as estimated from the tracks.
    exposure_std_s : its standard error; 0 if stated.
    variance_scale_rel_std : standard error of ln(variance_scale), large where particles go so far that errors of positions
        hardly show; 0 if it is not estimated.
    diffusion_rel_std : relative standard error common to all diffusion coefficients due to this model's uncertainty.
    source : "reported": errors as reported by the spots; "recording": scale and floor estimated from the tracks.
    lag_frames : frames between the positions that are compared; above 1 if positions are smoothed over frames
        (`nta.diffusion.smoothing`). The exposure is then that of an equivalent blur.
    flow : correlation of displacements that does not decay, due to flow left in the positions; 0: none.
    """

    variance_scale: float = 1.0
    variance_floor_um2: float = 0.0
    exposure_s: float = 0.0
    exposure_std_s: float = 0.0
    variance_scale_rel_std: float = 0.0
    diffusion_rel_std: float = 0.0
    source: str = "reported"
    lag_frames: int = 1
    flow: float = 0.0

    @property
    def blur_s(self) -> float:
        """A third of the exposure: the time by which blur shortens the duration of a displacement in its variance."""
        return self.exposure_s / 3

    def variance_um2(self, steps: Steps) -> FloatArray:
        """Variance of every position, per axis."""
        least = (_LEAST_PX * steps.pixel_size_um) ** 2
        return np.asarray(
            np.maximum(self.variance_scale * steps.error_variance_um2 + self.variance_floor_um2, least)
        )
