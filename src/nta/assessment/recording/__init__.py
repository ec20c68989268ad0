"""Is this recording good enough to believe its sizes? Each question is one finding with what to do about it."""

from __future__ import annotations

from nta.assessment.finding import Assessment
from nta.assessment.limits import load_limits
from nta.assessment.recording import frames, instrument, motion, sample
from nta.assessment.recording.evidence import Evidence
from nta.assessment.recording.instrument import blank_finding
from nta.assessment.settings import AssessmentSettings
from nta.calibration import InstrumentProfile, SampleConditions
from nta.diffusion import DiffusionEstimates
from nta.frames import CameraState, FrameSource
from nta.sizes import SizeDistribution, SizingSettings
from nta.spots import Spots
from nta.tracks import Tracks

__all__ = ["assess_recording", "blank_finding"]


def assess_recording(
    source: FrameSource,
    camera: CameraState,
    conditions: SampleConditions,
    profile: InstrumentProfile | None,
    spots: Spots,
    tracks: Tracks,
    diffusion: DiffusionEstimates,
    sizes: SizeDistribution,
    settings: AssessmentSettings | None = None,
    sizing: SizingSettings | None = None,
) -> Assessment:
    """Judge one recording: enough tracks, drift, saturation, losses, calibration and what else is known of it."""
    evidence = Evidence(
        report=source.report,
        metadata=source.metadata,
        camera=camera,
        conditions=conditions,
        profile=profile,
        spots=spots,
        tracks=tracks,
        diffusion=diffusion,
        sizes=sizes,
        sizing=sizing or SizingSettings(),
        limits=load_limits((settings or AssessmentSettings()).limits),
    )
    return Assessment(
        findings=(
            sample.enough_tracks(evidence),
            sample.in_range(evidence),
            *sample.density(evidence),
            motion.drift(evidence),
            sample.saturation(evidence),
            sample.focus(evidence),
            sample.immobile(evidence),
            *motion.free_motion(evidence),
            *frames.losses(evidence),
            frames.codec(evidence),
            frames.frame_rate(evidence),
            frames.exposure(evidence),
            *instrument.temperature(evidence),
            instrument.camera(evidence),
            instrument.calibration(evidence),
            *instrument.foreign_profile(evidence),
            *instrument.controls(),
        )
    )
