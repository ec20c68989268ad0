"""Read the side-car written by a user: `<name>.toml`, or `recording.toml` in a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nta.calibration.conditions import CONDITION_NUMBERS, CONDITION_TEXTS
from nta.errors import SettingError
from nta.frames import CAMERA_CALIBRATION
from nta.io.recordings.words import CAMERA_NUMBERS, camera_from_words, frame_rate
from nta.provenance import REPORTED
from nta.stated import is_number, read_toml

NUMBERS = (*CAMERA_NUMBERS, *CAMERA_CALIBRATION, "binning", *CONDITION_NUMBERS)
TEXTS = (*CONDITION_TEXTS, *REPORTED)


def read_sidecar(recording: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the values of the side-car of a recording, with `exposure_ms` as `exposure_s`, and remarks.

    The side-car of `beads.avi` is `beads.avi.toml` or `beads.toml`. A `beads.toml` with tables is something else
    (a scenario, settings); it is ignored, with a remark.

    Raises
    ------
    SettingError
        It is not TOML, has an unknown key or a value of the wrong type, or there are two side-cars.
    """
    perhaps = None if recording.is_dir() else recording.with_suffix(".toml")
    found = {path: _parsed(path) for path in sidecar_files(recording)}
    remarks: tuple[str, ...] = ()
    if perhaps in found and any(isinstance(value, dict | list) for value in found[perhaps].values()):
        del found[perhaps]
        remarks = (f"{perhaps.name} beside it has tables and was not taken for its side-car",)
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise SettingError(f"{recording.name} has two side-cars, {names}; keep one")
    for path, words in found.items():
        return _checked(words, path), remarks
    return {}, remarks


def sidecar_files(recording: Path) -> tuple[Path, ...]:
    """Return the files beside a recording that may be its side-car."""
    names = [recording / "recording.toml"]
    if not recording.is_dir():
        names = [recording.with_name(recording.name + ".toml"), recording.with_suffix(".toml")]
    return tuple(path for path in names if path.is_file())


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except SettingError as error:
        raise SettingError(f"the side-car {error}") from None


def _checked(words: dict[str, Any], path: Path) -> dict[str, Any]:
    unknown = sorted(set(words) - set(NUMBERS) - set(TEXTS))
    if unknown:
        raise SettingError(f"{path}: unknown {', '.join(unknown)}; known are {', '.join(NUMBERS + TEXTS)}")
    values: dict[str, Any] = {}
    for key, value in words.items():
        if key in TEXTS:
            values[key] = value if isinstance(value, str) else str(value)
        elif key == "frame_rate_hz":
            values[key] = frame_rate(value, str(path))
        elif not is_number(value):
            raise SettingError(f"{path}: {key} must be a number, got {value!r}")
        else:
            values[key] = value
    return {key: value for key, value in values.items() if key not in CAMERA_NUMBERS} | camera_from_words(
        values
    )
