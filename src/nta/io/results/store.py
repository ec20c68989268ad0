"""An analysis as an HDF5 file and back, every field of it; `encoding` says how."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py

from nta.errors import RecordingError
from nta.io.atomic import new_file
from nta.io.recordings.folder import natural_key
from nta.io.recordings.hdf5_disk import DiskFile
from nta.io.recordings.hdf5_layout import FORMAT as RECORDING_FORMAT
from nta.io.results.encoding import Reader, Writer
from nta.pipeline import Analysis
from nta.version import software

FORMAT = "nta analysis"
VERSION = 1
RESULTS_FILE = "results.h5"
ANALYSIS_FOLDER = "analysis"
"""Where the results of what was recorded into a folder lie, beside the recording."""
BATCH_FILE = "batch.json"
"""Marks the folder of a batch."""
BATCH_RESULTS = "results"
"""Folder of the results of a batch, in that folder."""
_MOST_NAMED = 3
_VIDEOS = f"video_*/{ANALYSIS_FOLDER}/{RESULTS_FILE}"  # of a procedure's sample; controls have other names


def results_files(folder: Path) -> tuple[Path, ...]:
    """Return the results files of a folder: its own, that of what was recorded into it, or those of a procedure's sample."""
    for place in (folder, folder / ANALYSIS_FOLDER):
        if (place / RESULTS_FILE).is_file():
            return (place / RESULTS_FILE,)
    return tuple(sorted(folder.glob(_VIDEOS), key=lambda path: natural_key(str(path))))


def results_file(path: Path) -> Path:
    """Return the one results file of a folder as `results_files` knows it, or the file itself.

    Raises
    ------
    RecordingError
        The folder holds none, or those of several videos.
    """
    if not path.is_dir():
        return path
    found = results_files(path)
    if not found:
        refuse_batch(path)
        raise RecordingError(f"{path} is a folder without results of nta: no {RESULTS_FILE} in it")
    if len(found) > 1:
        folders = ", ".join(str(file.parent) for file in found)
        raise RecordingError(f"{path} holds the results of {len(found)} videos; give one of them: {folders}")
    return found[0]


def is_results(path: Path) -> bool:
    """Say whether a file holds results of nta, by its content."""
    if path.suffix not in (".h5", ".hdf5") or not path.is_file():
        return False
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:
        return False


def refuse_batch(folder: Path) -> None:
    """Refuse the folder of a batch where results are asked for, and name those in it: some may be of blanks and beads."""
    batch = next((f for f in (folder, folder.parent) if (f / BATCH_FILE).is_file()), None)
    if batch is None or folder not in (batch, batch / BATCH_RESULTS):
        return
    files = sorted((batch / BATCH_RESULTS).rglob(RESULTS_FILE), key=lambda path: natural_key(str(path)))
    if not files:
        raise RecordingError(f"{batch} is the folder of a batch, and there are no results in it yet")
    named = ", ".join(str(file.parent) for file in files[:_MOST_NAMED])
    raise RecordingError(
        f"{folder} is a folder of a batch, which may hold blanks and beads too; give the results that are meant: "
        f"{named}{', ...' if len(files) > _MOST_NAMED else ''}"
    )


def save_analysis(analysis: Analysis, path: str | Path) -> Path:
    """Write an analysis; the file appears when it is whole, and replaces one of that name.

    A stage is a group, a table a group of columns with their unit and meaning as attributes; what has no length is an
    attribute. Any HDF5 program can read it; `load_analysis` gives back what was saved, field by field.
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
    """Yield the file that HDF5 writes into; a write that failed is raised here, of which HDF5 does not learn."""
    disk = DiskFile(path, replace=True)
    try:
        yield disk
    except (OSError, RuntimeError):  # it may have read again what was not written
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
    except OSError as error:
        raise RecordingError(
            f"{path} holds no results that can be read: not HDF5, cut off or damaged ({error})"
        ) from None
    except (KeyError, TypeError, ValueError, RuntimeError) as error:  # HDF5 raises the last one
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
