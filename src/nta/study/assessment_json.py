"""The content of a study report as plain data, for other programs."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from nta.assessment.integrity import Criterion, Judgement
from nta.io.atomic import write_json
from nta.io.results.summary import for_json
from nta.study.arms import arm_summaries
from nta.study.outcome import Judged, StudyOutcome
from nta.study.study import filled_in
from nta.study.wording import verdict_sentence

ASSESSMENT_FILE = "assessment.json"
_VERSION = 1


def plain_data(outcome: StudyOutcome) -> dict[str, Any]:
    """Return the content of `assessment.json`: plain data for JSON, without NaN and infinity."""
    study = outcome.study
    data: dict[str, Any] = for_json(
        {
            "format": "nta assessment",
            "version": _VERSION,
            "study": {
                **{
                    k: v
                    for k, v in filled_in(study).items()
                    if isinstance(v, str) or k in ("date", "markers")
                },
                "instrument": filled_in(study.instrument),
                "samples": {name: filled_in(noun) for name, noun in study.samples.items()},
                "isolations": {name: filled_in(noun) for name, noun in study.isolations.items()},
                "storages": {name: filled_in(noun) for name, noun in study.storages.items()},
                "preparations": [filled_in(p) for p in study.preparations],
            },
            "amounts_in": outcome.material.unit,
            "arms": {name: asdict(arm) for name, arm in arm_summaries(outcome).items()},
            "groups": [_judged(item) for item in outcome.judged],
            "doses": [asdict(dose) for dose in outcome.doses],
            "trends": [asdict(trend) for trend in outcome.trends],
            "videos": [
                {
                    "preparation": name,
                    "name": a.video.name,
                    "file": a.path,
                    "sha256": a.sha256,
                    "kind": a.kind,
                    "tracks": a.video.n_tracks,
                    "d50_nm": math.exp(a.video.log_d50()) if a.video.diameter_nm.size else None,
                    "amount": a.video.amount,
                    "temperature_c": a.video.temperature_c,
                    "findings": [finding.as_dict() for finding in a.assessment.findings],
                }
                for name, items in outcome.material.attached.items()
                for a in items
            ],
        }
    )
    return data


def write_assessment(outcome: StudyOutcome, folder: Path) -> Path:
    """Write `assessment.json`; the file appears only when it is complete."""
    return write_json(folder / ASSESSMENT_FILE, plain_data(outcome))


def _judged(item: Judged) -> dict[str, Any]:
    judgement = item.judgement
    return {
        "group": item.group,
        "verdict": judgement.verdict,
        "sentence": verdict_sentence(item),
        "confidence": judgement.confidence,
        "design": item.evidence.design,
        "left_out": item.evidence.left_out,
        "tags": judgement.tags,
        "remarks": judgement.remarks,
        "reasons": [asdict(reason) for reason in judgement.reasons],
        "gates": [gate.as_dict() for gate in judgement.gates],
        "criteria": [_criterion(c, judgement) for c in judgement.criteria.values()],
        "limits": {
            "file": judgement.limits.file,
            "gates": judgement.limits.gates,
            "margins": {name: asdict(margin) for name, margin in judgement.limits.margins.items()},
            "thresholds": judgement.limits.thresholds,
            "units": judgement.limits.units,
            "sources": judgement.limits.sources,
        },
    }


def _criterion(criterion: Criterion, judgement: Judgement) -> dict[str, Any]:
    plain_numbers: dict[str, Any] = {
        "name": criterion.name,
        "title": criterion.title,
        "scale": criterion.scale,
        "missing": criterion.missing,
    }
    if criterion.comparison is None:
        return plain_numbers
    comparison = criterion.comparison
    return {
        **plain_numbers,
        **asdict(comparison),
        "decision": judgement.decision(criterion.name),
        "adjusted_p": judgement.adjusted_p.get(criterion.name),
        "change": float(np.expm1(comparison.estimate)) if criterion.scale == "ln" else comparison.estimate,
    }
