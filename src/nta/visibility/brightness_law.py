"""Brightness of particles as a function of size: from their light to a refractive index or a brightness scale.

The light of a track depends on its depth in the sheet, and its diameter is known only roughly; therefore light and size are
not compared track by track. The mean of ln(light) over all tracked spots is compared with its prediction from the inferred
size distribution, the light sheet and the detection curve: both contain the same blur. The growth of light with size is a
regression on the posterior mean of ln(diameter) of each track, which the error of single tracks does not flatten
(regression calibration: Carroll et al., Measurement Error in Nonlinear Models (2006), ch. 4).
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
"""Systematic standard uncertainty of the mean ln(light) of a recording: gain, exposure, tails of spots (design choice)."""

_WALKERS, _SEED = 1000, 1
_STAND_INS = 12  # most diameters that represent the size distribution
_LEAST_SHARE = 1e-3  # smallest share of the particles in view that has a diameter of its own among them
_ITERATIONS = 30
_CLOSE, _CLOSE_SLOPE = 0.01, 0.02  # tolerances of ln(light) and of its slope
_CLOSE_ENOUGH = 5.0  # tolerances within which the best law is accepted, since the simulation changes in steps
_BOLDEST = 1.0  # largest change of ln(light) and of the slope in one iteration
_DAMPING = 1e-3  # keeps the solution finite if the prediction does not respond at all
_SLOPES = (-7.0, 3.0)  # membrane dye, whose light grows as d², lies at -4, as do mixtures of materials
_SLOPE_STD = 1.0  # prior standard deviation of the slope: vesicles lie 1 to 2 below spheres, beads at 0
# Index contrast of vesicles (1.40) in water: it gives the law its shape if neither index nor scale is known.
_FAINT_CONTRAST = 0.06


@dataclass(frozen=True, eq=False)
class ObservedLight:
    """Observed light: mean of ln(light) of tracked spots with its standard error, and its slope on ln(diameter)."""

    mean: float
    std_err: float
    slope: float
    slope_std_err: float


@dataclass(frozen=True, eq=False)
class LightModel:
    """Everything needed to predict the light under a brightness law: the recording, its optics and cross-sections."""

    sized: SizedTracks
    curve: DetectionCurve
    sheet: LightSheet
    table: CrossSections

    def electrons(self, law: BrightnessLaw, diameter_nm: FloatArray) -> FloatArray:
        """Light of particles in focus in the middle of the sheet."""
        tilt = (diameter_nm / law.anchor_nm) ** law.slope
        return law.scale_e_per_nm2 * self.table.at(diameter_nm, law.refractive_index) * tilt

    def expected(self, law: BrightnessLaw) -> tuple[float, float]:
        """Return the predicted mean of ln(light) of tracked spots of particles in view, and its slope on ln(diameter)."""
        d, share = stand_ins(self.sized)
        scale, view = self.sized.scale_nm_um2_s(), view_of(self.sized)
        faintest = float(np.log(self.curve.light_50_e[0]))
        logs = np.empty(d.size)
        for i, (diameter, e) in enumerate(zip(d, self.electrons(law, d), strict=True)):
            seen = followed_volume(
                self.curve, self.sheet, view, float(e), scale / float(diameter), _WALKERS, _SEED
            )
            # if the law makes particles too faint to be tracked, although they were tracked, take the light of the threshold
            logs[i] = np.log(e) + seen.mean_log_light if seen.volume_ml > 0 else faintest
        x = np.log(d) - share @ np.log(d)
        power = float(share @ x**2)
        slope = float(share @ (x * logs)) / power if power > 0 else 0.0
        return float(share @ logs), slope


def brightness_law(model: LightModel, stated_index: float | None) -> BrightnessLaw | None:
    """Find the unknown one of two: the index from the profile's brightness scale, or the scale from the stated index.

    If neither is known, the index of vesicles is assumed, and the scale is fitted to this recording. None: neither
    explains the light.
    """
    light = observed_light(model.sized)
    known_scale = _profile_scale(model) if seeks_index(model, stated_index) else None
    index = stated_index if stated_index is not None else model.table.medium_index + _FAINT_CONTRAST
    d, share = stand_ins(model.sized)
    anchor = np.exp(np.atleast_1d(share @ np.log(d)))
    law = BrightnessLaw(
        refractive_index=index,
        medium_index=model.table.medium_index,
        scale_e_per_nm2=known_scale or math.exp(light.mean) / float(model.table.at(anchor, index)[0]),
        index_source="stated"
        if stated_index is not None
        else "assumed"
        if known_scale is None
        else "this run",
        scale_source="this run" if known_scale is None else "calibrated",
        anchor_nm=float(anchor[0]),
    )
    fitted = _fitted(model, law, light, light.mean, with_slope=stated_index is None)
    if fitted is None or known_scale is None:
        return fitted
    reach = Z_95 * float(np.hypot(light.std_err, LIGHT_STD))
    low, high = (_fitted(model, fitted, light, light.mean + s, with_slope=False) for s in (-reach, reach))
    return replace(
        fitted,
        index_low=low.refractive_index if low else None,
        index_high=high.refractive_index if high else None,
    )


def seeks_index(model: LightModel, stated_index: float | None) -> bool:
    """Whether the index is the unknown one of the two, because only the scale is known."""
    return stated_index is None and _profile_scale(model) is not None


def stand_ins(sized: SizedTracks) -> tuple[FloatArray, FloatArray]:
    """Return diameters that represent the particles in view, and the share that each stands for.

    They are evenly spread in ln(diameter), so that a few large aggregates, to which a slope owes most of what it is, are
    among them.
    """
    distribution = sized.sizes.distribution
    assert distribution is not None
    x, weight = np.log(distribution.diameter_nm), distribution.weight
    there = np.flatnonzero(weight > _LEAST_SHARE * weight.max())
    low, high = x[there[0]], x[there[-1]]
    piece = ((x - low) / max(high - low, 1e-9) * _STAND_INS).astype(np.int64).clip(0, _STAND_INS - 1)
    share = np.bincount(piece, weight, _STAND_INS) / weight.sum()
    kept = share > _LEAST_SHARE
    middle = np.bincount(piece, weight * x, _STAND_INS)[kept] / weight.sum() / share[kept]
    return np.exp(middle), share[kept] / share[kept].sum()


def observed_light(sized: SizedTracks) -> ObservedLight:
    """Compute mean and slope of ln(light) of the used tracks, each weighted by its number of spots."""
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
    """Posterior mean of ln(diameter) of each used track, given its D and the distribution in view."""
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
    """Brightness scale of the profile in photoelectrons per nm² and exposure; None if not stated."""
    profile = model.sized.profile
    if profile is None or profile.brightness_e_per_ms_nm2 is None:
        return None
    return profile.brightness_e_per_ms_nm2 * model.sheet.exposure_s * 1e3


def _fitted(
    model: LightModel, law: BrightnessLaw, light: ObservedLight, mean: float, *, with_slope: bool
) -> BrightnessLaw | None:
    """Adjust scale or index, and slope, until predicted mean and slope of ln(light) equal the observed; None if none fits.

    Because faint particles are missed, the predicted mean changes by less than the law; that response is estimated during
    the iteration (Broyden, Math. Comput. 19, 577 (1965)).
    """
    trust = _SLOPE_STD**2 / (_SLOPE_STD**2 + light.slope_std_err**2) if with_slope else 0.0
    if with_slope:
        law = replace(law, slope_std=math.sqrt(trust) * light.slope_std_err)

    def missing(law: BrightnessLaw) -> FloatArray:
        expected, slope = model.expected(law)
        # at the most probable slope the data and the prior balance
        pull = trust * (light.slope - slope) - (1 - trust) * law.slope if with_slope else 0.0
        return np.array([(mean - expected) / _CLOSE, pull / _CLOSE_SLOPE])

    unit = np.array([_CLOSE, _CLOSE_SLOPE])
    follows = np.eye(2)  # response of the prediction to the law, both in units of the tolerance
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
        law = replace(moved, slope=float(np.clip(law.slope + step[1] * _CLOSE_SLOPE, *_SLOPES)))
        now = missing(law)
        follows += np.outer(still - now - follows @ step, step) / (step @ step)
        still = now
        if np.abs(now).max() < np.abs(left).max():
            best, left = law, now
    return best if np.abs(left).max() < _CLOSE_ENOUGH else None


def _brighter(model: LightModel, law: BrightnessLaw, by: float) -> BrightnessLaw | None:
    """Return the law with exp(by) times the light, by its scale if that is fitted, else by its index; None if none can."""
    if law.scale_source == "this run":
        return replace(law, scale_e_per_nm2=law.scale_e_per_nm2 * float(np.exp(by)))
    at = np.array([law.anchor_nm])
    wanted = np.log(model.table.at(at, law.refractive_index)) + by
    contrast = model.table.contrast(at, wanted)[0]
    first, last = (i - model.table.medium_index for i in model.table.index[[0, -1]])
    if not 1.01 * first < contrast < 0.99 * last:
        return None
    return replace(law, refractive_index=model.table.medium_index + float(contrast))
