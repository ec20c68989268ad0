"""One video that a study attaches, with its source: made of an analysis by nta, or of a run in a vendor's export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from nta.assessment import Assessment, Verdict
from nta.assessment.integrity import Video
from nta.calibration import InstrumentProfile
from nta.calibration.profile import PROFILE_WORDS
from nta.diffusion import TrackFlag
from nta.io.vendors import VendorResult, VendorRun
from nta.pipeline import Analysis
from nta.study.study import Preparation

PER_ML, IN_VIEW = "particles/ml", "particles in view"
MIN_POINTS = 10
"""Shortest track that is compared: from fewer points a size is known to no better than 40 %, which hides what is sought.
The simulations behind the limits drew tracks of 10 and more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attached:
    """One video, with its source.

    per_ml, in_view : concentration of the original material, None if unknown. d50_nm : median diameter, corrected for the
        blur of single tracks. limit_nm : diameter at which a particle is found in half of the frames. assessment : that of
        the recording, without findings if a vendor's program made it. facts : further values for the report.
    """

    path: Path
    sha256: str
    kind: str
    video: Video
    per_ml: float | None
    in_view: float | None
    d50_nm: float | None = None
    limit_nm: float | None = None
    assessment: Assessment = field(default_factory=lambda: Assessment(findings=()))
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_analysis(
        cls, path: Path, name: str, digest: str, analysis: Analysis, preparation: Preparation
    ) -> Self:
        """Take the tracks of an analysis that are long enough to be compared. digest : SHA-256 of the file at `path`."""
        d, sizes = analysis.diffusion, analysis.sizes
        used = d.has_size & (d.n_points >= max(analysis.settings.sizing.min_points, MIN_POINTS))
        light = np.where(d.has_light, d.intensity.astype(np.float64), np.nan)
        dilution = analysis.conditions.dilution or preparation.dilution
        in_view = len(analysis.tracks) / max(analysis.spots.scene.n_frames, 1) * (dilution or 1.0)
        density = analysis.assessment.finding("spots_per_frame_high")
        video = Video(
            name=name,
            diameter_nm=sizes.tracks.diameter_nm[used],
            intensity=light[used],
            dilution=dilution,
            crowded=density is not None and density.verdict is Verdict.FAIL,
            # few tracks are no fault of a video here: the gates ask for those of an arm
            failed=tuple(analysis.assessment.failed_besides("enough_tracks")),
            saturated_share=d.share_flagged(TrackFlag.SATURATED) or 0.0,
            immobile_share=d.share_flagged(TrackFlag.IMMOBILE) or 0.0,
            temperature_c=sizes.temperature_c,
            track_frames=float(d.n_points[used].mean()) if used.any() else None,
        )
        return cls(
            path=path,
            sha256=digest,
            kind="recording",
            video=video,
            per_ml=_per_ml(analysis, dilution),
            in_view=in_view,
            limit_nm=None if analysis.visibility is None else analysis.visibility.limit_nm.value,
            d50_nm=d50.value if (d50 := sizes.summary.get("d50_nm")) is not None else None,
            assessment=analysis.assessment,
            facts=_facts(analysis),
        )

    @classmethod
    def of_run(
        cls, path: Path, digest: str, result: VendorResult, run: VendorRun, preparation: Preparation
    ) -> Self:
        """Take a run of an export: of its histogram one diameter per track (at least 200), spread evenly within each bin."""
        histogram = run.histogram
        assert histogram is not None
        n = int(run.n_tracks or (histogram.counts.sum() if histogram.counts is not None else 0))
        below = np.concatenate([[0.0], np.cumsum(histogram.concentration_per_ml)])
        shares = (np.arange(max(n, 200)) + 0.5) / max(n, 200)
        diameter = np.interp(shares, below / below[-1], histogram.edges_nm)
        video = Video(
            name=run.name,
            diameter_nm=diameter,
            intensity=np.full(diameter.size, np.nan),
            dilution=run.dilution,
            temperature_c=run.temperature_c if run.temperature_c is not None else preparation.temperature_c,
            counted=n,
        )
        return cls(
            path=path,
            sha256=digest,
            kind=f"{result.vendor} export",
            video=video,
            per_ml=run.concentration_per_ml,
            in_view=None,
            d50_nm=run.printed.get("d50_nm"),
            facts={
                "software": {result.vendor: result.program},
                "frame_rate_hz": run.frame_rate_hz,
                "exposure_s": run.exposure_s,
                "pixel_size_um": run.pixel_size_um,
                "wavelength_nm": run.wavelength_nm,
                "temperature_c": run.temperature_c,
                "viscosity_mpas": None if run.viscosity_pa_s is None else 1e3 * run.viscosity_pa_s,
                "tracks_used": run.n_tracks,
                "settings": dict(run.settings),
                "hidden": list(result.hidden),
                "warnings": list(run.warnings),
            },
        )


def _per_ml(analysis: Analysis, dilution: float | None) -> float | None:
    """Return particles per ml of the material; None if the visible volume is not known."""
    if analysis.visibility is None:
        return None
    in_cell = analysis.visibility.concentration.in_cell_per_ml.value
    return None if in_cell is None else in_cell * (dilution or 1.0)


def programs(versions: Mapping[str, str]) -> str:
    """Name programs with their versions; some repeat their name there."""
    return ", ".join(v if v.startswith(name) else f"{name} {v}".strip() for name, v in versions.items())


def _facts(analysis: Analysis) -> dict[str, Any]:
    scene, linking, d = analysis.spots.scene, analysis.tracks.linking, analysis.diffusion
    per_frame = analysis.spots.counts
    return {
        "recording_sha256": analysis.provenance.sha256,
        "software": {"nta-lab": analysis.provenance.versions.get("nta-lab", "")},
        "analysed": analysis.provenance.date,
        "settings": analysis.settings.as_mapping(),
        "estimator": d.estimator,
        "bit_depth": analysis.camera.bit_depth,
        "gain_e_per_adu": analysis.camera.gain_e_per_adu,
        **_of_profile(analysis.profile),
        "frames": scene.n_frames,
        "lost_frames": analysis.recording.lost_frames,
        "frame_rate_hz": 1 / d.frame_interval_s,
        "exposure_s": d.exposure_s,
        "pixel_size_um": d.pixel_size_um,
        "temperature_c": analysis.sizes.temperature_c,
        "viscosity_mpas": 1e3 * analysis.sizes.viscosity_pa_s,
        "medium": analysis.conditions.medium,
        "tracks_found": analysis.tracks.n_tracks,
        "tracks_used": analysis.sizes.n_tracks_used,
        "tracks_by_flag": d.counts_by_flag(),
        "spots_per_frame": [float(per_frame.mean()), int(per_frame.min()), int(per_frame.max())]
        if per_frame.size
        else None,
        "track_length_frames": np.percentile(d.n_points, [10, 50, 90]).tolist() if len(d) else None,
        "drift_px": [float(np.ptp(linking.drift_y_px)), float(np.ptp(linking.drift_x_px))]
        if linking.drift_y_px.size
        else None,
        "saturated_spots": scene.saturated_fraction,
        "background_noise_e": scene.camera.read_noise_e,
    }


def _of_profile(profile: InstrumentProfile | None) -> dict[str, Any]:
    """Return what a profile says of the optics, by the names of the reporting checklist."""
    if profile is None:
        return {"profile": None}
    words = {name: getattr(profile, name) for name in PROFILE_WORDS}
    return {"profile": profile.name, "wavelength_nm": profile.wavelength_nm, **words}
