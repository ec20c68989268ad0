"""An analysis as an HDF5 file and back, every field of it; `encoding` says how."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import h5py

from nta.errors import RecordingError
from nta.io.atomic import new_file
from nta.io.results.encoding import Reader, Writer
from nta.pipeline import Analysis

FORMAT = "nta analysis"
VERSION = 1
RESULTS_FILE = "results.h5"


def results_file(path: Path) -> Path:
    """Return the results file of a result folder, or the file itself."""
    return path / RESULTS_FILE if path.is_dir() else path


def save_analysis(analysis: Analysis, path: str | Path) -> Path:
    """Write an analysis; the file appears when it is whole, and replaces one of that name.

    A stage is a group, a table a group of columns with their unit and meaning as attributes; what has no length is an
    attribute. Any HDF5 program can read it; `load_analysis` gives back what was saved, field by field.
    """
    path = Path(path)
    with new_file(path) as partial, _full_disk_said(path), h5py.File(partial, "w") as file:
        file.attrs.update(
            format=FORMAT,
            version=VERSION,
            software=f"nta-lab {own_version()}",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        Writer().write(file, "analysis", analysis)
    return path


@contextmanager
def _full_disk_said(path: Path) -> Iterator[None]:
    """Say in the words of the system what HDF5 says in its own."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        full = os.strerror(errno.ENOSPC)
        if full not in str(error):
            raise
        raise OSError(errno.ENOSPC, full, str(path)) from None


def load_analysis(path: str | Path) -> Analysis:
    """Read an analysis that `save_analysis` wrote.

    Raises
    ------
    RecordingError
        No such file, not HDF5, another kind of file, one of a newer version, or one that is damaged or incomplete.
    """
    path = Path(path)
    if not path.exists():
        raise RecordingError(f"{path}: no such file")
    if path.is_dir():
        raise RecordingError(f"{path} is a folder; give the results file in it, e.g. {path / RESULTS_FILE}")
    try:
        with h5py.File(path, "r") as file:
            _refuse_foreign(file.attrs, path)
            loaded = Reader().read(file, "analysis", Analysis)
    except OSError as error:
        raise RecordingError(
            f"{path} holds no results that can be read: not HDF5, cut off or damaged ({error})"
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(f"{path}: the results are incomplete or damaged: {error}") from None
    assert isinstance(loaded, Analysis)
    return loaded


def _refuse_foreign(attributes: Any, path: Path) -> None:
    """Refuse a file of another kind, or of a version this program does not know."""
    kind = attributes.get("format")
    if kind != FORMAT:
        hint = "; analyze it first with nta analyze" if kind == "nta recording" else ""
        found = f"an {kind} file" if isinstance(kind, str) else "an HDF5 file of another program"
        raise RecordingError(f"{path} is {found}, not results of nta{hint}")
    found_version = attributes.get("version")
    if found_version is None or int(found_version) > VERSION:
        raise RecordingError(
            f"{path} was written as version {found_version} of the results format by {attributes.get('software')}; "
            f"this program reads up to version {VERSION}: update nta-lab"
        )


def own_version() -> str:
    """Return the version of nta-lab that is at work."""
    try:
        return version("nta-lab")
    except PackageNotFoundError:
        return "(not installed)"
