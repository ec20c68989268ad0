"""What carrying out a procedure yields: one row per video, good or not, and what all of them say together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nta.assessment import Finding
from nta.pipeline import Analysis
from nta.quantity import Quantity
from nta.sizes import Distribution
from nta.sop.procedure import Procedure, Stage, Step
from nta.sop.replicates import Spread, spread_over_videos
from nta.visibility import Concentration

SIZES = ("d10_nm", "d50_nm", "d90_nm", "mean_nm")
PER_FRAME, PER_ML = "per_frame", "per_ml"


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """What is kept of the analysis of a video; the whole lies in its folder."""

    n_frames: int
    n_lost: int
    n_tracks: int
    temperature_c: float
    sizes: Mapping[str, Quantity]
    relative_systematic: float
    concentration: Concentration | None
    distribution: Distribution | None
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, analysis: Analysis) -> Numbers:
        """Take them from an analysis."""
        return cls(
            n_frames=analysis.spots.scene.n_frames,
            n_lost=analysis.recording.lost_frames,
            n_tracks=analysis.sizes.n_tracks_used,
            temperature_c=analysis.sizes.temperature_c,
            sizes={name: analysis.sizes.summary[name] for name in SIZES},
            relative_systematic=math.hypot(*analysis.sizes.budget.values()),
            concentration=analysis.visibility.concentration if analysis.visibility else None,
            distribution=analysis.sizes.distribution,
            findings=analysis.assessment.findings,
        )

    def value(self, name: str) -> float | None:
        """Return a number by name: one of `SIZES`, `PER_FRAME` or `PER_ML` (in the sample where a dilution is stated)."""
        if name in self.sizes:
            return self.sizes[name].value
        found = self.concentration
        if found is None:
            return None
        if name == PER_FRAME:
            return found.per_frame.value
        return found.best_known_per_ml.value


@dataclass(frozen=True, kw_only=True)
class Video:
    """One planned video and what became of it: numbers, or the reason why there are none.

    recording : where there is one, in the folder of the outcome. reason : empty where all is well.
    """

    stage: Stage
    step: Step
    recording: Path | None = None
    numbers: Numbers | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything that a procedure yielded."""

    procedure: Procedure
    folder: Path
    date: str
    videos: tuple[Video, ...]
    findings: tuple[Finding, ...] = ()  # of the controls
    notes: tuple[str, ...] = field(default=())

    def of(self, stage: Stage) -> tuple[Video, ...]:
        """Return the videos of a stage."""
        return tuple(video for video in self.videos if video.stage == stage)

    @property
    def failed(self) -> tuple[Video, ...]:
        """Return the videos without numbers."""
        return tuple(video for video in self.videos if video.numbers is None)

    def numbers(self) -> Iterator[Numbers]:
        """Yield the numbers of the sample's good videos."""
        yield from (video.numbers for video in self.of("sample") if video.numbers is not None)

    @cached_property
    def spreads(self) -> Mapping[str, Spread]:
        """Return mean and spread over the sample's videos, by name; what no video has is left out."""
        good = list(self.numbers())
        shared = max((n.relative_systematic for n in good), default=0.0)
        found = {}
        for name in (*SIZES, PER_FRAME, PER_ML):
            values = [value for n in good if (value := n.value(name)) is not None]
            unit = "nm" if name in SIZES else "1/ml" if name == PER_ML else "1"
            spread = spread_over_videos(values, unit, shared if name in SIZES else 0.0)
            if spread is not None:
                found[name] = spread
        return found
