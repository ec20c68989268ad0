"""Particles in view: populations that are log-normal in suspension, behind the visible volume."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nta.columns import FloatArray
from nta.sized_tracks import SizedTracks
from nta.sizes import Distribution
from nta.sizes.intervals import band, numbers_with_intervals
from nta.sizes.lobes import Lobes
from nta.visibility.curve import DetectionCurve
from nta.visibility.table import BrightnessLaw, Visibility, VisibleVolume

_LAW_LIGHT_STD = 0.15  # standard uncertainty of ln(light) by the law (design choice)
_NOTHING = 1e-4  # smallest visible volume that is divided by, relative to the largest


def behind_volume(sized: SizedTracks, seen: Visibility) -> SizedTracks:
    """Return sizes whose populations in view are log-normals times the visible volume; unchanged if it is not known.

    The sizes were inferred with populations that are log-normal in view. Small particles are seen in a smaller volume: what
    is log-normal in suspension has in view a small end that is cut off and a mode at a smaller diameter than the log-normal
    of the same mean and variance. These two stay as inferred; each draw takes one draw of the light, as in suspension.
    """
    draws = sized.draws
    if draws is None or draws.lobes is None or draws.lobes_draws is None:
        return sized
    if seen.volume is None or seen.curve is None or seen.law is None:
        return sized
    old = draws.distribution
    weight = weight_behind_volume(sized, seen.volume, seen.curve)
    log_ml = drawn_log_volume(sized, seen.volume, seen.curve, seen.law, len(draws.draws))
    drawn = shaped(draws.draws, draws.lobes_draws, log_ml, old, seen.volume, seen.curve)
    drawn = drawn / np.maximum(drawn.sum(axis=1, keepdims=True), 1e-30)
    low, high = band(drawn, weight, old.confidence)
    method = f"{old.method}; log-normal in suspension, seen by the visible volume of each diameter"
    distribution = replace(old, weight=weight, low=low, high=high, method=method)
    numbers = numbers_with_intervals(
        distribution,
        drawn,
        sized.sizes.budget,
        sized.sizing,
        np.random.default_rng(draws.seed),
        n_effective=draws.n_effective,
    )
    sizes = replace(sized.sizes, distribution=distribution, **vars(numbers))
    return replace(sized, sizes=sizes, draws=replace(draws, distribution=distribution, draws=drawn))


def weight_behind_volume(sized: SizedTracks, volume: VisibleVolume, curve: DetectionCurve) -> FloatArray:
    """Return the shares in view with populations that are log-normals times the visible volume: (n_bins,)."""
    in_view = sized.sizes.distribution
    assert in_view is not None
    lobes = sized.draws.lobes if sized.draws is not None else None
    log_ml = log_volume(volume, in_view.diameter_nm)[None]
    weight = shaped(in_view.weight[None], lobes, log_ml, in_view, volume, curve)[0]
    return np.asarray(weight / weight.sum())


def shaped(
    weights: FloatArray,
    lobes: Lobes | None,
    log_ml: FloatArray,
    in_view: Distribution,
    volume: VisibleVolume,
    curve: DetectionCurve,
) -> FloatArray:
    """Return shares in view (n, n_bins) with lobes that are log-normal times the visible volume; unchanged without lobes.

    log_ml : (n, n_bins), logarithm of the volume. A log-normal in view cannot fall as steeply as the volume just above the
    detection limit, and would stand for too few small particles.
    """
    if lobes is None:
        return weights
    return lobes.through(np.log(in_view.diameter_nm), log_ml - np.log(shown(in_view, volume, curve)))


def shown(in_view: Distribution, volume: VisibleVolume, curve: DetectionCurve) -> FloatArray:
    """Share of the particles in view of each bin that are not hidden behind others."""
    return np.asarray(np.interp(in_view.diameter_nm, volume.diameter_nm, curve.not_hidden(volume.electrons)))


def log_volume(
    volume: VisibleVolume, diameter_nm: FloatArray, brighter: FloatArray | float = 0.0
) -> FloatArray:
    """Logarithm of the visible volume at these diameters, if the particles had exp(brighter) times their light.

    brighter : one number, or one for each diameter of `volume`. A particle with more light gets the volume of the diameter
    that has that light; the different diffusion of that diameter is neglected, because it matters much less than light.
    A particle is seen in no smaller volume than a smaller one is: where the law of light falls with the diameter, the few
    large ones that were found in spite of it would stand for very many.
    """
    log_ml = np.log(np.maximum(volume.volume_ml, _NOTHING * volume.volume_ml.max()))
    log_light = np.log(volume.electrons)
    rising = np.maximum.accumulate(log_light) + 1e-9 * np.arange(log_light.size)
    seen = np.interp(rising + brighter, rising, np.maximum.accumulate(log_ml))
    return np.asarray(np.interp(diameter_nm, volume.diameter_nm, seen))


def drawn_log_volume(
    sized: SizedTracks, volume: VisibleVolume, curve: DetectionCurve, law: BrightnessLaw, n: int
) -> FloatArray:
    """Logarithm of the visible volume for n draws of the light, which all particles share: (n, n_bins)."""
    in_view = sized.sizes.distribution
    assert in_view is not None
    rng = np.random.default_rng(sized.sizing.seed)
    by_scale = float(np.hypot(_LAW_LIGHT_STD, curve.rel_std[0])) * rng.standard_normal(n)
    by_slope = law.slope_std * rng.standard_normal(n)
    lever = np.log(volume.diameter_nm / law.anchor_nm)
    log_ml = np.empty((n, in_view.diameter_nm.size))
    for row, scale, slope in zip(log_ml, by_scale, by_slope, strict=True):
        row[:] = log_volume(volume, in_view.diameter_nm, scale + slope * lever)
    return log_ml
