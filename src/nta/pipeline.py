"""From frames to assessment: read `analyze` from top to bottom to see the whole way."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np

from nta.assessment import Assessment, assess_recording, load_limits
from nta.assessment.controls import against_blank, doubted, with_findings
from nta.calibration import InstrumentProfile, SampleConditions, load_profile
from nta.diffusion import (
    DiffusionEstimates,
    MeanSquaredDisplacement,
    estimate_diffusion,
    mean_squared_displacement,
)
from nta.errors import MissingInputError, SettingError
from nta.frames import CameraState, Frame, FrameSource, RecordingReport
from nta.progress import Progress
from nta.quantity import Quantity
from nta.settings import AnalysisSettings
from nta.sizes import SizeDistribution, size_distribution
from nta.spots import SpotDetector, Spots
from nta.stated import refuse_other
from nta.tracks import Relinking, TrackLinker, Tracks
from nta.visibility import (
    DetectionCurve,
    FrameSample,
    Run,
    Visibility,
    detection_curve,
    measure_visibility,
    width_in_focus_px,
)

ABOUT = ("date", "instrument", "operator", "comment")
"""What a report says of a recording that no number hangs on."""


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a result comes from: what was read, by which versions, when and how.

    date : UTC, to the microsecond: two analyses of one recording at once are two.
    """

    recording: str
    sha256: str | None = None
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="microseconds"))
    command: str = field(default_factory=lambda: " ".join(sys.argv))
    versions: Mapping[str, str] = field(default_factory=lambda: _versions())
    sources: Mapping[str, str] = field(default_factory=dict)  # who said what: {"frame_rate_hz": "user"}
    about: Mapping[str, str] = field(
        default_factory=dict
    )  # what is said beside: date of the recording, operator, ...


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Analysis:
    """Everything one recording yields, with what is needed to repeat it."""

    spots: Spots
    tracks: Tracks
    diffusion: DiffusionEstimates
    msd: MeanSquaredDisplacement
    sizes: SizeDistribution
    assessment: Assessment
    camera: CameraState
    conditions: SampleConditions
    profile: InstrumentProfile | None
    settings: AnalysisSettings
    recording: RecordingReport
    provenance: Provenance
    visibility: Visibility | None = None  # None in results of before it was measured

    @property
    def detection(self) -> DetectionCurve | None:
        """How probable it is that a spot is found; None where it was not measured."""
        return self.visibility.curve if self.visibility else None

    @property
    def duration_s(self) -> float:
        """Time from the first frame searched to the end of the last."""
        frames = self.spots.scene.frame_index
        return float(frames[-1] - frames[0] + 1) * self.diffusion.frame_interval_s if frames.size else 0.0

    def __repr__(self) -> str:
        shown = f"{self.sizes!r}\n{self.assessment!r}"
        return f"Analysis of {self.provenance.recording}\n{indent(shown, '  ')}"

    @property
    def in_suspension(self) -> Mapping[str, Quantity]:
        """Numbers of the distribution in suspension, by name; none where that is not known."""
        return self.visibility.suspension_numbers if self.visibility else {}


def analyze(
    source: FrameSource,
    conditions: SampleConditions | None = None,
    profile: InstrumentProfile | str | Path | None = None,
    settings: AnalysisSettings | None = None,
    *,
    progress: Progress | None = None,
    sha256: str | None = None,
) -> Analysis:
    """Analyse one recording from frames to assessment.

    Parameters
    ----------
    source
        An open recording or an acquiring device.
    conditions
        Temperature and medium: what Stokes-Einstein needs. None: what the recording says; to add to that, take
        `stated_conditions(source.metadata, temperature_c=25.0)`.
    profile
        The instrument, or its name or file; fills in what the recording does not say of its camera.
    settings
        Defaults where None.
    progress
        Called with the number of frames done.
    sha256
        Checksum of the recording, kept in the provenance.

    Raises
    ------
    MissingInputError
        Pixel size, frame rate, temperature or viscosity was given by nobody.
    SettingError
        What is given is of another kind, or there is no such profile.
    """
    refuse_other(
        "source", source, FrameSource, "open one with nta.open(path) or make one with nta.from_frames(images)"
    )
    settings = AnalysisSettings() if settings is None else settings
    refuse_other(
        "settings", settings, AnalysisSettings, "make them with AnalysisSettings.from_mapping or from_toml"
    )
    conditions = stated_conditions(source.metadata) if conditions is None else conditions
    refuse_other("conditions", conditions, SampleConditions, "give nta.SampleConditions(temperature_c=25.0)")
    profile = load_profile(profile) if isinstance(profile, str | Path) else profile
    if profile is not None:
        refuse_other("profile", profile, InstrumentProfile, 'give its name, or nta.load_profile("simulated")')
        profile = profile.at_binning(source.camera.binning)
    camera = completed_camera(source.camera, profile)
    # refuse before the long work, not after it
    Scale.of(camera)
    conditions.viscosity_pa_s()
    load_limits(settings.assessment.limits)

    sample = FrameSample(settings.visibility.frames)
    with SpotDetector(settings.detection, camera) as detector:
        frames = sample.passing(source.frames())
        spots, tracks = find_tracks(frames, settings, detector=detector, progress=progress)
        width_px = width_in_focus_px(tracks.scene, profile, camera)
        curve = detection_curve(detector, tracks, sample.kept, settings.visibility, width_px=width_px)
    run = size_tracks(spots, tracks, camera, conditions, profile, settings, detection=curve)
    visibility = measure_visibility(run, curve, settings.visibility)
    return Analysis(
        spots=spots,
        tracks=tracks,
        diffusion=run.diffusion,
        msd=mean_squared_displacement(tracks, run.diffusion),
        sizes=replace(run.sizes, suspension=visibility.suspension),
        assessment=assess_recording(run, spots, source, settings.assessment),
        camera=camera,
        conditions=conditions,
        profile=profile,
        settings=settings,
        recording=source.report,
        provenance=Provenance(
            recording=source.name,
            sha256=sha256,
            sources=_who_said(source, conditions, profile),
            about=about_recording(source.metadata),
        ),
        visibility=visibility,
    )


def subtract_blank(analysis: Analysis, blank: Analysis) -> Analysis:
    """Return the analysis with the concentration of a blank, the diluent alone, taken off; sizes stay as they are."""
    if analysis.visibility is None or blank.visibility is None:
        raise MissingInputError(
            "to subtract a blank, both results must have a concentration; analyse them with this version and a --profile"
        )
    same = analysis.provenance.sha256
    if same is not None and same == blank.provenance.sha256:
        raise SettingError(
            f"the blank {blank.provenance.recording} is the recording {analysis.provenance.recording} itself "
            f"(SHA-256 {same[:8]}...); give the results of the diluent alone"
        )
    mine, other = analysis.visibility.concentration, blank.visibility.concentration
    net, found = against_blank(mine, other, load_limits(analysis.settings.assessment.limits))
    media = analysis.conditions.medium, blank.conditions.medium
    if media[0].casefold() != media[1].casefold():
        doubt = f"the blank is of {media[1]}, the sample in {media[0]}"
        found = doubted(found, doubt, "record the sample's own diluent as its blank")
    found = replace(found, evidence=f"{blank.provenance.recording}: {found.evidence}")
    return replace(
        analysis,
        visibility=replace(analysis.visibility, concentration=net),
        assessment=with_findings(analysis.assessment, [found]),
    )


def find_tracks(
    frames: Iterable[Frame],
    settings: AnalysisSettings,
    *,
    detector: SpotDetector,
    progress: Progress | None = None,
) -> tuple[Spots, Tracks]:
    """Find and link the spots of all frames, chunk by chunk as they come: nothing is kept but the tables."""
    linker = TrackLinker(settings.linking)
    for spots in detector.stream(detector.primed(frames), progress):
        linker.push(spots)
    tracks = linker.finish()
    return linker.spots, tracks


def size_tracks(
    spots: Spots,
    tracks: Tracks,
    camera: CameraState,
    conditions: SampleConditions,
    profile: InstrumentProfile | None,
    settings: AnalysisSettings,
    *,
    detection: DetectionCurve | None,
    relink: bool = True,
    extra_budget: Mapping[str, float] | None = None,
    compare: bool = True,
) -> Run:
    """Estimate the diffusion of every track and infer the size distribution.

    relink : whether what links lose of the motion is given back, by linking the recording's own spots anew.
    extra_budget, compare : as for `nta.sizes.size_distribution`.
    """
    diffusion = estimate_diffusion(
        tracks,
        **vars(Scale.of(camera)),
        settings=settings.diffusion,
        detection=detection,
        links=Relinking(spots, tracks, settings.linking) if relink else None,
    )
    sizes, draws = size_distribution(
        diffusion,
        tracks,
        conditions,
        settings.sizing,
        profile=profile,
        detection=detection,
        extra_budget=extra_budget,
        compare=compare,
    )
    return Run(
        tracks=tracks,
        diffusion=diffusion,
        sizes=sizes,
        camera=camera,
        conditions=conditions,
        profile=profile,
        sizing=settings.sizing,
        draws=draws,
    )


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What turns pixels and frames into micrometres and seconds."""

    pixel_size_um: float
    frame_interval_s: float
    exposure_s: float | None

    @classmethod
    def of(cls, camera: CameraState) -> Scale:
        """Take the scale from the camera; refuse by name what nobody gave."""
        missing = []
        if camera.pixel_size_um is None:
            missing.append("pixel size (--pixel-size-um, in the sample plane)")
        if camera.frame_rate_hz is None:
            missing.append("frame rate (--frame-rate, in Hz)")
        if missing or camera.pixel_size_um is None or camera.frame_rate_hz is None:
            raise MissingInputError(
                f"a size needs the {' and the '.join(missing)}, and neither the recording nor anybody else says it; "
                "give it on the command line, in a side-car TOML or in an instrument profile (--profile)"
            )
        return cls(
            pixel_size_um=camera.pixel_size_um,
            frame_interval_s=1 / camera.frame_rate_hz,
            exposure_s=camera.exposure_s,
        )


def stated_conditions(metadata: Mapping[str, Any], **said: Any) -> SampleConditions:
    """Return what was in the cell: what is `said` first, then a side-car, what was measured, the recording's own words."""
    recorded = {
        f.name: metadata[f.name] for f in fields(SampleConditions) if metadata.get(f.name) is not None
    }
    measured_c = _measured_temperature_c(metadata)
    if measured_c is not None:
        recorded["temperature_c"] = measured_c
    return SampleConditions(
        **{**recorded, **{key: value for key, value in said.items() if value is not None}}
    )


def _measured_temperature_c(metadata: Mapping[str, Any]) -> float | None:
    """Return the mean of what a thermometer logged; None where there is no log, or a side-car says otherwise."""
    log = np.asarray(metadata.get("temperature_log_c", ()), dtype=float)
    by_hand = metadata.get("sources", {}).get("temperature_c") == "side-car"
    return None if by_hand or not np.isfinite(log).any() else float(np.nanmean(log))


def _who_said(
    source: FrameSource, conditions: SampleConditions, profile: InstrumentProfile | None
) -> dict[str, str]:
    """Return where each value of camera and conditions comes from, by name."""
    said = dict(source.metadata.get("sources", {}))
    completed = completed_camera(source.camera, profile)
    said |= {f.name: "profile" for f in fields(CameraState) if _differ(completed, source.camera, f.name)}
    recorded = stated_conditions(source.metadata)
    if _measured_temperature_c(source.metadata) is not None:
        said["temperature_c"] = "measured"
    return said | {f.name: "user" for f in fields(SampleConditions) if _differ(conditions, recorded, f.name)}


def about_recording(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return what the recording and its side-car say beside what is computed with: when, with what, by whom it was made."""
    found = {name: str(metadata[name]) for name in ABOUT if metadata.get(name)}
    if "date" not in found and metadata.get("created"):
        found["date"] = str(metadata["created"])
    return found


def _differ(one: Any, other: Any, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


def completed_camera(camera: CameraState, profile: InstrumentProfile | None) -> CameraState:
    """Return the camera's state with what it does not say itself taken from the profile."""
    if profile is None:
        return camera
    profile = profile.at_binning(camera.binning)
    names = ("pixel_size_um", "gain_e_per_adu", "offset_adu", "read_noise_e")
    given = {name: getattr(profile, name) for name in names if getattr(camera, name) is None}
    return replace(camera, **given)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "numpy": np.__version__}
    for name in ("nta-lab", "numba", "scipy", "av", "h5py", "tifffile"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
