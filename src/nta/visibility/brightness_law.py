"""How bright the particles of this run are for their size: from their light to an index or to a brightness scale.

The light of a track depends on where in the sheet it was, and its diameter is known only roughly; so it is not track by
track that light is compared with size. The mean of ln(light) over all tracked spots is compared with what the inferred
size distribution, the light sheet and the detection curve let expect: both sides hold the same blur. How light grows
with size is a regression on what is expected of ln(diameter) given track and distribution, which the error of a single
track does not flatten (regression calibration: Carroll et al., Measurement Error in Nonlinear Models (2006), ch. 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from nta.columns import FloatArray
from nta.quantity import Z_95
from nta.sized_tracks import SizedTracks
from nta.sizes import approximate_log_likelihood
from nta.visibility.curve import DetectionCurve
from nta.visibility.light import CrossSections, LightSheet
from nta.visibility.table import BrightnessLaw
from nta.visibility.volume import followed_volume, view_of

LIGHT_STD = 0.10
"""Systematic standard uncertainty of a run's mean ln(light): camera gain, exposure, tails of a spot (design choice)."""

_WALKERS, _SEED = 1000, 1
_QUANTILES = 10  # of the size distribution: diameters that stand for it
_ITERATIONS = 30
_CLOSE, _CLOSE_SLOPE = 0.01, 0.02  # of ln(light), and of its slope, to where the law has to come
_CLOSE_ENOUGH = 5.0  # times that, where steps of the simulation leave nothing nearer
_BOLDEST = 1.0  # step of ln(light), and of the slope
_DAMPING = 1e-3  # where the expectation does not follow at all
_SLOPE_STD = 1.0  # believed of the slope before a look at the data: vesicles 1 to 2 below spheres, beads 0
# Index contrast of vesicles (1.40) in water: it gives the law its shape if neither index nor scale is known.
_FAINT_CONTRAST = 0.06


@dataclass(frozen=True, eq=False)
class ObservedLight:
    """What the run shows of light: the mean of ln(light) of tracked spots, its standard error, its slope on ln(d)."""

    mean: float
    std_err: float
    slope: float
    slope_std_err: float


@dataclass(frozen=True, eq=False)
class LightModel:
    """What lets a law's light be expected: the run with its detection curve and light sheet, and cross-sections."""

    sized: SizedTracks
    curve: DetectionCurve
    sheet: LightSheet
    table: CrossSections

    def electrons(self, law: BrightnessLaw, diameter_nm: FloatArray) -> FloatArray:
        """Light of particles in focus in the middle of the sheet."""
        tilt = (diameter_nm / law.anchor_nm) ** law.slope
        return law.scale_e_per_nm2 * self.table.at(diameter_nm, law.refractive_index) * tilt

    def expected(self, law: BrightnessLaw) -> tuple[float, float]:
        """Mean of ln(light) of tracked spots, and its slope on ln(diameter), that the particles in view would show."""
        d = stand_ins(self.sized)
        scale, view = self.sized.scale_nm_um2_s(), view_of(self.sized)
        faintest = float(np.log(self.curve.light_50_e[0]))
        logs = np.empty(d.size)
        for i, (diameter, e) in enumerate(zip(d, self.electrons(law, d), strict=True)):
            seen = followed_volume(
                self.curve, self.sheet, view, float(e), scale / float(diameter), _WALKERS, _SEED
            )
            # a particle too faint to be tracked was tracked all the same: at the threshold
            logs[i] = np.log(e) + seen.mean_log_light if seen.volume_ml > 0 else faintest
        x = np.log(d) - np.log(d).mean()
        slope = float(x @ logs / (x @ x)) if x @ x > 0 else 0.0
        return float(logs.mean()), slope


def brightness_law(model: LightModel, stated_index: float | None) -> BrightnessLaw | None:
    """Find what is not stated: the index with the profile's brightness scale, or the scale with the stated index.

    Where neither is known, the index is taken as that of vesicles, and the scale is this run's. None: no index explains
    the light.
    """
    light = observed_light(model.sized)
    known_scale = _profile_scale(model)
    by_index = stated_index is None and known_scale is not None
    index = stated_index if stated_index is not None else model.table.medium_index + _FAINT_CONTRAST
    anchor = np.exp(np.log(stand_ins(model.sized)).mean(keepdims=True))
    law = BrightnessLaw(
        refractive_index=index,
        medium_index=model.table.medium_index,
        scale_e_per_nm2=known_scale or math.exp(light.mean) / float(model.table.at(anchor, index)[0]),
        index_source="stated" if stated_index is not None else "this run" if by_index else "assumed",
        scale_source="calibrated" if by_index else "this run",
        anchor_nm=float(anchor[0]),
    )
    fitted = _fitted(model, law, light, light.mean, with_slope=stated_index is None)
    if fitted is None or not by_index:
        return fitted
    reach = Z_95 * float(np.hypot(light.std_err, LIGHT_STD))
    low, high = (_fitted(model, fitted, light, light.mean + s, with_slope=False) for s in (-reach, reach))
    return replace(
        fitted,
        index_low=low.refractive_index if low else None,
        index_high=high.refractive_index if high else None,
    )


def stand_ins(sized: SizedTracks) -> FloatArray:
    """Diameters that stand for the particles in view, each for the same share."""
    assert sized.sizes.distribution is not None
    cumulative = np.cumsum(sized.sizes.distribution.weight)
    middle = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    rows = np.searchsorted(cumulative, middle * cumulative[-1]).clip(0, cumulative.size - 1)
    return np.asarray(sized.sizes.distribution.diameter_nm[rows])


def observed_light(sized: SizedTracks) -> ObservedLight:
    """Work out what the used tracks show of light; every track counts by its spots."""
    log_light = np.log(np.maximum(sized.tracks.intensity.astype(np.float64), 1e-3))
    used = sized.used
    points = np.bincount(sized.tracks.track, minlength=used.size).astype(np.float64)[used]
    mean_of_track = np.bincount(sized.tracks.track, log_light, minlength=used.size)[used] / points
    mean = float(np.average(mean_of_track, weights=points))
    x = _expected_log_diameter(sized)
    x = x - np.average(x, weights=points)
    residual = mean_of_track - mean
    power = float((points * x * x).sum())
    slope = float((points * x * residual).sum() / max(power, 1e-12))
    residual = residual - slope * x
    return ObservedLight(
        mean=mean,
        std_err=float(np.sqrt(((points * residual) ** 2).sum()) / points.sum()),
        slope=slope,
        slope_std_err=float(np.sqrt(((points * x * residual) ** 2).sum()) / max(power, 1e-12)),
    )


def _expected_log_diameter(sized: SizedTracks) -> FloatArray:
    """Mean of ln(diameter) of every used track, given its estimate and the distribution in view."""
    distribution = sized.sizes.distribution
    assert distribution is not None
    x = np.log(distribution.diameter_nm)
    log_d = np.log(sized.scale_nm_um2_s()) - x
    d, std_err = (v[sized.used] for v in (sized.diffusion.diffusion_um2_s, sized.diffusion.std_err_um2_s))
    log_likelihood = approximate_log_likelihood(log_d, d, std_err)
    log_likelihood -= log_likelihood.max(axis=1, keepdims=True)
    posterior = np.exp(log_likelihood) * distribution.weight
    return np.asarray(posterior @ x / np.maximum(posterior.sum(axis=1), 1e-30))


def _profile_scale(model: LightModel) -> float | None:
    """Photo-electrons per nm² in one exposure, by the profile."""
    profile = model.sized.profile
    if profile is None or profile.brightness_e_per_ms_nm2 is None:
        return None
    return profile.brightness_e_per_ms_nm2 * model.sheet.exposure_s * 1e3


def _fitted(
    model: LightModel, law: BrightnessLaw, light: ObservedLight, mean: float, *, with_slope: bool
) -> BrightnessLaw | None:
    """Move scale or index, and the slope, until mean and slope of ln(light) are as seen; None where no law comes near.

    Faint particles are missed, so that what is expected moves by less than the law does: how much less is learned on the way
    (Broyden, Math. Comput. 19, 577 (1965)).
    """
    trust = _SLOPE_STD**2 / (_SLOPE_STD**2 + light.slope_std_err**2) if with_slope else 0.0
    if with_slope:
        law = replace(law, slope_std=math.sqrt(trust) * light.slope_std_err)

    def missing(law: BrightnessLaw) -> FloatArray:
        expected, slope = model.expected(law)
        # most probable is the slope at which the data pull as hard as the belief
        pull = trust * (light.slope - slope) - (1 - trust) * law.slope if with_slope else 0.0
        return np.array([(mean - expected) / _CLOSE, pull / _CLOSE_SLOPE])

    unit = np.array([_CLOSE, _CLOSE_SLOPE])
    follows = np.eye(2)  # by how much the expectation follows the law, both in units
    best, still = law, missing(law)
    left = still
    for _ in range(_ITERATIONS):
        if np.abs(left).max() < 1:
            break
        damped = follows.T @ follows + _DAMPING * np.eye(2)
        step = np.clip(np.linalg.solve(damped, follows.T @ still), -_BOLDEST / unit, _BOLDEST / unit)
        if not step.any():
            break
        moved = _brighter(model, law, float(step[0] * _CLOSE))
        if moved is None:
            return None
        law = replace(moved, slope=float(np.clip(law.slope + step[1] * _CLOSE_SLOPE, -3, 3)))
        now = missing(law)
        follows += np.outer(still - now - follows @ step, step) / (step @ step)
        still = now
        if np.abs(now).max() < np.abs(left).max():
            best, left = law, now
    return best if np.abs(left).max() < _CLOSE_ENOUGH else None


def _brighter(model: LightModel, law: BrightnessLaw, by: float) -> BrightnessLaw | None:
    """Return the law with exp(by) times the light: by its scale where that is the run's own, else by its index."""
    if law.scale_source == "this run":
        return replace(law, scale_e_per_nm2=law.scale_e_per_nm2 * float(np.exp(by)))
    at = np.array([law.anchor_nm])
    wanted = np.log(model.table.at(at, law.refractive_index)) + by
    contrast = model.table.contrast(at, wanted)[0]
    first, last = (i - model.table.medium_index for i in model.table.index[[0, -1]])
    if not 1.01 * first < contrast < 0.99 * last:
        return None
    return replace(law, refractive_index=model.table.medium_index + float(contrast))
