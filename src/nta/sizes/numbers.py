"""Numbers that summarise a distribution on bins, computed for many distributions at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nta.columns import FloatArray

SUMMARY_UNITS: Mapping[str, str] = {
    "d10_nm": "nm",
    "d50_nm": "nm",
    "d90_nm": "nm",
    "mean_nm": "nm",
    "mode_nm": "nm",
    "sd_nm": "nm",
    "geometric_sd": "1",
    "span": "1",
}
"""Names and units of the summary; the mode is the peak of the density per nm, span is (d90 - d10) / d50."""

_NO_SHARE = 1e-9  # shares of the particles below this count as 0


def summarise(edges_nm: FloatArray, weight: FloatArray) -> dict[str, FloatArray]:
    """Return every number of `SUMMARY_UNITS` for weights of shape (n, n_bins): arrays of shape (n,)."""
    edge = np.log(edges_nm)
    d10, d50, d90 = (np.exp(quantile(edge, weight, q)) for q in (0.1, 0.5, 0.9))
    # moments of diameter spread evenly over ln d within a bin
    step = edge[1] - edge[0]
    first = np.diff(edges_nm) / step
    second = np.diff(edges_nm**2) / (2 * step)
    mean = weight @ first
    centre = (edge[1:] + edge[:-1]) / 2
    mean_ln = weight @ centre
    variance_ln = np.maximum(weight @ centre**2 - mean_ln**2, 0.0)
    return {
        "d10_nm": d10,
        "d50_nm": d50,
        "d90_nm": d90,
        "mean_nm": mean,
        "mode_nm": _mode(edges_nm, weight),
        "sd_nm": np.sqrt(np.maximum(weight @ second - mean**2, 0.0)),
        "geometric_sd": np.exp(np.sqrt(variance_ln)),
        "span": (d90 - d10) / d50,
    }


def quantile(edge: FloatArray, weight: FloatArray, share: float) -> FloatArray:
    """Value below which a share of the weight lies, the cumulative sum taken as linear within a bin: (n,)."""
    cumulative = np.concatenate([np.zeros((len(weight), 1)), np.cumsum(weight, axis=1)], axis=1)
    target = share * cumulative[:, -1]
    above = np.argmax(cumulative >= target[:, None], axis=1).clip(1)
    row = np.arange(len(weight))
    before = cumulative[row, above - 1]
    inside = cumulative[row, above] - before
    part = np.divide(target - before, inside, out=np.zeros_like(target), where=inside > 0)
    return np.asarray(edge[above - 1] + part * (edge[above] - edge[above - 1]))


def fraction(edges_nm: FloatArray, weight: FloatArray, low_nm: float, high_nm: float) -> FloatArray:
    """Share of the weight between two diameters, bins cut at the ends counted in part: (n,)."""
    edge = np.log(edges_nm)
    low, high = np.log(max(low_nm, 1e-12)), np.log(high_nm)
    overlap = np.minimum(edge[1:], high) - np.maximum(edge[:-1], low)
    return np.asarray(weight @ np.clip(overlap / np.diff(edge), 0.0, 1.0))


def rebinned(edges_nm: FloatArray, weight: FloatArray, into_nm: FloatArray) -> FloatArray:
    """Return the shares in the bins between other edges; a bin across an edge is divided in proportion to ln d."""
    below = np.append(0.0, np.cumsum(weight))
    return np.diff(np.interp(np.log(into_nm), np.log(edges_nm), below))


def moved_fraction(
    edges_nm: FloatArray, draws: FloatArray, factor: FloatArray, low_nm: float, high_nm: float
) -> FloatArray:
    """Share of each draw (n, n_bins) between two diameters, with all diameters of a draw multiplied by its factor: (n,).

    Multiplying all diameters by f is the same as dividing the window by f.
    """
    pairs = zip(draws, factor, strict=True)
    return np.array([fraction(edges_nm, row[None], low_nm / f, high_nm / f)[0] for row, f in pairs])


def clopper_pearson(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Exact interval of a share observed among n, which need not be an integer.

    Source: Clopper and Pearson, Biometrika 26, 404 (1934), by quantiles of beta distributions.
    """
    from scipy.special import betaincinv

    seen = n * min(max(share, 0.0), 1.0)
    tail = (1 - confidence) / 2
    low = float(betaincinv(seen, n - seen + 1, tail)) if seen > 0 else 0.0
    # for a share of a hundredth of a track it is 1e-160, for less it underflows
    low = low if low > _NO_SHARE else 0.0
    high = float(betaincinv(seen + 1, n - seen, 1 - tail)) if seen < n else 1.0
    return low, high


def _mode(edges_nm: FloatArray, weight: FloatArray) -> FloatArray:
    """Peak of the density per nm, placed between bins by a parabola through three logarithms."""
    density = weight / np.diff(edges_nm)
    row = np.arange(len(weight))
    at = np.argmax(density, axis=1).clip(1, weight.shape[1] - 2)
    left, top, right = (np.log(np.maximum(density[row, at + s], 1e-300)) for s in (-1, 0, 1))
    curvature = left - 2 * top + right
    shift = np.divide(0.5 * (left - right), curvature, out=np.zeros_like(top), where=curvature < 0)
    edge = np.log(edges_nm)
    step = edge[1] - edge[0]
    return np.asarray(np.exp(edge[at] + step * (0.5 + np.clip(shift, -0.5, 0.5))))
