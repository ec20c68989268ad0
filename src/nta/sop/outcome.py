"""Outcome of a procedure: one row per video, good or not, and their combined numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nta.assessment import Assessment, Finding, Verdict
from nta.measurements.replicates import Spread, spread_over_videos
from nta.pipeline import Analysis
from nta.quantity import Quantity
from nta.sizes import Distribution
from nta.sop.procedure import Procedure, Stage, Step
from nta.visibility import Concentration

SIZES = ("d10_nm", "d50_nm", "d90_nm", "mean_nm")
PER_FRAME, PER_ML = "per_frame", "per_ml"


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Numbers of the analysis of a video; the full results are in its folder."""

    n_tracks: int
    temperature_c: float
    sizes: Mapping[str, Quantity]
    statistical: Mapping[str, Quantity]  # sizes with only the statistical part of their intervals
    concentration: Concentration | None
    distribution: Distribution | None
    assessment: Assessment

    @classmethod
    def of(cls, analysis: Analysis) -> Numbers:
        """Take the numbers from an analysis."""
        return cls(
            n_tracks=analysis.sizes.n_tracks_used,
            temperature_c=analysis.sizes.temperature_c,
            sizes={name: analysis.sizes.summary[name] for name in SIZES},
            statistical=analysis.sizes.statistical,
            concentration=analysis.visibility.concentration if analysis.visibility else None,
            distribution=analysis.sizes.distribution,
            assessment=analysis.assessment,
        )

    def number(self, name: str) -> Quantity | None:
        """Return a number by name: one of `SIZES`, `PER_FRAME` or `PER_ML` (in the sample if a dilution is stated)."""
        if name in self.sizes:
            return self.sizes[name]
        found = self.concentration
        if found is None:
            return None
        return found.per_frame if name == PER_FRAME else found.best_known_per_ml


@dataclass(frozen=True, kw_only=True)
class PlannedVideo:
    """One planned video with its numbers, or the reason why there are none.

    recording : its path in the folder of the outcome, if there is one. n_frames, n_lost : its frames, None if the recording
    failed. reason : empty if nothing failed. detail : traceback of a defect of nta.
    """

    stage: Stage
    step: Step
    recording: Path | None = None
    n_frames: int | None = None
    n_lost: int | None = None
    numbers: Numbers | None = None
    reason: str = ""
    detail: str = ""

    @property
    def good(self) -> bool:
        """Whether it has numbers and no reason against them; `verdict` says whether they may be relied on."""
        return self.numbers is not None and not self.reason

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its findings."""
        return self.numbers.assessment.worst if self.numbers else Verdict.NOT_ASSESSED


@dataclass(frozen=True, kw_only=True)
class ProcedureOutcome:
    """Everything that a procedure yielded. interrupted : whether the user ended it early."""

    procedure: Procedure
    folder: Path
    date: str
    videos: tuple[PlannedVideo, ...]
    findings: tuple[Finding, ...] = ()  # of the controls
    notes: tuple[str, ...] = field(default=())
    interrupted: bool = False

    def of(self, stage: Stage) -> tuple[PlannedVideo, ...]:
        """Return the videos of a stage."""
        return tuple(video for video in self.videos if video.stage == stage)

    @property
    def failed(self) -> tuple[PlannedVideo, ...]:
        """Return the videos without numbers."""
        return tuple(video for video in self.videos if video.numbers is None)

    @property
    def not_to_rely_on(self) -> dict[str, list[str]]:
        """Return the names of the videos with a finding that failed, with the titles of these findings."""
        return {
            video.step.name: video.numbers.assessment.failed
            for video in self.videos
            if video.numbers is not None and video.verdict is Verdict.FAIL
        }

    def numbers(self) -> Iterator[Numbers]:
        """Yield the numbers of the sample's good videos."""
        yield from (video.numbers for video in self.of("sample") if video.numbers is not None)

    @cached_property
    def spreads(self) -> Mapping[str, Spread]:
        """Return mean and spread over the sample's videos, by name; numbers that no video has are left out."""
        good = list(self.numbers())
        found = {}
        for name in (*SIZES, PER_FRAME, PER_ML):
            known = [
                (q, n.statistical.get(name)) for n in good if (q := n.number(name)) and q.value is not None
            ]
            spread = spread_over_videos([q for q, _ in known], [own for _, own in known])
            if spread is not None:
                found[name] = spread
        return found
