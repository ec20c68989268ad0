"""The verdict: was this preparation touched?

**Touched EV** (our working definition; no source defines the term): a preparation of extracellular vesicles whose measured
properties differ, beyond the reproducibility of the method, from the same material before the processing step, or with
less of it. Altered is not damaged: losing, enriching or contaminating changes a preparation and breaks no vesicle.

NTA sees diffusion, brightness and counts, never a membrane. INTACT therefore needs a line of evidence on the membrane from
elsewhere (detergent, lumen dye), and without a paired reference there is no verdict at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from nta.assessment.finding import Finding, Verdict
from nta.assessment.integrity.beads import bead_drifts
from nta.assessment.integrity.comparison import Decision, holm
from nta.assessment.integrity.criteria import Criterion, compare_arms
from nta.assessment.integrity.evidence import IntegrityEvidence
from nta.assessment.integrity.gates import check_gates
from nta.assessment.integrity.limits import IntegrityLimits, load_integrity_limits
from nta.assessment.integrity.membrane import membrane_phenotypes, membrane_reasons
from nta.assessment.integrity.reasons import (
    CONFLICT,
    NO_MEMBRANE,
    SIZE_SHIFT,
    Phenotype,
    Reason,
    hangs_on_failed,
    light_alone,
    straddles,
)

CLAIMS = (("d50", "above_150", "above_200", "below_60"), ("recovery",), ("size_at_brightness",))
"""Criteria that can flag a change by NTA alone, grouped by claim: sizes, number, light. Holm's correction is applied within
each claim: one criterion shows that particles are missing, any of four that sizes changed."""
FLAGGING = tuple(name for claim in CLAIMS for name in claim)
_ALPHA = 0.05


class Integrity(StrEnum):
    """Verdict on the vesicles."""

    INTACT = "INTACT"
    ALTERED = "ALTERED"
    DAMAGED = "DAMAGED"
    INDETERMINATE = "INDETERMINATE"


Confidence = Literal["high", "moderate", "low"]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict with everything it is based on.

    tags : phenotypes that were found.
    remarks : what bears on the verdict and is not among the reasons, in sentences: results of other methods, differences
        that are shown though they lie within their margins, videos that their own reports fail.
    reasons : reasons why there is no verdict; empty if there is one. gates : all gates that were checked.
    adjusted_p : Holm-adjusted p-value of every flagging criterion. flagged : criteria that changed by these p-values.
    """

    verdict: Integrity
    tags: tuple[Phenotype, ...]
    remarks: tuple[str, ...]
    reasons: tuple[Reason, ...]
    confidence: Confidence
    gates: tuple[Finding, ...]
    criteria: Mapping[str, Criterion]
    adjusted_p: Mapping[str, float]
    flagged: tuple[str, ...]
    limits: IntegrityLimits

    def decision(self, name: str) -> Decision | None:
        """Return the decision on a criterion, None if it was not compared; see `_decision`."""
        criterion = self.criteria.get(name)
        return None if criterion is None else _decision(criterion, self.adjusted_p.get(name))


def judge(evidence: IntegrityEvidence, limits: IntegrityLimits | None = None) -> Judgement:
    """Judge a test arm against its reference.

    First the gates: any failed gate makes the verdict INDETERMINATE. Then flags: particles that are leaky, or dim for their
    size and shown not to be larger, are DAMAGED; any other flag means ALTERED; flags by light require beads that are shown
    to be steady. INTACT requires equivalence of everything, steady beads and membrane evidence. A verdict must not hang on
    videos that their own reports fail: they count, because to leave out what is sparse or drifts would bias counts and
    sizes, but the verdict without them has to be the same.
    """
    limits = limits or load_integrity_limits()
    found = _judge_all(evidence, limits)
    failed = [video.name for arm in evidence.arms for video in arm.videos if video.failed]
    if not failed or found.verdict is Integrity.INDETERMINATE:
        return found
    without = _judge_all(evidence.without_failed(), limits).verdict
    if without is found.verdict:
        words = f"{', '.join(failed)}: failed by their own reports; without them the verdict is the same"
        return replace(found, remarks=(*found.remarks, words))
    reason = hangs_on_failed(failed, found.verdict, without)
    return replace(found, verdict=Integrity.INDETERMINATE, reasons=(reason,))


def _judge_all(evidence: IntegrityEvidence, limits: IntegrityLimits) -> Judgement:
    """Judge with every video that is there."""
    gates = check_gates(evidence, limits)
    failed = [_reason(gate) for gate in gates if gate.verdict is Verdict.FAIL]
    if not _comparable(evidence):
        return _Case(evidence, limits, gates, {}, {}).judgement(Integrity.INDETERMINATE, failed)
    criteria = compare_arms(evidence, limits)
    adjusted = {name: p for claim in CLAIMS for name, p in _adjusted(criteria, claim).items()}
    case = _Case(evidence, limits, gates, criteria, adjusted)
    tags = tuple(_tags(case))
    verdict, why = (Integrity.INDETERMINATE, failed) if failed else _decided(case, tags)
    return case.judgement(verdict, why, tags)


@dataclass(frozen=True, eq=False)
class _Case:
    """The evidence with its limits, and the gates, criteria and Holm-adjusted p values that follow from them."""

    evidence: IntegrityEvidence
    limits: IntegrityLimits
    gates: tuple[Finding, ...]
    criteria: Mapping[str, Criterion]
    adjusted: Mapping[str, float]

    @property
    def flagged(self) -> tuple[str, ...]:
        """Flagging criteria that changed, Holm's correction applied."""
        return tuple(name for name in FLAGGING if self.adjusted.get(name, 1.0) < _ALPHA)

    def judgement(
        self, verdict: Integrity, reasons: Sequence[Reason], tags: tuple[Phenotype, ...] = ()
    ) -> Judgement:
        return Judgement(
            verdict=verdict,
            tags=tags,
            remarks=tuple(_remarks(self, reasons)),
            reasons=tuple(reasons),
            confidence=_confidence(verdict, tags, self.evidence, self.limits),
            gates=self.gates,
            criteria=self.criteria,
            adjusted_p=self.adjusted,
            flagged=self.flagged,
            limits=self.limits,
        )


def _reason(gate: Finding) -> Reason:
    return Reason(code=gate.name, text=gate.evidence, remedy=gate.advice)


def _adjusted(criteria: Mapping[str, Criterion], names: Sequence[str]) -> dict[str, float]:
    return holm({n: c.p_changed for n in names if (c := criteria[n].comparison) is not None})


def _comparable(evidence: IntegrityEvidence) -> bool:
    """Return whether both arms have at least two videos, as any interval needs, and every video has tracks."""
    return evidence.reference is not None and all(
        len(arm.videos) >= 2 and all(v.diameter_nm.size for v in arm.videos) for arm in evidence.arms
    )


def _tags(case: _Case) -> Iterator[Phenotype]:
    """Yield each phenotype found, once."""
    criteria, limits = case.criteria, case.limits
    compared = {name: c for name in case.flagged if (c := criteria[name].comparison) is not None}
    up = {name for name, c in compared.items() if c.estimate > 0}
    down = set(compared) - up
    if up & {"d50", "above_150", "above_200"}:
        yield Phenotype.LARGER
    if "d50" in down or "below_60" in up:
        yield Phenotype.SMALLER
    if "size_at_brightness" in up:
        yield Phenotype.DIM
    if "size_at_brightness" in down:
        yield Phenotype.BRIGHT
    if "recovery" in down:
        severe = compared["recovery"].high < math.log(limits.thresholds["severe_loss"])
        yield Phenotype.SEVERELY_DEPLETED if severe else Phenotype.DEPLETED
    if "recovery" in up:
        yield Phenotype.GAINED
    if _looks_leaky(criteria, limits) and not _few(criteria["sealed"], limits):
        yield Phenotype.LEAKY
    yield from membrane_phenotypes(case.evidence, criteria, limits)


def _decided(case: _Case, tags: tuple[Phenotype, ...]) -> tuple[Integrity, list[Reason]]:
    evidence, criteria, limits = case.evidence, case.criteria, case.limits
    dim = Phenotype.DIM in tags and Phenotype.LARGER not in tags
    if Phenotype.LEAKY in tags:
        return Integrity.DAMAGED, []
    if _looks_leaky(criteria, limits):
        n = int(limits.gates["preparations"])
        text = f"the sealed share is lower, but of fewer than {n} preparations per arm"
        remedy = f"stain {n} preparations of each arm"
        return Integrity.INDETERMINATE, [Reason(code="FEW_REPLICATES", text=text, remedy=remedy)]
    if dim and _decision(criteria["sealed"]) is Decision.EQUIVALENT:
        return Integrity.INDETERMINATE, [CONFLICT]
    size, light = bead_drifts(evidence, limits)
    if (dim or tags == (Phenotype.BRIGHT,)) and not light.steady:
        return Integrity.INDETERMINATE, [light_alone("dim" if dim else "bright", light.said, light.remedy)]
    if dim and not (_shown_not_larger(criteria["d50"]) or _beyond_a_shift(criteria["beyond_median"])):
        return Integrity.INDETERMINATE, [SIZE_SHIFT]
    if dim:
        return Integrity.DAMAGED, []
    if tags:
        return Integrity.ALTERED, []
    undecided = [
        criteria[name].title.lower()
        for name in FLAGGING
        if _decision(criteria[name], case.adjusted.get(name)) is Decision.INCONCLUSIVE
    ]
    if undecided:
        return Integrity.INDETERMINATE, [straddles(undecided, after_holm=True)]
    if missing := list(_not_looked_at(evidence, criteria)):
        text = f"no alteration detected, but not everything was looked at ({'; '.join(missing)})"
        return Integrity.INDETERMINATE, [
            Reason(code="INCOMPLETE", text=text, remedy="add what is missing: " + "; ".join(missing))
        ]
    if drifting := [drift for drift in (size, light) if not drift.steady]:
        return Integrity.INDETERMINATE, [
            Reason(
                code="BEADS_UNDECIDED", text=f"no alteration detected, but {drift.said}", remedy=drift.remedy
            )
            for drift in drifting
        ]
    against = membrane_reasons(evidence, criteria, limits)
    return (Integrity.INDETERMINATE, against) if against else (Integrity.INTACT, [])


def _looks_leaky(criteria: Mapping[str, Criterion], limits: IntegrityLimits) -> bool:
    sealed = criteria["sealed"].comparison
    return sealed is not None and sealed.high < math.log(limits.thresholds["leaky"])


def _shown_not_larger(d50: Criterion) -> bool:
    """Return whether the median diameter is shown not to exceed its margin; a smaller one does not make particles dim."""
    c = d50.comparison
    return c is not None and c.equivalence_high <= c.margin.high


def _beyond_a_shift(beyond_median: Criterion) -> bool:
    """Return whether particles are dim for their size by more than a common error of all sizes explains."""
    c = beyond_median.comparison
    return c is not None and c.low > c.margin.high


def _few(criterion: Criterion, limits: IntegrityLimits) -> bool:
    """Return whether a comparison has fewer preparations than a claim on the process needs."""
    c = criterion.comparison
    return c is not None and min(c.n_test, c.n_reference) < limits.gates["preparations"]


def _not_looked_at(evidence: IntegrityEvidence, criteria: Mapping[str, Criterion]) -> Iterator[str]:
    """Yield what is missing for the verdict INTACT."""
    for name in ("recovery", "size_at_brightness"):
        if criteria[name].comparison is None:
            yield f"{criteria[name].title.lower()}: {criteria[name].missing}"
    if evidence.blank_in_cell is None:
        yield "no blank of the buffer"
    if evidence.bead_bias is None or not (evidence.beads_before and evidence.beads_after):
        yield "no certified beads before and after the arms"


def _decision(criterion: Criterion, adjusted_p: float | None = None) -> Decision | None:
    """Return the decision by the intervals; "changed" also has to hold after Holm's correction, if it applies."""
    decision = None if criterion.comparison is None else criterion.comparison.decision
    if decision is Decision.CHANGED and adjusted_p is not None and adjusted_p >= _ALPHA:
        return Decision.INCONCLUSIVE
    return decision


def _remarks(case: _Case, reasons: Sequence[Reason]) -> Iterator[str]:
    """Yield what would prevent INTACT by other methods and is not among the reasons, and differences within margins."""
    if not case.criteria:
        return
    for reason in membrane_reasons(case.evidence, case.criteria, case.limits):
        if reason.code not in (NO_MEMBRANE.code, "CI_STRADDLES") and reason not in reasons:
            yield reason.text
    if within := list(_shown_within_margin(case)):
        yield f"shown to differ from the reference, though within the margin: {', '.join(within)}"


def _shown_within_margin(case: _Case) -> Iterator[str]:
    """Yield flagging criteria that are equivalent and yet shown to differ (Holm over all of them)."""
    compared = {n: c for n in FLAGGING if (c := case.criteria[n].comparison) is not None}
    differs = holm({name: c.p_differs for name, c in compared.items()})
    for name, c in compared.items():
        if differs[name] < _ALPHA and c.decision is Decision.EQUIVALENT:
            yield f"{case.criteria[name].title.lower()} ({'higher' if c.estimate > 0 else 'lower'})"


_LINES = (
    {Phenotype.LARGER, Phenotype.SMALLER},
    {Phenotype.DIM, Phenotype.BRIGHT},
    {Phenotype.DEPLETED, Phenotype.SEVERELY_DEPLETED, Phenotype.GAINED},
    {
        Phenotype.LEAKY,
        Phenotype.MOSTLY_NOT_VESICULAR,
        Phenotype.PARTLY_NOT_VESICULAR,
        Phenotype.STAINED_LESS,
        Phenotype.WITH_PROTEIN,
    },
)
"""Phenotypes by line of evidence: size, light, number, and measurements of other methods."""
_LINES_OF_DAMAGE = ({Phenotype.DIM}, {Phenotype.LEAKY})  # only light and lumen dye indicate damage


def _confidence(
    verdict: Integrity, tags: tuple[Phenotype, ...], evidence: IntegrityEvidence, limits: IntegrityLimits
) -> Confidence:
    """Return "low" for a statement on these tubes only, else the confidence by the number of agreeing lines of evidence."""
    if min(len(arm.preparations) for arm in evidence.arms) < limits.gates["preparations"]:
        return "low"
    lines = _LINES_OF_DAMAGE if verdict is Integrity.DAMAGED else _LINES
    agreeing = sum(not line.isdisjoint(tags) for line in lines)
    return "high" if verdict is Integrity.INTACT or agreeing >= 2 else "moderate"
