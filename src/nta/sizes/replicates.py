"""Several videos, several preparations: sizes of a sample with the replicate as the unit, never the track.

Tracks of one video share its focus, its drop and its drift, videos of one preparation share the preparation. Pooling tracks
counts all of that as independent and gives intervals that are far too narrow. The numbers here are means over replicates,
with Student's t over preparations where there are three or more, else over videos; with a single video its own intervals
are kept. No interval is narrower than the uncertainty from the tracks alone. Systematic terms are shared by all replicates
and are not averaged out. The band of the curve is a hierarchical bootstrap over preparations, then videos, then each video's
own band. With fewer than ten preparations the band shows the scatter but does not reach its nominal coverage.

Sources: the replicate as the unit: Lazic, BMC Neurosci. 11, 5 (2010); two-stage bootstrap: Davison and Hinkley, Bootstrap
Methods and their Application (1997), sec. 3.8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from nta.columns import FloatArray
from nta.errors import SettingError
from nta.quantity import Quantity, coverage_factor, student_half_width
from nta.sizes.intervals import band
from nta.sizes.numbers import SUMMARY_UNITS, fraction, summarise
from nta.sizes.table import SUSPENSION, Distribution, SizeDistribution
from nta.sizes.uncertainty import combined

_LEAST_PREPARATIONS = 3

_ShareOf = Callable[[float, float], float]
"""Function that returns the share of a curve between two diameters."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Replicate:
    """The sizes of one video, and the name of its preparation."""

    preparation: str
    sizes: SizeDistribution


@dataclass(frozen=True, kw_only=True, eq=False)
class ReplicateSizes:
    """The sizes of a sample from its replicates.

    unit : unit of replication of the intervals: "preparation", "video" or, for a single video, "track".
    distribution : mean over preparations of the mean over their videos, with a band from a hierarchical bootstrap.
    summary, fractions : as in a `SizeDistribution`, means over preparations of the means over their videos; intervals over
        the units. If preparations differ, their mean curve is wider than each of them, so these are not its numbers.
    between_videos, between_preparations : standard deviation of ln(D50) between videos of one preparation, and between
        the means of preparations; None if there is only one.
    """

    unit: str
    n_preparations: int
    n_videos: int
    n_tracks: int
    distribution: Distribution
    summary: Mapping[str, Quantity]
    fractions: Mapping[tuple[float, float], Quantity]
    between_videos: float | None
    between_preparations: float | None


def combine_replicates(
    replicates: Sequence[Replicate], *, describes: str | None = None, repeats: int = 400, seed: int = 1
) -> ReplicateSizes:
    """Combine the videos of one sample.

    Parameters
    ----------
    replicates
        Videos with their preparations, analysed with the same settings.
    describes
        "suspension" for the distributions corrected for visibility; None: the distribution that each video's numbers
        summarise.
    repeats, seed
        Repeats and seed of the bootstrap for the band.

    Raises
    ------
    SettingError
        There is no replicate, a replicate has no distribution of this kind, their bins or what they describe differ, or two
        are from one recording.
    """
    _refuse_copies(replicates)
    curves = [_curve(r.sizes, describes) for r in replicates]
    first = _refuse_unlike(curves)
    groups = [
        [i for i, r in enumerate(replicates) if r.preparation == name]
        for name in dict.fromkeys(r.preparation for r in replicates)
    ]
    counts = np.empty(len(curves))  # weight of each video in the mean over preparations of their means
    for group in groups:
        counts[group] = 1 / (len(groups) * len(group))
    weight = counts @ np.stack([curve.weight for curve in curves])
    draws = _hierarchical_draws(curves, groups, repeats, np.random.default_rng(seed))
    low, high = band(draws, weight, first.confidence)
    n_videos = len(replicates)
    unit = "preparation" if len(groups) >= _LEAST_PREPARATIONS else "video" if n_videos > 1 else "track"
    units = groups if unit == "preparation" else [[i] for i in range(n_videos)]
    alone = replicates[0].sizes if unit == "track" else None
    # the video's own numbers hold only for its own curve, not for the suspension's
    own = alone if alone is not None and first is alone.distribution else None
    interval = _Interval(replicates, counts, units, unit, first.confidence, own)
    edges = first.edges_nm
    per_video = [summarise(edges, curve.weight[None]) for curve in curves]
    windows = list(replicates[0].sizes.fractions)
    scatter = _scatter(np.log([float(video["d50_nm"][0]) for video in per_video]), groups)
    return ReplicateSizes(
        unit=unit,
        n_preparations=len(groups),
        n_videos=n_videos,
        n_tracks=sum(r.sizes.n_tracks_used for r in replicates),
        distribution=Distribution(
            edges_nm=edges,
            weight=weight,
            low=low,
            high=high,
            method=f"mean of {n_videos} videos of {len(groups)} preparations, hierarchical bootstrap",
            describes=first.describes,
            confidence=first.confidence,
        ),
        summary={
            name: interval.of_ratio([float(video[name][0]) for video in per_video], name, name_unit)
            for name, name_unit in SUMMARY_UNITS.items()
        },
        fractions={
            window: interval.of_share(
                window, partial(_share, edges, weight), [partial(_share, edges, c.weight) for c in curves]
            )
            for window in windows
        },
        between_videos=scatter[0],
        between_preparations=scatter[1],
    )


@dataclass(frozen=True, eq=False)
class _Interval:
    """Intervals by Student's t over units of replication: of positive numbers in the logarithm, of shares directly."""

    replicates: Sequence[Replicate]
    counts: FloatArray  # weight of every video in the mean
    units: Sequence[Sequence[int]]
    unit: str
    confidence: float
    own: SizeDistribution | None  # sizes of the video if there is only one

    def of_ratio(self, per_video: Sequence[float], name: str, unit: str) -> Quantity:
        """Mean of a positive number with its interval; the systematic budget applies to lengths only."""
        if self.own is not None and name in self.own.summary:
            return replace(self.own.summary[name], method=self._words())
        value = float(self.counts @ per_video)
        within = [_half_widths_ln(r.sizes.statistical.get(name)) for r in self.replicates]
        systematic = self._systematic() if unit == "nm" else 0.0
        each = np.log(np.maximum(per_video, 1e-12))
        # the ends differ: the interval of a D90 reaches farther up than down
        below, above = (self._reach(each, side, systematic) for side in zip(*within, strict=True))
        if below is None or above is None:
            return Quantity(value, None, None, unit, "no interval: nothing is known of the scatter")
        low = max(value / math.exp(below), 1.0 if name == "geometric_sd" else 0.0)
        return Quantity(value, low, value * math.exp(above), unit, self._words())

    def of_share(self, window: tuple[float, float], mean: _ShareOf, videos: Sequence[_ShareOf]) -> Quantity:
        """Share of the mean curve in a window, with its interval from the shares of the videos."""
        if self.own is not None:
            return replace(self.own.fractions[window], method=self._words())
        value = mean(*window)
        within = [
            self._of_tracks(r.sizes, window, video) for r, video in zip(self.replicates, videos, strict=True)
        ]
        moved = _moved(mean, window, self._systematic())
        each = np.array([video(*window) for video in videos])
        # the ends differ: the interval of a rare share reaches far up and hardly down
        below, above = (self._reach(each, side, moved) for side in zip(*within, strict=True))
        if below is None or above is None:
            return Quantity(value, None, None, "1", "no interval: nothing is known of the scatter")
        return Quantity(value, max(value - below, 0.0), min(value + above, 1.0), "1", self._words())

    def _of_tracks(
        self, sizes: SizeDistribution, window: tuple[float, float], share: _ShareOf
    ) -> tuple[float | None, float | None]:
        """Return how far a video's interval of a share reaches down and up, with its systematic part taken off."""
        q = sizes.fractions.get(window)
        if q is None or q.value is None or q.low is None or q.high is None:
            return None, None
        systematic = coverage_factor(self.confidence) * _moved(share, window, combined(sizes.budget))
        below, above = (
            math.sqrt(max(end**2 - systematic**2, 0.0)) for end in (q.value - q.low, q.high - q.value)
        )
        return below, above

    def _systematic(self) -> float:
        """Relative standard uncertainty of the mean diameter by errors that all replicates share.

        Fully correlated errors add up with the weights of the mean (JCGM 100:2008 (GUM), 5.2.2, note 1).
        """
        return float(self.counts @ [combined(r.sizes.budget) for r in self.replicates])

    def _reach(
        self, per_video: FloatArray, within: Sequence[float | None], systematic: float
    ) -> float | None:
        """Half the width: t over the units, no less than the uncertainty from the tracks, with the systematic part."""
        known = [w for w in within if w is not None]
        tracks = math.hypot(*(self.counts * known)) if len(known) == len(within) else None
        between = None
        if len(self.units) > 1:
            means = np.array([per_video[list(unit)].mean() for unit in self.units])
            between = float(student_half_width(means, self.confidence))
            if self.unit == "video":  # videos weigh unequally: the mean is over preparations
                between *= math.sqrt(means.size * float(self.counts @ self.counts))
        parts = [part for part in (tracks, between) if part is not None]
        return math.hypot(max(parts), coverage_factor(self.confidence) * systematic) if parts else None

    def _words(self) -> str:
        percent = f"{100 * self.confidence:g} %"
        if self.unit == "track":
            return f"one video: the interval of its tracks, {percent}; it knows nothing of other videos"
        words = f"Student's t over {len(self.units)} {self.unit}s and systematic budget, {percent}"
        return words if self.unit == "preparation" else f"{words}; of these tubes, not of the process"


def _share(edges_nm: FloatArray, weight: FloatArray, low_nm: float, high_nm: float) -> float:
    return float(fraction(edges_nm, weight[None], low_nm, high_nm)[0])


def _moved(share: _ShareOf, window: tuple[float, float], systematic: float) -> float:
    """Change of a share when all diameters change by the systematic factor: equivalent to dividing the window by it."""
    (low, high), f = window, math.exp(systematic)
    return abs(share(low / f, high / f) - share(low * f, high * f)) / 2


def _half_widths_ln(quantity: Quantity | None) -> tuple[float | None, float | None]:
    """Return how far an interval reaches down and up in the logarithm; None if there is no interval."""
    if quantity is None or quantity.value is None or quantity.low is None or quantity.high is None:
        return None, None
    if not quantity.low > 0:
        return None, None
    value = min(max(quantity.value, quantity.low), quantity.high)
    return math.log(value / quantity.low), math.log(quantity.high / value)


def _refuse_copies(replicates: Sequence[Replicate]) -> None:
    """Refuse the sizes of one recording given twice: tracks with the same diameters are the same tracks."""
    seen: dict[bytes, str] = {}
    for replicate in replicates:
        tracks = replicate.sizes.tracks.diameter_nm
        if tracks.size and tracks.tobytes() in seen:
            raise SettingError(
                f"two replicates, of the preparations {seen[tracks.tobytes()]!r} and {replicate.preparation!r}, have the "
                "same tracks: one recording is one replicate however often it is given; give every recording once"
            )
        seen[tracks.tobytes()] = replicate.preparation


def _curve(sizes: SizeDistribution, describes: str | None) -> Distribution:
    curve = sizes.suspension if describes == SUSPENSION else sizes.distribution
    if curve is None:
        wanted = describes or "size"
        raise SettingError(f"a replicate has no {wanted} distribution: leave it out, or record more of it")
    return curve


def _refuse_unlike(curves: Sequence[Distribution]) -> Distribution:
    """Return the first curve; refuse curves of different kinds or on different bins."""
    if not curves:
        raise SettingError("no replicates were given")
    first = curves[0]
    for curve in curves[1:]:
        if curve.describes != first.describes:
            raise SettingError(f"replicates describe {first.describes!r} and {curve.describes!r}")
        if curve.edges_nm.shape != first.edges_nm.shape or not np.allclose(curve.edges_nm, first.edges_nm):
            raise SettingError("replicates have different bins: analyse all with the same [sizing] settings")
    return first


def _hierarchical_draws(
    curves: Sequence[Distribution], groups: Sequence[Sequence[int]], repeats: int, rng: np.random.Generator
) -> FloatArray:
    """Draw preparations, then videos of each, then for each video a curve within its band: (repeats, n_bins).

    A video's curve moves up or down as a whole, by its band: each bin has the right scatter, but the sum does not stay 1.
    """
    reach = float(np.log(1e6))
    sds = 2 * coverage_factor(curves[0].confidence)  # standard deviations from one end of a band to the other
    spread = []
    for curve in curves:
        low, high = np.nan_to_num(curve.low), np.nan_to_num(curve.high)
        ratio = np.log(np.maximum(high, 1e-12) / np.maximum(low, 1e-12))
        spread.append(np.where(curve.weight > 0, np.minimum(ratio, reach), 0.0) / sds)
    draws = np.empty((repeats, curves[0].weight.size))
    for repeat in range(repeats):
        chosen = [groups[g] for g in rng.integers(len(groups), size=len(groups))]
        means = []
        for group in chosen:
            videos = [group[i] for i in rng.integers(len(group), size=len(group))]
            moved = [curves[i].weight * np.exp(rng.standard_normal() * spread[i]) for i in videos]
            means.append(np.mean(moved, axis=0))
        draws[repeat] = np.mean(means, axis=0)
    return draws


def _scatter(log_d50: FloatArray, groups: Sequence[Sequence[int]]) -> tuple[float | None, float | None]:
    """Pooled standard deviation of videos within preparations, and of the means of preparations."""
    freedom = sum(len(group) - 1 for group in groups)
    square = sum(float(((log_d50[g] - log_d50[g].mean()) ** 2).sum()) for g in map(list, groups))
    within = math.sqrt(square / freedom) if freedom else None
    means = np.array([log_d50[list(group)].mean() for group in groups])
    return within, float(means.std(ddof=1)) if means.size > 1 else None
