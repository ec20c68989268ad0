"""Beads around the arms: did the instrument drift between them? Shown to have drifted, shown to be steady, or not decided.

The videos of the beads before and after the arms are replicates with scatter of their own; a ratio of their means alone
would take one bad video for a drift. Simulated with three videos on each side and a scatter of 5 % in brightness: without
drift none is reported (by the ratio alone in 1 % of runs, in 22 % at a scatter of 10 %); a true drift of 20 % passes as
steady in 0.1 % of runs and is reported in 26 %, in 70 % with six videos. An undecided drift does not count as drift, but
prevents conclusions that require steady beads.
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
from nta.assessment.integrity.evidence import IntegrityEvidence
from nta.assessment.integrity.limits import IntegrityLimits
from nta.assessment.integrity.signatures import Video
from nta.quantity import fixed

_MOST_ASKED = 20  # largest advised number of bead videos on each side; beyond it, only longer videos help
_FEWEST = 3  # recommended number of bead videos on each side; two give a very wide interval


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Comparison of the beads after the arms with those before them, as ln of their ratio.

    limit : name of the limit among the gates. comparison : None if nothing can be compared; missing : the reason.
    """

    quantity: str
    limit: str
    comparison: Comparison | None
    missing: str = ""

    @property
    def decision(self) -> Decision | None:
        """Decision by the bead videos; None if they cannot be compared."""
        return None if self.comparison is None else self.comparison.decision

    @property
    def steady(self) -> bool:
        """Whether the beads are shown not to have drifted by more than the limit."""
        return self.decision is Decision.EQUIVALENT

    @property
    def said(self) -> str:
        """The observation, in words."""
        c = self.comparison
        if c is None:
            return self.missing
        value, low, high = (
            f"{fixed(100 * math.expm1(v), 1, signed=True)}%" for v in (c.estimate, c.low, c.high)
        )
        numbers = f"{value} in {self.quantity} (95 % interval {low} to {high})"
        return {
            Decision.EQUIVALENT: f"beads around the arms are steady: {numbers}",
            Decision.CHANGED: f"beads around the arms drifted by {numbers}",
            Decision.INCONCLUSIVE: f"not decided whether the beads around the arms drifted: {numbers}",
        }[c.decision]

    @property
    def remedy(self) -> str:
        """Recommended action; empty if the beads are steady."""
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
    """Return ln of the median brightness; NaN if no track has a known brightness."""
    known = video.intensity[np.isfinite(video.intensity) & (video.intensity > 0)]
    return float(np.log(np.median(known))) if known.size else math.nan
