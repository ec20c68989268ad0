"""Brownian motion in three dimensions: exact steps, exact means over an exposure, an open volume in equilibrium.

All positions are (z, y, x) in um; z counts from the middle of the light sheet, y and x from the centre of the first pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.physics import diffusion_um2_s
from nta.simulation.populations import Drawn, Mixture
from nta.simulation.scenario import ML_PER_UM3, MotionSettings, Scenario

# Beyond this many sheet widths the light is exp(-2 * 2.5^2) = 4e-6 of the middle's: nothing there is ever seen.
_DEPTH_IN_SHEET_WIDTHS = 2.5
_MARGIN_UM = 5.0
_MARGIN_STEPS = 5.0


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
    2 D dt (1 - 2 R) and neighbouring ones the covariance 2 D dt R, R = exposure / (6 dt).
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
    """Where every particle of the volume was during one exposure.

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


class Cell:
    """The particles in a volume wider than what is seen, moved from frame to frame.

    Particles that leave are forgotten; others enter from an endless liquid around. A particle that enters within one
    interval is found by drawing the equilibrium density over the volume and keeping those that came from outside, with
    their probability: so the density is the same everywhere, at all times, for every size.
    """

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        self._rng = rng
        self._motion = scenario.motion
        self._camera = scenario.camera
        self._scale = _stokes_einstein(scenario)
        self._mixture = Mixture(scenario.populations, scenario.collection()) if scenario.populations else None
        self.low_um, self.high_um = _volume(scenario, self._largest_step_um(scenario))
        self._middle_row_um = (scenario.camera.height_px - 1) / 2 * scenario.optics.pixel_size_um
        self._sheet_um = scenario.optics.sheet_width_um
        volume_ml = float(np.prod(self.high_um - self.low_um)) * ML_PER_UM3
        self.mean_count = scenario.concentration_per_ml * volume_ml
        self._next_particle = 0
        self._time_s = 0.0
        self._fill()

    def __len__(self) -> int:
        return self._position.shape[0]

    def expose(self) -> Exposure:
        """Move all particles through one exposure and the dead time after it; return where they were seen."""
        pieces = self._motion.blur_steps
        piece_s = self._camera.exposure_s / pieces
        D = self._diffusion[:, None]
        count = len(self)
        # all random numbers of an exposure at once: the draws do not depend on how many pieces are looked at
        steps = self._rng.standard_normal((pieces, count, 3)) * np.sqrt(2 * D * piece_s)
        means = self._rng.standard_normal((pieces, count, 3)) * np.sqrt(D * piece_s / 6)
        mean = np.empty((count, pieces, 3))
        spread = np.empty((count, pieces, 2))
        middle = np.empty((count, 3))
        place = self._position
        for i in range(pieces):
            if i == pieces // 2:
                middle[:] = place
            step = steps[i] + self._flow(place, self._time_s + i * piece_s, piece_s)
            mean[:, i] = place + step / 2 + means[i]
            # a straight line of length L has variance L²/12 about its middle, the bridge around it 2 D t / 12
            spread[:, i] = (step[:, 1:] ** 2 + 2 * D * piece_s) / 12
            place = place + step
        seen = Exposure(self._particle, self._drawn, self._diffusion, mean, spread, middle)
        self._rest(place)
        return seen

    def _rest(self, place: FloatArray) -> None:
        """Move through the dead time, then exchange particles with the liquid around."""
        dead_s = max(self._camera.interval_s - self._camera.exposure_s, 0.0)
        if dead_s > 0:
            noise = self._rng.standard_normal(place.shape) * np.sqrt(2 * self._diffusion[:, None] * dead_s)
            place = place + noise + self._flow(place, self._time_s + self._camera.exposure_s, dead_s)
        inside = np.all((place >= self.low_um) & (place < self.high_um), axis=1)
        entering = self._enter()
        self._position = np.concatenate([place[inside], entering[0]])
        self._diffusion = np.concatenate([self._diffusion[inside], entering[1]])
        self._drawn = _joined(self._drawn, inside, entering[2])
        self._particle = np.concatenate([self._particle[inside], self._numbers(entering[1].size)])
        self._time_s += self._camera.interval_s

    def _fill(self) -> None:
        self._position, self._diffusion, self._drawn = self._equilibrium(keep_all=True)
        self._particle = self._numbers(self._diffusion.size)

    def _enter(self) -> tuple[FloatArray, FloatArray, Drawn]:
        return self._equilibrium(keep_all=False)

    def _equilibrium(self, *, keep_all: bool) -> tuple[FloatArray, FloatArray, Drawn]:
        """Draw the equilibrium density; all of it, or only what was outside one interval ago."""
        if self._mixture is None:
            return np.empty((0, 3)), np.empty(0), _NOTHING
        count = int(self._rng.poisson(self.mean_count))
        which, diameter = self._mixture.draw_sizes(count, self._rng)
        place = self.low_um + self._rng.random((count, 3)) * (self.high_um - self.low_um)
        diffusion = self._scale / diameter
        if not keep_all:
            came_in = self._rng.random(count) >= self._was_inside(place, diffusion)
            which, diameter, place, diffusion = (
                which[came_in],
                diameter[came_in],
                place[came_in],
                diffusion[came_in],
            )
        return place, diffusion, self._mixture.complete(which, diameter, self._rng)

    def _was_inside(self, place: FloatArray, diffusion: FloatArray) -> FloatArray:
        """Probability that a particle that is here now was inside the volume one interval ago."""
        from scipy.special import erf

        interval_s = self._camera.interval_s
        came_from = place - self._flow(place, self._time_s, interval_s)
        scale = 1 / np.sqrt(4 * diffusion * interval_s)  # erf's argument: distance / (sqrt(2) * sqrt(2 D dt))
        near = np.any(
            (came_from - self.low_um < 4 / scale[:, None]) | (self.high_um - came_from < 4 / scale[:, None]),
            axis=1,
        )  # erf(4) = 1 - 2e-8: only the boundary layer needs the error function
        probability = np.ones(place.shape[0])
        upper = erf((self.high_um - came_from[near]) * scale[near, None])
        lower = erf((came_from[near] - self.low_um) * scale[near, None])
        probability[near] = np.prod(0.5 * (upper + lower), axis=1)
        return probability

    def _flow(self, place: FloatArray, start_s: float, duration_s: float) -> FloatArray:
        return flow_um(self._motion, place, start_s, duration_s, self._middle_row_um, self._sheet_um)

    def _numbers(self, count: int) -> NDArray[np.int64]:
        first = self._next_particle
        self._next_particle += count
        return np.arange(first, first + count)

    def _largest_step_um(self, scenario: Scenario) -> float:
        smallest = min((p.diameter_range_nm()[0] for p in scenario.populations), default=np.inf)
        return math.sqrt(2 * self._scale / smallest * scenario.camera.interval_s)


def flow_um(
    motion: MotionSettings,
    place: FloatArray,
    start_s: float,
    duration_s: float,
    middle_row_um: float,
    sheet_um: float,
) -> FloatArray:
    """Displacement by flow from `start_s` on, shape of `place`; shear is taken at the start of the step."""
    shift = np.zeros(place.shape)
    shift += np.array([motion.drift_z_um_s, motion.drift_y_um_s, motion.drift_x_um_s]) * duration_s
    if motion.oscillation_um_s:
        length = motion.oscillation_um_s * _integral_of_cosine(motion.oscillation_hz, start_s, duration_s)
        angle = math.radians(motion.oscillation_angle_deg)
        shift += length * np.array([0.0, math.sin(angle), math.cos(angle)])
    if motion.shear_per_s:
        shift[:, 2] += motion.shear_per_s * (place[:, 1] - middle_row_um) * duration_s
    if motion.parabolic_um_s:
        # beyond the walls of the shallow cell the liquid rests
        profile = np.maximum(1 - (place[:, 0] / sheet_um) ** 2, 0.0)
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


def _stokes_einstein(scenario: Scenario) -> float:
    conditions = scenario.conditions
    return diffusion_um2_s(1.0, conditions.known_temperature_c(), conditions.viscosity_pa_s())


def _volume(scenario: Scenario, largest_step_um: float) -> tuple[FloatArray, FloatArray]:
    """Corners (z, y, x) of the volume: what is seen, a margin, and what one interval can bring into it."""
    pixel = scenario.optics.pixel_size_um
    margin = _MARGIN_UM + _MARGIN_STEPS * largest_step_um if scenario.populations else _MARGIN_UM
    depth = _DEPTH_IN_SHEET_WIDTHS * scenario.optics.sheet_width_um
    low = np.array([-depth, -pixel / 2 - margin, -pixel / 2 - margin])
    size = np.array([scenario.camera.height_px, scenario.camera.width_px]) * pixel
    high = np.array([depth, size[0] - pixel / 2 + margin, size[1] - pixel / 2 + margin])
    return low, high


def _joined(old: Drawn, kept: NDArray[np.bool_], new: Drawn) -> Drawn:
    return Drawn(
        np.concatenate([old.population[kept], new.population]),
        np.concatenate([old.diameter_nm[kept], new.diameter_nm]),
        np.concatenate([old.refractive_index[kept], new.refractive_index]),
        np.concatenate([old.cross_section_nm2[kept], new.cross_section_nm2]),
    )


_NOTHING = Drawn(np.empty(0, np.int16), np.empty(0), np.empty(0), np.empty(0))
