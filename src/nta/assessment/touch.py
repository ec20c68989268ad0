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
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nta.assessment.comparison import Comparison, Decision, holm
from nta.assessment.integrity import Arm, Criterion, Evidence, compare_arms
from nta.assessment.integrity_limits import IntegrityLimits, load_integrity_limits

ALTERATION = ("d50", "above_150", "above_200", "below_60", "recovery")
DAMAGE = ("size_at_brightness",)
FLAGGING = ALTERATION + DAMAGE
"""Criteria that can flag a change by NTA alone. Holm's correction runs within each claim, not across them: that vesicles
are damaged rests on one criterion, that a preparation is altered on any of five."""


class Integrity(StrEnum):
    """What may be said of the vesicles."""

    INTACT = "INTACT"
    ALTERED = "ALTERED"
    DAMAGED = "DAMAGED"
    INDETERMINATE = "INDETERMINATE"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A code with the sentence behind it and what would resolve it."""

    code: str
    text: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict with everything it was made from.

    tags : phenotypes that were found, e.g. "larger (aggregated or fused)". confidence : "high", "moderate" or "low".
    reasons : why there is no verdict, empty where there is one. adjusted_p : Holm-adjusted, of every flagging criterion.
    """

    verdict: Integrity
    tags: tuple[str, ...]
    reasons: tuple[Reason, ...]
    confidence: str
    criteria: Mapping[str, Criterion]
    adjusted_p: Mapping[str, float]
    limits: IntegrityLimits

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        if self.verdict is Integrity.INDETERMINATE:
            codes = ", ".join(reason.code for reason in self.reasons)
            return f"No verdict ({codes}): {self.reasons[0].text}." if self.reasons else "No verdict."
        if self.verdict is Integrity.INTACT:
            return (
                "No difference beyond the margins, and the membrane evidence agrees: this supports, and does not prove, "
                "structural integrity."
            )
        seen = "; ".join(self.tags)
        if self.verdict is Integrity.DAMAGED:
            return f"Relative to the reference the particles are {seen}, consistent with loss of lumen or membrane."
        return f"Relative to the reference the preparation is {seen}; no damage to vesicles is shown by this."


def judge(evidence: Evidence, limits: IntegrityLimits | None = None) -> Judgement:
    """Judge a test arm against its reference.

    First the gates: any that fails makes the verdict INDETERMINATE, by name. Then flags: dim for their size without being
    larger, or leaky, is DAMAGED; any other flag ALTERED. Then equivalence of everything with membrane evidence: INTACT.
    """
    limits = limits or load_integrity_limits()
    reasons = list(_failed_gates(evidence, limits))
    if any(reason.code in ("NO_REFERENCE", "FEW_REPLICATES") for reason in reasons) and not _comparable(
        evidence
    ):
        return _judgement(Integrity.INDETERMINATE, (), reasons, evidence, {}, {}, limits)
    criteria = compare_arms(evidence, limits)
    adjusted = holm(
        {n: c.comparison.p_changed for n in FLAGGING if (c := criteria[n]).comparison is not None}
    )
    flagged = {
        name: criteria[name].comparison
        for name, p in adjusted.items()
        if p < 0.05 and _decision(criteria[name]) is Decision.CHANGED
    }
    tags = tuple(_tags(flagged, evidence, criteria, limits))
    if reasons:
        return _judgement(Integrity.INDETERMINATE, tags, reasons, evidence, criteria, adjusted, limits)
    verdict, why = _decided(tags, evidence, criteria, limits)
    return _judgement(verdict, tags, why, evidence, criteria, adjusted, limits)


def _adjusted(criteria: Mapping[str, Criterion], names: Sequence[str]) -> dict[str, float]:
    return holm({n: c.p_changed for n in names if (c := criteria[n].comparison) is not None})


def _comparable(evidence: Evidence) -> bool:
    """Say whether both arms have the two replicates that any interval needs."""
    return evidence.reference is not None and all(
        len(a.videos) >= 2 for a in (evidence.test, evidence.reference)
    )


def _failed_gates(evidence: Evidence, limits: IntegrityLimits) -> Iterator[Reason]:
    gates, reference = limits.gates, evidence.reference
    if reference is None:
        yield Reason(
            code="NO_REFERENCE",
            text="without a paired, less handled reference from the same run there is nothing to compare with",
            remedy="measure the same material before the step (clarified only, or the aliquot at time zero) in the same run",
        )
        return
    for arm in (evidence.test, reference):
        yield from _arm_gates(arm, limits)
    blank = _blank_share(evidence)
    if blank is not None and blank > gates["blank_share"]:
        yield Reason(
            code="BLANK_HIGH",
            text=f"the buffer blank holds {blank:.0%} of the particles, more than {gates['blank_share']:.0%}",
            remedy="filter the buffer, clean the cell, or dilute less",
        )
    if evidence.bead_bias is not None and abs(evidence.bead_bias) > gates["bead_size_bias"]:
        yield Reason(
            code="BEAD_SIZE",
            text=f"certified beads come out {math.expm1(evidence.bead_bias):+.0%} in size",
            remedy="check pixel size, temperature and frame rate; calibrate",
        )
    yield from _run_gates(evidence, limits)
    if evidence.detection_limit_nm is not None and evidence.detection_limit_nm > gates["detection_limit_nm"]:
        yield Reason(
            code="LOD_TOO_HIGH",
            text=f"intact vesicles are seen from {evidence.detection_limit_nm:.0f} nm only, the limit is "
            f"{gates['detection_limit_nm']:g} nm",
            remedy="raise laser power or exposure; or judge by criteria that need no small sizes, under limits of your own",
        )


def _arm_gates(arm: Arm, limits: IntegrityLimits) -> Iterator[Reason]:
    gates = limits.gates
    if arm.n_tracks < gates["tracks_per_arm"]:
        yield Reason(
            code="FEW_TRACKS",
            text=f"the {arm.name} arm has {arm.n_tracks} tracks, fewer than {gates['tracks_per_arm']:g}",
            remedy="record longer or more videos",
        )
    if len(arm.videos) < gates["videos_per_arm"]:
        yield Reason(
            code="FEW_REPLICATES",
            text=f"the {arm.name} arm has {len(arm.videos)} videos, fewer than {gates['videos_per_arm']:g}",
            remedy=f"record at least {gates['videos_per_arm']:g} videos of each arm",
        )
    if len(arm.videos) >= 2:
        yield from _stability(arm, limits)
    saturated = float(np.mean([video.saturated_share for video in arm.videos])) if arm.videos else 0.0
    if saturated > gates["saturated_share"]:
        yield Reason(
            code="SATURATED",
            text=f"{saturated:.1%} of the tracks of the {arm.name} arm are saturated",
            remedy="lower exposure, gain or laser power and record again",
        )


def _stability(arm: Arm, limits: IntegrityLimits) -> Iterator[Reason]:
    """Yield a reason where videos of one preparation scatter more than the method allows."""
    for quantity, key in (("size", "d50_cv"), ("concentration", "concentration_cv")):
        worst = max(
            (_scatter(p.videos, quantity) for p in arm.preparations if len(p.videos) >= 3), default=0.0
        )
        if worst > limits.gates[key]:
            yield Reason(
                code="UNSTABLE",
                text=f"{quantity} scatters by {worst:.0%} between videos of the {arm.name} arm, "
                f"more than {limits.gates[key]:.0%}",
                remedy="look for drift, bubbles, settling and aggregation in the cell; mix and record again",
            )


def _scatter(videos: tuple, quantity: str) -> float:  # type: ignore[type-arg]
    if quantity == "size":
        return float(np.std([video.log_d50() for video in videos], ddof=1))
    values = [video.concentration_per_ml for video in videos]
    if None in values:
        return 0.0
    return float(np.std(values, ddof=1) / np.mean(values))


def _run_gates(evidence: Evidence, limits: IntegrityLimits) -> Iterator[Reason]:
    """Yield a reason where the arms were not measured under one set of conditions."""
    gates, reference = limits.gates, evidence.reference
    assert reference is not None
    drifts = {
        "size": (evidence.bead_size_ratio, gates["bead_drift_size"]),
        "brightness": (evidence.bead_intensity_ratio, gates["bead_drift_intensity"]),
    }
    for quantity, (ratio, most) in drifts.items():
        if ratio is not None and abs(math.log(ratio)) > most:
            yield Reason(
                code="DIFFERENT_RUN",
                text=f"beads measured around the arms drifted by {math.expm1(math.log(ratio)):+.1%} in {quantity}, "
                f"more than {most:.0%}",
                remedy="measure both arms within one run, bracketed by beads, on a warmed-up laser",
            )
    temperatures = [
        v.temperature_c
        for arm in (evidence.test, reference)
        for v in arm.videos
        if v.temperature_c is not None
    ]
    if temperatures and max(temperatures) - min(temperatures) > gates["temperature_difference_c"]:
        yield Reason(
            code="MATRIX",
            text=f"the arms were measured at temperatures {max(temperatures) - min(temperatures):.1f} degC apart",
            remedy="measure both arms at one temperature",
        )


def _blank_share(evidence: Evidence) -> float | None:
    concentrations = [
        v.concentration_per_ml for v in evidence.test.videos if v.concentration_per_ml is not None
    ]
    if evidence.blank_per_ml is None or not concentrations:
        return None
    return evidence.blank_per_ml / float(np.mean(concentrations))


def _tags(
    flagged: Mapping[str, Comparison | None],
    evidence: Evidence,
    criteria: Mapping[str, Criterion],
    limits: IntegrityLimits,
) -> Iterator[str]:
    """Name the phenotypes; each appears once, in the order of the data."""
    up = {name for name, c in flagged.items() if c is not None and c.estimate > 0}
    down = set(flagged) - up
    if up & {"d50", "above_150", "above_200"}:
        yield "larger (aggregated or fused)"
    if "d50" in down or "below_60" in up:
        yield "smaller"
    if "size_at_brightness" in up:
        yield "dim for their size"
    if "size_at_brightness" in down:
        yield "bright for their size"
    if "recovery" in down:
        recovery = flagged["recovery"]
        severe = recovery is not None and recovery.high < math.log(limits.thresholds["severe_loss"])
        yield "severely depleted" if severe else "depleted (selective or total loss)"
    if "recovery" in up:
        yield "gained in particles (contamination or normalisation)"
    sealed = criteria["sealed"].comparison
    if sealed is not None and sealed.high < math.log(limits.thresholds["leaky"]):
        yield "leaky"
    if evidence.detergent_labile_test:
        labile = float(np.mean(evidence.detergent_labile_test))
        if labile < limits.thresholds["detergent_labile_mixed"]:
            yield "mostly not vesicular"
        elif labile < limits.thresholds["detergent_labile_least"]:
            yield "partly not vesicular"
    ratios = evidence.particles_per_ug
    if ratios and float(np.median(ratios)) < limits.thresholds["pure_particles_per_ug"]:
        yield "contaminated with protein"


def _decided(
    tags: tuple[str, ...], evidence: Evidence, criteria: Mapping[str, Criterion], limits: IntegrityLimits
) -> tuple[Integrity, list[Reason]]:
    larger = any(tag.startswith("larger") for tag in tags)
    if "leaky" in tags or ("dim for their size" in tags and not larger):
        if "leaky" not in tags and _decision(criteria["sealed"]) is Decision.EQUIVALENT:
            conflict = Reason(
                code="CONFLICT",
                text="the particles are dim for their size while the lumen dye says that they are sealed",
                remedy="confirm by cryo-electron microscopy or a second lumen dye",
            )
            return Integrity.INDETERMINATE, [conflict]
        return Integrity.DAMAGED, []
    if tags:
        return Integrity.ALTERED, []
    undecided = [
        name
        for name in FLAGGING
        if criteria[name].comparison is not None and _decision(criteria[name]) is not Decision.EQUIVALENT
    ]
    if undecided:
        names = ", ".join(criteria[name].title.lower() for name in undecided)
        straddles = Reason(
            code="CI_STRADDLES",
            text=f"{names}: the interval neither lies within the margin nor outside it",
            remedy="more preparations or videos; the study plan table says how many",
        )
        return Integrity.INDETERMINATE, [straddles]
    missing = [name for name in ("recovery", "size_at_brightness") if criteria[name].comparison is None]
    if missing:
        why = "; ".join(f"{criteria[name].title.lower()}: {criteria[name].missing}" for name in missing)
        return Integrity.INDETERMINATE, [
            Reason(
                code="INCOMPLETE",
                text=f"no alteration detected, but not everything was looked at ({why})",
                remedy=why,
            )
        ]
    if not _membrane_agrees(evidence, criteria, limits):
        return Integrity.INDETERMINATE, [
            Reason(
                code="NO_MEMBRANE_EVIDENCE",
                text="no alteration detected; NTA alone does not see membranes",
                remedy="add a detergent arm with its blank, or a lumen dye with a membrane dye",
            )
        ]
    return Integrity.INTACT, []


def _membrane_agrees(evidence: Evidence, criteria: Mapping[str, Criterion], limits: IntegrityLimits) -> bool:
    """Say whether a line of evidence on the membrane supports integrity."""
    labile = evidence.detergent_labile_test
    enough = bool(labile) and float(np.mean(labile)) >= limits.thresholds["detergent_labile_least"]
    unchanged = _decision(criteria["detergent_labile"])
    # one preparation each gives no interval; then the values themselves must agree within the margin
    if unchanged is None and labile and evidence.detergent_labile_reference:
        change = float(np.mean(labile) - np.mean(evidence.detergent_labile_reference))
        margin = limits.margins["detergent_labile_change"]
        unchanged = Decision.EQUIVALENT if margin.low <= change <= margin.high else Decision.CHANGED
    return (enough and unchanged is Decision.EQUIVALENT) or _decision(
        criteria["sealed"]
    ) is Decision.EQUIVALENT


def _decision(criterion: Criterion) -> Decision | None:
    return None if criterion.comparison is None else criterion.comparison.decision


def _judgement(
    verdict: Integrity,
    tags: tuple[str, ...],
    reasons: list[Reason],
    evidence: Evidence,
    criteria: Mapping[str, Criterion],
    adjusted: Mapping[str, float],
    limits: IntegrityLimits,
) -> Judgement:
    preparations = min(
        (len(arm.preparations) for arm in (evidence.test, evidence.reference) if arm is not None), default=0
    )
    lines = sum((bool(evidence.detergent_labile_test), bool(evidence.sealed_ratio_test), True))
    by_process = preparations >= limits.gates["preparations"]
    confidence = "low" if not by_process else ("high" if lines >= 2 else "moderate")
    return Judgement(
        verdict=verdict,
        tags=tags,
        reasons=tuple(reasons),
        confidence=confidence,
        criteria=criteria,
        adjusted_p=adjusted,
        limits=limits,
    )
