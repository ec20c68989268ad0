"""The outcome of a job, and its file beside the results, by which a later run recognises finished jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nta.assessment import Verdict
from nta.batch.job import Job
from nta.catalogue import About
from nta.catalogue.record import numbers_of
from nta.io.atomic import new_file
from nta.io.results import summary
from nta.pipeline import Analysis
from nta.quantity import Quantity, quantities
from nta.sizes import Distribution

OUTCOME_FILE = "outcome.json"
FORMAT = 3
Status = Literal["result", "incomplete", "unsized", "failed", "skipped"]
ANALYSED = ("result", "incomplete", "unsized")


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """Outcome of one recording.

    status : "result"; "incomplete": the recording is cut off, the numbers are those of its complete frames; "unsized": it
        was analysed, but has no size distribution, which only a blank can do without; "failed": no result; "skipped":
        neither name nor content of the file are those of a recording.
    reason : reason for any other status than "result". lasting : the reason lies in the recording or in its stated
        conditions, so that another attempt would be useless. detail : traceback of an error in this program.
    about : labels of the recording. facts, numbers, distribution : results.
    statistical : sizes with the statistical part of their intervals only.
    kept : taken from an earlier run.
    """

    status: Status
    key: str = ""
    sha256: str = ""
    reason: str = ""
    lasting: bool = True
    detail: str = ""
    about: About = field(default_factory=About)
    facts: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, Quantity] = field(default_factory=dict)
    statistical: Mapping[str, Quantity] = field(default_factory=dict)
    distribution: Distribution | None = None
    kept: bool = False

    @property
    def analysed(self) -> bool:
        """Whether the recording was analysed, with or without sizes."""
        return self.status in ANALYSED

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its findings."""
        return Verdict(self.facts.get("verdict", Verdict.NOT_ASSESSED))


Done = tuple[Job, JobOutcome]


def of_analysis(analysis: Analysis, about: About, *, key: str, sha256: str) -> JobOutcome:
    """Return the outcome of a recording that was analysed."""
    said = summary(analysis)
    report = analysis.recording
    cut = report.truncated
    of = f" of {report.claimed_frames}" if report.claimed_frames else ""
    distribution = analysis.sizes.distribution
    reasons = [f"the recording is cut off: {report.found_frames}{of} frames are whole"] if cut else []
    unsized = distribution is None and analysis.assessment.kind != "blank"
    if unsized:
        reasons.append(f"no size distribution: {analysis.sizes.summary['d50_nm'].method}")
    return JobOutcome(
        status="incomplete" if cut else "unsized" if unsized else "result",
        reason="; ".join(reasons),
        key=key,
        sha256=sha256,
        about=about,
        facts=_facts(analysis, said),
        numbers=numbers_of(said),
        statistical=analysis.sizes.statistical,
        distribution=distribution,
    )


def _facts(analysis: Analysis, said: Mapping[str, Any]) -> dict[str, Any]:
    camera, findings = analysis.camera, analysis.assessment.findings
    return {
        "sample": analysis.conditions.sample,
        "verdict": said["verdict"],
        "failed_findings": analysis.assessment.failed,
        "findings_to_watch": [f.title for f in findings if f.verdict is Verdict.WARN],
        "size_describes": said["size"]["describes"] or "",
        "confidence": said["size"]["confidence"],
        "frames": said["counts"]["frames"],
        "lost_frames": analysis.recording.lost_frames,
        "spots_per_frame": said["counts"]["spots_per_frame"],
        "tracks_found": analysis.tracks.n_tracks,
        "viscosity_mpas": said["size"]["viscosity_mpas"],
        "medium": analysis.conditions.medium,
        "dilution": analysis.conditions.dilution,
        "frame_rate_hz": camera.frame_rate_hz,
        "exposure_ms": None if camera.exposure_s is None else 1e3 * camera.exposure_s,
        "pixel_size_um": camera.pixel_size_um,
        "profile": "" if analysis.profile is None else analysis.profile.name,
        "software": analysis.provenance.versions.get("nta-lab", ""),
    }


def write_outcome(outcome: JobOutcome, folder: Path) -> None:
    """Write the outcome into an existing folder."""
    kept = {key: value for key, value in asdict(outcome).items() if key != "kept"}
    with new_file(folder / OUTCOME_FILE) as partial:
        partial.write_text(
            json.dumps({"format": FORMAT, **kept}, default=np.ndarray.tolist), encoding="utf-8"
        )


def finished(folder: Path, key: str) -> JobOutcome | None:
    """Return the outcome in a folder if it is that of the job with this key and need not be tried again, else None.

    The key stands for the version of this program too, so what bears it is as this version wrote it.
    """
    try:
        held = json.loads((folder / OUTCOME_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # never done; or damaged, by a disk and not by a kill
        return None
    if not isinstance(held, dict) or (held.pop("format", None), held.get("key")) != (FORMAT, key):
        return None
    curve = held["distribution"]
    outcome = replace(
        JobOutcome(**held),
        about=About(**held["about"]),
        numbers=quantities(held["numbers"]),
        statistical=quantities(held["statistical"]),
        distribution=None if curve is None else _distribution(curve),
        kept=True,
    )
    return outcome if outcome.lasting else None


def _distribution(held: Mapping[str, Any]) -> Distribution:
    arrays = {name: np.array(value) for name, value in held.items() if isinstance(value, list)}
    return Distribution(**{**held, **arrays})
