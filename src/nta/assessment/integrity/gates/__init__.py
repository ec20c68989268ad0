"""Gates of the integrity judgement: conditions for comparing two arms at all.

Each gate is a finding. A failed gate makes the verdict INDETERMINATE and names the reason. A gate that could not be assessed
or decided is reported, and limits the claims that may be made.

gate       a gate with its code and title, and the findings that it can give
arms       gates on the two arms: enough material, counted and measured alike
controls   gates on beads, blank and sham
"""

from nta.assessment.finding import Finding
from nta.assessment.integrity.evidence import IntegrityEvidence
from nta.assessment.integrity.gates import arms, controls
from nta.assessment.integrity.gates.gate import TITLES, Gate
from nta.assessment.integrity.limits import IntegrityLimits

__all__ = ["TITLES", "check_gates"]

_IN_ORDER = (
    arms.reference,
    arms.tracks,
    arms.videos,
    arms.run,
    controls.bead_drift,
    arms.temperature,
    controls.bead_size,
    arms.scatter,
    controls.blank,
    controls.sham,
    arms.density,
    arms.detection_limit,
    arms.saturation,
    arms.track_lengths,
)


def check_gates(evidence: IntegrityEvidence, limits: IntegrityLimits) -> tuple[Finding, ...]:
    """Check every gate, in the order in which they are reported; an empty video stops at the first."""
    if empty := [v.name for arm in evidence.arms for v in arm.videos if not v.diameter_nm.size]:
        text = f"there is no track with a size in {', '.join(empty)}"
        return (Gate("FEW_TRACKS").failed(text, "record again, or leave it out and say so"),)
    return tuple(finding for check in _IN_ORDER for finding in check(evidence, limits))
