"""Make videos of the files that a study attaches; recordings are analysed once and found again by their checksum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nta.assessment import Assessment, Verdict
from nta.assessment.integrity import Video
from nta.calibration import InstrumentProfile
from nta.calibration.profile import PROFILE_WORDS
from nta.diffusion import TrackFlag
from nta.errors import NtaError, RecordingError, SettingError
from nta.io.atomic import new_folder
from nta.io.recordings import checksum
from nta.io.results import RESULTS_FILE, load_analysis, save_analysis
from nta.io.vendors import VendorResult, VendorRun, read_vendor
from nta.measurements import result_name
from nta.measurements.key import analysis_key
from nta.one_recording import Request, analyze_file
from nta.pipeline import Analysis
from nta.progress import Tell
from nta.study.contradictions import Made, refuse_contradictions, without_dilution
from nta.study.study import Preparation, Study
from nta.study.study_files import VENDOR_SUFFIXES, StudyFiles, files_with_results, read_study_files

PER_ML, IN_VIEW = "particles/ml", "particles in view"
MIN_POINTS = 10
"""Shortest track that is compared: from fewer points a size is known to no better than 40 %, which hides what is sought.
The simulations behind the limits drew tracks of 10 and more."""
_KEY_LETTERS = 20  # of 64: enough to tell analyses apart, short enough for the name of a folder


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


def attach(
    preparation: Preparation, study: Study, files: StudyFiles, kept: Path, tell: Tell
) -> tuple[Attached, ...]:
    """Return the videos of a preparation; analyses are stored in the folder `kept` and used again."""
    attaching = _Attaching(preparation, study, files, kept, tell)
    if not preparation.recordings:
        raise SettingError(
            f"{study.file} [[preparation]] {preparation.name}: recordings is empty; attach what was measured, or take the "
            "preparation out"
        )
    found: list[Attached] = []
    for path in preparation.recordings:
        with _placed(preparation, study):
            found.extend(attaching.videos(path))
    given = preparation.concentration_per_ml
    if given and len(given) != len(found):
        raise SettingError(
            f"{study.file} [[preparation]] {preparation.name}: concentration_per_ml has {len(given)} values for "
            f"{len(found)} videos; give one each, in the order of recordings"
        )
    return tuple(found)


def check_study(study: Study) -> list[str]:
    """Check the files of a study without analysing: refuse missing files, and results and exports that contradict the study.

    Return remarks on files that can be used but prevent an assessment.
    """
    read_study_files(study)
    dilutions: dict[str, list[float | None]] = {}
    for preparation in study.preparations:
        found = dilutions.setdefault(preparation.name, [])
        for path in preparation.recordings:
            with _placed(preparation, study):
                finished = [a.video.dilution for a in _finished(path, preparation, study)]
            found.extend(finished or [preparation.dilution])
        if not found:
            found.append(preparation.dilution)
    _, gap = without_dilution(study, dilutions)
    return (
        [f"{gap}: without it recovery is not assessed, unless the recordings themselves record it"]
        if gap
        else []
    )


@contextmanager
def _placed(preparation: Preparation, study: Study) -> Iterator[None]:
    """Add the place in the study file to an error."""
    try:
        yield
    except NtaError as error:
        raise type(error)(f"{study.file} [[preparation]] {preparation.name}: {error}") from error


@dataclass(frozen=True)
class _Attaching:
    """Makes videos of the recordings of a preparation; `kept` is the folder of analyses."""

    preparation: Preparation
    study: Study
    files: StudyFiles
    kept: Path
    tell: Tell

    def videos(self, path: Path) -> Iterator[Attached]:
        """Yield the videos of a recording, of results or of an export."""
        finished = list(_finished(path, self.preparation, self.study))
        yield from finished
        if not finished:
            digest = checksum(path)
            yield _from_analysis(path, path.name, digest, self._analysed(path, digest), self.preparation)

    def _analysed(self, path: Path, digest: str) -> Analysis:
        """Analyse a recording, or load its kept analysis: the name of the folder depends on all that affects the result."""
        instrument, preparation = self.study.instrument, self.preparation
        profile, settings = self.files.profile, self.files.settings
        camera: dict[str, Any] = {
            "pixel_size_um": instrument.pixel_size_um,
            "frame_rate_hz": instrument.frame_rate_hz,
            "exposure_s": None if instrument.exposure_ms is None else instrument.exposure_ms / 1e3,
        }
        cell = {
            "temperature_c": preparation.temperature_c,
            "medium": preparation.medium or None,
            "dilution": preparation.dilution,
            "sample": preparation.name,
        }
        request = Request(camera=camera, conditions=cell, profile=profile, settings=settings)
        folder = self.kept / analysis_key(path, digest, request)[:_KEY_LETTERS]
        if (folder / RESULTS_FILE).is_file():
            try:
                analysis = load_analysis(folder / RESULTS_FILE)
            except RecordingError as error:
                self.tell(f"{path.name}: analysing again, what was kept cannot be read ({error})")
            else:
                self.tell(f"{path.name}: analysed before")
                return analysis
        else:
            self.tell(f"{path.name}: analysing")
        analysis, _ = analyze_file(path, request, sha256=digest)
        with new_folder(folder, replace=True) as partial:
            save_analysis(analysis, partial / RESULTS_FILE)
        return analysis


def _finished(path: Path, preparation: Preparation, study: Study) -> Iterator[Attached]:
    """Yield the videos of results and exports, after checking them against the study; none for a recording."""
    if path.suffix.lower() in VENDOR_SUFFIXES:
        yield from _from_export(path, preparation, study)
        return
    for file in files_with_results(path):
        analysis = load_analysis(file)
        refuse_contradictions(str(path), Made.of_analysis(analysis), preparation, study.instrument)
        yield _from_analysis(file, result_name(file), checksum(file), analysis, preparation)


def _from_analysis(
    path: Path, name: str, digest: str, analysis: Analysis, preparation: Preparation
) -> Attached:
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
    return Attached(
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


def _from_export(path: Path, preparation: Preparation, study: Study) -> Iterator[Attached]:
    result, digest = read_vendor(path), checksum(path)
    for run in result.runs:
        refuse_contradictions(f"{path}: {run.name}", Made.of_run(run), preparation, study.instrument)
    if preparation.dilution is not None:
        result = result.diluted(preparation.dilution)
    for run in result.runs:
        if run.histogram is None:
            raise SettingError(
                f"{path}: {run.name} holds no size distribution{f' ({run.failed})' if run.failed else ''}; "
                "leave the file out"
            )
        yield _from_run(path, digest, result, run, preparation)


def _from_run(
    path: Path, digest: str, result: VendorResult, run: VendorRun, preparation: Preparation
) -> Attached:
    """Replace a printed histogram by one diameter per track (at least 200), spread evenly within each bin."""
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
    return Attached(
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
