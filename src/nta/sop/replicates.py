"""Replicates: the video is the unit, not the track; what one number is worth over several of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nta.measurements.replicates import mean_of
from nta.quantity import Quantity

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean of a number over videos with its spread; None where there are too few videos to tell.

    sd : standard deviation between videos. cv : sd over mean.
    low, high : interval of the mean by the scatter of the videos alone, Student's t with n - 1 degrees of freedom
        (ISO/IEC Guide 98-3 (GUM), G.3), on logarithms.
    full_low, full_high : with what all videos share, and never narrower than their tracks leave open: as `nta check` has it.
    """

    n: int
    mean: float
    unit: str
    sd: float | None = None
    cv: float | None = None
    low: float | None = None
    high: float | None = None
    full_low: float | None = None
    full_high: float | None = None


def spread_over_videos(numbers: Sequence[Quantity], statistical: Sequence[Quantity | None]) -> Spread | None:
    """Sum up one number of several videos; None where there is none.

    statistical : the same numbers with the statistical part of their intervals alone; None where the parts are not known.
    """
    if not numbers:
        return None
    values = np.array([q.value for q in numbers], dtype=np.float64)
    mean, n, unit = float(values.mean()), len(numbers), numbers[0].unit
    if n < 2:
        return Spread(n=n, mean=mean, unit=unit)
    sd = float(values.std(ddof=1))
    scatter = mean_of([replace(q, low=None, high=None) for q in numbers], [None] * n, CONFIDENCE)
    full = mean_of(numbers, statistical, CONFIDENCE)
    return Spread(
        n=n,
        mean=mean,
        unit=unit,
        sd=sd,
        cv=sd / mean if mean else None,
        low=scatter.low,
        high=scatter.high,
        full_low=full.low,
        full_high=full.high,
    )
