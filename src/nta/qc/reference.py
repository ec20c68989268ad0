"""Distance between two size distributions, with a conservative interval.

The distance is the area between the cumulative distributions over ln d, i.e. the Wasserstein distance of order one of
ln d: the mean relative change of size (0.1: 10 %) that turns one distribution into the other. Statistical scatter biases
the estimated distance upwards. By the triangle inequality its error is at most the sum of the distances of both estimated
distributions from the true ones; bootstrap draws estimate these distances.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nta.columns import FloatArray
from nta.measurements import Measurement
from nta.quantity import Quantity, unknown
from nta.sizes import Distribution, Draws

_GRID = np.linspace(math.log(1.0), math.log(10_000.0), 2400)


def distance(test: Sequence[Measurement], reference: Sequence[Measurement], confidence: float) -> Quantity:
    """Return the distance between the mean distributions of two groups of results.

    The scatter within a group is taken from the bootstrap draws of the analyses. For results without draws (vendors'
    exports, analyses with repeats = 0) it is taken from resampling the results; a single such result has no interval.
    """
    for m in (*test, *reference):
        if m.distribution() is None:
            return unknown(f"{m.name} has no size distribution", "1")
    ours, theirs = _mean(test), _mean(reference)
    value = _area(ours - theirs)
    radii = []
    for group, mean in ((test, ours), (reference, theirs)):
        radius = _radius(group, mean)
        if radius is None:
            return Quantity(value, None, None, "1", _why_none(group[0]))
        radii.append(radius)
    rng = np.random.default_rng(0)
    mine, other = (rng.permutation(r) for r in radii)
    n = min(mine.size, other.size)
    reach = float(np.quantile(mine[:n] + other[:n], confidence))
    words = f"area between cumulative distributions, triangle inequality on bootstrap draws, {100 * confidence:g} %"
    return Quantity(value, max(value - reach, 0.0), value + reach, "1", words)


def _radius(group: Sequence[Measurement], mean: FloatArray) -> FloatArray | None:
    """Return distances of the draws of a group's mean distribution from it; None for a single result without draws."""
    drawn = [d for m in group if (d := m.draws()) is not None and len(d.draws)]
    if len(drawn) == len(group):
        each = [_drawn(d) for d in drawn]
        n = min(len(rows) for rows in each)
        means = np.mean([rows[:n] for rows in each], axis=0)
        between = _resampled(group) if len(group) > 1 else None
        own = np.array([_area(row - mean) for row in means])
        return own if between is None else np.hypot(own, np.resize([_area(row - mean) for row in between], n))
    if len(group) < 2:
        return None
    return np.array([_area(row - mean) for row in _resampled(group)])


def _why_none(alone: Measurement) -> str:
    if alone.draws() is not None:
        return f"no interval: {alone.name} was analysed with repeats = 0, which leaves no bootstrap draws"
    return f"no interval: {alone.name} is a single result without bootstrap draws, which does not say how well it is known"


def _resampled(group: Sequence[Measurement], repeats: int = 400) -> FloatArray:
    """Resample results with replacement; the variance is scaled by n / (n - 1), since resampling underestimates it."""
    rng = np.random.default_rng(1)
    each = np.array([_cumulative(_known(m.distribution())) for m in group])
    n, mean = len(each), each.mean(axis=0)
    rows = each[rng.integers(0, n, (repeats, n))].mean(axis=1)
    return np.asarray(mean + (rows - mean) * math.sqrt(n / (n - 1)))


def _mean(group: Sequence[Measurement]) -> FloatArray:
    return np.asarray(np.mean([_cumulative(_known(m.distribution())) for m in group], axis=0))


def _drawn(draws: Draws) -> FloatArray:
    """Return cumulative distributions of the draws, each shifted by a draw of the common factor of all diameters."""
    edge = np.log(draws.distribution.edges_nm)
    below = np.concatenate([np.zeros((len(draws.draws), 1)), np.cumsum(draws.draws, axis=1)], axis=1)
    shifts = np.log(draws.factors())
    rows = zip(below, shifts, strict=True)
    return np.array([np.interp(_GRID, edge + shift, row / row[-1], 0.0, 1.0) for row, shift in rows])


def _cumulative(curve: Distribution) -> FloatArray:
    below = np.concatenate([[0.0], np.cumsum(curve.weight)])
    return np.asarray(np.interp(_GRID, np.log(curve.edges_nm), below / below[-1], 0.0, 1.0))


def _area(difference: FloatArray) -> float:
    return float(np.trapezoid(np.abs(difference), _GRID))


def _known(curve: Distribution | None) -> Distribution:
    assert curve is not None
    return curve
