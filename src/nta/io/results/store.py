"""Write an analysis with all its fields to an HDF5 file and read it back; see `encoding`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py

from nta.errors import RecordingError
from nta.io.atomic import new_file
from nta.io.recordings.hdf5_disk import DiskFile
from nta.io.recordings.hdf5_layout import FORMAT as RECORDING_FORMAT
from nta.io.results.encoding import Reader, Writer
from nta.io.results.layout import results_file
from nta.pipeline import Analysis
from nta.version import software

FORMAT = "nta analysis"
VERSION = 1


def is_results(path: Path) -> bool:
    """Return whether a file holds results of nta, by its content."""
    if path.suffix not in (".h5", ".hdf5") or not path.is_file():
        return False
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:
        return False


def save_analysis(analysis: Analysis, path: str | Path) -> Path:
    """Write an analysis; the file appears when it is complete, and replaces an existing one.

    A stage is a group, a table a group of columns with their unit and meaning as attributes; scalars are
    attributes. Any HDF5 program can read it; `load_analysis` restores every field.
    """
    path = Path(path)
    with new_file(path) as partial, _on_disk(partial) as disk, h5py.File(disk, "w") as file:
        file.attrs.update(
            format=FORMAT,
            version=VERSION,
            software=software(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        Writer().write(file, "analysis", analysis)
    return path


@contextmanager
def _on_disk(path: Path) -> Iterator[DiskFile]:
    """Yield the file that HDF5 writes into; a failed write, which is hidden from HDF5, is raised here."""
    disk = DiskFile(path, replace=True)
    try:
        yield disk
    except (OSError, RuntimeError):  # HDF5 may have read data that were not written
        if disk.failed is None:
            raise
    finally:
        disk.close()
    if disk.failed is not None:
        raise disk.failed


def load_analysis(path: str | Path) -> Analysis:
    """Read an analysis that `save_analysis` wrote, from its file or the folder that holds it.

    Raises
    ------
    RecordingError
        No such file, a folder without results or with those of several videos, not HDF5, another kind of file, one of a
        newer version, or one that is damaged or incomplete.
    """
    path = results_file(Path(path))
    if not path.exists():
        raise RecordingError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            _refuse_foreign(file.attrs, path)
            loaded = Reader().read(file, "analysis", Analysis)
    except PermissionError:
        raise RecordingError(f"{path}: permission denied") from None
    except OSError:  # HDF5's own words say less
        raise RecordingError(
            f"{path} holds no results that can be read: it is not HDF5, cut off or damaged"
        ) from None
    except (KeyError, TypeError, ValueError, RuntimeError) as error:  # h5py raises RuntimeError
        raise RecordingError(f"{path}: the results are incomplete or damaged: {error}") from None
    assert isinstance(loaded, Analysis)
    return loaded


def _refuse_foreign(attributes: Any, path: Path) -> None:
    """Refuse a file of another kind, or of a version this program does not know."""
    kind = attributes.get("format")
    if kind != FORMAT:
        hint = "; analyze it first with nta analyze" if kind == RECORDING_FORMAT else ""
        found = f"an {kind} file" if isinstance(kind, str) else "an HDF5 file of another program"
        raise RecordingError(f"{path} is {found}, not results of nta{hint}")
    found_version = attributes.get("version")
    if found_version is None or int(found_version) > VERSION:
        raise RecordingError(
            f"{path} was written as version {found_version} of the results format by {attributes.get('software')}; "
            f"this program reads up to version {VERSION}: update nta-lab"
        )
