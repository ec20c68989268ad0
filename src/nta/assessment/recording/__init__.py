"""Is this recording good enough to believe its sizes? Each question is one finding with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nta.assessment.finding import Assessment, Kind
from nta.assessment.limits import load_limits
from nta.assessment.recording import frames, instrument, motion, sample
from nta.assessment.recording.evidence import Evidence
from nta.assessment.recording.frames import UNKNOWN_EXPOSURE
from nta.assessment.settings import AssessmentSettings
from nta.frames import RecordingReport
from nta.sized_tracks import SizedTracks
from nta.spots import Spots

__all__ = ["UNKNOWN_EXPOSURE", "assess_recording"]


def assess_recording(
    sized: SizedTracks,
    spots: Spots,
    report: RecordingReport,
    metadata: Mapping[str, Any],
    settings: AssessmentSettings | None = None,
    *,
    kind: Kind = "sample",
) -> Assessment:
    """Judge one recording by all findings: number of tracks, drift, saturation, losses, calibration and others.

    spots : all spots, in tracks or not. report : frames found and lost. metadata : statements of the recording on instrument
        and sample. kind : what the recording is of; a good blank shows few particles, and needs no blank and no beads.
    """
    evidence = Evidence(
        sized=sized,
        report=report,
        metadata=metadata,
        spots=spots,
        limits=load_limits((settings or AssessmentSettings()).limits),
        kind=kind,
    )
    moving = (sample.immobile(evidence), *motion.free_motion(evidence))
    exposure = frames.exposure(evidence)
    return Assessment(
        findings=(
            sample.enough_tracks(evidence),
            sample.in_range(evidence),
            *sample.density(evidence),
            motion.drift(evidence),
            sample.full_scale(evidence),
            *sample.clipped_at_black(evidence),
            sample.saturation(evidence),
            sample.focus(evidence),
            sample.shape(evidence),
            *sample.evenness(evidence),
            *moving,
            *frames.losses(evidence),
            frames.unmarked_losses(evidence),
            *frames.interlaced(evidence),
            *frames.overruled(evidence),
            frames.codec(evidence, [*moving, exposure]),
            frames.frame_rate(evidence),
            exposure,
            *instrument.temperature(evidence),
            *instrument.steadiness(evidence),
            instrument.camera(evidence),
            instrument.calibration(evidence),
            *instrument.foreign_profile(evidence),
            *instrument.controls(evidence),
        ),
        kind=kind,
    )
