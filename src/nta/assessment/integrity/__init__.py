"""Integrity of vesicles: two arms of a study compared, and the verdict on the handled preparation.

signatures   sizes, tails and size at given brightness of the vesicles in one recording
comparison   two arms compared: inside a margin, outside it, or not decided
evidence     arms of preparations with their videos, and the controls around them
criteria     the comparisons that a judgement uses
beads        beads around the arms: did the instrument drift between them?
gates        conditions for comparing two arms at all
membrane     evidence of other methods on the membrane
reasons      phenotypes that a verdict is based on, and reasons why there is no verdict
verdict      the judgement itself: INTACT, ALTERED, DAMAGED, or none
limits       gates, margins and thresholds, read from a file
"""

from nta.assessment.integrity.comparison import (
    Comparison,
    Decision,
    replicates_for_change,
    replicates_for_equivalence,
)
from nta.assessment.integrity.criteria import Criterion, Scale, compare_arms
from nta.assessment.integrity.evidence import Arm, IntegrityEvidence, MeasuredPreparation
from nta.assessment.integrity.limits import IntegrityLimits, load_integrity_limits
from nta.assessment.integrity.membrane import MEMBRANE_LINES
from nta.assessment.integrity.reasons import Phenotype, Reason
from nta.assessment.integrity.signatures import BrightnessCurve, Video
from nta.assessment.integrity.verdict import FLAGGING, Confidence, Integrity, Judgement, judge

__all__ = [
    "FLAGGING",
    "MEMBRANE_LINES",
    "Arm",
    "BrightnessCurve",
    "Comparison",
    "Confidence",
    "Criterion",
    "Decision",
    "Integrity",
    "IntegrityEvidence",
    "IntegrityLimits",
    "Judgement",
    "MeasuredPreparation",
    "Phenotype",
    "Reason",
    "Scale",
    "Video",
    "compare_arms",
    "judge",
    "load_integrity_limits",
    "replicates_for_change",
    "replicates_for_equivalence",
]
