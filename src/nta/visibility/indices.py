"""Effective refractive index of each track: that of a homogeneous sphere of the track's diameter and light.

The index of a single track is uncertain: with contrast c = n - n_medium, sigma_n = c sqrt((3 sigma_d/d)² +
(sigma_I / 2I)²) for small spheres, so that a track of 30 steps knows its index to about half the contrast of a vesicle.
"""

from __future__ import annotations

import numpy as np

from nta.calibration import InstrumentProfile, SampleConditions
from nta.columns import FloatArray
from nta.quantity import Z_95
from nta.scattering import sphere_cross_section_nm2
from nta.visibility.brightness_law import LightModel, observed_light
from nta.visibility.light import collection
from nta.visibility.table import BrightnessLaw, TrackIndices, Visibility

# Standard deviation of ln(light of a track) by its depth in the sheet (design choice; 1/e² sheet, tracked spots).
_TRACK_LIGHT_STD = 0.4


def track_indices(model: LightModel, law: BrightnessLaw) -> TrackIndices | None:
    """Solve scale * cross-section(d, n) = light for n; None if the brightness scale is not known."""
    sized, table = model.sized, model.table
    if law.scale_source != "calibrated" and law.index_source != "stated":
        return None
    d, light = sized.sizes.tracks.diameter_nm, sized.diffusion.intensity.astype(np.float64)
    known = sized.used & np.isfinite(d) & (light > 0)
    depth = float(np.log(model.electrons(law, np.array([law.anchor_nm]))[0]) - observed_light(sized).mean)
    log_nm2 = np.log(np.where(known, light, 1.0)) + depth - np.log(law.scale_e_per_nm2)
    contrast = np.where(known, table.contrast(np.where(known, d, 100.0), log_nm2), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        rel_d = sized.diffusion.std_err_um2_s / sized.diffusion.diffusion_um2_s
    factor = np.exp(Z_95 * np.hypot(3 * np.where(known, rel_d, np.nan), _TRACK_LIGHT_STD / 2))
    medium = table.medium_index
    return TrackIndices(
        refractive_index=medium + contrast,
        low=medium + contrast / factor,
        high=medium + contrast * factor,
        depth_log_light=-depth,
    )


def light_of_spheres(
    seen: Visibility,
    conditions: SampleConditions,
    profile: InstrumentProfile | None,
    diameter_nm: FloatArray,
    index: float,
) -> FloatArray:
    """Return the light of spheres of one index at the mean depth of the tracked particles; NaN if not known."""
    light = collection(profile, conditions)
    if light is None or seen.law is None or seen.indices is None:
        return np.full(diameter_nm.shape, np.nan)
    sigma = sphere_cross_section_nm2(diameter_nm, index, light)
    return np.asarray(seen.law.scale_e_per_nm2 * np.exp(seen.indices.depth_log_light) * sigma)
