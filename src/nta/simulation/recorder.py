"""The truth of a scenario, recorded while its particles are followed through noise-free pictures."""

from __future__ import annotations

import numpy as np

from nta.simulation.live import LiveCell, View
from nta.simulation.motion import Exposure
from nta.simulation.scenario import Scenario
from nta.simulation.scenario_files import scenario_to_toml
from nta.simulation.truth import TrueParticles, TrueSpots, Truth


def record_truth(scenario: Scenario) -> Truth:
    """Follow all frames of the scenario."""
    cell = LiveCell(scenario)
    parts: list[TrueSpots] = []
    particles = _Particles()
    for _ in range(scenario.n_frames):
        view = cell.view()
        spots = _spots(view, cell)
        particles.note(spots, view.exposure)
        parts.append(spots)
    spots = TrueSpots.concatenate(parts)
    return Truth(
        spots=spots,
        particles=particles.table(spots),
        populations=tuple(p.name for p in scenario.populations),
        concentration_per_ml=scenario.concentration_per_ml,
        number_in_view=scenario.number_in_view,
        view_volume_ml=scenario.view_volume_ml,
        scenario_toml=scenario_to_toml(scenario),
    )


def _spots(view: View, cell: LiveCell) -> TrueSpots:
    """Return the rows of one frame: images with their centre on the picture and bright enough to be listed."""
    scenario, images = cell.scenario, view.images
    height, width = view.picture.shape
    snr, crlb = cell.spread.visibility(view.picture, view.empty, scenario.camera.read_noise_e, images)
    total = images.electrons.sum(axis=1)
    weight = images.electrons / total[:, None]
    y, x = (weight * images.y_px).sum(axis=1), (weight * images.x_px).sum(axis=1)
    core = (weight * images.psf_width_px**2).sum(axis=1)
    path_y = (weight * (images.spread_y_px2 + (images.y_px - y[:, None]) ** 2)).sum(axis=1)
    path_x = (weight * (images.spread_x_px2 + (images.x_px - x[:, None]) ** 2)).sum(axis=1)
    on_picture = (y >= -0.5) & (y < height - 0.5) & (x >= -0.5) & (x < width - 0.5)
    spots = TrueSpots(
        frame=np.full(len(images), view.index),
        particle=images.particle,
        y_px=y,
        x_px=x,
        z_um=images.middle_um[:, 0],
        y_um=images.middle_um[:, 1],
        x_um=images.middle_um[:, 2],
        electrons=total,
        psf_width_px=np.sqrt(core),
        width_px=np.sqrt(core + (path_y + path_x) / 2),
        snr=snr,
        crlb_px=crlb,
    )
    return spots.select(on_picture & (snr >= scenario.truth_min_snr))


class _Particles:
    """Properties of every listed particle."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[float, ...]] = {}

    def note(self, spots: TrueSpots, exposure: Exposure) -> None:
        """Add particles that are new."""
        drawn = exposure.drawn
        for row in np.searchsorted(exposure.particle, spots.particle):
            identity = int(exposure.particle[row])
            if identity not in self._rows:
                self._rows[identity] = (
                    drawn.population[row],
                    drawn.diameter_nm[row],
                    exposure.diffusion_um2_s[row],
                    drawn.refractive_index[row],
                    drawn.cross_section_nm2[row],
                )

    def table(self, spots: TrueSpots) -> TrueParticles:
        """Return the particles sorted by identity."""
        identity = np.array(sorted(self._rows), dtype=np.int64)
        rows = np.searchsorted(identity, spots.particle)
        best = np.zeros(identity.size)
        np.maximum.at(best, rows, spots.snr)
        table = np.array([self._rows[int(i)] for i in identity], dtype=np.float64).reshape(identity.size, 5)
        return TrueParticles(
            particle=identity,
            population=table[:, 0].astype(np.int16),
            diameter_nm=table[:, 1],
            diffusion_um2_s=table[:, 2],
            refractive_index=table[:, 3],
            cross_section_nm2=table[:, 4],
            n_frames=np.bincount(rows, minlength=identity.size).astype(np.int32),
            max_snr=best,
        )
