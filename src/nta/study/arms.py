"""Summary of each arm: diameters in nm and results of other methods, with intervals over replicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nta.assessment.integrity import Arm
from nta.columns import FloatArray
from nta.quantity import Quantity, student_mean, unknown
from nta.study.outcome import StudyOutcome

DIAMETERS = ("d10_nm", "d50_nm", "d90_nm")
MEASURED = {
    "detergent_labile": "Detergent-labile share",
    "sealed_ratio": "Sealed share",
    "membrane_dye": "Membrane-dye positive share",
    "particles_per_ug": "Particles per µg of protein",
    "zeta_mv": "Zeta potential",
}
"""Results of other methods on a preparation, with their names for readers."""


@dataclass(frozen=True, kw_only=True)
class ArmSummary:
    """Summary of an arm. unit, n : kind and number of replicates of the diameters. measured : results of other methods."""

    unit: str
    n: int
    diameters: Mapping[str, Quantity]
    measured: Mapping[str, Quantity]


def arm_summaries(outcome: StudyOutcome) -> dict[str, ArmSummary]:
    """Summarise every arm of a study, by name."""
    least = outcome.judged[0].judgement.limits.gates["preparations"]
    return {name: _summary(arm, least) for name, arm in outcome.arms.items()}


def _summary(arm: Arm, least: float) -> ArmSummary:
    by_preparation = [
        [_log_diameters(v.diameter_nm) for v in p.videos if v.diameter_nm.size] for p in arm.preparations
    ]
    known = [np.array(videos) for videos in by_preparation if videos]
    unit = "preparation" if len(known) >= least else "video"
    rows = (
        np.array([v.mean(axis=0) for v in known])
        if unit == "preparation"
        else np.concatenate(known or [np.empty((0, 3))])
    )
    return ArmSummary(
        unit=unit,
        n=len(rows),
        diameters={
            name: student_mean(column, "nm", unit, logs=True)
            if len(rows)
            else unknown("no video has a track with a size", "nm")
            for name, column in zip(DIAMETERS, rows.T, strict=True)
        },
        measured=measured_of(arm),
    )


def measured_of(arm: Arm) -> dict[str, Quantity]:
    """Return the results of other methods on an arm, as means over its preparations."""
    known = {name: values for name in MEASURED if (values := arm.values(name))}
    return {
        name: student_mean(values, "mV" if name == "zeta_mv" else "1", "preparation")
        if name != "particles_per_ug"
        else student_mean(np.log(values), "1", "preparation", logs=True)
        for name, values in known.items()
    }


def _log_diameters(diameter_nm: FloatArray) -> FloatArray:
    return np.log(np.percentile(diameter_nm, [10, 50, 90]))
