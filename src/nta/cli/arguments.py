"""Turn options of the command line into arguments of the library: conditions, profile, settings."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nta.calibration import InstrumentProfile, SampleConditions, load_profile
from nta.circumstances import known_conditions
from nta.cli.parser import window_ends
from nta.cli.verbs.options import SAMPLE_OPTIONS
from nta.errors import SettingError, printable
from nta.io.recordings.words import camera_from_words
from nta.settings import AnalysisSettings

_OTHER_KINDS = (".avi", ".mp4", ".mov", ".mkv", ".tif", ".tiff", ".cine", ".seq")


def camera_from_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the stated camera settings, as arguments of `open_recording`."""
    return camera_from_words({**vars(options), "frame_rate_hz": getattr(options, "frame_rate", None)})


def said_conditions(options: argparse.Namespace) -> dict[str, Any]:
    """Return the stated conditions of the sample, as arguments of `SampleConditions`."""
    said = {field: getattr(options, option) for field, option in SAMPLE_OPTIONS.items()}
    return {field: value for field, value in said.items() if value is not None}


def conditions_in(options: argparse.Namespace, metadata: Mapping[str, Any]) -> SampleConditions:
    """Return the conditions of the sample: options take precedence over the side-car, the side-car over the recording."""
    return known_conditions(metadata, **said_conditions(options))


def chosen_profile(options: argparse.Namespace) -> InstrumentProfile | None:
    """Return the instrument profile, if one was named."""
    return load_profile(options.profile) if options.profile else None


def chosen_settings(options: argparse.Namespace) -> AnalysisSettings:
    """Return the analysis settings: single options take precedence over the settings file, the file over the defaults."""
    settings = AnalysisSettings.from_toml(options.settings) if options.settings else AnalysisSettings()
    if options.engine:
        settings = replace(
            settings,
            detection=replace(settings.detection, engine=options.engine),
            linking=replace(settings.linking, engine=options.engine),
        )
    if options.refractive_index is not None:
        settings = with_refractive_index(settings, options.refractive_index)
    if options.window:
        settings = replace(
            settings,
            sizing=replace(settings.sizing, windows_nm=tuple(map(window_ends, options.window))),
        )
    return settings


def with_refractive_index(settings: AnalysisSettings, refractive_index: float | None) -> AnalysisSettings:
    """Return settings with this refractive index of the particles; None if unknown."""
    return replace(settings, visibility=replace(settings.visibility, refractive_index=refractive_index))


def refuse_other_than_hdf5(path: Path) -> None:
    """Refuse an output name with the suffix of another kind of recording: recordings are written as HDF5."""
    if not path.exists() and path.suffix.lower() in _OTHER_KINDS:
        raise SettingError(
            f"-o {path}: recordings are written as HDF5; name it {path.stem}.h5 (nta export turns it into OME-TIFF)"
        )


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse to replace an existing file, unless `force`."""
    if path.exists() and not force:
        raise SettingError(f"{path} exists; choose another name with -o, or replace it with --force")


def result_folders(paths: Sequence[Path], output: Path) -> dict[Path, Path]:
    """Return the result folder of each input: the output folder for a single input, else a folder in it for each."""
    if len(paths) == 1:
        return {paths[0]: output}
    folders: dict[Path, Path] = {}
    for path in paths:
        if path in folders:
            raise SettingError(f"{path} is named twice")
        label = name = printable(path.name if path.is_dir() else path.stem)
        number = 2
        while output / name in folders.values():  # two inputs of the same name from different folders
            name = f"{label}_{number}"
            number += 1
        folders[path] = output / name
    return folders


def device_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the driver's settings from KEY=VALUE words; numbers become numbers."""
    settings = {}
    for word in options.device_settings:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise SettingError(f"--set {word!r} is not KEY=VALUE, e.g. --set exposure_s=0.01")
        settings[key] = _value(value)
    return settings


def _value(text: str) -> bool | int | float | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
