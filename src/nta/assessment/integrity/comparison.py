"""Two arms compared: is the difference inside a margin, outside it, or not decided by these replicates?

The replicate is the preparation where there are at least three, else the video, never the particle: pooling particles
raises false alarms from 5 % to 23-60 % (simulated; video-to-video scatter of 2 % in size). Intervals are Student's t
intervals of the replicates' summaries, and never narrower than the rounding of those summaries.

Sources: two one-sided tests, Schuirmann, J. Pharmacokinet. Biopharm. 15, 657 (1987); unequal variances, Welch, Biometrika
34, 28 (1947); many flags, Holm, Scand. J. Statist. 6, 65 (1979).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from nta.columns import FloatArray
from nta.errors import SettingError

ReplicateUnit = Literal["preparation", "video"]


class Decision(StrEnum):
    """Result of comparing an interval with a margin."""

    EQUIVALENT = "equivalent"  # the 90 % interval lies within the margin
    CHANGED = "changed"  # the 95 % interval lies outside the margin
    INCONCLUSIVE = "inconclusive"  # neither: more replicates would decide it


@dataclass(frozen=True, kw_only=True)
class Margin:
    """Range of differences that count as no difference, ends included, on the scale of the comparison."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise SettingError(f"a margin needs low < high, got {self.low} and {self.high}")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Difference of two arms with its intervals.

    estimate : test minus reference. std_err, degrees_of_freedom : of the estimate.
    low, high : 95 % interval; equivalence_low, equivalence_high : 90 % interval, used by the two one-sided tests (TOST).
    p_low, p_high : one-sided p-values for a difference below the low end and above the high end of the margin.
    unit : kind of replicate. paired : whether the replicates of the two arms belong together.
    """

    estimate: float
    std_err: float
    degrees_of_freedom: float
    low: float
    high: float
    equivalence_low: float
    equivalence_high: float
    margin: Margin
    p_low: float
    p_high: float
    unit: ReplicateUnit
    n_test: int
    n_reference: int
    paired: bool

    @property
    def scatter(self) -> float:
        """Standard deviation of one replicate, from the standard error; if paired, of the differences over sqrt(2)."""
        return self.std_err / math.sqrt(1 / self.n_test + 1 / self.n_reference)

    @property
    def decision(self) -> Decision:
        """Decision by the intervals, before any correction for multiple criteria."""
        if self.low > self.margin.high or self.high < self.margin.low:
            return Decision.CHANGED
        if self.equivalence_low >= self.margin.low and self.equivalence_high <= self.margin.high:
            return Decision.EQUIVALENT
        return Decision.INCONCLUSIVE

    @property
    def p_differs(self) -> float:
        """Two-sided p-value for any difference at all, however small beside the margin."""
        from scipy.special import stdtr

        return float(2 * stdtr(self.degrees_of_freedom, -abs(self.estimate) / self.std_err))

    @property
    def p_changed(self) -> float:
        """Two-sided p-value for lying outside the margin."""
        return min(1.0, 2 * min(self.p_low, self.p_high))


def compare_independent(
    test: ArrayLike, reference: ArrayLike, margin: Margin, *, unit: ReplicateUnit, rounding: float = 0.0
) -> Comparison:
    """Compare two arms of independent replicates (Welch).

    rounding : standard error of the difference by rounding, which more replicates do not reduce; see `rounding_error`.

    Raises
    ------
    SettingError
        An arm has fewer than two replicates: their scatter, and so any interval, is unknown.
    """
    a, b = _replicates(test, "test"), _replicates(reference, "reference")
    variances = a.var(ddof=1) / a.size, b.var(ddof=1) / b.size
    total = sum(variances)
    parts = sum(v**2 / (n - 1) for v, n in zip(variances, (a.size, b.size), strict=True))
    freedom = total**2 / parts if parts > 0 else float(a.size + b.size - 2)
    std_err = max(math.sqrt(total), rounding)
    sizes = a.size, b.size
    return _compared(float(a.mean() - b.mean()), std_err, freedom, margin, unit, sizes, paired=False)


def compare_paired(
    test: ArrayLike, reference: ArrayLike, margin: Margin, *, unit: ReplicateUnit, rounding: float = 0.0
) -> Comparison:
    """Compare arms whose replicates belong together: test[i] and reference[i] come from one preparation."""
    a, b = _replicates(test, "test"), _replicates(reference, "reference")
    if a.size != b.size:
        raise SettingError(f"paired arms need as many replicates each, got {a.size} and {b.size}")
    difference = a - b
    std_err = max(float(difference.std(ddof=1)) / math.sqrt(a.size), rounding)
    sizes = a.size, b.size
    return _compared(float(difference.mean()), std_err, a.size - 1.0, margin, unit, sizes, paired=True)


def rounding_error(values: Iterable[float]) -> float:
    """Return the standard uncertainty of rounded numbers: their last digit divided by sqrt(12).

    The last digit is the finest that any of the numbers has: of 1.0 and 0.79 it is 0.01. Computed values have all digits,
    and practically no rounding error. The error does not average out: equal values are rounded the same way every time.
    Source: ISO/IEC Guide 98-3 (GUM), F.2.2.1.
    """
    places = [
        Decimal(repr(float(v))).normalize().as_tuple().exponent for v in values if v and math.isfinite(v)
    ]
    return 10.0 ** min(int(place) for place in places) / math.sqrt(12) if places else 0.0


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values with Holm's correction for testing all of them at once."""
    ordered = sorted(p_values, key=lambda name: p_values[name])
    adjusted, largest = {}, 0.0
    for rank, name in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - rank) * p_values[name]))
        adjusted[name] = largest
    return adjusted


def replicates_for_equivalence(
    sd: float, margin: Margin, *, paired: bool = False, fewest: int = 2, power: float = 0.8, most: int = 100
) -> int | None:
    """Return the replicates per arm needed to show equivalence if the arms do not differ; None if more than `most`.

    sd : standard deviation of a replicate (paired: of the differences, divided by sqrt(2)). fewest : smallest number
    returned. Uses the central t distribution, as is usual for planning.
    """
    half = min(abs(margin.low), abs(margin.high))
    return _planned(sd, half, 0.95, 0.5 + power / 2, range(fewest, most + 1), paired=paired)


def replicates_for_change(
    sd: float,
    beyond: float,
    *,
    paired: bool = False,
    fewest: int = 2,
    looked_at: float = 1.0,
    power: float = 0.8,
    most: int = 100,
) -> int | None:
    """Return the replicates per arm needed to detect a difference that exceeds its margin; None if more than `most`.

    beyond : distance of the difference from the margin. looked_at : number of criteria that share the 5 % of false alarms.
    Others as for `replicates_for_equivalence`.
    """
    return _planned(sd, beyond, 1 - 0.025 / looked_at, power, range(fewest, most + 1), paired=paired)


def _planned(
    sd: float, reach: float, confidence: float, power: float, among: range, *, paired: bool
) -> int | None:
    """Return the smallest number of replicates whose intervals, with this power, are no wider than `reach`."""
    from scipy.special import stdtrit

    for n in among:
        freedom = n - 1 if paired else 2 * (n - 1)
        if (stdtrit(freedom, confidence) + stdtrit(freedom, power)) * sd * math.sqrt(2 / n) <= reach:
            return n
    return None


def _replicates(values: ArrayLike, arm: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size < 2:
        raise SettingError(f"the {arm} arm has {array.size} replicate(s); an interval needs at least 2")
    if not np.isfinite(array).all():
        raise SettingError(f"the {arm} arm has a replicate without a value")
    return array


def _compared(
    estimate: float,
    std_err: float,
    freedom: float,
    margin: Margin,
    unit: ReplicateUnit,
    sizes: tuple[int, int],
    *,
    paired: bool,
) -> Comparison:
    # scipy.stats gives the same numbers, each a hundred times as slowly
    from scipy.special import stdtr, stdtrit

    # identical replicates give an interval of no width instead of a division by zero
    std_err = max(std_err, 1e-12)
    wide, narrow = (float(stdtrit(freedom, p)) * std_err for p in (0.975, 0.95))
    return Comparison(
        estimate=estimate,
        std_err=std_err,
        degrees_of_freedom=freedom,
        low=estimate - wide,
        high=estimate + wide,
        equivalence_low=estimate - narrow,
        equivalence_high=estimate + narrow,
        margin=margin,
        p_low=float(stdtr(freedom, (estimate - margin.low) / std_err)),
        p_high=float(stdtr(freedom, (margin.high - estimate) / std_err)),
        unit=unit,
        n_test=sizes[0],
        n_reference=sizes[1],
        paired=paired,
    )
