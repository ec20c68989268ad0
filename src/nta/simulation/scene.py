"""Everything on the picture besides free particles: background, hot pixels, particles stuck to a wall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nta.scattering import Collection
from nta.simulation.motion import Exposure
from nta.simulation.populations import Drawn, Population
from nta.simulation.scenario import Scenario


class Scene:
    """Background and hot pixels."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        camera, background, defects = scenario.camera, scenario.background, scenario.defects
        self._background = background
        y = np.linspace(-0.5, 0.5, camera.height_px)[:, None]
        x = np.linspace(-0.5, 0.5, camera.width_px)[None, :]
        level = background.level_e * (1 + background.gradient_y * y + background.gradient_x * x)
        self._level = level.astype(np.float32)
        self._hot = rng.choice(camera.width_px * camera.height_px, size=defects.hot_pixels, replace=False)
        self._hot_e = (defects.hot_pixel_e * (0.5 + rng.random(defects.hot_pixels))).astype(np.float32)

    def fill(self, empty: NDArray[np.float32], time_s: float, power: float = 1.0) -> None:
        """Fill in the expected electrons without particles; laser power scales the background but not hot pixels."""
        change = self._background
        factor = power * (1 + change.slow_change * np.sin(2 * np.pi * time_s / change.slow_period_s))
        np.multiply(self._level, np.float32(factor * np.exp(-change.fading_per_s * time_s)), out=empty)
        empty.reshape(-1)[self._hot] += self._hot_e


class StuckParticles:
    """Particles stuck to a wall: listed before the moving ones, with identities below zero."""

    def __init__(self, scenario: Scenario, light: Collection, rng: np.random.Generator) -> None:
        defects, camera = scenario.defects, scenario.camera
        count = defects.stuck_particles
        size = np.array([camera.height_px, camera.width_px]) * scenario.optics.pixel_size_um
        place = np.column_stack([np.full(count, defects.stuck_depth_um), rng.random((count, 2)) * size])
        diameters = np.full(count, defects.stuck_diameter_nm)
        population = Population(
            name="dirt", diameter_nm=defects.stuck_diameter_nm, material=defects.stuck_material
        )
        index = population.index(light)
        pieces = scenario.motion.blur_steps
        self._exposure = Exposure(
            particle=np.arange(-count, 0),
            drawn=Drawn(
                np.full(count, -1, np.int16),
                diameters,
                np.full(count, index),
                population.cross_section_nm2(diameters, index, light),
            ),
            diffusion_um2_s=np.zeros(count),
            mean_um=np.repeat(place[:, None, :], pieces, axis=1),
            spread_um2=np.zeros((count, pieces, 2)),
            middle_um=place,
        )

    def joined(self, moving: Exposure) -> Exposure:
        """Return stuck and moving particles together."""
        stuck = self._exposure
        if stuck.particle.size == 0:
            return moving
        both = {
            name: np.concatenate([getattr(stuck, name), getattr(moving, name)])
            for name in ("particle", "diffusion_um2_s", "mean_um", "spread_um2", "middle_um")
        }
        return Exposure(drawn=stuck.drawn.followed_by(moving.drawn), **both)
