"""From frames to assessment: read `analyze` from top to bottom to see the whole way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import indent

from nta.assessment import Assessment, Kind, assess_recording, load_limits
from nta.assessment.controls import against_blank, doubted, with_findings
from nta.calibration import InstrumentProfile, SampleConditions
from nta.circumstances import Circumstances, Scale
from nta.diffusion import (
    DiffusionEstimates,
    MeanSquaredDisplacement,
    estimate_diffusion,
    mean_squared_displacement,
)
from nta.errors import MissingInputError, SettingError
from nta.frames import CameraState, Frame, FrameSource, RecordingReport
from nta.progress import Progress
from nta.provenance import Provenance
from nta.quantity import Quantity
from nta.settings import AnalysisSettings
from nta.sized_tracks import SizedTracks
from nta.sizes import SizeDistribution, size_distribution
from nta.spots import SpotDetector, Spots
from nta.stated import check_choice, refuse_other
from nta.tracks import Relinking, TrackLinker, Tracks
from nta.visibility import (
    DetectionCurve,
    FrameSample,
    Visibility,
    behind_volume,
    detection_curve,
    measure_visibility,
    width_in_focus_px,
)


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
    visibility: Visibility | None = None  # None in older results, which have none

    @property
    def detection(self) -> DetectionCurve | None:
        """The detection curve; None if it was not measured."""
        return self.visibility.curve if self.visibility else None

    @property
    def circumstances(self) -> Circumstances:
        """Camera, sample and instrument as one value."""
        return Circumstances(camera=self.camera, conditions=self.conditions, profile=self.profile)

    @property
    def sized(self) -> SizedTracks:
        """Tracks, diffusion and sizes as one value; without bootstrap draws, which an analysis does not keep."""
        return SizedTracks(
            tracks=self.tracks,
            diffusion=self.diffusion,
            sizes=self.sizes,
            sizing=self.settings.sizing,
            **vars(self.circumstances),
        )

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
        """Numbers of the distribution in suspension, by name; empty if it is not known."""
        return self.visibility.suspension_numbers if self.visibility else {}


def analyze(
    source: FrameSource,
    conditions: SampleConditions | None = None,
    profile: InstrumentProfile | str | Path | None = None,
    settings: AnalysisSettings | None = None,
    *,
    kind: Kind = "sample",
    progress: Progress | None = None,
    sha256: str | None = None,
) -> Analysis:
    """Analyse one recording from frames to assessment.

    Parameters
    ----------
    source
        An open recording or an acquiring device.
    conditions
        Temperature and medium, which the Stokes-Einstein equation needs. None: those that the recording states; to add
        others, use `known_conditions(source.metadata, temperature_c=25.0)`.
    profile
        The instrument, or its name or file; supplies camera values that the recording does not state.
    settings
        Settings of all stages; None: defaults.
    kind
        Kind of recording: a sample, certified beads, or a blank (only the diluent). Findings depend on it, numbers do not.
    progress
        Called with the number of frames done.
    sha256
        Checksum of the recording, kept in the provenance.

    Raises
    ------
    MissingInputError
        Pixel size, frame rate, temperature or viscosity is not stated anywhere.
    SettingError
        An argument is of the wrong type, or there is no such profile.
    """
    refuse_other(
        "source", source, FrameSource, "open one with nta.open(path) or make one with nta.from_frames(images)"
    )
    settings = AnalysisSettings() if settings is None else settings
    refuse_other(
        "settings", settings, AnalysisSettings, "make them with AnalysisSettings.from_mapping or from_toml"
    )
    circumstances = Circumstances.of(source, conditions, profile)
    # check the rest of the input before the long work
    check_choice("kind", kind, Kind)
    load_limits(settings.assessment.limits)

    sample = FrameSample(settings.visibility.frames)
    with SpotDetector(settings.detection, circumstances.camera) as detector:
        frames = sample.passing(source.frames())
        spots, tracks = find_tracks(frames, settings, detector=detector, progress=progress)
        width_px = width_in_focus_px(tracks.scene, circumstances.profile, circumstances.camera)
        curve = detection_curve(detector, tracks, sample.kept, settings.visibility, width_px=width_px)
    sized = estimate_sizes(spots, tracks, circumstances, settings, detection=curve)
    visibility = measure_visibility(sized, curve, settings.visibility)
    sized = behind_volume(sized, visibility)
    return Analysis(
        spots=spots,
        tracks=tracks,
        diffusion=sized.diffusion,
        msd=mean_squared_displacement(tracks, sized.diffusion),
        sizes=replace(sized.sizes, suspension=visibility.suspension),
        assessment=assess_recording(
            sized, spots, source.report, source.metadata, settings.assessment, kind=kind
        ),
        settings=settings,
        recording=source.report,
        provenance=Provenance.of(source, circumstances, sha256),
        visibility=visibility,
        **vars(circumstances),
    )


def subtract_blank(analysis: Analysis, blank: Analysis) -> Analysis:
    """Return the analysis with the concentration of a blank, the diluent alone, subtracted; sizes do not change."""
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
    """Find and link the spots of all frames, chunk by chunk; only the tables are kept in memory."""
    linker = TrackLinker(settings.linking)
    for spots in detector.stream(detector.primed(frames), progress):
        linker.push(spots)
    tracks = linker.finish()
    return linker.spots, tracks


def estimate_sizes(
    spots: Spots,
    tracks: Tracks,
    circumstances: Circumstances,
    settings: AnalysisSettings,
    *,
    detection: DetectionCurve | None,
    relink: bool = True,
    extra_budget: Mapping[str, float] | None = None,
    compare: bool = True,
) -> SizedTracks:
    """Estimate the diffusion of every track and infer the size distribution.

    relink : whether to correct the motion that linking loses, by linking the spots of the recording again.
    extra_budget, compare : as for `nta.sizes.size_distribution`.
    """
    diffusion = estimate_diffusion(
        tracks,
        **vars(Scale.of(circumstances.camera)),
        settings=settings.diffusion,
        detection=detection,
        links=Relinking(spots, tracks, settings.linking) if relink else None,
    )
    sizes, draws = size_distribution(
        diffusion,
        tracks,
        circumstances.conditions,
        settings.sizing,
        profile=circumstances.profile,
        detection=detection,
        extra_budget=extra_budget,
        compare=compare,
    )
    return SizedTracks(
        tracks=tracks,
        diffusion=diffusion,
        sizes=sizes,
        sizing=settings.sizing,
        draws=draws,
        **vars(circumstances),
    )
