"""What came of a job, and how it is kept beside the results so that it is not done twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from nta.assessment import Verdict
from nta.batch.job import Job
from nta.catalogue import About
from nta.catalogue.record import numbers_of
from nta.io.atomic import new_file
from nta.io.results import summary
from nta.pipeline import Analysis
from nta.quantity import Quantity

OUTCOME_FILE = "outcome.json"
FORMAT = 2
Status = Literal["result", "incomplete", "unsized", "failed", "skipped"]
ANALYSED = ("result", "incomplete", "unsized")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The size distribution as it is drawn: bins and shares with their band."""

    edges_nm: tuple[float, ...]
    weight: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """What came of one recording.

    status : "result"; "incomplete": the recording is cut off, its numbers are those of what is whole; "unsized": it was
        analysed and no size distribution came of it; "failed": no result;
        "skipped": not by its name a recording, and not one by its content.
    reason : why it is not a result. lasting : the reason lies in the recording or the words on it, so that trying again is
        of no use. detail : the traceback of a fault of ours.
    about, facts, numbers, curve : what is said of it, what was found.
    statistical : the sizes with the statistical part of their intervals alone.
    kept : found from an earlier run, not done again.
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
    curve: Curve | None = None
    kept: bool = False

    @property
    def analysed(self) -> bool:
        """Whether there are results of it, be they what was hoped for or not."""
        return self.status in ANALYSED

    def stands_for(self, key: str) -> bool:
        """Say whether it answers the same question, so that nothing need be done."""
        return self.key == key and self.lasting


Done = tuple[Job, JobOutcome]


def of_analysis(analysis: Analysis, about: About, *, key: str, sha256: str) -> JobOutcome:
    """Return the outcome of a recording that was analysed."""
    said = summary(analysis)
    report = analysis.recording
    cut = report.truncated
    of = f" of {report.claimed_frames}" if report.claimed_frames else ""
    distribution = analysis.sizes.distribution
    reasons = [f"the recording is cut off: {report.found_frames}{of} frames are whole"] if cut else []
    if distribution is None:
        reasons.append(f"no size distribution: {analysis.sizes.summary['d50_nm'].method}")
    return JobOutcome(
        status="incomplete" if cut else "unsized" if distribution is None else "result",
        reason="; ".join(reasons),
        key=key,
        sha256=sha256,
        about=about,
        facts=_facts(analysis, said),
        numbers=numbers_of(said),
        statistical=analysis.sizes.statistical,
        curve=None
        if distribution is None
        else Curve(
            edges_nm=tuple(distribution.edges_nm.tolist()),
            weight=tuple(distribution.weight.tolist()),
            low=tuple(distribution.low.tolist()),
            high=tuple(distribution.high.tolist()),
        ),
    )


def _facts(analysis: Analysis, said: Mapping[str, Any]) -> dict[str, Any]:
    camera, findings = analysis.camera, analysis.assessment.findings
    return {
        "sample": analysis.conditions.sample,
        "verdict": said["verdict"],
        "failed_findings": [f.title for f in findings if f.verdict is Verdict.FAIL],
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
        partial.write_text(json.dumps({"format": FORMAT, **kept}), encoding="utf-8")


def read_outcome(folder: Path) -> JobOutcome | None:
    """Return the outcome kept in a folder; None where there is none, or none that this version can read."""
    try:
        held = json.loads((folder / OUTCOME_FILE).read_text(encoding="utf-8"))
        if held.pop("format") != FORMAT:
            return None
        curve = held["curve"] and Curve(**{name: tuple(values) for name, values in held["curve"].items()})
        outcome = JobOutcome(**held)
        return replace(
            outcome,
            about=About(**held["about"]),
            numbers=_quantities(held["numbers"]),
            statistical=_quantities(held["statistical"]),
            curve=curve,
            kept=True,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _quantities(held: Mapping[str, Mapping[str, Any]]) -> dict[str, Quantity]:
    return {name: Quantity.from_dict(q) for name, q in held.items()}
