"""Images of the particles in one exposure: light, position, depth and blur, before the point spread function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.simulation.motion import Exposure, vibration_um
from nta.simulation.scenario import Scenario

_FAINTEST_E = 0.05  # images of fewer electrons have no measurable effect


@dataclass(frozen=True, eq=False)
class Images:
    """Light of the particles that may be visible in one frame; arrays are (particles, pieces of the exposure) unless stated.

    particle : (particles,). middle_um : (particles, 3), (z, y, x) in the image at mid-exposure, with shift of the picture.
    y_px, x_px : mean position in each piece. spread_*_px2 : variance of the path within the piece.
    depth_um : distance from focus. electrons : expected electrons of the whole image.
    """

    particle: NDArray[np.int64]
    middle_um: FloatArray
    y_px: FloatArray
    x_px: FloatArray
    spread_y_px2: FloatArray
    spread_x_px2: FloatArray
    depth_um: FloatArray
    psf_width_px: FloatArray
    electrons: FloatArray

    def __len__(self) -> int:
        return int(self.particle.size)


@dataclass(frozen=True)
class Lighting:
    """Laser and focus during one exposure: relative power, and distance of the focal plane from the middle of the sheet."""

    power: float
    focus_um: float


def images_of(
    exposure: Exposure,
    scenario: Scenario,
    width_um: Callable[[FloatArray], FloatArray],
    lighting: Lighting,
    start_s: float,
    jitter: FloatArray,
) -> Images:
    """Return the images of all particles with light on the frame.

    width_um : width of a spot by its distance from focus. start_s : time at which the shutter opens.
    jitter : (y, x) of this frame, standard normal.
    """
    camera, motion, pixel = scenario.camera, scenario.motion, scenario.optics.pixel_size_um
    pieces = exposure.mean_um.shape[1]
    depth = exposure.mean_um[:, :, 0] - lighting.focus_um
    electrons = lighting.power * _light(exposure, scenario)
    width = width_um(depth)
    seen = _touching(exposure.mean_um, width, electrons, scenario)
    times = start_s + (np.arange(pieces) + 0.5) / pieces * camera.exposure_s
    place = (exposure.mean_um[seen, :, 1:] + vibration_um(motion, times, jitter)) / pixel
    spread_px2 = exposure.spread_um2[seen] / pixel**2
    middle = exposure.middle_um[seen].copy()
    middle[:, 1:] += vibration_um(motion, np.array([start_s + camera.exposure_s / 2]), jitter)
    return Images(
        particle=exposure.particle[seen],
        middle_um=middle,
        y_px=np.ascontiguousarray(place[:, :, 0]),
        x_px=np.ascontiguousarray(place[:, :, 1]),
        spread_y_px2=spread_px2[:, :, 0],
        spread_x_px2=spread_px2[:, :, 1],
        depth_um=depth[seen],
        psf_width_px=width[seen] / pixel,
        electrons=electrons[seen],
    )


def _light(exposure: Exposure, scenario: Scenario) -> FloatArray:
    """Photo-electrons in each piece of the exposure: cross-section times the sheet's intensity at the particle."""
    optics, camera = scenario.optics, scenario.camera
    per_nm2 = optics.brightness_e_per_ms_nm2 * camera.exposure_s * 1e3 / exposure.mean_um.shape[1]
    sheet = np.exp(-2 * (exposure.mean_um[:, :, 0] / optics.sheet_width_um) ** 2)
    if optics.beam_waist_um is not None:
        middle_row_um = (camera.height_px - 1) / 2 * optics.pixel_size_um
        sheet *= np.exp(-2 * ((exposure.mean_um[:, :, 1] - middle_row_um) / optics.beam_waist_um) ** 2)
    light: FloatArray = per_nm2 * exposure.drawn.cross_section_nm2[:, None] * sheet
    return light


def _touching(
    mean_um: FloatArray, width_um: FloatArray, electrons: FloatArray, scenario: Scenario
) -> NDArray[np.bool_]:
    """Whether each particle has light on the frame."""
    camera, pixel, motion = scenario.camera, scenario.optics.pixel_size_um, scenario.motion
    widths = 5 if scenario.optics.psf == "gaussian" else 20  # rings reach far
    reach = widths * width_um.max(axis=1) + 2 * pixel + motion.vibration_um + 6 * motion.jitter_um
    y, x = mean_um[:, :, 1], mean_um[:, :, 2]
    touching: NDArray[np.bool_] = (
        (electrons.sum(axis=1) > _FAINTEST_E)
        & (y.max(axis=1) > -reach)
        & (y.min(axis=1) < camera.height_px * pixel + reach)
        & (x.max(axis=1) > -reach)
        & (x.min(axis=1) < camera.width_px * pixel + reach)
    )
    return touching
