"""The files that a study names: settings, limits, profile, certificates, media. All are read before any work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nta.assessment.integrity import IntegrityLimits, load_integrity_limits
from nta.calibration import InstrumentProfile, load_certificate, load_medium, load_profile
from nta.errors import SettingError
from nta.io.results import is_results, results_files
from nta.settings import AnalysisSettings
from nta.study.study import Study

VENDOR_SUFFIXES = (".csv", ".txt")


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyFiles:
    """Files named by a study, read: how its recordings are analysed and judged."""

    settings: AnalysisSettings
    limits: IntegrityLimits
    profile: InstrumentProfile | None


def read_study_files(study: Study) -> StudyFiles:
    """Read the files that a study names; certificates and media of its preparations are only checked.

    Raises
    ------
    SettingError
        A file is missing or has a fault; the message names the place in the study file.
    """
    here, analysis = study.file.parent, study.analysis
    with _at(study, "[analysis] settings"):
        path = here / analysis.settings
        settings = AnalysisSettings.from_toml(path) if analysis.settings else AnalysisSettings()
    with _at(study, "[analysis] limits"):
        in_folder = analysis.limits.endswith(".toml")  # a path is taken from the study's folder
        limits = load_integrity_limits(str(here / analysis.limits) if in_folder else analysis.limits)
    with _at(study, "[instrument] profile"):
        profile = load_profile(study.instrument.profile) if study.instrument.profile else None
    for tube in study.preparations:
        with _at(study, f"[[preparation]] {tube.name}: certificate"):
            if tube.certificate:
                load_certificate(tube.certificate)
        with _at(study, f"[[preparation]] {tube.name}: medium"):
            if tube.medium and not all(_is_finished(path) for path in tube.recordings):
                load_medium(tube.medium)  # for results and exports the medium may be free text
    return StudyFiles(settings=settings, limits=limits, profile=profile)


def files_with_results(path: Path) -> list[Path]:
    """Return the results files at this path: the file itself, or those in a folder; empty for a recording."""
    return [file for file in (results_files(path) if path.is_dir() else (path,)) if is_results(file)]


def _is_finished(path: Path) -> bool:
    """Whether this path holds results or an export, not a recording that is still to be analysed."""
    return path.suffix.lower() in VENDOR_SUFFIXES or bool(files_with_results(path))


@contextmanager
def _at(study: Study, place: str) -> Iterator[None]:
    try:
        yield
    except SettingError as error:
        raise SettingError(f"{study.file} {place}: {error}") from error
