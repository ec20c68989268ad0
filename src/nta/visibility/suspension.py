"""From the particles in view to those in suspension: particles found of each diameter, divided by their visible volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nta.columns import FloatArray
from nta.quantity import Quantity
from nta.sized_tracks import SizedTracks
from nta.sizes import Distribution
from nta.sizes.intervals import band, common_factor, summary_with_intervals
from nta.sizes.lobes import Lobes
from nta.sizes.table import SUSPENSION
from nta.sizes.uncertainty import combined
from nta.visibility.curve import DetectionCurve
from nta.visibility.table import BrightnessLaw, VisibleVolume

_LEAST_VOLUME = 0.3  # smallest visible volume of counted particles, relative to that at the median in view
_LAW_LIGHT_STD = 0.15  # standard uncertainty of ln(light) by the law (design choice)
_NOTHING = 1e-4  # smallest visible volume that is divided by, relative to the largest
_DRAWS = 200  # number of draws of the light if the sizes have no draws of their own


@dataclass(frozen=True, kw_only=True, eq=False)
class Suspension:
    """Particles in suspension, from the least counted diameter upwards.

    numbers : summary of the distribution, as in `SizeDistribution.summary`.
    share_found : share of the found particles that lies above the least counted diameter.
    effective_ml : mean visible volume of the particles in suspension.
    rel_std : relative standard uncertainty of share_found / effective_ml, by the sizes and by the light.
    """

    distribution: Distribution
    numbers: Mapping[str, Quantity]
    share_found: float
    effective_ml: float
    rel_std: float


def least_counted_nm(
    in_view: Distribution, volume: VisibleVolume, curve: DetectionCurve, limit_nm: float | None
) -> float | None:
    """Return the least diameter that is counted, from which the visible volume is at least `_LEAST_VOLUME` of the median's.

    Below it few found particles stand for very many, and their number would depend on the blur of the distribution.
    """
    if limit_nm is None:
        return None
    cumulative = np.cumsum(_found(in_view.weight, in_view, volume, curve))
    median_nm = in_view.diameter_nm[np.searchsorted(cumulative, cumulative[-1] / 2)]
    enough = _LEAST_VOLUME * np.interp(median_nm, volume.diameter_nm, volume.volume_ml)
    too_small = np.flatnonzero((volume.volume_ml < enough) & (volume.diameter_nm < median_nm))
    if not too_small.size:
        return limit_nm
    last = int(too_small[-1])  # the crossing lies between this diameter and the next
    around = slice(last, last + 2)
    return float(max(limit_nm, np.interp(enough, volume.volume_ml[around], volume.diameter_nm[around])))


def in_suspension(
    sized: SizedTracks, volume: VisibleVolume, curve: DetectionCurve, law: BrightnessLaw, least_nm: float
) -> Suspension | None:
    """Divide the found particles of each size by the volume in which that size is found; None if no particle is left.

    Nothing is extrapolated below `least_nm`, where the distribution starts. Populations are log-normal in suspension; in
    view they are log-normal times the visible volume. Each bootstrap draw of the sizes is divided by the volume computed
    with one draw of the light.
    """
    in_view = sized.sizes.distribution
    assert in_view is not None
    counted = in_view.diameter_nm >= least_nm
    log_ml = _log_volume(volume, in_view.diameter_nm)[None]
    lobes = sized.draws.lobes if sized.draws is not None else None
    found = _found(
        _shaped(in_view.weight[None], lobes, log_ml, in_view, volume, curve), in_view, volume, curve
    )[0]
    per_ml = np.where(counted, found / np.exp(log_ml[0]), 0.0)
    total = float(per_ml.sum())
    if not total > 0:
        return None
    drawn_ml = _drawn_per_ml(sized, volume, curve, law) * counted
    totals = drawn_ml.sum(axis=1)
    some = totals > 0
    shares = drawn_ml[some] / totals[some, None] if _draws(sized) is not None else drawn_ml[:0]
    low, high = band(shares, per_ml / total, in_view.confidence)
    words = "log-normal in suspension, seen" if lobes is not None else "divided"
    method = f"{in_view.method}; {words} by the visible volume of each diameter, from {least_nm:.3g} nm on"
    distribution = replace(
        in_view, weight=per_ml / total, low=low, high=high, method=method, describes=SUSPENSION
    )
    share_found = float(found[counted].sum())
    return Suspension(
        distribution=distribution,
        numbers=_numbers(sized, distribution, shares),
        share_found=share_found,
        effective_ml=share_found / total,
        rel_std=_half_width_68(np.log(totals[some])),
    )


def _draws(sized: SizedTracks) -> FloatArray | None:
    """Return the bootstrap draws of the sizes in view; None if there are none."""
    return sized.draws.draws if sized.draws is not None and len(sized.draws.draws) else None


def _found(
    weights: FloatArray, in_view: Distribution, volume: VisibleVolume, curve: DetectionCurve
) -> FloatArray:
    """Remove hidden particles from the shares in view (..., n_bins): the visible volume refers to found particles only."""
    found = weights * _shown(in_view, volume, curve)
    return np.asarray(found / found.sum(axis=-1, keepdims=True))


def _shaped(
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
    return lobes.through(np.log(in_view.diameter_nm), log_ml - np.log(_shown(in_view, volume, curve)))


def _shown(in_view: Distribution, volume: VisibleVolume, curve: DetectionCurve) -> FloatArray:
    """Share of the particles in view of each bin that are not hidden behind others."""
    return np.asarray(np.interp(in_view.diameter_nm, volume.diameter_nm, curve.not_hidden(volume.electrons)))


def _log_volume(
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


def _drawn_per_ml(
    sized: SizedTracks, volume: VisibleVolume, curve: DetectionCurve, law: BrightnessLaw
) -> FloatArray:
    """Return particles per ml in each bin per particle found per frame, one row for each draw of sizes and light."""
    in_view = sized.sizes.distribution
    assert in_view is not None
    draws, lobes = _draws(sized), sized.draws.lobes_draws if sized.draws is not None else None
    if draws is None:
        draws, lobes = np.repeat(in_view.weight[None], _DRAWS, axis=0), None
    rng = np.random.default_rng(sized.sizing.seed)
    by_scale = float(np.hypot(_LAW_LIGHT_STD, curve.rel_std[0])) * rng.standard_normal(len(draws))
    by_slope = law.slope_std * rng.standard_normal(len(draws))
    lever = np.log(volume.diameter_nm / law.anchor_nm)
    log_ml = np.array(
        [
            _log_volume(volume, in_view.diameter_nm, scale + slope * lever)
            for scale, slope in zip(by_scale, by_slope, strict=True)
        ]
    )
    shaped = _shaped(draws, lobes, log_ml, in_view, volume, curve)
    return np.asarray(_found(shaped, in_view, volume, curve) / np.exp(log_ml))


def _numbers(sized: SizedTracks, distribution: Distribution, shares: FloatArray) -> Mapping[str, Quantity]:
    """Summarise the distribution; intervals combine the draws of sizes and light with the systematic budget."""
    budget = sized.sizes.budget
    factor = common_factor(len(shares), combined(budget), np.random.default_rng(sized.sizing.seed))
    numbers, _ = summary_with_intervals(distribution, shares, factor, budget)
    words = "the light that decides on the visible volume drawn with its error"
    return {name: replace(q, method=f"{q.method}; {words}") for name, q in numbers.items()}


def _half_width_68(values: FloatArray) -> float:
    """Return half the width of the central 68 %: a standard deviation that a few outliers do not change."""
    if not values.size:
        return 0.0
    low, high = np.quantile(values, [0.158655, 0.841345])
    return float(high - low) / 2
