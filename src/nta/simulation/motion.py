"""Motion of particles: Brownian motion, its exact mean over an exposure, flow and vibration.

All positions are (z, y, x) in um; z counts from the middle of the light sheet, y and x from the centre of the first pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.simulation.populations import Drawn
from nta.simulation.scenario import MotionSettings, Scenario


def brownian_exposures(
    diffusion_um2_s: float,
    n_frames: int,
    interval_s: float,
    exposure_s: float,
    rng: np.random.Generator,
    axes: int = 2,
) -> FloatArray:
    """Mean positions over each exposure of one diffusing particle, shape (n_frames, axes), in um.

    The shutter is open for the first `exposure_s` of every interval. The end of the exposure and the mean over it are
    jointly Gaussian and drawn as such, so every moment is exact: steps of the result have the variance
    2 D dt (1 - 2 R) and neighbouring steps the covariance 2 D dt R, R = exposure / (6 dt).
    Source: Berglund, Phys. Rev. E 82, 011917 (2010).
    """
    during = np.sqrt(2 * diffusion_um2_s * exposure_s) * rng.standard_normal((n_frames, axes))
    after = np.sqrt(2 * diffusion_um2_s * max(interval_s - exposure_s, 0.0)) * rng.standard_normal(
        (n_frames, axes)
    )
    start = np.zeros((n_frames, axes))
    start[1:] = np.cumsum(during + after, axis=0)[:-1]
    return start + _bridge_mean(during, diffusion_um2_s, exposure_s, rng)


def _bridge_mean(
    step: FloatArray, diffusion: float | FloatArray, duration_s: float, rng: np.random.Generator
) -> FloatArray:
    """Mean over a Brownian path from its start, given its end: half of the step, variance 2 D t / 12."""
    return step / 2 + np.sqrt(diffusion * duration_s / 6) * rng.standard_normal(step.shape)


@dataclass(frozen=True, eq=False)
class Exposure:
    """Positions of all particles of the volume during one exposure.

    mean_um : (particles, pieces, 3), mean position in each piece of the exposure.
    spread_um2 : (particles, pieces, 2), variance in y and x of the path within the piece about its mean.
    middle_um : (particles, 3), at the middle of the exposure.
    """

    particle: NDArray[np.int64]
    drawn: Drawn
    diffusion_um2_s: FloatArray
    mean_um: FloatArray
    spread_um2: FloatArray
    middle_um: FloatArray


@dataclass(frozen=True)
class Flow:
    """Flow of the liquid at every place and time."""

    motion: MotionSettings
    middle_row_um: float
    sheet_um: float
    extra_y_um_s: float = 0.0
    extra_x_um_s: float = 0.0

    @classmethod
    def of(cls, scenario: Scenario) -> Flow:
        """Return the flow of a scenario."""
        middle_row_um = (scenario.camera.height_px - 1) / 2 * scenario.optics.pixel_size_um
        return cls(scenario.motion, middle_row_um, scenario.optics.sheet_width_um)

    def with_extra(self, y_um_s: float, x_um_s: float) -> Flow:
        """Return the flow with this velocity added."""
        if (y_um_s, x_um_s) == (self.extra_y_um_s, self.extra_x_um_s):
            return self
        return replace(self, extra_y_um_s=y_um_s, extra_x_um_s=x_um_s)

    def shift_um(self, place: FloatArray, start_s: float, duration_s: float) -> FloatArray:
        """Displacement from `start_s` on, shape of `place`; shear is taken at the start of the step."""
        motion = self.motion
        velocity = np.array(
            [
                motion.drift_z_um_s,
                motion.drift_y_um_s + self.extra_y_um_s,
                motion.drift_x_um_s + self.extra_x_um_s,
            ]
        )
        shift: FloatArray = np.broadcast_to(velocity * duration_s, place.shape).copy()
        if motion.oscillation_um_s:
            length = motion.oscillation_um_s * _integral_of_cosine(motion.oscillation_hz, start_s, duration_s)
            angle = math.radians(motion.oscillation_angle_deg)
            shift += length * np.array([0.0, math.sin(angle), math.cos(angle)])
        if motion.shear_per_s:
            shift[:, 2] += motion.shear_per_s * (place[:, 1] - self.middle_row_um) * duration_s
        if motion.parabolic_um_s:
            # beyond the walls of the shallow cell there is no flow
            profile = np.maximum(1 - (place[:, 0] / self.sheet_um) ** 2, 0.0)
            shift[:, 2] += motion.parabolic_um_s * profile * duration_s
        return shift


def vibration_um(motion: MotionSettings, times_s: FloatArray, jitter: FloatArray) -> FloatArray:
    """Shift (y, x) of the picture at these times, shape (times, 2); `jitter` is this frame's, standard normal."""
    angle = math.radians(motion.vibration_angle_deg)
    swing = motion.vibration_um * np.sin(2 * np.pi * motion.vibration_hz * times_s)
    shift: FloatArray = (
        swing[:, None] * np.array([math.sin(angle), math.cos(angle)]) + motion.jitter_um * jitter
    )
    return shift


def _integral_of_cosine(frequency_hz: float, start_s: float, duration_s: float) -> float:
    if frequency_hz == 0:
        return duration_s
    w = 2 * math.pi * frequency_hz
    return (math.sin(w * (start_s + duration_s)) - math.sin(w * start_s)) / w
