"""The particles in a volume larger than the view, open to the surrounding liquid and in equilibrium with it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray, IntArray
from nta.physics import ML_PER_UM3, stokes_einstein_nm_um2_s
from nta.scattering import Collection
from nta.simulation.motion import Exposure, Flow
from nta.simulation.populations import Drawn, Mixture
from nta.simulation.scenario import Scenario

# Beyond this many sheet widths the light is exp(-2 * 2.5^2) = 4e-6 of the middle's: no particle there is ever visible.
_DEPTH_IN_SHEET_WIDTHS = 2.5
_MARGIN_UM = 5.0
_MARGIN_STEPS = 5.0


class Cell:
    """Particles moved from frame to frame.

    Particles that leave are dropped; others enter from an infinite surrounding liquid. To find those that enter within one
    interval, particles are drawn at equilibrium density over the volume and kept with the probability that they came from
    outside. So the density is the same everywhere, at all times, for every size.
    """

    def __init__(self, scenario: Scenario, light: Collection, rng: np.random.Generator) -> None:
        conditions = scenario.conditions
        self._rng = rng
        self._motion, self._camera = scenario.motion, scenario.camera
        self._own_scale = stokes_einstein_nm_um2_s(
            conditions.known_temperature_c(), conditions.viscosity_pa_s()
        )
        self._scale = self._own_scale  # diameter times diffusion coefficient
        self._flow = Flow.of(scenario)
        self._mixture = Mixture(scenario.populations, light) if scenario.populations else None
        self.low_um, self.high_um = _volume(scenario, self._largest_step_um(scenario))
        volume_ml = float(np.prod(self.high_um - self.low_um)) * ML_PER_UM3
        self.mean_count = scenario.concentration_per_ml * volume_ml
        self._next_particle = 0
        self._time_s = 0.0
        self._position, self._drawn = self._equilibrium()
        self._particle = self._numbers(len(self._drawn))

    def __len__(self) -> int:
        return int(self._position.shape[0])

    @property
    def depth_um(self) -> float:
        """Half the extent along the optical axis."""
        return float(self.high_um[0])

    def turn(
        self, scale_nm_um2_s: float | None = None, flow_y_um_s: float = 0.0, flow_x_um_s: float = 0.0
    ) -> None:
        """Change the liquid: diameter times diffusion coefficient (None: the scenario's), and additional flow."""
        self._scale = self._own_scale if scale_nm_um2_s is None else scale_nm_um2_s
        self._flow = self._flow.with_extra(flow_y_um_s, flow_x_um_s)

    def expose(self) -> Exposure:
        """Move all particles through one exposure and the dead time after it; return their positions in the exposure."""
        pieces, count = self._motion.blur_steps, len(self)
        piece_s = self._camera.exposure_s / pieces
        diffusion = self._scale / self._drawn.diameter_nm
        D = diffusion[:, None]
        steps = self._rng.standard_normal((pieces, count, 3)) * np.sqrt(2 * D * piece_s)
        bends = self._rng.standard_normal((pieces, count, 3)) * np.sqrt(D * piece_s / 6)
        mean = np.empty((count, pieces, 3))
        spread = np.empty((count, pieces, 2))
        place = middle = self._position
        for i in range(pieces):
            if i == pieces // 2:
                middle = place
            step = steps[i] + self._flow.shift_um(place, self._time_s + i * piece_s, piece_s)
            mean[:, i] = place + step / 2 + bends[i]
            # a straight line of length L has variance L²/12 about its middle, the bridge around it 2 D t / 12
            spread[:, i] = (step[:, 1:] ** 2 + 2 * D * piece_s) / 12
            place = place + step
        seen = Exposure(self._particle, self._drawn, diffusion, mean, spread, middle)
        self._exchange(self._after_dead_time(place, D))
        self._time_s += self._camera.interval_s
        return seen

    def _after_dead_time(self, place: FloatArray, D: FloatArray) -> FloatArray:
        dead_s = self._camera.interval_s - self._camera.exposure_s
        if dead_s <= 0:
            return place
        noise = self._rng.standard_normal(place.shape) * np.sqrt(2 * D * dead_s)
        return place + noise + self._flow.shift_um(place, self._time_s + self._camera.exposure_s, dead_s)

    def _exchange(self, place: FloatArray) -> None:
        """Drop particles that left, and let others enter."""
        inside = np.all((place >= self.low_um) & (place < self.high_um), axis=1)
        position, drawn = self._entering()
        self._position = np.concatenate([place[inside], position])
        self._drawn = self._drawn.select(inside).followed_by(drawn)
        self._particle = np.concatenate([self._particle[inside], self._numbers(len(drawn))])

    def _equilibrium(self) -> tuple[FloatArray, Drawn]:
        """Draw the whole volume: an ideal gas with a Poisson number of particles."""
        if self._mixture is None:
            return np.empty((0, 3)), Drawn.nothing()
        which, diameter, place = self._drawn_places(self._mixture)
        return place, self._mixture.complete(which, diameter, self._rng)

    def _entering(self) -> tuple[FloatArray, Drawn]:
        """Draw the whole volume, and keep the particles that were outside one interval ago."""
        if self._mixture is None:
            return np.empty((0, 3)), Drawn.nothing()
        which, diameter, place = self._drawn_places(self._mixture)
        came_in = self._rng.random(which.size) >= self._was_inside(place, self._scale / diameter)
        return place[came_in], self._mixture.complete(which[came_in], diameter[came_in], self._rng)

    def _drawn_places(self, mixture: Mixture) -> tuple[NDArray[np.int16], FloatArray, FloatArray]:
        count = int(self._rng.poisson(self.mean_count))
        which, diameter = mixture.draw_sizes(count, self._rng)
        return which, diameter, self.low_um + self._rng.random((count, 3)) * (self.high_um - self.low_um)

    def _was_inside(self, place: FloatArray, diffusion: FloatArray) -> FloatArray:
        """Probability that a particle now at this position was inside the volume one interval ago."""
        from scipy.special import erf

        interval_s = self._camera.interval_s
        came_from = place - self._flow.shift_um(place, self._time_s, interval_s)
        # argument of erf: distance / (sqrt(2) sqrt(2 D dt))
        scale = 1 / np.sqrt(4 * diffusion * interval_s)[:, None]
        upper = (self.high_um - came_from) * scale
        lower = (came_from - self.low_um) * scale
        near = np.any(
            (upper < 4) | (lower < 4), axis=1
        )  # erf(4) = 1 - 2e-8: only the boundary layer needs it
        probability = np.ones(place.shape[0])
        probability[near] = np.prod(0.5 * (erf(upper[near]) + erf(lower[near])), axis=1)
        return probability

    def _numbers(self, count: int) -> IntArray:
        first = self._next_particle
        self._next_particle += count
        return np.arange(first, first + count)

    def _largest_step_um(self, scenario: Scenario) -> float:
        smallest = min((p.diameter_range_nm()[0] for p in scenario.populations), default=math.inf)
        return math.sqrt(2 * self._scale / smallest * scenario.camera.interval_s)


def _volume(scenario: Scenario, largest_step_um: float) -> tuple[FloatArray, FloatArray]:
    """Corners (z, y, x) of the volume: the view, a margin, and the distance that particles move within one interval."""
    pixel = scenario.optics.pixel_size_um
    margin = _MARGIN_UM + _MARGIN_STEPS * largest_step_um
    depth = _DEPTH_IN_SHEET_WIDTHS * scenario.optics.sheet_width_um
    size = np.array([scenario.camera.height_px, scenario.camera.width_px]) * pixel
    low = np.array([-depth, -pixel / 2 - margin, -pixel / 2 - margin])
    high = np.array([depth, size[0] - pixel / 2 + margin, size[1] - pixel / 2 + margin])
    return low, high
