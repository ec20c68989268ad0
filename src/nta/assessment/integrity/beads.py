"""Beads around the arms: did the instrument drift between them? Shown to have drifted, shown to be steady, or not decided.

The videos of the beads are the replicates, before and after the arms, and scatter as all videos do; a ratio of their means
alone would call one bad video a drift. Simulated, three videos on each side that scatter by 5 % in brightness: without any
drift they are never called drifting (by the ratio alone in 1 % of runs, at 10 % scatter in 22 %), and a true drift of 20 %
passes in 0.1 %; it is called one in 26 % of runs, in 70 % with six videos. What is not decided is no drift, and stands in
the way of what rests on steady beads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nta.assessment.integrity.comparison import (
    Comparison,
    Decision,
    Margin,
    compare_independent,
    replicates_for_equivalence,
)
from nta.assessment.integrity.criteria import IntegrityEvidence
from nta.assessment.integrity.limits import IntegrityLimits
from nta.assessment.integrity.signatures import Video

_MOST_ASKED = 20  # videos of beads on each side: nobody records more, so a worse scatter needs another remedy
_FEWEST = 3  # videos of beads on each side that are advised; two give an interval, and a very wide one


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Beads after the arms against those before them, ln of their ratio.

    limit : by its name among the gates. comparison : None where nothing can be compared; `missing` says why.
    """

    quantity: str
    limit: str
    comparison: Comparison | None
    missing: str = ""

    @property
    def decision(self) -> Decision | None:
        """What the bead videos show; None where they cannot be compared."""
        return None if self.comparison is None else self.comparison.decision

    @property
    def steady(self) -> bool:
        """Whether the beads are shown not to have drifted by more than the limit."""
        return self.decision is Decision.EQUIVALENT

    @property
    def said(self) -> str:
        """What was seen, in words."""
        c = self.comparison
        if c is None:
            return self.missing
        low, high = (math.expm1(end) for end in (c.low, c.high))
        numbers = (
            f"{math.expm1(c.estimate):+.1%} in {self.quantity} (95 % interval {low:+.1%} to {high:+.1%})"
        )
        return {
            Decision.EQUIVALENT: f"beads around the arms are steady: {numbers}",
            Decision.CHANGED: f"beads around the arms drifted by {numbers}",
            Decision.INCONCLUSIVE: f"not decided whether the beads around the arms drifted: {numbers}",
        }[c.decision]

    @property
    def remedy(self) -> str:
        """What to do about it; empty where they are steady."""
        c = self.comparison
        if c is None:
            return f"bracket the arms with beads, {_FEWEST} videos and more on each side"
        if c.decision is Decision.EQUIVALENT:
            return ""
        if c.decision is Decision.CHANGED:
            return "measure both arms within one run, bracketed by beads, on a warmed-up laser"
        n = replicates_for_equivalence(
            c.scatter, c.margin, fewest=max(_FEWEST, min(c.n_test, c.n_reference) + 1), most=_MOST_ASKED
        )
        if n is None:
            return f"record longer bead videos: with this scatter, {_MOST_ASKED} on each side would not show steady ones"
        return f"record more bead videos, or longer ones: with this scatter, about {n} on each side would show steady ones"


def bead_drifts(evidence: IntegrityEvidence, limits: IntegrityLimits) -> tuple[Drift, Drift]:
    """Compare the beads after the arms with those before them, in size and in brightness."""
    return (
        _drift(evidence, limits, "size", "bead_drift_size", Video.log_d50),
        _drift(evidence, limits, "brightness", "bead_drift_intensity", _log_brightness),
    )


def _drift(
    e: IntegrityEvidence,
    limits: IntegrityLimits,
    quantity: str,
    limit: str,
    summary: Callable[[Video], float],
) -> Drift:
    before, after = (
        [value for video in videos if math.isfinite(value := summary(video))]
        for videos in (e.beads_before, e.beads_after)
    )
    if not before or not after:
        there = e.beads_before and e.beads_after
        why = (
            f"the {quantity} of the beads was not measured" if there else "no beads before and after the arms"
        )
        return _unknown(quantity, limit, why)
    if min(len(before), len(after)) < 2:
        ratio = math.expm1(float(np.mean(after) - np.mean(before)))
        why = f"beads around the arms differ by {ratio:+.1%}, but one video on a side tells nothing of their scatter"
        return _unknown(quantity, limit, why)
    margin = Margin(low=-limits.gates[limit], high=limits.gates[limit])
    found = compare_independent(after, before, margin, unit="video")
    return Drift(quantity=quantity, limit=limit, comparison=found)


def _unknown(quantity: str, limit: str, why: str) -> Drift:
    missing = f"{why}: drift in {quantity} is not known"
    return Drift(quantity=quantity, limit=limit, comparison=None, missing=missing)


def _log_brightness(video: Video) -> float:
    """Return ln of the median brightness; NaN where no track has one."""
    known = video.intensity[np.isfinite(video.intensity) & (video.intensity > 0)]
    return float(np.log(np.median(known))) if known.size else math.nan
