"""Is this recording good enough to believe its sizes? Each question is one finding with what to do about it."""

from __future__ import annotations

from nta.assessment.finding import Assessment, Kind
from nta.assessment.limits import load_limits
from nta.assessment.recording import frames, instrument, motion, sample
from nta.assessment.recording.evidence import Evidence
from nta.assessment.recording.frames import UNKNOWN_EXPOSURE
from nta.assessment.settings import AssessmentSettings
from nta.frames import FrameSource
from nta.spots import Spots
from nta.visibility import Run

__all__ = ["UNKNOWN_EXPOSURE", "assess_recording"]


def assess_recording(
    run: Run,
    spots: Spots,
    source: FrameSource,
    settings: AssessmentSettings | None = None,
    *,
    kind: Kind = "sample",
) -> Assessment:
    """Judge one recording: enough tracks, drift, saturation, losses, calibration and what else is known of it.

    spots : all of the run, in tracks or not. source : says what it lost and what it knows of instrument and sample.
    kind : what the recording is of; a blank is good if little is seen, and asks for no blank and no beads of its own.
    """
    evidence = Evidence(
        run=run,
        report=source.report,
        metadata=source.metadata,
        spots=spots,
        limits=load_limits((settings or AssessmentSettings()).limits),
        kind=kind,
    )
    return Assessment(
        findings=(
            sample.enough_tracks(evidence),
            sample.in_range(evidence),
            *sample.density(evidence),
            motion.drift(evidence),
            sample.full_scale(evidence),
            sample.saturation(evidence),
            sample.focus(evidence),
            sample.shape(evidence),
            sample.immobile(evidence),
            *motion.free_motion(evidence),
            *frames.losses(evidence),
            frames.unmarked_losses(evidence),
            *frames.overruled(evidence),
            frames.codec(evidence),
            frames.frame_rate(evidence),
            frames.exposure(evidence),
            *instrument.temperature(evidence),
            *instrument.steadiness(evidence),
            instrument.camera(evidence),
            instrument.calibration(evidence),
            *instrument.foreign_profile(evidence),
            *instrument.controls(evidence),
        ),
        kind=kind,
    )
