"""Names in a results folder, in the folder of a batch and in that of a procedure, and where their results files are."""

from __future__ import annotations

import shlex
from pathlib import Path

from nta.errors import RecordingError
from nta.io.recordings.folder import natural_key
from nta.provenance import RECORDING_FILE

RESULTS_FILE = "results.h5"
ANALYSIS_FOLDER = "analysis"
"""Folder of the results of a recording that nta made, beside that recording."""
BATCH_FILE = "batch.json"
"""Marks the folder of a batch."""
BATCH_RESULTS = "results"
"""Folder of the results, in the folder of a batch."""
_MOST_NAMED = 3
# only videos of the sample match: controls have other names
_VIDEOS = f"video_*/{ANALYSIS_FOLDER}/{RESULTS_FILE}"


def _in_order(path: Path) -> tuple[tuple[int, int | str], ...]:
    return natural_key(str(path))


def results_files(folder: Path) -> tuple[Path, ...]:
    """Return the results files in a folder: its own, that of its recording, or those of the sample of a procedure."""
    for place in (folder, folder / ANALYSIS_FOLDER):
        if (place / RESULTS_FILE).is_file():
            return (place / RESULTS_FILE,)
    return tuple(sorted(folder.glob(_VIDEOS), key=_in_order))


def results_file(path: Path) -> Path:
    """Return the only results file in a folder (see `results_files`); the path of a file is returned as it is.

    Raises
    ------
    RecordingError
        The folder holds no results file, or the results files of several videos.
    """
    if not path.is_dir():
        return path
    found = results_files(path)
    if not found:
        refuse_batch(path)
        raise RecordingError(
            f"{path} is a folder without results of nta: no {RESULTS_FILE} in it{not_analysed(path)}"
        )
    if len(found) > 1:
        folders = ", ".join(str(file.parent) for file in found)
        raise RecordingError(f"{path} holds the results of {len(found)} videos; give one of them: {folders}")
    return found[0]


def not_analysed(folder: Path) -> str:
    """Return, as the rest of a sentence, what a measurement that was killed left in a folder without results; or nothing."""
    found = sorted((*folder.glob(RECORDING_FILE), *folder.glob(f"*/{RECORDING_FILE}")), key=_in_order)
    if not found:
        return ""
    named = ", ".join(path.relative_to(folder).as_posix() for path in found[:_MOST_NAMED])
    return (
        f"; it holds recordings that were not analysed ({named}{', ...' if len(found) > _MOST_NAMED else ''}): "
        f"{shlex.join(['nta', 'batch', str(folder), '-o', f'{folder}_analysed'])}"
    )


def refuse_batch(folder: Path) -> None:
    """Refuse the folder of a batch where one result is expected, and name its results: some may be of blanks and beads."""
    batch = next((f for f in (folder, folder.parent) if (f / BATCH_FILE).is_file()), None)
    if batch is None or folder not in (batch, batch / BATCH_RESULTS):
        return
    files = sorted((batch / BATCH_RESULTS).rglob(RESULTS_FILE), key=_in_order)
    if not files:
        raise RecordingError(f"{batch} is the folder of a batch, and there are no results in it yet")
    named = ", ".join(str(file.parent) for file in files[:_MOST_NAMED])
    raise RecordingError(
        f"{folder} is a folder of a batch, which may hold blanks and beads too; give the results that are meant: "
        f"{named}{', ...' if len(files) > _MOST_NAMED else ''}"
    )
