"""The simulated cell for interactive use: frame by frame, with adjustable conditions, for any time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nta.frames import Image
from nta.physics import stokes_einstein_nm_um2_s
from nta.simulation.cell import Cell
from nta.simulation.images import Images, Lighting, images_of
from nta.simulation.motion import Exposure
from nta.simulation.noise import Reading, expose, frame_state, tables
from nta.simulation.optics import Picture, point_spread
from nta.simulation.scenario import Scenario
from nta.simulation.scene import Scene, StuckParticles


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """Adjustable conditions during one frame.

    light : laser power relative to the scenario's; scales the light of particles and background.
    temperature_c : temperature of the liquid; None: the scenario's. Does not affect brightness.
    flow_x_um_s, flow_y_um_s : flow added to the scenario's drift.
    focus_um : shift of the focal plane, added to the scenario's.
    """

    light: float = 1.0
    temperature_c: float | None = None
    flow_x_um_s: float = 0.0
    flow_y_um_s: float = 0.0
    focus_um: float = 0.0


@dataclass(frozen=True, eq=False)
class View:
    """One exposure before the camera: expected electrons per pixel, with and without particles, and the images in it.

    The arrays of the pictures are reused for the next view.
    """

    index: int
    picture: Picture
    empty: Picture
    images: Images
    exposure: Exposure


class LiveCell:
    """Particles, optics and camera of a scenario; runs beyond the scenario's `n_frames`."""

    def __init__(self, scenario: Scenario) -> None:
        seed, camera = scenario.seed, scenario.camera
        light = scenario.collection()
        self.scenario = scenario
        # separate random streams: the number of hot pixels affects neither paths nor noise
        motion, stuck, scene, jitter = (np.random.default_rng([seed, i]) for i in (0, 2, 3, 4))
        self._cell = Cell(scenario, light, motion)
        self._stuck = StuckParticles(scenario, light, stuck)
        self._scene = Scene(scenario, scene)
        self._jitter = jitter
        # knobs and drift may move the focus; no particle is visible at twice the depth of the cell
        self.spread = point_spread(scenario.optics, light.medium_index, 2 * self._cell.depth_um)
        self._picture = np.empty((camera.height_px, camera.width_px), dtype=np.float32)
        self._empty = np.empty_like(self._picture)
        self._index = 0
        self._scales: dict[float, float] = {}

    def view(self, knobs: Knobs = Knobs()) -> View:
        """Expose the next frame and return the light on the camera."""
        scenario = self.scenario
        index = self._index
        start_s = index * scenario.camera.interval_s
        exposure, jitter = self._pass(knobs)
        lighting = Lighting(max(knobs.light, 1e-12), scenario.optics.focus_offset_um + knobs.focus_um)
        images = images_of(exposure, scenario, self.spread.width_um, lighting, start_s, jitter)
        self._scene.fill(self._empty, start_s + scenario.camera.exposure_s / 2, knobs.light)
        np.copyto(self._picture, self._empty)
        self.spread.add(self._picture, images)
        return View(index, self._picture, self._empty, images, exposure)

    def frame(self, knobs: Knobs = Knobs(), stray_e: NDArray[np.float32] | None = None) -> Image:
        """Return the image of the next frame; `stray_e` is light from elsewhere, in electrons per pixel."""
        view = self.view(knobs)
        if stray_e is not None:
            view.picture[:] += stray_e
        return developed(view, self.scenario)

    def skip(self, knobs: Knobs = Knobs()) -> None:
        """Advance by one frame interval without making a picture."""
        self._pass(knobs)

    def _pass(self, knobs: Knobs) -> tuple[Exposure, NDArray[np.float64]]:
        self._cell.turn(self._scale_at(knobs.temperature_c), knobs.flow_y_um_s, knobs.flow_x_um_s)
        self._index += 1
        return self._stuck.joined(self._cell.expose()), self._jitter.standard_normal(2)

    def _scale_at(self, temperature_c: float | None) -> float | None:
        """Product of diameter and diffusion coefficient; the temperature is rounded to 0.01 °C, 0.02 % of the product."""
        if temperature_c is None:
            return None
        key = round(temperature_c, 2)
        if key not in self._scales:
            viscosity = replace(self.scenario.conditions, temperature_c=key).viscosity_pa_s()
            self._scales[key] = stokes_einstein_nm_um2_s(key, viscosity)
        return self._scales[key]


def developed(view: View, scenario: Scenario) -> Image:
    """Return the grey values of a view: noise, gain, offset, converter."""
    camera = scenario.camera
    image = np.empty(view.picture.shape, dtype=np.uint8 if camera.bit_depth <= 8 else np.uint16)
    reading = Reading(
        camera.read_noise_e,
        np.inf if camera.full_well_e is None else camera.full_well_e,
        camera.gain_e_per_adu,
        camera.offset_adu,
        float(camera.full_scale_adu),
    )
    expose(view.picture, tables(), frame_state(scenario.seed, view.index), reading, image)
    return image
