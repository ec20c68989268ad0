"""Judgements of a recording or a study: findings with their evidence, verdict and advice."""

from nta.assessment.finding import Assessment, Finding, FindingName, Kind, Verdict
from nta.assessment.limits import Limit, load_limits
from nta.assessment.recording import UNKNOWN_EXPOSURE, assess_recording
from nta.assessment.settings import AssessmentSettings

__all__ = [
    "UNKNOWN_EXPOSURE",
    "Assessment",
    "AssessmentSettings",
    "Finding",
    "FindingName",
    "Kind",
    "Limit",
    "Verdict",
    "assess_recording",
    "load_limits",
]
