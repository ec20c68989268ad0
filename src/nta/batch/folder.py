"""Find the recordings in a folder tree."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nta.io.recordings.folder import KINDS, natural_key
from nta.io.recordings.micromanager import BESIDE
from nta.io.recordings.tiff import files_of
from nta.io.results import BATCH_FILE, RESULTS_FILE

RECORDINGS = (
    *(
        ".h5",
        ".hdf5",
        ".avi",
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".wmv",
        ".mpg",
        ".mpeg",
        ".webm",
        ".flv",
        ".ogv",
        ".cine",
        ".seq",
    ),
    *(".tif", ".tiff"),
    # formats of microscopes that nta does not read; a batch must report them
    *(".nd2", ".czi", ".lif", ".lsm", ".ims", ".oib", ".oir", ".vsi", ".sif", ".spe", ".dcimg"),
)
_BESIDE = (".toml", ".npz", ".json")  # side-cars, truth of simulations, notes of programs
_CONTINUES = re.compile(r"(.+)_\d+((?:\.ome)?\.tiff?)", re.I)
_IMAGES_OF_A_FOLDER = 2  # as many images make their folder one recording


@dataclass(frozen=True)
class Found:
    """A file or folder of images.

    doubtful : its name does not show that it is a recording. trouble : reason why it cannot be one.
    """

    path: Path
    doubtful: bool = False
    trouble: str = ""


def recordings_in(folder: Path, *, leave_out: Path | None = None) -> list[Found]:
    """Return the recordings of a folder tree in natural order, and every other file as a doubtful one.

    Left out: hidden files, side-cars, results of nta and of other batches, and `leave_out`. A folder that holds images and
    no film is one recording.
    """
    return list(_walk(folder, {leave_out.resolve()} if leave_out else set()))


def _walk(folder: Path, left_out: set[Path]) -> Iterator[Found]:
    """Walk through each folder only once, even if links lead to it."""
    left_out.add(folder.resolve())
    entries = sorted(
        (e for e in folder.iterdir() if not e.name.startswith(".")), key=lambda e: natural_key(e.name)
    )
    names = {entry.name for entry in entries}
    if RESULTS_FILE in names or BATCH_FILE in names:
        return
    files = [entry for entry in entries if entry.is_file()]
    if _is_recording(files):
        yield Found(folder)
        return
    for entry in whole_sets(entries):
        if entry.is_dir() and not os.access(entry, os.R_OK | os.X_OK):
            yield Found(
                entry, trouble=f"the folder {entry.name} may not be read; nobody looked for recordings in it"
            )
        elif entry.is_dir() and entry.resolve() not in left_out:
            yield from _walk(entry, left_out)
        elif (entry.is_file() or _leads_nowhere(entry)) and entry.suffix.lower() not in _BESIDE:
            yield Found(entry, doubtful=entry.suffix.lower() not in RECORDINGS)


def whole_sets(paths: Sequence[Path]) -> list[Path]:
    """Return the paths without the files that continue another one of them, as Micro-Manager splits above 4 GB."""
    there = set(paths)
    begin = {
        first for path in paths if (found := _CONTINUES.fullmatch(path.name))
        and (first := path.with_name(found[1] + found[2])) in there
    }  # fmt: skip
    continued = {file for first in begin for file in files_of(first)[1:]}
    return [path for path in paths if path not in continued]


def _leads_nowhere(entry: Path) -> bool:
    """Return whether it is a link to nothing or to itself: a missing recording, which must be reported."""
    return entry.is_symlink() and not entry.exists()


def _is_recording(files: list[Path]) -> bool:
    """Return whether the files are the frames of one recording: single images, alone in their folder.

    A TIFF may be an image or a whole stack, so a folder of TIFFs is one recording only if it has a side-car, or the
    metadata and names of Micro-Manager.
    """
    kinds = {file.suffix.lower() for file in files}
    images = [file for file in files if file.suffix.lower() in KINDS]
    if len(images) < _IMAGES_OF_A_FOLDER or kinds & (set(RECORDINGS) - set(KINDS)):
        return False
    names = {file.name for file in files}
    if not kinds & {".tif", ".tiff"} or "recording.toml" in names:
        return True
    return BESIDE in names and all(file.name.startswith("img_") for file in images)
