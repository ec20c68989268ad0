"""Gates on the controls around the arms: beads, blank and sham."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nta.assessment.finding import Finding, Verdict
from nta.assessment.integrity.beads import bead_drifts
from nta.assessment.integrity.comparison import Decision
from nta.assessment.integrity.evidence import Arm, IntegrityEvidence
from nta.assessment.integrity.gates.gate import Gate
from nta.assessment.integrity.limits import IntegrityLimits
from nta.assessment.integrity.signatures import Video
from nta.quantity import fixed

_VERDICTS = {
    Decision.EQUIVALENT: Verdict.PASS,
    Decision.CHANGED: Verdict.FAIL,
    Decision.INCONCLUSIVE: Verdict.NOT_ASSESSED,
}


def bead_drift(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Judge the drift of the beads; it fails only if shown to exceed the limit, as for a criterion."""
    if e.differs_in_run:
        return  # that fails already, and the beads were not measured around both arms
    for drift in bead_drifts(e, limits):
        gate, c = Gate("DIFFERENT_RUN", drift.quantity), drift.comparison
        if c is None:
            yield gate.not_assessed(drift.said, drift.remedy)
            continue
        yield Finding(
            name=gate.code,
            title=gate.title,
            verdict=_VERDICTS[c.decision],
            value=c.estimate,
            low=c.low,
            high=c.high,
            limit=limits.gates[drift.limit],
            unit="1",
            evidence=drift.said,
            advice=drift.remedy,
            source=limits.sources.get(drift.limit, ""),
        )


def bead_size(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Judge the median diameter of the beads against their certificate."""
    gate = Gate("BEAD_SIZE")
    if e.bead_bias is None:
        yield gate.not_assessed("no certified beads were measured", "record certified beads in the same run")
        return
    bias = math.expm1(e.bead_bias)
    text = f"certified beads measure {fixed(100 * bias, 1, signed=True)}% off their diameter"
    remedy = "check pixel size, temperature and frame rate; calibrate"
    yield gate.judged(limits, "bead_size_bias", abs(bias), text, remedy)


def blank(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Judge the particles of the buffer against those of both arms."""
    gate = Gate("BLANK_HIGH")
    if e.blank_in_cell is None:
        remedy = "record the buffer blank with the same settings"
        yield gate.not_assessed("no buffer blank was measured", remedy)
        return
    share = _largest_share(e.from_buffer, e.arms)
    yield _background(gate, "buffer blank", share, "blank_share", limits)


def sham(e: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Finding]:
    """Judge the particles that the process itself brings in against those of the test arm."""
    if (amount := e.sham_amount) is not None:
        share = _largest_share(lambda _: amount, (e.test,))
        yield _background(Gate("SHAM_HIGH"), "sham", share, "sham_share", limits)


def _largest_share(background: Callable[[Video], float], arms: Sequence[Arm]) -> tuple[float, str] | None:
    """Return the share of a background in the amounts of the worst arm, and its name; None if nothing was counted."""
    counted = [
        (arm.name, shares)
        for arm in arms
        if (shares := [background(v) / v.amount for v in arm.videos if v.amount])
    ]
    return max(((float(np.mean(shares)), name) for name, shares in counted), default=None)


def _background(
    gate: Gate, word: str, largest: tuple[float, str] | None, key: str, limits: IntegrityLimits
) -> Finding:
    if largest is None:
        return gate.not_assessed("the particles were not counted", "count both arms by one instrument")
    share, name = largest
    text = f"the {word} holds {share:.1%} of the particles of the {name} arm"
    return gate.judged(limits, key, share, text, "filter the buffer, clean the cell, or dilute less")
