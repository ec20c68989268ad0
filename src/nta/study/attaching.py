"""Attach the files that a study names; recordings are analysed once and found again by their checksum."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nta.errors import NtaError, RecordingError, SettingError
from nta.io.atomic import new_folder
from nta.io.recordings import checksum
from nta.io.results import RESULTS_FILE, load_analysis, save_analysis
from nta.io.vendors import read_vendor
from nta.measurements import result_name
from nta.measurements.key import analysis_key
from nta.one_recording import Request, analyze_file
from nta.pipeline import Analysis
from nta.progress import Tell
from nta.study.attached import Attached
from nta.study.contradictions import Made, refuse_contradictions, without_dilution
from nta.study.study import Preparation, Study
from nta.study.study_files import VENDOR_SUFFIXES, StudyFiles, files_with_results, read_study_files

_KEY_LETTERS = 20  # of 64: enough to tell analyses apart, short enough for the name of a folder


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
            yield Attached.of_analysis(
                path, path.name, digest, self._analysed(path, digest), self.preparation
            )

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
        yield Attached.of_analysis(file, result_name(file), checksum(file), analysis, preparation)


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
        yield Attached.of_run(path, digest, result, run, preparation)
