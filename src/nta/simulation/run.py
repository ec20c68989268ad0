"""From a scenario to frames and truth: a recording that was never recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.frames import CameraState, Frame, RecordingReport
from nta.simulation.motion import Cell, Exposure, vibration_um
from nta.simulation.populations import Drawn, Population
from nta.simulation.scenario import Scenario
from nta.simulation.scenario_files import load_scenario, scenario_to_toml
from nta.simulation.truth import TrueParticles, TrueSpots, Truth

_FAINTEST_E = 0.05  # an image of fewer electrons changes nothing that can be measured


def simulate(
    scenario: Scenario | str | Path, *, seed: int | None = None, n_frames: int | None = None
) -> Simulation:
    """Simulate a scenario, given itself, by name or as a TOML file; nothing is computed before it is asked for.

    Parameters
    ----------
    seed, n_frames
        Instead of the scenario's own.

    Raises
    ------
    SettingError
        The scenario is unknown or impossible.
    """
    chosen = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    if n_frames is not None:
        chosen = replace(chosen, n_frames=n_frames)
    return Simulation(chosen)


class Simulation:
    """A simulated recording: a `FrameSource`, and the truth.

    `frames()` may be called again and gives the same frames, bit for bit; it keeps nothing, so a recording may be as long
    as one likes. `truth` follows the same particles without making pictures of them noisy, once, and is kept.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._report = RecordingReport(claimed_frames=scenario.n_frames)
        self._truth: Truth | None = None

    @property
    def name(self) -> str:
        """Name of the scenario."""
        return self.scenario.name

    @property
    def camera(self) -> CameraState:
        """What the simulated camera was set to."""
        return self.scenario.camera_state()

    @property
    def metadata(self) -> dict[str, Any]:
        """Conditions and origin, as a recording would carry them."""
        sample = self.scenario.sample
        known = {
            "temperature_c": sample.temperature_c,
            "medium": sample.medium,
            "viscosity_mpas": sample.viscosity_mpas,
            "dilution": sample.dilution,
            "sample": self.scenario.description or self.scenario.name,
            "simulated": True,
            "seed": self.scenario.seed,
            "wavelength_nm": self.scenario.optics.wavelength_nm,
            "numerical_aperture": self.scenario.optics.numerical_aperture,
            "scenario_toml": scenario_to_toml(self.scenario),
        }
        return {key: value for key, value in known.items() if value is not None}

    @property
    def report(self) -> RecordingReport:
        """Count of frames; complete once `frames` is exhausted."""
        return self._report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def frames(self) -> Iterator[Frame]:
        """Yield the frames, made one by one."""
        from nta.simulation.noise import expose, frame_state, tables

        camera = self.scenario.camera
        lookup = tables()
        full_well = np.inf if camera.full_well_e is None else camera.full_well_e
        dtype = np.uint8 if camera.bit_depth <= 8 else np.uint16
        found = 0
        for index, (_, picture, _, _) in enumerate(self._pictures()):
            image = np.empty(picture.shape, dtype=dtype)
            expose(
                picture,
                *lookup,
                np.uint64(frame_state(self.scenario.seed, index)),
                camera.read_noise_e,
                full_well,
                camera.gain_e_per_adu,
                camera.offset_adu,
                float(camera.full_scale_adu),
                image,
            )
            found += 1
            self._report = RecordingReport(claimed_frames=self.scenario.n_frames, found_frames=found)
            yield Frame(image, index, index / camera.frame_rate_hz)

    def expected_frames(self) -> Iterator[NDArray[np.float32]]:
        """Yield the noise-free pictures: expected electrons per pixel. The array is used again for the next."""
        for _, picture, _, _ in self._pictures():
            yield picture

    @property
    def truth(self) -> Truth:
        """What the frames show."""
        if self._truth is None:
            self._truth = self._find_truth()
        return self._truth

    def _pictures(self) -> Iterator[tuple[_Images, NDArray[np.float32], NDArray[np.float32], Exposure]]:
        """Yield the images of all particles, the noise-free picture, the same without particles, and where all were."""
        from nta.simulation.render import add_gaussians

        scenario = self.scenario
        still = _StillParticles(scenario, np.random.default_rng([scenario.seed, 2]))
        cell = Cell(scenario, np.random.default_rng([scenario.seed, 0]))
        scene = _Scene(scenario, np.random.default_rng([scenario.seed, 3]))
        jitter = np.random.default_rng([scenario.seed, 4])
        empty = np.empty((scenario.camera.height_px, scenario.camera.width_px), dtype=np.float32)
        picture = np.empty_like(empty)
        for index in range(scenario.n_frames):
            start_s = index * scenario.camera.interval_s
            exposure = still.joined(cell.expose())
            images = _Images.of(exposure, scenario, scene.medium_index, start_s, jitter.standard_normal(2))
            scene.fill(empty, start_s + scenario.camera.exposure_s / 2)
            picture[:] = empty
            add_gaussians(
                picture, images.y_px, images.x_px, images.width_y_px, images.width_x_px, images.electrons
            )
            yield images, picture, empty, exposure

    def _find_truth(self) -> Truth:
        scenario = self.scenario
        parts: list[TrueSpots] = []
        particles: dict[int, tuple[float, ...]] = {}
        for index, (images, picture, empty, exposure) in enumerate(self._pictures()):
            spots = images.spots(index, picture, empty, scenario)
            parts.append(spots)
            rows = np.searchsorted(exposure.particle, spots.particle)
            for row in rows:
                identity = int(exposure.particle[row])
                if identity not in particles:
                    drawn = exposure.drawn
                    particles[identity] = (
                        drawn.population[row],
                        drawn.diameter_nm[row],
                        exposure.diffusion_um2_s[row],
                        drawn.refractive_index[row],
                        drawn.cross_section_nm2[row],
                    )
        all_spots = TrueSpots.concatenate(parts)
        return Truth(
            spots=all_spots,
            particles=_particles(particles, all_spots),
            populations=tuple(p.name for p in scenario.populations),
            concentration_per_ml=scenario.concentration_per_ml,
            number_in_view=scenario.number_in_view,
            view_volume_ml=scenario.view_volume_ml,
            scenario_toml=scenario_to_toml(scenario),
        )


@dataclass(frozen=True, eq=False)
class _Images:
    """Light of the particles that could be seen in one frame: (particles, pieces of the exposure)."""

    particle: NDArray[np.int64]
    y_px: FloatArray
    x_px: FloatArray
    width_y_px: FloatArray
    width_x_px: FloatArray
    psf_width_px: FloatArray
    electrons: FloatArray
    middle_um: FloatArray  # (particles, 3), shift of the picture included

    @classmethod
    def of(
        cls, exposure: Exposure, scenario: Scenario, medium_index: float, start_s: float, jitter: FloatArray
    ) -> _Images:
        """Return what the objective sees of the particles."""
        optics, camera, motion = scenario.optics, scenario.camera, scenario.motion
        pixel = optics.pixel_size_um
        pieces = exposure.mean_um.shape[1]
        times = start_s + (np.arange(pieces) + 0.5) / pieces * camera.exposure_s
        shift = vibration_um(motion, times, jitter)
        z = exposure.mean_um[:, :, 0]
        light = optics.brightness_e_per_ms_nm2 * camera.exposure_s * 1e3 / pieces
        sheet = np.exp(-2 * (z / optics.sheet_width_um) ** 2)
        if optics.beam_waist_um is not None:
            middle_row_um = (camera.height_px - 1) / 2 * pixel
            sheet *= np.exp(-2 * ((exposure.mean_um[:, :, 1] - middle_row_um) / optics.beam_waist_um) ** 2)
        electrons = light * exposure.drawn.cross_section_nm2[:, None] * sheet
        focus = (z - optics.focus_offset_um) / optics.rayleigh_um(medium_index)
        width = optics.in_focus_width_um * np.sqrt(1 + focus**2)
        seen = _touching(exposure.mean_um, width, electrons, scenario)
        place = (exposure.mean_um[seen, :, 1:] + shift) / pixel
        spread = exposure.spread_um2[seen]
        middle = exposure.middle_um[seen].copy()
        middle[:, 1:] += vibration_um(motion, np.array([start_s + camera.exposure_s / 2]), jitter)
        return cls(
            particle=exposure.particle[seen],
            y_px=np.ascontiguousarray(place[:, :, 0]),
            x_px=np.ascontiguousarray(place[:, :, 1]),
            width_y_px=np.sqrt(width[seen] ** 2 + spread[:, :, 0]) / pixel,
            width_x_px=np.sqrt(width[seen] ** 2 + spread[:, :, 1]) / pixel,
            psf_width_px=width[seen] / pixel,
            electrons=electrons[seen],
            middle_um=middle,
        )

    def spots(
        self, index: int, picture: NDArray[np.float32], empty: NDArray[np.float32], scenario: Scenario
    ) -> TrueSpots:
        """Return the rows of the truth for this frame."""
        from nta.simulation.render import gaussian_visibility

        snr, crlb = np.empty(self.particle.size), np.empty(self.particle.size)
        gaussian_visibility(
            picture,
            empty,
            scenario.camera.read_noise_e,
            self.y_px,
            self.x_px,
            self.width_y_px,
            self.width_x_px,
            self.electrons,
            snr,
            crlb,
        )
        total = self.electrons.sum(axis=1)
        weight = self.electrons / total[:, None]
        y, x = (weight * self.y_px).sum(axis=1), (weight * self.x_px).sum(axis=1)
        variance = (
            weight
            * (
                self.width_y_px**2
                + self.width_x_px**2
                + (self.y_px - y[:, None]) ** 2
                + (self.x_px - x[:, None]) ** 2
            )
        ).sum(axis=1) / 2
        inside = (y >= -0.5) & (y < picture.shape[0] - 0.5) & (x >= -0.5) & (x < picture.shape[1] - 0.5)
        spots = TrueSpots(
            frame=np.full(y.size, index),
            particle=self.particle,
            y_px=y,
            x_px=x,
            z_um=self.middle_um[:, 0],
            y_um=self.middle_um[:, 1],
            x_um=self.middle_um[:, 2],
            electrons=total,
            psf_width_px=np.sqrt((weight * self.psf_width_px**2).sum(axis=1)),
            width_px=np.sqrt(variance),
            snr=snr,
            crlb_px=crlb,
        )
        return spots.select(inside & (snr >= scenario.truth_min_snr))


def _touching(
    mean_um: FloatArray, width_um: FloatArray, electrons: FloatArray, scenario: Scenario
) -> NDArray[np.bool_]:
    """Which particles leave light on the frame."""
    camera, pixel = scenario.camera, scenario.optics.pixel_size_um
    reach = (
        5 * width_um.max(axis=1) + 2 * pixel + scenario.motion.vibration_um + 6 * scenario.motion.jitter_um
    )
    y, x = mean_um[:, :, 1], mean_um[:, :, 2]
    touching: NDArray[np.bool_] = (
        (electrons.sum(axis=1) > _FAINTEST_E)
        & (y.max(axis=1) > -reach)
        & (y.min(axis=1) < camera.height_px * pixel + reach)
        & (x.max(axis=1) > -reach)
        & (x.min(axis=1) < camera.width_px * pixel + reach)
    )
    return touching


class _StillParticles:
    """Particles stuck to a wall: put in front of the moving ones, with identities below zero."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        defects, camera = scenario.defects, scenario.camera
        count = defects.stuck_particles
        size = np.array([camera.height_px, camera.width_px]) * scenario.optics.pixel_size_um
        place = np.column_stack([np.full(count, defects.stuck_depth_um), rng.random((count, 2)) * size])
        population = Population(
            name="stuck", diameter_nm=defects.stuck_diameter_nm, material=defects.stuck_material
        )
        light = scenario.collection()
        index = population.index(light)
        sigma = population.cross_section_nm2(np.full(count, defects.stuck_diameter_nm), index, light)
        pieces = scenario.motion.blur_steps
        self._exposure = Exposure(
            particle=np.arange(-count, 0),
            drawn=Drawn(
                np.full(count, -1, np.int16),
                np.full(count, defects.stuck_diameter_nm),
                np.full(count, index),
                sigma,
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
        names = ("population", "diameter_nm", "refractive_index", "cross_section_nm2")
        drawn = Drawn(*(np.concatenate([getattr(stuck.drawn, n), getattr(moving.drawn, n)]) for n in names))
        both = {
            n: np.concatenate([getattr(stuck, n), getattr(moving, n)])
            for n in ("particle", "diffusion_um2_s", "mean_um", "spread_um2", "middle_um")
        }
        return Exposure(drawn=drawn, **both)


class _Scene:
    """What is on the picture without particles: background and hot pixels."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        camera, background, defects = scenario.camera, scenario.background, scenario.defects
        self.medium_index = scenario.collection().medium_index
        self._background = background
        y = np.linspace(-0.5, 0.5, camera.height_px)[:, None]
        x = np.linspace(-0.5, 0.5, camera.width_px)[None, :]
        self._level = (
            background.level_e * (1 + background.gradient_y * y + background.gradient_x * x)
        ).astype(np.float32)
        self._hot = rng.choice(camera.width_px * camera.height_px, size=defects.hot_pixels, replace=False)
        self._hot_e = (defects.hot_pixel_e * (0.5 + rng.random(defects.hot_pixels))).astype(np.float32)

    def fill(self, empty: NDArray[np.float32], time_s: float) -> None:
        """Fill in the expected electrons of the picture without particles."""
        change = self._background
        factor = 1 + change.slow_change * np.sin(2 * np.pi * time_s / change.slow_period_s)
        np.multiply(self._level, np.float32(factor * np.exp(-change.fading_per_s * time_s)), out=empty)
        empty.reshape(-1)[self._hot] += self._hot_e


def _particles(known: dict[int, tuple[float, ...]], spots: TrueSpots) -> TrueParticles:
    identity = np.array(sorted(known), dtype=np.int64)
    rows = np.searchsorted(identity, spots.particle)
    best = np.zeros(identity.size)
    np.maximum.at(best, rows, spots.snr)
    table = np.array([known[int(i)] for i in identity], dtype=np.float64).reshape(identity.size, 5)
    return TrueParticles(
        particle=identity,
        population=table[:, 0],
        diameter_nm=table[:, 1],
        diffusion_um2_s=table[:, 2],
        refractive_index=table[:, 3],
        cross_section_nm2=table[:, 4],
        n_frames=np.bincount(rows, minlength=identity.size),
        max_snr=best,
    )
