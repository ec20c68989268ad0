"""Replicates: the video is the unit, not the track; what one number is worth over several of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nta.quantity import coverage_factor, student_half_width

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean of a number over videos with its spread; None where there are too few videos to tell.

    sd : standard deviation between videos. cv : sd over mean.
    low, high : interval of the mean, Student's t with n - 1 degrees of freedom (ISO/IEC Guide 98-3 (GUM), G.3).
    full_low, full_high : with the systematic terms that all videos share, added in quadrature.
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


def spread_over_videos(values: Sequence[float], unit: str, relative_systematic: float = 0.0) -> Spread | None:
    """Sum up one number of several videos; None where there is none.

    relative_systematic : relative standard uncertainty that the videos share (temperature, pixel size, ...); more
        videos do not shrink it.
    """
    if not values:
        return None
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return Spread(n=n, mean=mean, unit=unit)
    sd = float(np.std(values, ddof=1))
    half = float(student_half_width(values, CONFIDENCE))
    full = math.hypot(half, coverage_factor(CONFIDENCE) * relative_systematic * abs(mean))
    return Spread(
        n=n,
        mean=mean,
        unit=unit,
        sd=sd,
        cv=sd / abs(mean) if mean else None,
        low=mean - half,
        high=mean + half,
        full_low=mean - full,
        full_high=mean + full,
    )
