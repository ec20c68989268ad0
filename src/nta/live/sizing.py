"""Sizes of the tracks so far: diffusion, distribution and findings, by the functions that analyse whole recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nta.assessment import Assessment, FindingName, assess_recording
from nta.circumstances import Circumstances
from nta.frames import RecordingReport
from nta.live.detection import DetectionSoFar
from nta.live.settings import LiveSettings
from nta.pipeline import estimate_sizes
from nta.quantity import Quantity
from nta.settings import AnalysisSettings
from nta.sizes import Distribution
from nta.spots import Spots
from nta.tracks import Tracks

WHILE_RECORDING: tuple[FindingName, ...] = (
    "enough_tracks",
    "spots_per_frame_low",
    "spots_per_frame_high",
    "ambiguous_links",
    "full_scale",
    "saturated_spots",
    "drift",
    "out_of_focus",
    "immobile_tracks",
    "lost_frames",
    "temperature_range",
)
"""Findings that the user can still act on while the sample is in the cell."""


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """Sizes at one moment of a growing recording.

    at_s : time of the last frame included. n_tracks, n_tracks_used : tracks found, and tracks in the distribution.
    d50 : with the systematic budget; d50_statistical : with the statistical interval, which more frames make narrower.
    assessment : findings named in `WHILE_RECORDING`, with the limits and words of the report.
    """

    at_s: float
    n_frames: int
    n_tracks: int
    n_tracks_used: int
    d10: Quantity
    d50: Quantity
    d90: Quantity
    d50_statistical: Quantity
    distribution: Distribution | None
    assessment: Assessment

    @property
    def d50_within(self) -> float | None:
        """Relative half width of the statistical interval of D50; None if D50 has no interval."""
        value, half = self.d50_statistical.value, self.d50_statistical.half_width
        return None if value is None or half is None else half / value


def size_so_far(
    spots: Spots,
    tracks: Tracks,
    circumstances: Circumstances,
    settings: AnalysisSettings,
    live: LiveSettings,
    *,
    report: RecordingReport,
    metadata: Mapping[str, Any],
    detection: DetectionSoFar | None = None,
) -> Sizing:
    """Size the tracks of a growing recording, as those of a whole recording but with the bootstrap repeats of `live`.

    report, metadata : frames and temperatures so far. detection : what was found so far; None: nothing is corrected by it.
    """
    sized = estimate_sizes(
        spots,
        tracks,
        circumstances,
        replace(settings, sizing=replace(settings.sizing, repeats=live.repeats)),
        detection=detection.curve if detection else None,
        relink=detection is not None,
        compare=False,
    )
    if detection is not None:
        sized = detection.in_view(sized)
    assessment = assess_recording(sized, spots, report, metadata, settings.assessment)
    sizes = sized.sizes
    asked = map(assessment.finding, WHILE_RECORDING)
    times = spots.scene.frame_time_s
    return Sizing(
        at_s=float(times[-1]) if times.size else 0.0,
        n_frames=spots.scene.n_frames,
        n_tracks=tracks.n_tracks,
        n_tracks_used=sizes.n_tracks_used,
        d10=sizes.summary["d10_nm"],
        d50=sizes.summary["d50_nm"],
        d90=sizes.summary["d90_nm"],
        d50_statistical=sizes.statistical["d50_nm"],
        distribution=sizes.distribution,
        assessment=replace(assessment, findings=tuple(finding for finding in asked if finding is not None)),
    )
