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
from nta.sizes.table import SUSPENSION
from nta.sizes.uncertainty import combined
from nta.visibility.curve import DetectionCurve
from nta.visibility.in_view import drawn_log_volume, log_volume, shaped, shown, weight_behind_volume
from nta.visibility.table import BrightnessLaw, VisibleVolume

_LEAST_VOLUME = 0.3  # smallest visible volume of counted particles, relative to that at the median in view
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
    found = _found(weight_behind_volume(sized, volume, curve), in_view, volume, curve)
    per_ml = np.where(counted, found / np.exp(log_volume(volume, in_view.diameter_nm)), 0.0)
    total = float(per_ml.sum())
    if not total > 0:
        return None
    drawn_ml = _drawn_per_ml(sized, volume, curve, law) * counted
    totals = drawn_ml.sum(axis=1)
    some = totals > 0
    shares = drawn_ml[some] / totals[some, None] if _draws(sized) is not None else drawn_ml[:0]
    low, high = band(shares, per_ml / total, in_view.confidence)
    lobes = sized.draws.lobes if sized.draws is not None else None
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
    found = weights * shown(in_view, volume, curve)
    return np.asarray(found / found.sum(axis=-1, keepdims=True))


def _drawn_per_ml(
    sized: SizedTracks, volume: VisibleVolume, curve: DetectionCurve, law: BrightnessLaw
) -> FloatArray:
    """Return particles per ml in each bin per particle found per frame, one row for each draw of sizes and light."""
    in_view = sized.sizes.distribution
    assert in_view is not None
    draws, lobes = _draws(sized), sized.draws.lobes_draws if sized.draws is not None else None
    if draws is None:
        draws, lobes = np.repeat(in_view.weight[None], _DRAWS, axis=0), None
    log_ml = drawn_log_volume(sized, volume, curve, law, len(draws))
    shares = shaped(draws, lobes, log_ml, in_view, volume, curve)
    return np.asarray(_found(shares, in_view, volume, curve) / np.exp(log_ml))


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
