"""From a folder or a manifest, and the words that hold for all of it, to the jobs of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from nta.batch.folder import recordings_in
from nta.batch.job import About, Job, result_folder
from nta.batch.manifest import ABOUT, CAMERA, CONDITIONS, Entry, read_manifest
from nta.batch.recording import Request
from nta.calibration import InstrumentProfile, load_profile
from nta.errors import SettingError
from nta.settings import AnalysisSettings


def plan(
    source: str | Path, output: str | Path, *, request: Request | None = None, about: About | None = None
) -> list[Job]:
    """Return the jobs for a folder of recordings or for a manifest.

    Parameters
    ----------
    source
        Folder, or manifest (``.csv``, ``.tsv``, ``.txt`` or ``.toml``).
    output
        Folder of the batch; what lies in it is not looked at for recordings.
    request, about
        What holds for every recording of which the manifest says nothing else.

    Raises
    ------
    SettingError
        There is no such folder or manifest, the manifest is wrong, or there is nothing in it.
    """
    source, output = Path(source), Path(output)
    request, about = request or Request(), about or About()
    if source.is_dir():
        found = recordings_in(source, leave_out=output)
        if not found:
            raise SettingError(f"there is no recording in {source}")
        return [_job(f.path, source, output, request, about, skipped=f.doubtful) for f in found]
    if not source.exists():
        raise SettingError(f"there is no {source}; give a folder of recordings or a manifest")
    if source.suffix.lower() not in (".csv", ".tsv", ".txt", ".toml"):
        raise SettingError(
            f"{source} is no folder and, by its name, no manifest (.csv or .toml); one recording is analysed by nta analyze"
        )
    planner = _Planner(source, request, about)
    jobs = [planner.job(entry, output) for entry in read_manifest(source)]
    names = [job.name for job in jobs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SettingError(
            f"{source}: two recordings would have the name {twice[0]} in the results; rename one"
        )
    return jobs


class _Planner:
    """Turns the entries of one manifest into jobs; a profile or settings file is read once."""

    def __init__(self, manifest: Path, request: Request, about: About) -> None:
        self._folder = manifest.parent
        self._request = request
        self._about = about
        self._profile = cache(self._load_profile)
        self._settings = cache(self._load_settings)

    def job(self, entry: Entry, output: Path) -> Job:
        words = entry.words
        request, trouble = self._request, ""
        try:
            request = self._asked(words)
        except SettingError as error:
            trouble = str(error)
        about = replace(self._about, **{key: words[key] for key in ABOUT if key in words})
        job = _job(entry.path, self._folder, output, request, about)
        return replace(job, trouble=job.trouble or trouble)

    def _asked(self, words: Mapping[str, Any]) -> Request:
        base = self._request
        camera = {key: words[key] for key in CAMERA if key in words}
        if "exposure_ms" in camera:
            camera["exposure_s"] = camera.pop("exposure_ms") / 1e3
        return replace(
            base,
            camera={**base.camera, **camera},
            conditions={**base.conditions, **{key: words[key] for key in CONDITIONS if key in words}},
            profile=self._profile(words["profile"]) if "profile" in words else base.profile,
            settings=self._settings(words["settings"]) if "settings" in words else base.settings,
            blank=self._folder / words["blank"] if "blank" in words else base.blank,
        )

    def _load_profile(self, name: str) -> InstrumentProfile:
        beside = self._folder / name
        return load_profile(beside if beside.is_file() else name)

    def _load_settings(self, name: str) -> AnalysisSettings:
        return AnalysisSettings.from_toml(self._folder / name)


def _job(
    recording: Path, base: Path, output: Path, request: Request, about: About, *, skipped: bool = False
) -> Job:
    name = _name(recording, base)
    return Job(
        name=name,
        recording=recording.absolute(),
        folder=result_folder(output.absolute(), name),
        request=replace(request, beads=about.standard if about.kind == "beads" else None),
        about=about,
        trouble="" if recording.exists() else f"there is no {recording}",
        skipped=skipped,
    )


def _name(recording: Path, base: Path) -> str:
    """Return the path of a recording below the folder or manifest; of one elsewhere its whole path without the root."""
    whole, root = recording.resolve(), base.resolve()
    if whole.is_relative_to(root):
        return whole.relative_to(root).as_posix() or whole.name
    return whole.relative_to(whole.anchor).as_posix()
