"""Evidence of other methods on the membrane: detergent, dyes and protein.

A value of the test arm alone does not show an effect of the process: particles that resist detergent, or protein, may have
been there before. A low value is a phenotype if the reference differs, else a remark, which prevents INTACT. INTACT needs
one line of evidence on the membrane, and every measured line has to agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from nta.assessment.integrity.comparison import Decision, Margin
from nta.assessment.integrity.criteria import Criterion
from nta.assessment.integrity.evidence import IntegrityEvidence
from nta.assessment.integrity.limits import IntegrityLimits
from nta.assessment.integrity.reasons import NO_MEMBRANE, Phenotype, Reason, straddles

MEMBRANE_LINES = {"detergent_labile": "detergent_labile", "sealed": "sealed_ratio"}
"""Criteria of which INTACT needs one and of which none may disagree, with the field of a preparation that each compares."""
_DIFFERS, _UNKNOWN = "MEMBRANE_CHANGED", NO_MEMBRANE.code


def membrane_phenotypes(
    evidence: IntegrityEvidence, criteria: Mapping[str, Criterion], limits: IntegrityLimits
) -> Iterator[Phenotype]:
    """Yield phenotypes for values that differ from the reference and lie below their threshold."""
    labile, _ = _means(evidence, "detergent_labile")
    if labile is not None and _is_lower(criteria["detergent_labile"]):
        if labile < limits.thresholds["detergent_labile_mixed"]:
            yield Phenotype.MOSTLY_NOT_VESICULAR
        elif labile < limits.thresholds["detergent_labile_least"]:
            yield Phenotype.PARTLY_NOT_VESICULAR
    if _is_lower(criteria["membrane_dye"]):
        yield Phenotype.STAINED_LESS
    if _is_lower(criteria["per_ug"]) and any(_impure(evidence, limits)):
        yield Phenotype.WITH_PROTEIN


def membrane_reasons(
    evidence: IntegrityEvidence, criteria: Mapping[str, Criterion], limits: IntegrityLimits
) -> list[Reason]:
    """Return reasons against calling membranes intact; none if every measured line agrees."""
    lines = {
        "detergent_labile": list(_detergent(evidence, criteria["detergent_labile"], limits)),
        "sealed": list(_sealed(evidence, criteria["sealed"], limits)),
    }
    agree = [
        criteria[line].title.lower()
        for line, against in lines.items()
        if not against and evidence.test.values(MEMBRANE_LINES[line])
    ]
    found = [reason for against in lines.values() for reason in against]
    if agree:  # a line that agrees makes unknown values of the other line irrelevant
        found = [_in_conflict(reason, agree[0]) for reason in found if reason.code != _UNKNOWN]
    return [*(found if found or agree else [NO_MEMBRANE]), *_impure(evidence, limits)]


def _in_conflict(reason: Reason, other: str) -> Reason:
    if reason.code != _DIFFERS:
        return reason
    return replace(reason, code="CONFLICT", text=f"{reason.text}, while the {other} is as in the reference")


def _detergent(
    evidence: IntegrityEvidence, criterion: Criterion, limits: IntegrityLimits
) -> Iterator[Reason]:
    """Yield evidence of the detergent arms against unchanged membranes."""
    test, reference = _means(evidence, "detergent_labile")
    if test is None:
        return
    least, margin = limits.thresholds["detergent_labile_least"], limits.margins["detergent_labile_change"]
    before = "" if reference is None else f", {100 * reference:.0f} % in the reference"
    seen = f"detergent removes {100 * test:.0f} % of the particles{before}".replace("-", "−")
    if reference is not None and reference <= margin.high:
        yield Reason(
            code="DETERGENT_NO_EFFECT",
            text=f"{seen}: where it removes next to nothing from the reference it tells nothing of membranes",
            remedy="titrate the detergent on the reference (concentration, time, temperature) and measure again",
        )
    elif test < least and not _is_lower(criterion):
        share = "mostly" if test < limits.thresholds["detergent_labile_mixed"] else "partly"
        yield Reason(
            code="NOT_VESICULAR",
            text=f"{seen}: {share} not vesicular, and not shown to have been more so before the step",
            remedy="purify further, or tell vesicles by a membrane dye",
        )
    elif reference is None:
        text, remedy = (
            f"{seen}; what it removes from the reference was not measured",
            "split the reference, too",
        )
        yield Reason(code=_UNKNOWN, text=text, remedy=remedy)
    else:
        yield from _difference(criterion, test - reference, margin, seen)


def _sealed(evidence: IntegrityEvidence, criterion: Criterion, limits: IntegrityLimits) -> Iterator[Reason]:
    """Yield evidence of the lumen dye against unchanged membranes."""
    test, reference = _means(evidence, "sealed_ratio")
    if test is None or reference is None:
        if test is not None:
            text = f"the sealed share is {test:.2f}; that of the reference was not measured"
            yield Reason(code=_UNKNOWN, text=text, remedy="stain the reference, too")
        return
    seen = f"the sealed share is {test:.2f}, {reference:.2f} in the reference"
    against = list(_difference(criterion, test / reference, limits.margins["sealed_ratio"], seen))
    yield from against
    if criterion.comparison is None and not against:
        remedy = "stain two preparations and more of each arm"
        yield Reason(code=_UNKNOWN, text=f"{seen}, of too few preparations for an interval", remedy=remedy)


def _difference(criterion: Criterion, difference: float, margin: Margin, seen: str) -> Iterator[Reason]:
    """Yield evidence of a difference; without an interval the values themselves must agree within the margin."""
    decision = None if criterion.comparison is None else criterion.comparison.decision
    if decision is Decision.INCONCLUSIVE:
        yield straddles([criterion.title.lower()], after_holm=False)
    elif decision is Decision.CHANGED or (decision is None and not margin.low <= difference <= margin.high):
        interval = "" if decision else ", of too few preparations for an interval"
        yield Reason(
            code=_DIFFERS,
            text=f"{seen}{interval}: that differs by more than the margin",
            remedy="repeat with three preparations of each arm, and confirm by cryo-electron microscopy",
        )


def _impure(evidence: IntegrityEvidence, limits: IntegrityLimits) -> Iterator[Reason]:
    """Yield a reason if there is much protein relative to the particles."""
    test, reference = _means(evidence, "particles_per_ug")
    least = limits.thresholds["pure_particles_per_ug"]
    if test is not None and test < least:
        before = "not measured" if reference is None else f"{reference / 1e9:.2g}·10⁹"
        yield Reason(
            code="PROTEIN",
            text=f"{test / 1e9:.2g}·10⁹ particles per µg of protein, in the reference {before}; pure preparations have "
            f"{least / 1e9:.2g}·10⁹ or more",
            remedy="purify further, or judge purity by another method",
        )


def _means(evidence: IntegrityEvidence, name: str) -> tuple[float | None, float | None]:
    """Return the means over the preparations of test and reference; None if not measured."""
    reference = () if evidence.reference is None else evidence.reference.values(name)
    test, reference = evidence.test.values(name), reference
    return (float(np.mean(test)) if test else None, float(np.mean(reference)) if reference else None)


def _is_lower(criterion: Criterion) -> bool:
    c = criterion.comparison
    return c is not None and c.decision is Decision.CHANGED and c.estimate < 0
