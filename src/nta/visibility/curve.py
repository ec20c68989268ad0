"""The detection curve: probability that a spot of given light and width is found in one frame of the recording."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nta.columns import Brief, FloatArray
from nta.visibility.injection import AS_SEEN, WIDTH_RATIOS, Trials

_STEPS = 60
_LEAST_TRIALS = 20  # simulated spots that must be found, and that must be missed
_LEAST_BRIGHT, _MOST_CLASSES = 60, 6  # fewest simulated spots in a class of light, and most classes


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DetectionCurve(Brief):
    """Probability = most / (1 + (light_50 / light)^steepness) for each of a few widths, interpolated between the widths.

    `most` is the share found of spots with enough light; the rest falls onto other particles. It equals `ceiling` up to the
    brightest light that was tried with every width, and is larger for brighter spots, which fewer particles hide.

    spot_width_px : width of a spot in focus. width_px : (n,) the widths that were tried.
    light_50_e : (n,) photoelectrons at which half of `ceiling` is found; rel_std : (n,) its relative standard error.
    steepness : (n,); ceiling : share found of the brighter spots, at the width with the largest share.
    bright_e, bright_share : (m,) light of simulated spots as bright as the recording's own bright ones, ascending, and the
        share found.
    trials : number of simulated spots; light_e, found_share, found_count : light, share found and number of the simulated
        spots in focus, by bins of light, for the figure.
    """

    spot_width_px: float
    width_px: NDArray[np.float64]
    light_50_e: NDArray[np.float64]
    rel_std: NDArray[np.float64]
    steepness: NDArray[np.float64]
    ceiling: float
    trials: int
    light_e: NDArray[np.float64]
    found_share: NDArray[np.float64]
    found_count: NDArray[np.int64]
    bright_e: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    bright_share: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def probability(self, electrons: FloatArray, width_px: FloatArray | float) -> FloatArray:
        """Probability that a spot is found; widths beyond those tried follow the trend of the last two."""
        width = np.log(np.maximum(np.asarray(width_px, dtype=np.float64), self.width_px[0]))
        knots, middle = np.log(self.width_px), np.log(self.light_50_e)
        trend = (middle[-1] - middle[-2]) / (knots[-1] - knots[-2])
        log_50 = np.interp(width, knots, middle) + trend * np.maximum(width - knots[-1], 0.0)
        steep = np.interp(width, knots, self.steepness)
        with np.errstate(divide="ignore", over="ignore"):
            by_light = 1 / (1 + np.exp(steep * (log_50 - np.log(electrons))))
        return np.asarray(self.not_hidden(electrons) * by_light)

    def not_hidden(self, electrons: FloatArray) -> FloatArray:
        """Share of the particles of this light that are not hidden behind others: `most`."""
        light = np.asarray(electrons, dtype=np.float64)
        if not self.bright_e.size:
            return np.full(light.shape, self.ceiling)
        return np.interp(np.log(np.maximum(light, 1e-9)), np.log(self.bright_e), self.bright_share)


def fit_curve(trials: Trials, spot_width_px: float) -> DetectionCurve | None:
    """Fit the curve to trials by maximum likelihood; None if too few spots were found, or too few missed."""
    in_focus = trials.ratio == 0
    if min(trials.found[in_focus].sum(), (~trials.found[in_focus]).sum()) < _LEAST_TRIALS:
        return None
    ceiling = _ceiling(trials)
    fits = []
    for i in range(len(WIDTH_RATIOS)):
        mine = trials.ratio == i
        fits.append(_logistic(np.log(trials.electrons[mine]), trials.found[mine], ceiling))
    middle, steepness, std = np.array(fits).T
    light, share, count = _binned(trials)
    bright_e, bright_share = _bright(trials, ceiling)
    return DetectionCurve(
        spot_width_px=spot_width_px,
        width_px=spot_width_px * np.array(WIDTH_RATIOS),
        light_50_e=np.exp(middle),
        rel_std=std,
        steepness=steepness,
        ceiling=ceiling,
        trials=trials.found.size,
        light_e=light,
        found_share=share,
        found_count=count,
        bright_e=bright_e,
        bright_share=bright_share,
    )


def _ceiling(trials: Trials) -> float:
    """Share found of the brighter spots, at the width with the largest share: lack of light is not why these are missed.

    If motion or defocus widens all spots of a recording, simulated spots in focus are not the easiest to find.
    """
    shares = []
    for i in range(len(WIDTH_RATIOS)):
        mine = trials.ratio == i
        if mine.any():
            top = mine & (trials.electrons >= np.quantile(trials.electrons[mine], 0.6))
            shares.append((trials.found[top].sum() + 0.5) / (top.sum() + 0.5))
    return float(max(shares))


def _bright(trials: Trials, ceiling: float) -> tuple[FloatArray, FloatArray]:
    """Return classes of bright simulated spots: mean light, and share found, made non-decreasing with light."""
    as_seen = trials.ratio == AS_SEEN
    n_classes = min(int(as_seen.sum()) // _LEAST_BRIGHT, _MOST_CLASSES)
    if n_classes == 0:
        return np.empty(0), np.empty(0)
    order = np.argsort(trials.electrons[as_seen], kind="stable")
    light = [np.log(part) for part in np.array_split(trials.electrons[as_seen][order], n_classes)]
    found = [
        (part.sum() + 0.5) / (part.size + 0.5)
        for part in np.array_split(trials.found[as_seen][order], n_classes)
    ]
    tried = np.log(trials.electrons[~as_seen].max())
    middle = np.concatenate([[min(tried, light[0].mean() - 1e-6)], [part.mean() for part in light]])
    return np.exp(middle), np.maximum.accumulate(np.concatenate([[ceiling], found]))


def _logistic(x: FloatArray, found: NDArray[np.bool_], ceiling: float) -> tuple[float, float, float]:
    """Fit ceiling / (1 + exp(-k (x - m))): return m, k and the standard error of m, by Fisher scoring.

    If hardly any spot is found, m stays slightly above the brightest light tried, since brighter spots were not tested.
    """
    middle, steep = float(np.median(x)), 5.0
    information = np.eye(2)
    for _ in range(_STEPS):
        z = 1 / (1 + np.exp(-np.clip(steep * (x - middle), -40, 40)))
        p = np.clip(ceiling * z, 1e-9, 1 - 1e-9)
        slope = ceiling * z * (1 - z)
        by = np.stack([-steep * slope, (x - middle) * slope])
        weight = 1 / (p * (1 - p))
        information = (by * weight) @ by.T + np.diag([1e-6, 1e-3])
        step = np.linalg.solve(information, (by * weight) @ (found - p))
        middle = float(np.clip(middle + np.clip(step[0], -0.3, 0.3), x.min() - 1, x.max() + 1))
        steep = float(np.clip(steep + np.clip(step[1], -2, 2), 1.0, 40.0))
    return middle, steep, float(np.sqrt(np.linalg.inv(information)[0, 0]))


def _binned(trials: Trials, bins: int = 14) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    mine = trials.ratio == 0
    light, found = trials.electrons[mine], trials.found[mine]
    edges = np.geomspace(light.min(), light.max() * 1.0001, bins + 1)
    which = np.searchsorted(edges, light, side="right") - 1
    count = np.bincount(which, minlength=bins)
    hits = np.bincount(which, found, minlength=bins)
    some = count > 0
    return np.sqrt(edges[1:] * edges[:-1])[some], hits[some] / count[some], count[some].astype(np.int64)
