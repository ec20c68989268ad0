"""Rules for control measurements: Westgard's rules and the exponentially weighted moving average (EWMA).

Sources: Westgard, Barry, Hunt and Groth, Clin. Chem. 27, 493 (1981), for the rules; Roberts, Technometrics 1, 239 (1959),
and Lucas and Saccucci, Technometrics 32, 1 (1990), for the exponentially weighted moving average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nta.columns import FloatArray
from nta.errors import SettingError

EWMA_WEIGHT = 0.2  # fastest detection of shifts by one SD; 1-3s detects large shifts
EWMA_WIDTH_SD = 3.0
_NODES = 300  # of equal probability, over the errors of a baseline's mean and SD


@dataclass(frozen=True)
class Rule:
    """A rule of control charts.

    says : condition in words. hints : probable cause. span : number of consecutive measurements. limit_sd : distance from
    the mean, in SD. opposite : the measurements lie on both sides of the mean, instead of all on one side.
    """

    name: str
    says: str
    hints: str
    span: int
    limit_sd: float
    opposite: bool = False

    def is_broken(self, z: FloatArray) -> bool:
        """Return whether `span` consecutive measurements break the rule."""
        above, below = z > self.limit_sd, z < -self.limit_sd
        return bool(above.any() and below.any() if self.opposite else above.all() or below.all())

    def false_alarm_rate(self, runs: int | None = None) -> float:
        """Probability that `span` measurements in control break the rule by chance.

        runs : runs of the baseline, of which mean and SD are estimates; None: both are known exactly. The mean over normal
            measurements: the error of the mean is normal, the SD squared follows chi-square. Few runs raise the rate:
            a mean that is off stays off, and an SD that is too small makes every limit too narrow.
        """
        from scipy import special

        if runs is None:
            shift, sd = np.zeros((1, 1)), np.ones((1, 1))
        else:
            chance = (np.arange(_NODES) + 0.5) / _NODES
            shift = (special.ndtri(chance) / math.sqrt(runs))[:, None]
            sd = np.sqrt(2 * special.gammaincinv((runs - 1) / 2, chance) / (runs - 1))[None, :]
        above, below = special.ndtr(-shift - self.limit_sd * sd), special.ndtr(shift - self.limit_sd * sd)
        if self.opposite:
            rate = 1 - (1 - above) ** self.span - (1 - below) ** self.span + (1 - above - below) ** self.span
        else:
            rate = above**self.span + below**self.span
        return float(rate.mean())


RULES: tuple[Rule, ...] = (
    Rule("1-3s", "one beyond 3 SD", "a gross error or a large shift", 1, 3.0),
    Rule("2-2s", "two in a row beyond 2 SD on one side", "a shift", 2, 2.0),
    Rule("R-4s", "two in a row beyond 2 SD on opposite sides", "scatter has grown", 2, 2.0, opposite=True),
    Rule("4-1s", "four in a row beyond 1 SD on one side", "a small shift", 4, 1.0),
    Rule("10-x", "ten in a row on one side of the mean", "a small shift or a trend", 10, 0.0),
)


def broken_rules(z: ArrayLike) -> list[tuple[str, ...]]:
    """Return, for each measurement, the rules that are broken by it and the measurements before it.

    z : measurements as (value - mean) / SD of the baseline, in order of time. R-4s was designed for several controls in one
        run; with one control per run it compares consecutive runs.
    """
    values = np.asarray(z, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise SettingError("control measurements must be a row of finite numbers")
    return [
        tuple(r.name for r in RULES if i + 1 >= r.span and r.is_broken(values[i + 1 - r.span : i + 1]))
        for i in range(values.size)
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class Ewma:
    """Exponentially weighted moving average of z, and its limits ± `limit`, for each measurement."""

    value: FloatArray
    limit: FloatArray

    @property
    def broken(self) -> list[bool]:
        """Whether the average lies beyond its limits, for each measurement."""
        return [bool(beyond) for beyond in np.abs(self.value) > self.limit]


def ewma(z: ArrayLike, *, weight: float = EWMA_WEIGHT, width: float = EWMA_WIDTH_SD) -> Ewma:
    """Return e_i = weight z_i + (1 - weight) e_(i-1), e_0 = 0; limit: `width` times the standard deviation of e_i."""
    if not 0 < weight <= 1:
        raise SettingError(f"the weight of a moving average must be above 0 and at most 1, got {weight}")
    values = np.asarray(z, dtype=np.float64)
    averages, last = np.empty(values.size), 0.0
    for i, value in enumerate(values):
        last = weight * float(value) + (1 - weight) * last
        averages[i] = last
    n = np.arange(1, values.size + 1)
    sd = np.sqrt(weight / (2 - weight) * (1 - (1 - weight) ** (2 * n)))
    return Ewma(value=averages, limit=width * sd)


def hints(runs: int | None = None) -> Mapping[str, str]:
    """Return condition, probable cause and false-alarm rate of each rule in words; runs : of the baseline."""
    given = "" if runs is None else f", with a baseline of {runs} runs"
    words = {
        rule.name: f"{rule.says}: {rule.hints} (by chance alone in {100 * rule.false_alarm_rate(runs):.2g} % of runs{given})"
        for rule in RULES
    }
    return words | {"EWMA": "moving average beyond its limits: a small shift that lasts"}
