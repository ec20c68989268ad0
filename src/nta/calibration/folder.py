"""Find the calibration data."""

from __future__ import annotations

import os
from pathlib import Path

from nta.errors import SettingError

ENVIRONMENT_VARIABLE = "NTA_CALIBRATION"


def calibration_folder(path: str | Path | None = None) -> Path:
    """Return the folder of profiles, media, beads and limits.

    It is searched for in this order: `path`; the folder named by ``$NTA_CALIBRATION``; ``nta/_calibration``, which is
    in the installed package; ``calibration/`` of a checkout (an editable install has no ``_calibration``).

    Raises
    ------
    SettingError
        The named folder does not exist, or none was found.
    """
    if path is not None:
        return _existing(Path(path), "the given calibration folder")
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return _existing(Path(named), f"${ENVIRONMENT_VARIABLE}")
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "_calibration", package.parents[1] / "calibration"):
        if candidate.is_dir():
            return candidate
    raise SettingError(
        f"no calibration folder beside {package}; set {ENVIRONMENT_VARIABLE} to the folder that holds "
        "instruments/, media/, beads/ and limits/"
    )


def find_file(name_or_path: str | Path, kind: str, folder: str | Path | None = None) -> Path:
    """Return the file of a name (``calibration/<kind>/<name>.toml``) or of a path ending in ``.toml``."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise SettingError(f"{path}: no such file")
        return path
    shelf = calibration_folder(folder) / kind
    path = shelf / f"{name_or_path}.toml"
    if not path.is_file():
        there = sorted(p.stem for p in shelf.glob("*.toml"))
        raise SettingError(f"no {str(name_or_path)!r} in {shelf}; there are {', '.join(there) or 'none'}")
    return path


def _existing(path: Path, said_by: str) -> Path:
    if not path.is_dir():
        raise SettingError(f"{said_by} is {path}, and there is no such folder")
    return path
