"""How often intervals hold the truth: many samples of known shape, each analysed, each interval checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from made.synthetic_tracks import EXACT_CONDITIONS, lognormal, mean_length, mixture, synthetic_tracks
from nta.sizes import SizingSettings, size_distribution

SHAPES: dict[str, Callable[[int, np.random.Generator], NDArray[np.float64]]] = {
    "beads 100": lognormal(100, 0.04),
    "60 + 100": mixture((0.6, 60, 0.03), (0.4, 100, 0.03)),
    "70 + 120 + 200": mixture((0.3, 70, 0.03), (0.45, 120, 0.03), (0.25, 200, 0.03)),
    "log-normal": lognormal(90, 0.4),
    "broad": lognormal(120, 0.55),
    "with aggregates": mixture((0.85, 90, 0.35), (0.15, 300, 0.3)),
    "with fragments": mixture((0.3, 50, 0.25), (0.7, 110, 0.3)),
    "skewed": mixture((0.5, 70, 0.2), (0.35, 110, 0.3), (0.15, 180, 0.4)),
}
NAMES = ("d50_nm", "mean_nm", "30-150 nm")
LARGE_NM = (300.0, 2000.0)


@dataclass(frozen=True)
class Outcome:
    """One sample: for every name the truth, the value and the interval."""

    shape: str
    n_tracks: int
    truth: dict[str, float]
    found: dict[str, tuple[float, float, float]]  # value, low, high

    def holds(self, name: str) -> bool:
        _, low, high = self.found[name]
        return low <= self.truth[name] <= high


def outcomes(seeds: Iterable[int], *, residence: float = 0.5, repeats: int = 200) -> Iterable[Outcome]:
    """Analyse one sample per seed; the shape goes round with the seed, the number of tracks is between 200 and 5000."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        shape = list(SHAPES)[seed % len(SHAPES)]
        n_tracks = int(200 * 25 ** rng.random())
        tracks = synthetic_tracks(SHAPES[shape], n_tracks, rng, residence=residence)
        settings = SizingSettings(windows_nm=((30.0, 150.0),), repeats=repeats, seed=seed)
        sizes, _ = size_distribution(
            tracks.diffusion, None, EXACT_CONDITIONS, settings, likelihood=tracks.likelihood, compare=False
        )
        numbers = {**sizes.summary, "30-150 nm": sizes.fractions[30.0, 150.0]}
        found = {n: (numbers[n].value, numbers[n].low, numbers[n].high) for n in NAMES}
        yield Outcome(shape, n_tracks, truth_in_view(shape, residence), found)  # type: ignore[arg-type]


def rare_outcomes(
    seeds: Iterable[int], share: float, n_tracks: int, *, repeats: int = 100
) -> Iterable[Outcome]:
    """Analyse one sample per seed: beads of 100 nm with a few of 400 nm among them, as long in view."""
    population = mixture((1 - share, 100, 0.04), (share, 400, 0.04))
    for seed in seeds:
        tracks = synthetic_tracks(population, n_tracks, np.random.default_rng(seed))
        # two kinds are there: to look for more of them, and between finer bins, only costs time
        settings = SizingSettings(
            windows_nm=(LARGE_NM,), repeats=repeats, seed=seed, max_components=2, bins=200, grid_low_nm=40
        )
        sizes, _ = size_distribution(
            tracks.diffusion, None, EXACT_CONDITIONS, settings, likelihood=tracks.likelihood, compare=False
        )
        q = sizes.fractions[LARGE_NM]
        found = {"300-2000 nm": (q.value, q.low, q.high)}
        yield Outcome("rare", n_tracks, {"300-2000 nm": share}, found)  # type: ignore[dict-item]


@cache
def truth_in_view(shape: str, residence: float, n: int = 1_000_000) -> dict[str, float]:
    """Numbers of the particles in view: of the particles of the tracks, weighted by how long these last on average."""
    d = np.sort(SHAPES[shape](n, np.random.default_rng(7)))
    weight = mean_length(d, residence=residence)
    cumulative = np.cumsum(weight)
    return {
        "d50_nm": float(d[np.searchsorted(cumulative, cumulative[-1] / 2)]),
        "mean_nm": float(np.average(d, weights=weight)),
        "30-150 nm": float(weight[(d > 30) & (d < 150)].sum() / weight.sum()),
    }
