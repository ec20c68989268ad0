"""The simulated cell as something one can turn knobs at: frame by frame, for as long as one likes.

With its knobs as the scenario has them a `LiveCell` gives the frames of `simulate`, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nta.frames import Image
from nta.physics import stokes_einstein_nm_um2_s
from nta.simulation.motion import Cell
from nta.simulation.noise import expose, frame_state, tables
from nta.simulation.render import add_gaussians
from nta.simulation.run import _Images, _Scene, _StillParticles
from nta.simulation.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """What acts on the cell during one frame.

    light : laser power relative to the scenario's; acts on particles and background alike.
    temperature_c : of the liquid, None for the scenario's.
    flow_x_um_s, flow_y_um_s : added to the scenario's drift.
    focus_um : shift of the focal plane, added to the scenario's.
    """

    light: float = 1.0
    temperature_c: float | None = None
    flow_x_um_s: float = 0.0
    flow_y_um_s: float = 0.0
    focus_um: float = 0.0


class LiveCell:
    """Particles, optics and camera of a scenario; `n_frames` of the scenario does not end it."""

    def __init__(self, scenario: Scenario) -> None:
        seed, camera = scenario.seed, scenario.camera
        self.scenario = scenario
        self._still = _StillParticles(scenario, np.random.default_rng([seed, 2]))
        self._cell = Cell(scenario, np.random.default_rng([seed, 0]))
        self._scene = _Scene(scenario, np.random.default_rng([seed, 3]))
        self._jitter = np.random.default_rng([seed, 4])
        self._picture = np.empty((camera.height_px, camera.width_px), dtype=np.float32)
        self._index = 0
        self._scales: dict[float, float] = {}
        self._scale = self._scale_at(None)
        self._lookup = tables()

    def skip(self, knobs: Knobs) -> None:
        """Let a frame interval pass without making its picture."""
        self._turn(knobs)
        self._cell.expose()
        self._jitter.standard_normal(2)
        self._index += 1

    def frame(self, knobs: Knobs, stray_e: NDArray[np.float32] | None = None) -> Image:
        """Return the image of the next frame; `stray_e` is light from elsewhere, in electrons per pixel."""
        scenario, camera = self.scenario, self.scenario.camera
        self._turn(knobs)
        start_s = self._index * camera.interval_s
        optics = scenario.optics
        lit = replace(
            scenario,
            optics=replace(
                optics,
                brightness_e_per_ms_nm2=optics.brightness_e_per_ms_nm2 * max(knobs.light, 1e-12),
                focus_offset_um=optics.focus_offset_um + knobs.focus_um,
            ),
        )
        exposure = self._still.joined(self._cell.expose())
        jitter = self._jitter.standard_normal(2)
        images = _Images.of(exposure, lit, self._scene.medium_index, start_s, jitter)
        self._scene.fill(self._picture, start_s + camera.exposure_s / 2)
        if knobs.light != 1.0:
            self._picture *= np.float32(knobs.light)
        add_gaussians(
            self._picture, images.y_px, images.x_px, images.width_y_px, images.width_x_px, images.electrons
        )
        if stray_e is not None:
            self._picture += stray_e
        image = np.empty(self._picture.shape, dtype=np.uint8 if camera.bit_depth <= 8 else np.uint16)
        expose(
            self._picture,
            *self._lookup,
            np.uint64(frame_state(scenario.seed, self._index)),
            camera.read_noise_e,
            np.inf if camera.full_well_e is None else camera.full_well_e,
            camera.gain_e_per_adu,
            camera.offset_adu,
            float(camera.full_scale_adu),
            image,
        )
        self._index += 1
        return image

    def _turn(self, knobs: Knobs) -> None:
        """Let temperature and flow act on the particles."""
        scale = self._scale_at(knobs.temperature_c)
        if scale != self._scale:
            self._cell._diffusion = self._cell._diffusion * (scale / self._scale)
            self._cell._scale = self._scale = scale
        motion = self.scenario.motion
        self._cell._motion = replace(
            motion,
            drift_x_um_s=motion.drift_x_um_s + knobs.flow_x_um_s,
            drift_y_um_s=motion.drift_y_um_s + knobs.flow_y_um_s,
        )

    def _scale_at(self, temperature_c: float | None) -> float:
        """Product of diameter and diffusion coefficient; 0.01 °C is 0.02 % of it, so that is as fine as it goes."""
        conditions = self.scenario.conditions
        celsius = conditions.known_temperature_c() if temperature_c is None else temperature_c
        key = round(celsius, 2)
        if key not in self._scales:
            viscosity = replace(conditions, temperature_c=key).viscosity_pa_s()
            self._scales[key] = stokes_einstein_nm_um2_s(key, viscosity)
        return self._scales[key]
