"""The numbers of a distribution with intervals: statistical part from the draws, systematic part from the budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nta.columns import FloatArray
from nta.quantity import Quantity, unknown
from nta.sizes.numbers import SUMMARY_UNITS, clopper_pearson, fraction, moved_fraction, summarise
from nta.sizes.settings import SizingSettings
from nta.sizes.table import Distribution
from nta.sizes.uncertainty import combined

_BOOTSTRAP = "bootstrap over particles"


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Summary with full and with statistical intervals, and the shares of the windows."""

    summary: Mapping[str, Quantity]
    statistical: Mapping[str, Quantity]
    fractions: Mapping[tuple[float, float], Quantity]


def numbers_with_intervals(
    distribution: Distribution,
    draws: FloatArray,
    budget: Mapping[str, float],
    settings: SizingSettings,
    rng: np.random.Generator,
    *,
    n_effective: float,
) -> Numbers:
    """Compute every number of the distribution, with its interval from the bootstrap draws (n_draws, n_bins).

    n_effective : effective number of tracks: the number of equally weighted tracks with the same information (Kish); sets
        the least width of the interval of a share.

    The budget is included by drawing one common factor of all diameters per bootstrap draw (JCGM 101:2008,
    GUM Supplement 1, propagation of distributions by Monte Carlo).
    """
    factor = common_factor(len(draws), combined(budget), rng)
    summary, statistical = summary_with_intervals(distribution, draws, factor, budget)
    method = full_method(settings.confidence, budget)
    fractions = {
        window: share_in(window, distribution, draws, factor, n_effective, method)
        for window in settings.windows_nm
    }
    return Numbers(summary=summary, statistical=statistical, fractions=fractions)


def summary_with_intervals(
    distribution: Distribution, draws: FloatArray, factor: FloatArray, budget: Mapping[str, float]
) -> tuple[dict[str, Quantity], dict[str, Quantity]]:
    """Return every number of `SUMMARY_UNITS` with its full and with its statistical interval.

    factor : (n_draws,) common factor of all diameters in each draw, from the budget.
    """
    edges, weight, confidence = distribution.edges_nm, distribution.weight[None], distribution.confidence
    value, drawn = summarise(edges, weight), summarise(edges, draws)
    alone, full = f"{_BOOTSTRAP}, {100 * confidence:g} %", full_method(confidence, budget)
    summary, statistical = {}, {}
    for name, unit in SUMMARY_UNITS.items():
        at = float(value[name][0])
        scaled = drawn[name] * factor if unit == "nm" else drawn[name]
        statistical[name] = interval(at, drawn[name], unit, confidence, alone)
        summary[name] = _around(interval(at, scaled, unit, confidence, full), statistical[name])
    return summary, statistical


def full_method(confidence: float, budget: Mapping[str, float] | None = None) -> str:
    """Return the words on how an interval with the systematic part was made, and the sources in the budget if given."""
    sources = "" if budget is None else f" ({', '.join(budget) or 'no source stated'})"
    return f"{_BOOTSTRAP} and systematic budget{sources}, {100 * confidence:g} %"


def _around(whole: Quantity, part: Quantity) -> Quantity:
    """Widen the full interval to contain the statistical one: both are drawn at random, and scatter a little."""
    if whole.low is None or whole.high is None or part.low is None or part.high is None:
        return whole
    return replace(whole, low=min(whole.low, part.low), high=max(whole.high, part.high))


def share_in(
    window_nm: tuple[float, float],
    distribution: Distribution,
    draws: FloatArray,
    factor: FloatArray,
    n_effective: float,
    method: str,
) -> Quantity:
    """Return the share of the particles between two diameters; its interval is as wide as the number of tracks requires.

    The draws hold only the tracks there are: if none of 73 tracks lies in a window, no draw has anything there, although one
    particle in twenty might.
    """
    edges, confidence = distribution.edges_nm, distribution.confidence
    value = float(fraction(edges, distribution.weight[None], *window_nm)[0])
    drawn = interval(value, moved_fraction(edges, draws, factor, *window_nm), "1", confidence, method)
    if drawn.low is None or drawn.high is None:
        return drawn
    low, high = clopper_pearson(value, n_effective, confidence)
    words = f"{method}; at least as open as the share of {n_effective:.0f} tracks (binomial)"
    return replace(drawn, low=min(drawn.low, low), high=max(drawn.high, high), method=words)


def not_assessed(settings: SizingSettings, why: str) -> Numbers:
    """Return all numbers as unknown, with the reason."""
    why = f"not assessed: {why}"
    none = {name: unknown(why, unit) for name, unit in SUMMARY_UNITS.items()}
    windows = {window: unknown(why, "1") for window in settings.windows_nm}
    return Numbers(summary=none, statistical=none, fractions=windows)


def band(draws: FloatArray, weight: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray]:
    """Return quantiles of the draws bin by bin, widened to contain the estimate; NaN without draws."""
    if not len(draws):
        return np.full_like(weight, np.nan), np.full_like(weight, np.nan)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return np.minimum(low, weight), np.maximum(high, weight)


def common_factor(n: int, relative_std: float, rng: np.random.Generator) -> FloatArray:
    """Draw the common factor of all diameters: log-normal, at evenly spaced quantiles in random order."""
    from scipy.special import ndtri

    return np.asarray(np.exp(relative_std * ndtri((rng.permutation(n) + 0.5) / max(n, 1))))


def interval(value: float, draws: FloatArray, unit: str, confidence: float, method: str) -> Quantity:
    """Return the number with the interval from its draws, widened to contain the number."""
    if not len(draws):
        return Quantity(value, None, None, unit, "no intervals asked for")
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Quantity(value, float(min(low, value)), float(max(high, value)), unit, method)
